# SPDX-License-Identifier: GPL-2.0-only
"""Deterministic machines: seeds find what depends on timing, and a replay repeats it bit for bit."""

import pytest

from .conftest import KERNEL

SEEDS = 30  # about one in five meets the planted race


def race(vmtest, *arguments, kernel=KERNEL, bound=240):
    """Runs guests/race.c."""
    suites = vmtest.suites("race", [vmtest.guest("race")], ["race"])
    return vmtest.run("test", "--suites", suites, "--quiet", *arguments, kernel=kernel, bound=bound)


def test_race_is_found_and_replayed(vmtest):
    got = race(vmtest, "--seeds", f"1..{SEEDS}")
    assert [line["seed"] for line in sorted(got.lines, key=lambda line: line["seed"])] == list(range(1, SEEDS + 1))
    failed = [line for line in got.lines if line["status"] == "FAIL"]
    assert 0 < len(failed) < SEEDS, "a race that always or never shows needs no seeds"
    assert got.returncode == 1
    assert f"vmtest replay --run results/{got.folder.name} {failed[0]['vm']}" in got.report.replace("\\", "")

    # What was built since is of no concern: the replay has its own copy of all.
    replayed = vmtest.call("replay", "--run", got.folder, "--times", "20", failed[0]["vm"])
    assert replayed.returncode == 1, replayed.stderr
    assert replayed.stdout.count("console identical") == 20


def test_same_seed_same_bytes(vmtest):
    """Also when the saved machine is made anew, and after a cold boot."""
    def consoles(*arguments):
        return [path.read_bytes() for path in race(vmtest, "--seed", "7", *arguments).folder.glob("console/*.log")]

    assert consoles() == consoles()
    assert consoles("--cold") == consoles("--cold")


def test_replay_that_differs_is_no_replay(vmtest):
    suites = vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "panic"])
    got = vmtest.run("test", "--suites", suites, "--seed", "3", bound=120)
    line = got.only("panic")
    console = got.folder / line["console"]
    console.write_bytes(console.read_bytes().replace(b"vmtest: start", b"vmtest: begin", 1))
    replayed = vmtest.call("replay", "--run", got.folder, line["vm"])
    assert replayed.returncode == 3
    assert "console differs from line" in replayed.stderr


def test_what_went_well_is_not_kept(vmtest):
    suites = vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "well"])
    got = vmtest.run("test", "--suites", suites, "--seed", "3", bound=120)
    assert got.returncode == 0
    assert not (got.folder / "replay").exists()
    unknown = vmtest.call("replay", "--run", got.folder, got.lines[0]["vm"])
    assert unknown.returncode == 2 and "vmtest replay" in unknown.stderr


@pytest.mark.parametrize("arguments", [("--seeds", "5..1"), ("--seeds", "1-9"), ("--seed", "0"), ("--seed", "1", "--seeds", "1..2")])
def test_bad_seeds(vmtest, arguments):
    got = vmtest.call("test", "--kernel", KERNEL, *arguments)
    assert got.returncode == 2 and "--seed" in got.stderr
