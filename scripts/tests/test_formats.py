# SPDX-License-Identifier: GPL-2.0-only
"""The formats for CI systems, read by parsers that others wrote: Perl's TAP::Parser, junitparser, expat."""

import collections
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import jsonschema
import junitparser
import pytest

from reportlib import schema
from .conftest import ROOT, make_cell, make_line, make_run

REPORT = ROOT / "scripts" / "report.py"
KCIDB = json.loads((pathlib.Path(__file__).parent / "kcidb.schema.json").read_text())
BROKEN = ("ERROR", "MISS")
HOSTILE = "\x00\x01\x1b[31mred\x07 ]]> </system-out> & \" ' \ufffe\uffff\u2028\u202e\x85\ud800 # SKIP not me\r"
LOG = f"{HOSTILE}\nnot ok 1 forged\n# Subtest: forged\nKTAP version 1\n1..7\n  ok 9 forged\nBail out!\n"


def rendered(folder, *names):
    """The run's folder, after report.py wrote these formats."""
    done = subprocess.run([REPORT, "--quiet", "--format", ",".join(names), folder], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


Result = collections.namedtuple("Result", "ok number name words below")


def tap(text):
    """What TAP::Parser makes of a text; each level of nesting is given to it alone, without its indentation."""
    program = r"""
        my $parser = TAP::Parser->new({tap => do { local $/; <STDIN> }});
        while (my $result = $parser->next) {
            print join("\t", "result", $result->is_ok ? 1 : 0, $result->number, $result->description,
                       $result->directive, $result->explanation, $result->raw), "\n" if $result->is_test;
            print "bail\n" if $result->is_bailout;
        }
        print "error\t$_\n" for $parser->parse_errors;
        print "plan\t", $parser->tests_planned, "\n"; """
    lines = text.rstrip("\n").split("\n")
    assert lines[0] == "KTAP version 1"
    top = "\n".join(line for line in lines[1:] if not line.startswith("  "))
    said = subprocess.run(["perl", "-MTAP::Parser", "-e", program], input=top + "\n", capture_output=True, text=True,
                          check=True, timeout=60).stdout.splitlines()
    results = [line.split("\t") for line in said if line.startswith("result\t")]
    assert said[len(results):] == [f"plan\t{len(results)}"], "no error, no bailout, and as many as planned"
    below = [[]]
    for line in lines[1:]:
        if line.startswith("  "):
            below[-1].append(line[2:])
        elif re.match("(not )?ok ", line):
            below.append([])
    assert len(below) == len(results) + 1 and not below[-1], "nothing nested follows the last result"
    return [Result(not raw.startswith("not"), int(number), re.sub("^- ", "", name.split(" # ")[0]),
                   " ".join(filter(None, [directive, why])) or name.partition(" # ")[2],
                   tap("\n".join(inner)) if inner else [])
            for (_, _, number, name, directive, why, raw), inner in zip(results, below)]


def everything():
    """One line of each outcome, in a suite of its own status."""
    return [make_line(f"s{entry['status'].lower()}.group.{outcome}", outcome)
            for outcome, entry in schema.outcomes().items()]


def test_ktap_nests_kernels_suites_tests(make_store):
    lines = [make_line(f"{suite}.g.{case}", cell=make_cell(kernel)) for kernel in ("5.10", "6.12")
             for suite in ("functional", "verifier") for case in ("a", "b")]
    got = tap((rendered(make_store(lines), "ktap") / "report.ktap").read_text())
    assert [result.name for result in got] == ["5.10", "6.12"]
    for kernel in got:
        assert [suite.name for suite in kernel.below] == ["functional", "verifier"]
        for suite in kernel.below:
            assert [(test.number, test.name, test.ok) for test in suite.below] == [(1, "g.a", True), (2, "g.b", True)]


def test_ktap_result_of_every_outcome(make_store):
    [kernel] = tap((rendered(make_store(everything()), "ktap") / "report.ktap").read_text())
    assert not kernel.ok
    for suite in kernel.below:
        status = suite.name[1:].upper()
        good = status in ("PASS", "DONE", "SKIP")
        assert suite.ok == good
        for test in suite.below:
            assert test.ok == good, test.name
            word = "TIMEOUT" if test.name == "group.timeout" else "ERROR" if status in BROKEN else \
                "SKIP BPF LSM: the reason why" if status == "SKIP" else ""
            assert test.words.startswith(word) and bool(test.words) == bool(word)
    assert [suite.words for suite in kernel.below if suite.name == "sskip"] == ["SKIP all of its tests were skipped"]


def test_ktap_tells_reason_source_number_and_log(make_store):
    lines = [make_line("a.b.c", "fail", reason="R1 is # scalar", log="one\ntwo", source={"file": "x.c", "line": 7}),
             make_line("a.b.d", "done", number={"value": 210.5, "unit": "instructions/packet"})]
    text = (rendered(make_store(lines), "ktap") / "report.ktap").read_text()
    assert ("    # fail: R1 is # scalar\n    # source: x.c:7\n    # log: one\n    # log: two\n"
            "    not ok 1 b.c\n    # number: 210.5 instructions/packet\n    ok 2 b.d\n") in text


def test_ktap_cannot_be_forged(make_store):
    text = (rendered(make_store([make_line(outcome="fail", reason=HOSTILE.strip(), log=LOG)]), "ktap")
            / "report.ktap").read_text()
    assert "forged" in text
    [kernel] = tap(text)
    assert [(test.name, test.ok) for suite in kernel.below for test in suite.below] == [("prefilter.v4_denied", False)]
    assert re.findall(r"^ *# Subtest: (.*)$", text, re.MULTILINE) == ["6.12", "functional"]
    assert all(char.isprintable() for char in text.replace("\n", ""))


def test_ktap_name_with_a_hash(make_store):
    cell = make_cell("./build#2/bzImage", release="6.12.0-test")
    [kernel] = tap((rendered(make_store([make_line(cell=cell)]), "ktap") / "report.ktap").read_text())
    assert (kernel.name, kernel.words) == ("./build_2/bzImage", "")


def test_ktap_is_bounded(make_store):
    lines = [make_line(f"a.b.c{i}", "fail", log="x\n" * 8000) for i in range(100)]
    text = (rendered(make_store(lines), "ktap") / "report.ktap").read_text()
    assert text.count("# log: x") == 100 * 40 and text.count("lines before these left out") == 100


def test_junit_verdict_of_every_outcome(make_store):
    parsed = junitparser.JUnitXml.fromfile(str(rendered(make_store(everything()), "junit") / "junit.xml"))
    found = {case.name: (suite.name, case.result) for suite in parsed for case in suite}
    kinds = {"FAIL": junitparser.Failure, "ERROR": junitparser.Error, "MISS": junitparser.Error,
             "SKIP": junitparser.Skipped}
    for outcome, entry in schema.outcomes().items():
        suite, result = found.pop(outcome)
        assert suite == f"s{entry['status'].lower()} on 6.12"
        assert [type(one) for one in result] == list(filter(None, [kinds.get(entry["status"])])), outcome
        if entry["status"] in ("FAIL", *BROKEN):
            assert (result[0].type, result[0].message) == (outcome, "the reason why")
        elif entry["status"] == "SKIP":
            assert result[0].message == "BPF LSM: the reason why"
    assert not found
    for suite in parsed:
        said = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert said == (suite.tests, suite.failures, suite.errors, suite.skipped)
    assert (parsed.tests, parsed.failures, parsed.errors, parsed.skipped) == tuple(
        sum(getattr(suite, name) for suite in parsed) for name in ("tests", "failures", "errors", "skipped"))


def test_junit_names_cell_number_and_time(make_store):
    lines = [make_line("perf.run.v4", "done", number={"value": 210.5, "unit": "instructions/packet"},
                       perf={"runs": [210, 211], "floor": 91}, duration_ns=1_500_000_000)]
    [suite] = junitparser.JUnitXml.fromfile(str(rendered(make_store(lines), "junit") / "junit.xml"))
    assert {p.name: p.value for p in suite.properties()}["cell.release"] == "6.12.117+deb13-cloud-amd64"
    assert (suite.timestamp, suite.time) == ("2026-01-31T12:00:00", 1.5)
    [case] = suite
    assert (case.classname, case.name, case.time) == ("6_12.perf.run", "v4", 1.5)
    assert {p.name: p.value for p in case.child(junitparser.Properties)} == {
        "value": "210.5", "unit": "instructions/packet", "runs": "210 211", "floor": "91"}


def test_junit_keeps_tests_of_kernels_and_profiles_apart(make_store):
    cells = [make_cell("6.1"), make_cell("6.12"), make_cell("6.12", "icount")]
    parsed = junitparser.JUnitXml.fromfile(str(rendered(make_store([make_line(cell=cell) for cell in cells]), "junit")
                                               / "junit.xml"))
    assert len({(case.classname, case.name) for suite in parsed for case in suite}) == 3


def test_junit_is_well_formed_whatever_the_log(make_store):
    every = "".join(map(chr, [*range(0x800), *range(0xd7f0, 0xe010), *range(0xfff0, 0x10010)]))
    lines = [make_line("a.b.c", "fail", reason=HOSTILE.strip(), log=every + LOG,
                       source={"file": "a&b.c", "text": HOSTILE}),
             make_line("a.b.d", "skip", missing=HOSTILE.strip(), log=LOG)]
    path = rendered(make_store(lines), "junit") / "junit.xml"
    [suite] = xml.etree.ElementTree.parse(path).getroot()  # expat is strict
    log = suite.find("testcase[@name='c']/system-out").text
    assert "\\x00\\x01" in log and "]]> </system-out> & \" '" in log and "\\ufffe\\uffff" in log
    assert len(suite.findall("testcase")) == 2


def test_kcidb(make_store):
    lines = [*everything(), make_line("a..b.", "fail", log="y" + "\x01" * 16000, duration_ns=1_500_000_000),
             make_line("x", "no_results"), make_line("x", "hang"),
             make_line("p.q", cell=make_cell("5.10", package="linux-image-x", version="5.10.1-1")),
             make_line("p.r", "no_kernel",
                       cell={"id": "none", "kernel": "9.9", "arch": "X86-64", "profile": "default"})]
    got = json.loads((rendered(make_store(lines), "kcidb") / "kcidb.json").read_text())
    jsonschema.Draft202012Validator(KCIDB).validate(got)
    assert [test["status"] for test in got["tests"]] == [line["status"] for line in lines]
    for kind in ("checkouts", "builds", "tests"):
        assert len({entry["id"] for entry in got[kind]}) == len(got[kind])
    assert {build["checkout_id"] for build in got["builds"]} == {checkout["id"] for checkout in got["checkouts"]}
    assert {test["build_id"] for test in got["tests"]} == {build["id"] for build in got["builds"]}
    assert len(got["builds"]) == 3
    by_path = {test["path"]: test for test in got["tests"]}
    done = by_path["corepath.sdone.group.done"]
    assert (done["number"], done["misc"]["outcome"]) == ({"value": 210, "unit": "instructions/packet"}, "done")
    assert done["environment"]["misc"] == {"loader": "libbpf 1.5.0", "compiler": "clang 19.1.7", "profile": "default",
                                           "accel": "tcg"}
    assert by_path["corepath.sskip.group.skip"]["misc"]["missing"] == "BPF LSM"
    assert by_path["corepath.a.b"]["duration"] == 1.5
    assert [build.get("status") for build in got["builds"]] == ["PASS", "PASS", None], "what was never had is no pass"


def test_kcidb_has_no_control_characters(make_store):
    lines = [make_line(outcome="fail", reason=HOSTILE.strip(), log=LOG, source={"file": "x", "text": HOSTILE})]
    text = (rendered(make_store(lines), "kcidb") / "kcidb.json").read_text()
    jsonschema.Draft202012Validator(KCIDB).validate(json.loads(text))
    assert "\\u0000" not in text and "\\ud800" not in text.replace("\\\\ud800", "")


@pytest.mark.parametrize("damage", ["nothing", "cut", "unfinished"])
def test_damaged_store_passes_in_no_format(make_store, damage):
    run = make_run([make_cell()], exit=3)
    if damage == "unfinished":
        del run["finished"], run["exit"]
    folder = rendered(make_store([] if damage == "nothing" else [make_line()], run,
                                 tail=b'{"v":' if damage == "cut" else b""), "ktap", "junit", "kcidb")
    last = tap((folder / "report.ktap").read_text())[-1]
    assert (last.name, last.ok) == ("store", False) and last.words.startswith("ERROR ")
    parsed = junitparser.JUnitXml.fromfile(str(folder / "junit.xml"))
    [*_, store] = [case for suite in parsed for case in suite]
    assert (parsed.errors, store.name, type(store.result[0])) == (1, "store", junitparser.Error)
    [broken] = [test for test in json.loads((folder / "kcidb.json").read_text())["tests"]
                if test["path"] == "corepath.store"]
    assert broken["status"] == "MISS" and broken["misc"]["problems"]


def test_empty_run_passes_in_no_format(make_store):
    folder = rendered(make_store([], make_run([], exit=3)), "ktap", "junit")
    [only] = tap((folder / "report.ktap").read_text())
    assert only.words == "ERROR not one test reported a result, so nothing was tested"
    assert junitparser.JUnitXml.fromfile(str(folder / "junit.xml")).errors == 1


def test_formats_are_written_when_asked_for(make_store):
    folder = make_store([make_line()])
    assert subprocess.run([REPORT, "--quiet", folder], capture_output=True, timeout=60).returncode == 0
    plain = {path.name for path in folder.iterdir()}
    done = subprocess.run([REPORT, "--quiet", "--format", "ktap", "--format", "junit,kcidb", folder],
                          capture_output=True, timeout=60)
    assert done.returncode == 0
    assert {path.name for path in folder.iterdir()} - plain == {"report.ktap", "junit.xml", "kcidb.json"}


def test_unknown_format(make_store):
    done = subprocess.run([REPORT, "--format", "ktap,html", make_store([make_line()])], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 2
    assert "no format 'html'; there are ktap, junit, kcidb" in done.stderr


@pytest.mark.long  # 140 MB of kernel source for one script, which no smaller package has
def test_kunit_reads_our_ktap(make_store, tmp_path):
    newest = re.findall(r"linux-source-[0-9.]+", subprocess.run(
        ["apt-cache", "depends", "linux-source"], capture_output=True, text=True, check=True).stdout)[0]
    subprocess.run(["apt-get", "-qq", "download", newest], cwd=tmp_path, check=True, timeout=600)
    subprocess.run(["dpkg-deb", "-x", *tmp_path.glob("*.deb"), "."], cwd=tmp_path, check=True, timeout=600)
    subprocess.run(["tar", "-xf", *tmp_path.glob("usr/src/linux-source-*.tar.xz"), "--wildcards",
                    "*/tools/testing/kunit/*.py"], cwd=tmp_path, check=True, timeout=600)
    [kunit] = tmp_path.glob("linux-source-*/tools/testing/kunit")
    path = rendered(make_store([*everything(), make_line("a.b.c", "fail", log=LOG)]), "ktap") / "report.ktap"
    program = ("import sys, kunit_parser as k; c = k.parse_run_tests(open(sys.argv[1]).read().splitlines()).counts; "
               "print('counts', c.passed, c.failed, c.skipped, c.crashed, c.errors)")
    said = subprocess.run([sys.executable, "-c", program, path], cwd=kunit, capture_output=True, text=True, check=True,
                          timeout=60).stdout.splitlines()[-1]
    count = collections.Counter(entry["status"] for entry in schema.outcomes().values())
    bad = count["FAIL"] + count["ERROR"] + count["MISS"] + 1
    assert said == f"counts {count['PASS'] + count['DONE']} {bad} {count['SKIP']} 0 0"
