# SPDX-License-Identifier: GPL-2.0-only
"""vmtest writes what CI systems read when it is asked to."""

import json
import xml.etree.ElementTree as ElementTree


def test_formats_beside_the_report(vmtest):
    program = vmtest.guest("ends")
    got = vmtest.run("test", "--format", "ktap,junit,kcidb", "--suites",
                     vmtest.suites("ends", [program], ["ends", "unfinished"]))
    assert got.returncode == 3
    ktap = (got.folder / "report.ktap").read_text()
    assert ktap.startswith("KTAP version 1\n") and "not ok" in ktap
    suites = ElementTree.parse(got.folder / "junit.xml").getroot()
    assert [case.get("name") for case in suites.iter("testcase")] == ["before", "badly"]
    assert [test["status"] for test in json.loads((got.folder / "kcidb.json").read_text())["tests"]] == ["PASS", "ERROR"]


def test_unknown_format(vmtest):
    done = vmtest.call("test", "--kernel", "6.12", "--format", "tap13")
    assert done.returncode == 2
    assert "junit" in done.stderr
