# SPDX-License-Identifier: GPL-2.0-only
"""vmtest writes what CI systems read when it is asked to."""

import json
import os
import pty
import subprocess
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


def well(vmtest):
    return vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "well"])


def test_json_progress(vmtest):
    """Programs get an event per line on standard output, and nothing else there."""
    done = vmtest.call("test", "--kernel", "6.12", "--results", vmtest.folder / "results", "--json", "--suites",
                       well(vmtest))
    events = [json.loads(row) for row in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", "end", "finished"]
    assert events[0]["vm"] == events[1]["vm"] and events[0]["suites"] == ["ends"]
    assert events[1]["outcomes"] == {"pass": 1} and not events[1]["again"]
    assert events[2]["exit"] == done.returncode == 0
    assert os.path.exists(events[2]["report"])


def test_live_table_on_a_terminal_only(vmtest):
    """What runs is shown where it can be redrawn; a log gets plain lines."""
    def stderr_of(terminal):
        ours, theirs = pty.openpty() if terminal else os.pipe()
        with open(ours, "rb", buffering=0) as screen:
            process = subprocess.Popen(
                [vmtest.program, "test", "--kernel", "6.12", "--results", vmtest.folder / f"results-{terminal}",
                 "--suites", well(vmtest)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
                env={**os.environ, "TERM": "xterm"})
            os.close(theirs)
            shown = b""
            while True:
                try:
                    more = screen.read(65536)
                except OSError:  # a terminal whose other end is closed
                    more = b""
                if not more:
                    break
                shown += more
            assert process.wait() == 0
        return shown.decode()

    table, lines = stderr_of(True), stderr_of(False)
    assert "1 running, 0 waiting" in table and "\x1b[K" in table
    assert "running" not in lines and "\x1b" not in lines
    assert "1 pass" in table and "1 pass" in lines
