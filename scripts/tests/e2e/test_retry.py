# SPDX-License-Identifier: GPL-2.0-only
"""A machine that failed is tried once more, and both tries are kept; a product that failed is not."""

import json
import os
import signal

from .conftest import gone

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
