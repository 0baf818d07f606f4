# SPDX-License-Identifier: GPL-2.0-only
"""What a reader must find in the reports, and what must never get into them."""

import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from reportlib import schema
from .conftest import ROOT, make_cell, make_line, make_run

REPORT = ROOT / "scripts" / "report.py"
OOB = {"reason": "R1 offset is outside of the packet", "log": "0: (71) r0 = *(u8 *)(r1 +0)",
       "source": {"file": "oob.bpf.c", "line": 14, "text": "return data[0] == 0x45 ? XDP_DROP : XDP_PASS;"},
       "console": "console/6.12-verifier.log"}


class Rendered:
    """A rendered run: stdout, report.md as text, summary.json as a dictionary."""

    def __init__(self, folder):
        done = subprocess.run([REPORT, folder], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        self.out = done.stdout
        self.md = (folder / "report.md").read_text()
        self.verdict = self.md.split("\n", 1)[0]
        self.summary = json.loads((folder / "summary.json").read_text())
        assert schema.complaint("summary", self.summary) is None

    def table(self, first):
        """The rows of the first table whose heading begins with this cell, as lists of cells."""
        lines = self.md.split("\n")
        start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
        rows = []
        for line in lines[start:]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        assert len({len(row) for row in rows}) == 1, "a table must be rectangular"
        return [rows[0]] + rows[2:]

    def section(self, heading):
        """The text below a heading, up to the next one of the second level."""
        return self.md.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_all_passed(make_store):
    got = Rendered(make_store([make_line(cell=make_cell(kernel)) for kernel in ("5.10", "6.1", "6.12")]))
    assert got.verdict == "**PASS**: 3 tests passed, on 3 kernels (5.10, 6.1, 6.12)."
    assert got.summary["exit"] == 0
    assert got.summary["totals"] == {"PASS": 3}
    assert got.table("suite") == [["suite", "5.10", "6.1", "6.12"], ["functional", "PASS 1", "PASS 1", "PASS 1"]]
    assert "What did not pass" not in got.md


def test_failure_is_told_with_all_that_is_known(make_store):
    folder = make_store([make_line(), make_line("verifier.oob.oob", "fail", **OOB)])
    (folder / "console").mkdir()
    (folder / OOB["console"]).write_text("booting")
    got = Rendered(folder)
    assert got.verdict.startswith("**FAIL**: 1 of 2 results failed, on 1 of 1 kernel (6.12)")
    section = got.section("What did not pass")
    assert "FAIL: verifier.oob.oob" in section
    assert OOB["reason"] in section
    assert "`oob.bpf.c:14`: `return data[0] == 0x45 ? XDP_DROP : XDP_PASS;`" in section
    assert "The log of 6.12:\n\n```text\n0: (71) r0 = *(u8 *)(r1 +0)\n```" in section
    assert "[6.12](console/6.12-verifier.log)" in section
    assert got.summary["exit"] == 1
    assert got.summary["failures"][0]["source"]["line"] == 14
    assert "FAIL verifier.oob.oob on 6.12" in got.out and OOB["reason"] in got.out and "oob.bpf.c:14" in got.out
    assert got.out.rstrip().endswith("report.md")


def test_same_failure_on_several_kernels_is_told_once(make_store):
    got = Rendered(make_store([make_line("verifier.oob.oob", "fail", make_cell(k), **OOB) for k in ("5.10", "6.12")]))
    assert got.md.count("### ") == 1
    assert "where: 5.10, 6.12" in got.md


@pytest.mark.parametrize("present, word, code", [
    (["pass", "done", "skip"], "PASS", 0),
    (["pass", "fail", "no_boot"], "FAIL", 1),
    (["pass", "hang"], "FAIL", 1),
    (["pass", "error"], "BROKEN", 3),
    (["pass", "no_boot"], "BROKEN", 3),
    (["skip"], "NOTHING", 0),
    ([], "NOTHING", 3)])
def test_verdict(make_store, present, word, code):
    got = Rendered(make_store([make_line(f"a.b.{name}", name) for name in present]))
    assert got.verdict.startswith(f"**{word}**: ")
    assert (got.summary["verdict"], got.summary["exit"]) == (word, code)


def test_zero_lines_with_a_cell(make_store):
    got = Rendered(make_store([], run=make_run([make_cell()], exit=3)))
    assert "nothing was tested" in got.verdict
    assert "not one line from cell 6.12-default" in got.section("What is wrong with the store")


def test_suite_that_said_nothing(make_store):
    run = make_run([make_cell(), make_cell()])
    run["cells"][0]["suite"], run["cells"][1]["suite"] = "functional", "perf"
    got = Rendered(make_store([make_line()], run))
    assert got.summary["problems"] == ["results.jsonl: not one line from perf in cell 6.12-default"]
    assert got.summary["exit"] == 3


def test_no_link_to_a_console_that_is_not_there(make_store):
    got = Rendered(make_store([make_line(outcome="fail", console="console/none.log")]))
    assert "none.log" not in got.md


def test_axis_that_broke(make_store):
    cells = [make_cell("5.10"), make_cell("6.1"), make_cell("6.12")]
    got = Rendered(make_store([make_line(outcome="fail" if cell is cells[2] else "pass", cell=cell) for cell in cells]))
    said = "fails on 6.12, passes on 6.1 (of the 3 kernels run)"
    assert f"By axis: {said}." in got.verdict
    assert f"by axis: {said}" in got.section("What did not pass") and f"by axis: {said}" in got.out
    assert got.summary["failures"][0]["attribution"] == {
        "sentence": said, "axes": [["kernel"]], "nearest": ["6.1-default"]}


def test_axis_of_another_suite_is_not_blamed(make_store):
    got = Rendered(make_store([make_line(outcome="fail"),
                               make_line("perf.run.a", "done", make_cell("6.12", "icount"))]))
    assert "By axis" not in got.verdict
    assert "nothing to compare with" in got.section("What did not pass")


def test_loader_axis_makes_rows(make_store):
    cells = [make_cell(id=f"6.12-{loader[-5:]}", loader=loader) for loader in ("libbpf 1.4.6", "libbpf 1.5.0")]
    got = Rendered(make_store([make_line(outcome=outcome, cell=cell)
                               for cell, outcome in zip(cells, ("fail", "pass"))]))
    assert [row[0] for row in got.table("suite")[1:]] == ["functional (libbpf 1.4.6)", "functional (libbpf 1.5.0)"]
    assert "By axis: fails with libbpf 1.4.6, passes with libbpf 1.5.0." in got.verdict


def test_compiler_that_fails_is_blamed_and_what_was_left_out_is_said(make_store):
    cells = [make_cell(id=f"{kernel}-{cpu}", kernel=kernel, compiler=f"clang 19.1.7 {cpu}")
             for kernel in ("5.10", "6.12") for cpu in ("v3", "v4")]
    run = make_run(cells, exit=1, left_out=[
        {"axis": "compiler", "name": "clang-14-v4", "reason": "it has no v4"},
        {"axis": "compiler", "name": "clang-22-v4", "kernel": "5.10", "reason": "needs 6.6"}])
    got = Rendered(make_store([make_line(outcome=outcome, cell=cell)
                               for cell, outcome in zip(cells, ("pass", "fail", "pass", "pass"))], run=run))
    assert "By axis: fails on 5.10 only with clang 19.1.7 v4," in got.verdict
    assert "- where: 5.10 (clang 19.1.7 v4)" in got.section("What did not pass")
    assert got.table("axis")[1:] == [["compiler", "clang-14-v4", "every", "it has no v4"],
                                     ["compiler", "clang-22-v4", "5.10", "needs 6.6"]]


def test_skip_names_the_feature(make_store):
    got = Rendered(make_store([make_line(), make_line("functional.lsm.deny", "skip", missing="CONFIG_BPF_LSM",
                                                      reason="the kernel was built without it")]))
    assert got.table("missing feature")[1] == ["CONFIG_BPF_LSM", "`functional.lsm.deny`",
                                               "the kernel was built without it", "6.12"]
    assert got.summary["skips"][0]["missing"] == "CONFIG_BPF_LSM"


def test_verifier_tables(make_store):
    accepted = {"object": "pre", "program": "xdp_pre", "verdict": "accepted", "insns": 31234, "peak_states": 120,
                "stack": [64, 8], "jited_bytes": 4321, "load_ns": 12_345_678}
    rejected = {"object": "oob", "program": "oob", "verdict": "rejected", "stage": "verifier"}
    got = Rendered(make_store([make_line("verifier.pre.xdp_pre", cell=make_cell(k), verifier=accepted)
                               for k in ("5.10", "6.12")]
                              + [make_line("verifier.oob.oob", "fail", verifier=rejected)]))
    tables = got.section("Verifier")
    assert "| pre: xdp_pre | 31,234 | 31,234 |" in tables
    assert "| oob: oob | - | **rejected** (verifier) |" in tables
    assert "| `xdp_pre` | 5.10 | accepted | 31,234 | 120 | 64+8 | 4,321 | 12.3 ms |" in tables


def test_performance_tables(make_store):
    counted = make_line("perf.run.v4_miss", "done", number={"value": 210, "unit": "instructions/packet"},
                        perf={"runs": [210, 210, 213], "floor": 91, "above_floor": 119})
    timed = make_line("perf.pktgen.drop", "done", number={"value": 1234.5, "unit": "ns/packet"},
                      perf={"runs": [1234.5], "advisory": True})
    section = Rendered(make_store([counted, timed])).section("Performance")
    assert "| perf.run.v4_miss, instructions/packet | 210 (+119) |" in section
    assert "| `perf.run.v4_miss` | 6.12 | 210 | instructions/packet | 91 | 119 | 3 | 3 |" in section
    assert "1,234.5 (advisory)" in section


def test_how_to_repeat(make_store):
    lines = [make_line(cell=make_cell(package="linux-image-x", version="6.12.117-1"))]
    run = make_run([lines[0]["cell"]], command=["vmtest", "run", "--", "echo `id`; ls"])
    got = Rendered(make_store(lines, run))
    assert "\nvmtest run -- 'echo `id`; ls'\n" in got.md
    row = got.table("kernel")[1]
    assert row[:4] == ["6.12", "-", "6.12.117+deb13-cloud-amd64", "linux-image-x 6.12.117-1"]
    assert row[9:11] == ["2.4 s", "9 s"]


def test_damage_is_told_and_is_no_pass(make_store):
    got = Rendered(make_store([make_line()], tail=b'{"v":1,"run":'))
    assert "results.jsonl:2: the last line is cut short" in got.md
    assert (got.summary["verdict"], got.summary["exit"]) == ("BROKEN", 3)


def test_whole_last_line_without_newline_counts(make_store):
    got = Rendered(make_store([], run=make_run([make_cell()]), tail=json.dumps(make_line()).encode()))
    assert (got.summary["problems"], got.summary["totals"]) == ([], {"PASS": 1})


@pytest.mark.parametrize("bad, said", [
    (b"not json\n", "results.jsonl:2: not JSON"), (b"\xff\xfe\n", "results.jsonl:2: not JSON"),
    (b"\n", "results.jsonl:2: not JSON"), (b"[" * 60000 + b"\n", "results.jsonl:2: not JSON"),
    *((json.dumps(make_line(outcome="done")).replace("210", number).encode() + b"\n", "results.jsonl:2: not JSON")
      for number in ("NaN", "-Infinity", "1e999", "9" * 400, "9" * 5000)),
    (b"[]\n", "results.jsonl:2: not a result line"),
    (json.dumps(make_line() | {"outcome": "panic"}).encode() + b"\n", "results.jsonl:2: not a result line")])
def test_bad_line_in_the_middle(make_store, bad, said):
    got = Rendered(make_store([make_line()], tail=bad + json.dumps(make_line("a.b.c")).encode() + b"\n"))
    assert any(problem.startswith(said) for problem in got.summary["problems"])
    assert (got.summary["totals"], got.summary["exit"]) == ({"PASS": 2}, 3)


def test_store_that_contradicts_itself(make_store):
    run = make_run([make_cell(), make_cell("6.1")], exit=0)
    got = Rendered(make_store([make_line(), make_line(), make_line("a.b.c", "fail", run="r2")], run))
    problems = "\n".join(got.summary["problems"])
    assert "not one line from cell 6.1-default" in problems
    assert "functional.prefilter.v4_denied was reported twice in cell 6.12-default" in problems
    assert "several runs are mixed: r1, r2" in problems
    assert "vmtest exited with 0, but the lines say 1" in problems


def test_run_that_was_killed(make_store):
    run = make_run([make_cell()])
    del run["finished"], run["exit"]
    got = Rendered(make_store([make_line()], run))
    assert "has not finished" in got.md and "**not finished**" in got.md
    assert got.summary["exit"] == 3


def test_without_run_json(make_store):
    got = Rendered(make_store([make_line()], run=None))
    assert "run.json: missing" in got.md and got.summary["exit"] == 3


def test_hundreds_of_failures(make_store):
    log = "\n".join(f"log line {i}" for i in range(500))
    tests = [f"functional.prefilter.case{i}" for i in range(400)]
    got = Rendered(make_store([make_line(test, "fail", reason=f"because {test}", log=log) for test in tests]))
    assert all(f"because {test}" in got.md for test in tests), "none may be left out"
    assert len(got.md) < 500_000
    assert "The end of the log of 6.12; 460 lines before it left out here:" in got.md
    assert "log line 499" in got.md and "log line 7\n" not in got.md
    assert len(got.out.splitlines()) < 50 and "385 more" in got.out
    assert len(got.summary["failures"]) == 400


def test_lone_surrogates(make_store):
    """JSON can name half of a character; UTF-8 cannot hold it."""
    got = Rendered(make_store([make_line("a.b.c", "fail", reason="half \ud800", log="\udfff")]))
    assert "half \\\\ud800" in got.md and got.summary["failures"][0]["reason"] == "half \ud800"


def test_log_cannot_leave_its_fence(make_store):
    log = "a\n```\n# injected\n````\n| x |"
    got = Rendered(make_store([make_line(outcome="fail", log=log)]))
    assert f"`````text\n{log}\n`````" in got.md


def test_hostile_text(make_store):
    reason = "a | b <img src=x> [l](http://x) \u202e `c` \x1b]0;title\x07\x1b[31mred"
    got = Rendered(make_store([make_line("a.b.c", "fail", reason=reason, log="\x1b[2J\x07gone"),
                               make_line("a.b.d", "skip", missing=reason, reason=reason)]))
    assert "<img" not in got.md.replace("\\<img", "") and "\\[l\\]" in got.md
    assert "\u202e" not in got.md + got.out and "\x1b" not in got.md + got.out and "\x07" not in got.md + got.out
    assert "31m" not in got.md and "[2J" not in got.md and "title" not in got.md, "what a terminal acts on is dropped"
    assert len(got.table("missing feature")[1]) == 4


def test_rendering_twice_is_the_same(make_store):
    folder = make_store([make_line(), make_line("a.b.c", "fail")])
    assert Rendered(folder).md == Rendered(folder).md
    assert sorted(path.name for path in folder.iterdir()) == ["report.md", "results.jsonl", "run.json", "summary.json"]


def test_quiet(make_store):
    def out(lines):
        folder = make_store(lines)
        done = subprocess.run([REPORT, "--quiet", folder], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        shutil.rmtree(folder)
        return done.stdout.splitlines()

    assert [line.split(" ")[0] for line in out([make_line()])] == ["report:"]
    told = out([make_line(), make_line("a.b.c", "fail")])
    assert told[0] == "FAIL a.b.c on 6.12" and told[-1].startswith("report:")


def test_colour_only_on_a_terminal(make_store):
    folder = make_store([make_line("a.b.c", "fail")])
    assert "\x1b" not in Rendered(folder).out

    def on_terminal(**more):
        master, slave = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        try:
            done = subprocess.run([REPORT, folder], stdout=slave, timeout=60,
                                  env={**environment, "TERM": "xterm", **more})
            assert done.returncode == 0
            return os.read(master, 65536).decode()
        finally:
            os.close(slave)
            os.close(master)

    assert "\x1b[31;1mFAIL\x1b[0m" in on_terminal()
    assert "\x1b" not in on_terminal(NO_COLOR="1")


@pytest.mark.parametrize("make", ["absent", "file", "empty"])
def test_unreadable_store(tmp_path, make):
    folder = tmp_path / "run"
    if make == "file":
        folder.write_text("")
    if make == "empty":
        folder.mkdir()
    done = subprocess.run([REPORT, folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert str(folder) in done.stderr and "give the folder of a run" in done.stderr
    assert "Traceback" not in done.stderr


def test_usage():
    assert subprocess.run([REPORT], capture_output=True, timeout=60).returncode == 2
    done = subprocess.run([REPORT, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("report.md", "summary.json", "Exit:", "Example:"))


def test_only_the_last_try_counts(make_store):
    first = [make_line("a.one", vm="6.12-a"), make_line("a.vm", "qemu_died", vm="6.12-a")]
    again = [make_line("a.one", vm="6.12-a", **{"try": 2}), make_line("a.two", vm="6.12-a", **{"try": 2})]
    run = make_run([make_cell()])
    got = Rendered(make_store(first + again, run))
    assert got.summary["totals"] == {"PASS": 2} and got.summary["exit"] == 0 and not got.summary["problems"]
    assert [entry["vm"] for entry in got.summary["flaky"]] == ["6.12-a"]
    assert "## Flaky" in got.md and "had to be tried twice" in got.md


def test_seeds_are_told_apart(make_store):
    lines = [make_line("a.one", "fail" if seed == 2 else "pass", seed=seed, vm=f"6.12-a-seed{seed}") for seed in (1, 2, 3)]
    got = Rendered(make_store(lines))
    assert not got.summary["problems"]
    assert "seed 2" in got.md and "seed 1" not in got.md
