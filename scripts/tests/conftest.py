# SPDX-License-Identifier: GPL-2.0-only
"""A store to order: result lines, run.json, and a folder that holds them."""

import json
import pathlib

import pytest

from reportlib import schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASES = {"5.10": "5.10.0-36-cloud-amd64", "6.1": "6.1.0-41-cloud-amd64", "6.12": "6.12.117+deb13-cloud-amd64"}


def make_cell(kernel="6.12", profile="default", **more):
    """A cell as vmtest describes it."""
    return {"id": f"{kernel}-{profile}", "kernel": kernel, "release": RELEASES.get(kernel, f"{kernel}.0-test"),
            "arch": "x86_64", "loader": "libbpf 1.5.0", "compiler": "clang 19.1.7", "profile": profile,
            "accel": "tcg", **more}


def make_line(test="functional.prefilter.v4_denied", outcome="pass", cell=None, **more):
    """A valid result line; what its status demands is filled in unless given."""
    status = schema.outcomes()[outcome]["status"]
    line = {"v": 1, "run": "r1", "time": "2026-01-31T12:00:00.5Z", "cell": cell or make_cell(),
            "suite": test.split(".")[0], "test": test, "status": status, "outcome": outcome}
    if status not in ("PASS", "DONE"):
        line["reason"] = "the reason why"
    if status == "SKIP":
        line["missing"] = "BPF LSM"
    if status == "DONE":
        line["number"] = {"value": 210, "unit": "instructions/packet"}
    line.update(more)
    return line


def make_run(cells, **more):
    """A run.json that says these cells ran and all went well."""
    return {"v": 1, "run": "r1", "started": "2026-01-31T12:00:00Z", "finished": "2026-01-31T12:01:00Z",
            "command": ["vmtest", "all", "--kernel", "all"],
            "host": {"machine": "x86_64", "kernel": "6.1.0", "cpus": 2, "qemu": "7.2", "accel": "tcg"},
            "tools": {"vmtest": "0.1", "clang": "19.1.7", "libbpf": "1.5.0"},
            "cells": [{**cell, "boot_ns": 2_400_000_000, "wall_ns": 9_000_000_000} for cell in cells],
            "exit": 0, **more}


@pytest.fixture
def make_store(tmp_path):
    """make_store(lines, run=..., tail=b"") writes a store and gives its folder."""

    def make(lines, run="fitting", tail=b""):
        folder = tmp_path / "r1"
        folder.mkdir()
        rows = [json.dumps(line).encode() + b"\n" for line in lines]
        (folder / "results.jsonl").write_bytes(b"".join(rows) + tail)
        if run == "fitting":
            cells = {line["cell"]["id"]: line["cell"] for line in lines}
            run = make_run(cells.values(), exit=schema.exit_of_statuses({line["status"] for line in lines}))
        if run is not None:
            (folder / "run.json").write_text(json.dumps(run))
        return folder

    return make
