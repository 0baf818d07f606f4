# SPDX-License-Identifier: GPL-2.0-only
"""The schemas say yes to what vmtest may write and no to everything else."""

import jsonschema
import pytest

from reportlib import schema, store, summary
from .conftest import make_cell, make_line, make_run

VERIFIER = {"object": "oob", "program": "oob", "type": "xdp", "verdict": "accepted", "insns": 12, "stack": [0, 16]}


def without(line, *keys):
    """The line less these keys."""
    return {key: value for key, value in line.items() if key not in keys}


@pytest.mark.parametrize("name", ["result", "run", "summary", "sweep"])
def test_schema_is_itself_valid(name):
    jsonschema.Draft202012Validator.check_schema(schema.load(name))


@pytest.mark.parametrize("outcome", schema.outcomes())
def test_every_outcome_has_a_good_line(outcome):
    assert schema.complaint("result", make_line(outcome=outcome)) is None


GOOD = {
    "all_optional": make_line(outcome="fail", log="a\nb", console="console/6.12-verifier.log", duration_ns=5,
                              source={"file": "a.bpf.c", "line": 3, "text": "x = y;"}),
    "accepted": make_line(verifier=VERIFIER),
    "rejected": make_line(outcome="fail", verifier={**VERIFIER, "verdict": "rejected", "stage": "verifier"}),
    "perf": make_line(outcome="done", perf={"runs": [210, 211], "floor": 91, "above_floor": 119, "advisory": True}),
    "whole_suite": make_line("verifier", outcome="no_results"),
    "no_kernel_knows_no_release": make_line(outcome="no_kernel", cell=without(make_cell(), "release", "accel")),
    "local_kernel": make_line(cell=make_cell(id="./bzImage/1.5.0/19.1.7/default", package="local", version="")),
    "cell_without_loader": make_line(cell=without(make_cell(), "loader", "compiler")),
}

BAD = {
    "unknown_key": make_line(verdict="yes"),
    "unknown_key_in_cell": make_line(cell=make_cell(flavour="cloud")),
    "no_cell": without(make_line(), "cell"),
    "no_status": without(make_line(), "status"),
    "other_version": make_line(v=2),
    "unknown_status": make_line(status="OK"),
    "unknown_outcome": make_line(outcome="pass") | {"outcome": "crashed"},
    "panic_that_passes": make_line() | {"outcome": "panic"},
    "pass_that_failed": make_line(outcome="fail") | {"outcome": "pass"},
    "panic_as_miss": make_line(outcome="panic", status="MISS"),
    "fail_without_reason": without(make_line(outcome="fail"), "reason"),
    "error_without_reason": without(make_line(outcome="error"), "reason"),
    "miss_without_reason": without(make_line(outcome="no_boot"), "reason"),
    "skip_without_missing": without(make_line(outcome="skip"), "missing"),
    "skip_with_empty_missing": make_line(outcome="skip", missing=""),
    "missing_without_skip": make_line(outcome="fail", missing="BPF LSM"),
    "done_without_number": without(make_line(outcome="done"), "number"),
    "perf_without_number": make_line(perf={"runs": [1]}),
    "number_without_unit": make_line(outcome="done", number={"value": 1}),
    "two_line_reason": make_line(outcome="fail", reason="a\nb"),
    "reason_is_a_list": make_line(outcome="fail", reason=["a"]),
    "local_time": make_line(time="2026-01-31T12:00:00+01:00"),
    "log_too_long": make_line(outcome="fail", log="x" * 16385),
    "console_absolute": make_line(console="/tmp/console.log"),
    "console_outside": make_line(console="console/../../secret"),
    "console_parent": make_line(console=".."),
    "test_with_space": make_line("verifier.a b"),
    "test_without_name": make_line("verifier."),
    "negative_duration": make_line(duration_ns=-1),
    "source_without_file": make_line(outcome="fail", source={"line": 3}),
    "source_line_zero": make_line(outcome="fail", source={"file": "a.c", "line": 0}),
    "rejected_without_stage": make_line(outcome="fail", verifier={**VERIFIER, "verdict": "rejected"}),
    "accepted_with_stage": make_line(verifier={**VERIFIER, "stage": "verifier"}),
    "pass_without_release": make_line(cell=without(make_cell(), "release")),
    "unknown_accel": make_line(cell=make_cell(accel="hvf")),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_line(name):
    assert schema.complaint("result", GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_bad_line(name):
    assert schema.complaint("result", BAD[name])


def test_complaint_names_the_place():
    assert "cell" in schema.complaint("result", make_line(cell=make_cell(flavour="cloud")))
    assert schema.complaint("result", make_line(duration_ns=-1)).startswith("duration_ns: ")


def test_run():
    good = make_run([make_cell()])
    assert schema.complaint("run", good) is None
    assert schema.complaint("run", without(good, "finished", "exit")) is None
    assert schema.complaint("run", without(good, "exit"))
    assert schema.complaint("run", without(good, "command"))
    assert schema.complaint("run", {**good, "exit": 4})
    assert schema.complaint("run", make_run([make_cell(flavour="cloud")]))


def test_summary_of_everything_is_valid(make_store):
    lines = [make_line(f"suite.group.{outcome}", outcome) for outcome in schema.outcomes()]
    facts = summary.summarise(store.read(make_store(lines, tail=b'{"v":')))
    assert schema.complaint("summary", facts) is None
    assert schema.complaint("summary", {**facts, "verdict": "OK"})


def test_table_of_outcomes():
    """The documented table, by hand: a change of meaning must be made here, too."""
    fail = ["fail", "panic", "oops", "sanitizer", "lockup", "rcu_stall", "hung_task", "lockdep", "warn", "oom",
            "reset", "hang", "timeout"]
    error = ["error", "no_results", "unfinished", "console_flood"]
    miss = ["no_boot", "init_died", "qemu_died", "connection_lost", "interrupted", "no_kernel"]
    expected = {"pass": ("PASS", 0), "done": ("DONE", 0), "skip": ("SKIP", 0)}
    expected.update(dict.fromkeys(fail, ("FAIL", 1)))
    expected.update(dict.fromkeys(error, ("ERROR", 3)))
    expected.update(dict.fromkeys(miss, ("MISS", 3)))
    assert {name: (row["status"], row["exit"]) for name, row in schema.outcomes().items()} == expected


@pytest.mark.parametrize("present, code", [
    (["PASS", "DONE", "SKIP"], 0), (["FAIL", "MISS", "PASS"], 1), (["ERROR", "PASS"], 3), (["MISS"], 3), ([], 3)])
def test_exit_of_a_run(present, code):
    assert schema.exit_of_statuses(set(present)) == code
