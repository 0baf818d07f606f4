#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How restored machines did: the last step of `make soak`."""

import json
import pathlib
import statistics
import sys


def main(folder):
    """Prints a line per kernel, and the times over all. Returns an exit code."""
    run = json.loads((folder / "run.json").read_text())
    lines = [json.loads(row) for row in (folder / "results.jsonl").read_text().splitlines()]
    everything = []
    for cell in run["cells"]:
        outcomes = [line["outcome"] for line in lines if line["cell"]["id"] == cell["id"]]
        times = [value / 1e9 for value in cell["boots_ns"]]
        everything += times
        print(f"{cell['kernel']}: {cell['vms']} machines, {outcomes.count('pass')} right, "
              f"{len(outcomes) - outcomes.count('pass')} not; to the first byte: median {statistics.median(times):.3f} s")
    everything.sort()
    print(f"all: {len(everything)} machines, median {statistics.median(everything):.3f} s, 99th percentile "
          f"{everything[len(everything) * 99 // 100]:.3f} s, longest {everything[-1]:.3f} s")
    return run["exit"]


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
