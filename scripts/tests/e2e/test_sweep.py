# SPDX-License-Identifier: GPL-2.0-only
"""`vmtest sweep`: the set of releases a program works on, told from booting some of them."""

import json
import re

import pytest

from reportlib import schema


@pytest.fixture
def releases(vmtest):
    """series -> its newest release: in the cache of whoever runs the matrix."""
    listed = vmtest.call("kernels", "list").stdout
    found = dict(re.findall(r"^(\S+) +\S+ +([0-9.]+)-", listed, re.M))
    assert "6.1" in found and "6.12" in found, listed
    return found


def sweep(vmtest, tmp_path, kernels, objects, *more):
    """(exit code, sweep.json, sweep.md, result lines, what was said)"""
    results = tmp_path / "swept"
    done = vmtest.call("sweep", "--kernels", kernels, "--results", results, *more, *objects, timeout=300)
    folder = results / "latest"
    document = json.loads((folder / "sweep.json").read_text())
    assert schema.complaint("sweep", document) is None
    lines = [json.loads(row) for row in (folder / "results.jsonl").read_text().splitlines()]
    assert all(schema.complaint("result", line) is None for line in lines)
    return done.returncode, document, (folder / "sweep.md").read_text(), lines, done


def test_two_releases(vmtest, tmp_path, releases):
    """Both are named, so both are tried; one program works on both, one has nothing to attach to on 6.1."""
    old, new = releases["6.1"], releases["6.12"]
    code, document, words, lines, done = sweep(vmtest, tmp_path, f"{old},{new}",
                                               [vmtest.need("build/fixtures/boundaries.bpf.o")])
    assert code == 1, done.stderr
    programs = {program["program"]: program for program in document["programs"]}
    assert (programs["everywhere"]["first_good"], programs["everywhere"]["last_good"]) == (old, new)
    by_function = programs["by_function"]
    assert (by_function["first_good"], by_function["last_good"]) == (new, new)
    assert by_function["boundaries"] == [
        {"after": old, "before": new, "from": "target-missing", "to": "works", "untried": []}]
    [on_old] = [entry for entry in by_function["tried"] if entry["release"] == old]
    assert on_old["missing"] == ["func:blk_account_io_start"] and on_old["prediction"] == "confirmed"
    assert (tmp_path / "swept" / "latest" / on_old["console"]).is_file()
    assert document["gaps"] == [{"after": old, "before": new, "in_archive": []}]
    assert f"no release between {old} and {new} was tried: the archive has none that was asked for" in words
    assert f"predicted: func:blk_account_io_start missing -> confirmed by booting: target-missing: {old}" in words
    assert words in done.stdout
    assert len(lines) == 2 * len(programs), "an ordinary run: a line for each program on each kernel"


def test_rejected_everywhere(vmtest, tmp_path, releases):
    """The prediction knows nothing of the verifier's rules: that it was wrong is said. The log is kept."""
    new = releases["6.12"]
    code, document, words, _, _ = sweep(vmtest, tmp_path, new, [vmtest.need("build/fixtures/oob.bpf.o")], "--quiet")
    [program] = document["programs"]
    [entry] = program["tried"]
    assert code == 1 and "first_good" not in program
    assert (entry["cause"], entry["prediction"]) == ("verifier-rejected", "predicted_to_work")
    assert "packet" in (tmp_path / "swept" / "latest" / entry["log"]).read_text()
    assert "predicted to work -> **wrong**, rejected: verifier-rejected" in words


@pytest.mark.parametrize("arguments, said", [
    (["--kernels", "6.x", "OBJECT"], "--kernels 6.x: expected all, a series"),
    (["--kernels", "4.19", "OBJECT"], "the archive has no such release"),
    ([], "which objects?"),
    (["/nowhere/x.bpf.o"], "/nowhere/x.bpf.o")])
def test_usage(vmtest, arguments, said):
    arguments = [vmtest.need("build/fixtures/oob.bpf.o") if word == "OBJECT" else word for word in arguments]
    done = vmtest.call("sweep", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
