# SPDX-License-Identifier: GPL-2.0-only
"""A wrong program and a wrong table are noticed, and the report says what a developer needs."""

import json


def test_rejected_program(vmtest):
    got = vmtest.run("verify", vmtest.need("build/fixtures/oob.bpf.o"))
    line = got.only("fail")
    assert line["test"] == "verifier.oob.oob"
    assert "packet" in line["reason"], line["reason"]
    assert line["verifier"]["verdict"] == "rejected"
    assert line["source"]["file"].endswith("oob.bpf.c")
    assert "data[0]" in line["source"]["text"]
    assert got.returncode == 1
    assert got.report.startswith("**FAIL**: 1 of 1 result failed")
    assert line["reason"] in got.report and "data[0] == 0x45" in got.report
    assert f"oob.bpf.c:{line['source']['line']}" in got.report


def test_bad_program_does_not_hide_the_good_one(vmtest):
    got = vmtest.run("verify", vmtest.need("build/fixtures/two_progs.bpf.o"))
    assert sorted(got.outcomes().values()) == ["fail", "pass"]
    assert got.returncode == 1


def test_file_that_is_no_object(vmtest, tmp_path):
    (tmp_path / "text.bpf.o").write_text("no object")
    got = vmtest.run("verify", tmp_path / "text.bpf.o", vmtest.need("build/fixtures/two_progs.bpf.o"))
    assert "text.bpf.o" in got.only("error")["reason"]
    assert "pass" in got.outcomes().values()
    assert got.returncode == 1, "a rejected program outranks a broken test"


def test_object_that_is_not_there(vmtest):
    got = vmtest.run("verify", "/nowhere/x.bpf.o")
    assert got.returncode == 2
    assert "/nowhere/x.bpf.o" in got.out and not got.lines


def test_wrong_table(vmtest):
    """One row of this table expects the wrong verdict, on purpose."""
    table = vmtest.need("build/fixtures/wrong_verdict.json")
    suites = vmtest.suites("functional", ["build/bin/functional", "build/bpf/xdp_prefilter.bpf.o", table],
                           ["functional", table.name])
    got = vmtest.run("test", "--suites", suites)
    line = got.only("fail")
    [row] = json.loads(table.read_text())["rows"]
    assert line["test"] == f"functional.wrong_verdict.{row['name']}", "which packet"
    assert "expected drop, got pass" in line["reason"]
    assert line["source"]["file"].endswith("wrong_verdict.py") and line["source"]["line"] == row["line"]
    assert got.returncode == 1
    assert line["test"] in got.report and "expected drop, got pass" in got.report
    assert f"wrong_verdict.py:{row['line']}" in got.report and row["packet"] in got.report
