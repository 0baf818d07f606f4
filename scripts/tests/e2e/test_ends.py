# SPDX-License-Identifier: GPL-2.0-only
"""Each bad end has its own outcome, the documented exit code, and comes within its bound."""

import pathlib

import pytest

from .conftest import KERNEL, gone, send

READY = "vmtest: start ends.badly"


def run_ends(vmtest, how, *arguments, files=(), kernel=KERNEL, bound=90):
    """Runs guests/ends.c on one kernel."""
    program = vmtest.guest("ends")
    return vmtest.start("test", "--suites", vmtest.suites("ends", [program, *files], ["ends", how]), *arguments,
                        kernel=kernel, bound=bound)


@pytest.mark.parametrize("how, outcome, status, code", [
    ("panic", "panic", "FAIL", 1), ("killed", "unfinished", "ERROR", 3), ("unfinished", "unfinished", "ERROR", 3),
    ("skip", "fail", "FAIL", 1), ("reset", "reset", "FAIL", 1), ("power_off", "connection_lost", "MISS", 3),
    ("restart", "connection_lost", "MISS", 3), ("garbage", "connection_lost", "MISS", 3),
    ("unplug", "init_died", "MISS", 3), ("kill_init", "init_died", "MISS", 3)])
def test_end_of_a_test(vmtest, how, outcome, status, code):
    got = run_ends(vmtest, how).finish()
    line = got.only(outcome)
    assert (line["test"], line["status"]) == ("ends.badly", status)
    assert got.outcomes()["ends.before"] == "pass", "what was reported before must be kept"
    assert got.returncode == got.run["exit"] == code
    assert line["reason"] in got.report.replace("\\", "")


@pytest.mark.parametrize("how, outcome", [("silent", "no_results"), ("failed", "error"), ("nonsense", "error")])
def test_end_of_a_suite(vmtest, how, outcome):
    got = run_ends(vmtest, how).finish()
    assert outcome in got.outcomes().values()
    assert got.returncode == 3


@pytest.mark.parametrize("how, said", [
    ("segfault", "killed by signal 11 (Segmentation fault)"), ("killed", "killed by signal 9 (Killed)"),
    ("exit_139", "exit status 139")])
def test_signal_is_told_from_status(vmtest, how, said):
    """A shell shows 139 for both a SIGSEGV and an exit(139)."""
    assert run_ends(vmtest, how).finish().only("unfinished")["reason"].endswith(said)


def test_port_is_inits_alone(vmtest):
    got = run_ends(vmtest, "port_again").finish()
    assert (got.outcomes(), got.returncode) == ({"ends.before": "pass", "ends.badly": "pass"}, 0)


def test_good_end(vmtest):
    got = run_ends(vmtest, "well").finish()
    assert (got.outcomes(), got.returncode) == ({"ends.before": "pass"}, 0)
    assert got.report.startswith("**PASS**: 1 test passed")
    assert got.run["command"][0] == "vmtest", "the report tells how to repeat the run"


def test_panic_shows_the_console(vmtest):
    line = run_ends(vmtest, "panic").finish().only("panic")
    assert "sysrq" in (line["reason"] + line["log"]).lower()


def test_hang(vmtest):
    got = run_ends(vmtest, "hang", "--timeout", "5", bound=45).finish()
    assert got.only("hang")["test"] == "ends.badly"
    assert got.returncode == 1


def test_timeout_of_a_guest_that_lives(vmtest):
    got = run_ends(vmtest, "forever", "--timeout", "3", bound=45).finish()
    assert got.only("timeout")["test"] == "ends.badly"
    assert got.returncode == 1


def test_endless_output(vmtest):
    """What is kept of it is bounded, and so is its time."""
    got = run_ends(vmtest, "flood", "--timeout", "3", bound=60).finish()
    assert got.only("timeout")["test"] == "ends.badly"
    assert got.returncode == 1


@pytest.mark.long
def test_console_flood(vmtest):
    """64 MiB take minutes: QEMU's serial port is slow."""
    got = run_ends(vmtest, "flood", "--timeout", "1800", bound=1850).finish()
    line = got.only("console_flood")
    assert (line["test"], line["status"], got.returncode) == ("ends.badly", "ERROR", 3)
    assert (got.folder / line["console"]).stat().st_size < (1 << 20) + (64 << 10) + 256


def test_never_boots(vmtest):
    got = run_ends(vmtest, "well", "--append", "rdinit=/nowhere", bound=90).finish()
    assert got.only("no_boot")["status"] == "MISS"
    assert got.returncode == 3


def test_damaged_kernel(vmtest, tmp_path):
    """A bzImage that begins well; its decompressor stops, or never comes to an end."""
    shown = vmtest.call("kernels", "show", KERNEL)
    image = pathlib.Path(dict(row.split(None, 1) for row in shown.stdout.splitlines() if " " in row.strip())["image"])
    data = bytearray(image.read_bytes())
    middle = len(data) // 2
    data[middle:middle + (1 << 20)] = bytes(1 << 20)
    (tmp_path / "damaged").write_bytes(data)
    got = run_ends(vmtest, "well", "--boot-timeout", "5", kernel=str(tmp_path / "damaged"), bound=45).finish()
    assert got.only("no_boot")["status"] == "MISS"
    assert got.returncode == 3


def test_boot_outlives_its_bound(vmtest):
    got = run_ends(vmtest, "well", "--cold", "--boot-timeout", "1", bound=30).finish()
    assert got.only("no_boot")["status"] == "MISS"
    assert got.returncode == 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_signal_leaves_no_qemu(vmtest, name):
    running = run_ends(vmtest, "forever", "--timeout", "60")
    running.until(lambda: READY in running.console(), "a guest that is up")
    qemus = running.qemus()
    assert qemus
    send(running.process, name)
    got = running.finish()
    assert all(gone(pid, 10) for pid in qemus)
    if name == "SIGKILL":
        assert got.returncode == -9
    else:
        assert got.only("interrupted")["status"] == "MISS"
        assert got.returncode == 3
        assert got.report
