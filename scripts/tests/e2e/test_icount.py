# SPDX-License-Identifier: GPL-2.0-only
"""Costs are counted in instructions: the same on a quiet machine and on one with every core busy."""

import multiprocessing
import os

import pytest


def spin():
    while True:
        pass


@pytest.fixture
def every_core_busy():
    burners = [multiprocessing.Process(target=spin, daemon=True) for _ in range(os.cpu_count())]

    def start():
        for burner in burners:
            burner.start()

    yield start
    for burner in burners:
        if burner.pid:
            burner.kill()
            burner.join()


def figures(got):
    assert got.returncode == 0, got.out
    return {line["test"]: (line["number"]["value"], line["perf"]["runs"], line["number"]["unit"]) for line in got.lines}


def test_same_figures_under_load(vmtest, every_core_busy):
    arguments = ["test", "--suite", "perf"]
    quiet = figures(vmtest.run(*arguments))
    every_core_busy()
    assert figures(vmtest.run(*arguments, bound=240)) == quiet
    assert {unit for _, _, unit in quiet.values()} == {"instructions/packet", "instructions/call"}
    assert "perf.run.floor" in quiet and "perf.pktgen.veth_drop" in quiet
