# SPDX-License-Identifier: GPL-2.0-only
"""vmtest killed without warning: no QEMU outlives it, and the next run is right."""

import contextlib
import fcntl
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from .conftest import gone
from .test_saved import cache, run_well, start_well, states  # pylint: disable=unused-import

KILLS = 50
MACHINES = 3  # different ones: what a killed run leaves of one, a run of another must deal with


def half_saved(folder):
    return [path for path in (folder / "saved").glob(".saving-*")]


@contextlib.contextmanager
def busy(count):
    """So many processes that do nothing but take the CPU."""
    processes = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def with_argument(text):
    """The pids of the processes that were started with this text."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def kill_at(running, moment):
    """True if there was something left to kill."""
    try:
        running.process.wait(moment)
    except subprocess.TimeoutExpired:
        running.process.kill()
    running.process.wait()
    running.process.stdout.close()
    return running.process.returncode == -signal.SIGKILL


@pytest.mark.long
def test_killed_at_random(vmtest, cache):
    """Under load, from empty and from full caches, at any moment from the first to the last."""
    seed = int(os.environ.get("VMTEST_KILL_SEED", time.time()))
    print(f"VMTEST_KILL_SEED={seed}")
    chance = random.Random(seed)
    mark = f"vmtest.marked={os.getpid()}"
    killed = 0
    with busy(2):
        whole = {True: run_well(vmtest, "--append", f"{mark}.0").took,
                 False: run_well(vmtest, "--append", f"{mark}.0").took}
        while killed < KILLS:
            empty = chance.random() < 0.5
            if empty:
                shutil.rmtree(cache / "saved")
            running = start_well(vmtest, "--append", f"{mark}.{chance.randrange(MACHINES)}")
            killed += kill_at(running, chance.uniform(0, whole[empty]))
            assert all(gone(pid, 10) for pid in with_argument(mark))
            if (cache / "saved").exists():
                assert len(half_saved(cache)) <= MACHINES
        for machine in range(MACHINES):
            for _ in range(2):
                assert "is damaged:" not in run_well(vmtest, "--append", f"{mark}.{machine}").out
    assert len(states(cache)) == MACHINES
    assert half_saved(cache) == []


def test_what_was_left_half_saved_goes(vmtest, cache):
    """Of another machine, too: it may never be wanted again. Not what somebody is still writing."""
    saved = cache / "saved"
    saved.mkdir()
    left, without_lock, written = (saved / f".saving-{digit * 32}.1" for digit in "abc")
    for path in (left, without_lock, written):
        path.write_bytes(b"half")
    (saved / f".lock-{'a' * 32}").touch()
    with (saved / f".lock-{'c' * 32}").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run_well(vmtest)
        assert half_saved(cache) == [written]
