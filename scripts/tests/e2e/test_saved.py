# SPDX-License-Identifier: GPL-2.0-only
"""Saved machines: found again, made anew when damaged, thrown out when they take too much room."""

import fcntl
import os
import pathlib
import subprocess

import pytest

from .conftest import gone, send


@pytest.fixture
def cache(vmtest, tmp_path, monkeypatch):
    """A cache of its own that has the kernels already."""
    shown = vmtest.call("kernels", "show", "6.12").stdout
    image = pathlib.Path(next(row.split()[1] for row in shown.splitlines() if row.startswith("image")))
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in ("kernels", "packages"):
        (folder / name).symlink_to(image.parents[2] / name)
    monkeypatch.setenv("VMTEST_CACHE", str(folder))
    return folder


def states(cache):
    return sorted(path for path in (cache / "saved").iterdir() if not path.name.startswith("."))


def others(cache):
    """What serves the making of states."""
    return sorted(path.name for path in (cache / "saved").iterdir() if path.name.startswith("."))


def start_well(vmtest, *arguments, **more):
    program = vmtest.guest("ends")
    return vmtest.start("test", "--accel", "tcg", "--suites", vmtest.suites("ends", [program], ["ends", "well"]),
                        *arguments, **more)


def run_well(vmtest, *arguments, **more):
    got = start_well(vmtest, *arguments, **more).finish()
    assert (got.outcomes(), got.returncode) == ({"ends.before": "pass"}, 0), got.out
    return got


def test_second_run_restores(vmtest, cache):
    run_well(vmtest)
    [state] = states(cache)
    before = state.stat()
    second = run_well(vmtest)
    assert [path.stat().st_ino for path in states(cache)] == [before.st_ino]
    [vm] = second.run["cells"]
    assert "vmtest: ready" not in (second.folder / vm["console"]).read_text(), "it was not booted"


def test_damaged_state_is_made_anew(vmtest, cache):
    run_well(vmtest)
    [state] = states(cache)
    with state.open("r+b") as file:
        file.seek(state.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    assert "is damaged:" in run_well(vmtest).out
    assert "is damaged:" not in run_well(vmtest).out


def test_truncated_state_is_made_anew(vmtest, cache):
    run_well(vmtest)
    [state] = states(cache)
    os.truncate(state, 1000)
    assert "is damaged:" in run_well(vmtest).out


def test_another_command_line_is_another_machine(vmtest, cache):
    run_well(vmtest)
    run_well(vmtest, "--append", "vmtest.other=1")
    run_well(vmtest, "--memory", "600")
    assert len(states(cache)) == 3


def test_least_recently_used_goes(vmtest, cache, monkeypatch):
    run_well(vmtest)
    [first] = states(cache)
    monkeypatch.setenv("VMTEST_SAVED_LIMIT_MIB", str(first.stat().st_size * 3 // 2 >> 20))
    run_well(vmtest, "--append", "vmtest.other=1")
    [left] = states(cache)
    assert left.name != first.name


def test_killed_while_saving(vmtest, cache):
    """Whatever moment it dies at: no QEMU left, nothing damaged, the next run is right."""
    for moment in (0.3, 1.0, 2.0, 2.3, 2.6):
        running = start_well(vmtest)
        try:
            running.process.wait(moment)
        except subprocess.TimeoutExpired:
            qemus = running.qemus()
            send(running.process, "SIGKILL")
            running.process.wait()
            assert all(gone(pid, 10) for pid in qemus)
        running.process.stdout.close()
    run_well(vmtest)
    assert len(states(cache)) == 1
    assert others(cache) == []


def test_two_runs_at_once(vmtest, cache):
    both = [start_well(vmtest), start_well(vmtest)]
    for running in both:
        assert running.finish().returncode == 0
    assert len(states(cache)) == 1
    assert others(cache) == []


def test_lock_of_the_living_is_respected(vmtest, cache):
    """What somebody else is making is neither made as well nor cleaned away; what the dead left is."""
    run_well(vmtest)
    [state] = states(cache)
    name = state.name.split(".")[0]
    state.unlink()
    lock, half = cache / f"saved/.lock-{name}", cache / f"saved/.saving-{name}.1"
    half.touch()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run_well(vmtest)
        assert (states(cache), others(cache)) == ([], [lock.name, half.name])
        run_well(vmtest, "--append", "vmtest.other=1")
        assert others(cache) == [lock.name, half.name]
        [other] = states(cache)
    other.unlink()
    run_well(vmtest, "--append", "vmtest.other=1")
    assert others(cache) == []
