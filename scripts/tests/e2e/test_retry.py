# SPDX-License-Identifier: GPL-2.0-only
"""A machine that failed is tried once more, and both tries are kept; a product that failed is not."""

import json
import os
import signal

from .conftest import gone
from .test_saved import cache, others, start_well, states  # pylint: disable=unused-import

READY = "vmtest: start ends.badly"


def start(vmtest, how, *arguments, bound=90):
    """Runs guests/ends.c."""
    return vmtest.start("test", "--suites", vmtest.suites("ends", [vmtest.guest("ends")], ["ends", how]), *arguments,
                        bound=bound)


def kill_qemu(running, seen):
    """Kills the QEMU whose guest has begun the test, once more than `seen`, when what came before is here."""
    running.until(lambda: running.console().count(READY) > seen, "a guest that is up")
    running.until(lambda: running.results_text().count('"ends.before"') > seen, "the result of the test before")
    pid, = running.qemus()
    os.kill(pid, signal.SIGKILL)
    assert gone(pid, 10)


def test_machine_that_failed_once_is_flaky(vmtest):
    running = start(vmtest, "forever", "--timeout", "6")
    kill_qemu(running, 0)
    running.until(lambda: running.console().count(READY) > 1, "a second try")
    got = running.finish()
    first = [line for line in got.every_line if line.get("try", 1) == 1]
    second = [line for line in got.every_line if line.get("try") == 2]
    assert [line["outcome"] for line in first] == ["pass", "qemu_died"]
    assert [line["outcome"] for line in second] == ["pass", "timeout"], "a verdict of its own"
    assert first[0]["console"] != second[0]["console"], "both consoles are kept"
    summary = json.loads((got.folder / "summary.json").read_text())
    assert [entry["outcome"] for entry in summary["flaky"]] == ["qemu_died"]
    assert summary["totals"] == {"FAIL": 1, "PASS": 1}, "the first try does not count"
    assert got.returncode == 1
    assert "## Flaky" in got.report


def test_machine_that_fails_twice_is_broken(vmtest):
    running = start(vmtest, "forever", "--timeout", "60")
    kill_qemu(running, 0)
    kill_qemu(running, 1)
    got = running.finish()
    assert [line["outcome"] for line in got.every_line] == ["pass", "qemu_died"] * 2
    assert json.loads((got.folder / "summary.json").read_text())["flaky"] == []
    line = got.only("qemu_died")
    assert (line["test"], line["status"]) == ("ends.badly", "MISS") and "signal 9" in line["reason"]
    assert got.outcomes()["ends.before"] == "pass"
    assert got.returncode == got.run["exit"] == 3


def test_product_failure_is_not_tried_again(vmtest):
    got = start(vmtest, "panic").finish()
    assert got.run["cells"][0]["vms"] == 1
    assert not [line for line in got.every_line if "try" in line]
    assert got.returncode == 1


def test_machine_to_be_saved_that_failed_once(vmtest, cache):
    """The second try boots another one, which is saved."""
    running = start_well(vmtest)
    running.until(lambda: (cache / "saved").exists() and others(cache) and running.qemus(), "a machine to be saved")
    pid, = running.qemus()
    os.kill(pid, signal.SIGKILL)
    got = running.finish()
    assert [(line["outcome"], line.get("try", 1)) for line in got.every_line] == [("qemu_died", 1), ("pass", 2)]
    assert all((got.folder / line["console"]).exists() for line in got.every_line), "both consoles are kept"
    assert [entry["outcome"] for entry in json.loads((got.folder / "summary.json").read_text())["flaky"]] == [
        "qemu_died"]
    assert got.returncode == 0
    assert len(states(cache)) == 1


def test_machine_to_be_saved_that_never_comes_up(vmtest, cache):
    """It is booted twice, however many wait for it; each has the console of one of the two."""
    path = vmtest.suites("first", [vmtest.guest("ends")], ["ends", "well"])
    suite, = json.loads(path.read_text())["suites"]
    path.write_text(json.dumps({"suites": [{**suite, "name": name} for name in ("first", "second", "third")]}))
    got = vmtest.start("test", "--accel", "tcg", "--suites", path, "--append", "rdinit=/missing root=/dev/missing",
                       bound=120).finish()
    assert [line["outcome"] for line in got.every_line] == ["no_boot"] * 6, "three suites, two tries"
    consoles = [got.folder / line["console"] for line in got.every_line]
    assert len(set(consoles)) == 6 and len({path.stat().st_ino for path in consoles}) == 2
    assert all("/dev/missing" in path.read_text() for path in consoles)
    assert not states(cache)
    assert got.returncode == 3
