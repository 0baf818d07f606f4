# SPDX-License-Identifier: GPL-2.0-only
"""KCIDB's JSON, schema version 5.3 (github.com/kernelci/kcidb-io, kcidb_io/schema/v05_03.py).

KCIDB knows kernels: a checkout is a kernel's source, a build its image, a test ran on a build. Our
statuses are KCIDB's. What it has no field for (loader, compiler and boot profile, the verifier's
figures) is in misc. Nothing is said that is not known: no URL, no commit, no command of a build.
"""

import json

from .. import text
from . import flaws

FILE = "kcidb.json"
ORIGIN = "corepath"
VERSION = {"major": 5, "minor": 3}
LOG_CHARACTERS = 16384  # log_excerpt's maxLength

# the axes of a cell that are not the kernel's
_ENVIRONMENT = ("loader", "compiler", "profile", "accel")


def _clean(value):
    """The same without control characters: no text may have NUL, which databases refuse in misc, too."""
    if isinstance(value, str):
        return text.visible(value, keep="\n\t")
    if isinstance(value, dict):
        return {key: _clean(entry) for key, entry in value.items()}
    return [_clean(entry) for entry in value] if isinstance(value, list) else value


def _id(*parts):
    return f"{ORIGIN}:" + "/".join(_clean(str(part)) for part in parts)


class _Kernels:
    """The checkouts and builds of a run, each once."""

    def __init__(self, run, about):
        self._run, self._about = run, about
        self.checkouts, self.builds = {}, {}

    def build(self, cell):
        """The id of the cell's build. Ids begin with the run: a local kernel's name is used many times."""
        name = [cell[key] for key in ("package", "version") if cell.get(key)]
        source = _id(self._run, cell.get("release", cell["kernel"]), *name)
        build = _id(self._run, cell.get("release", cell["kernel"]), *name, cell["arch"])
        known = "release" in cell  # else the kernel could not be had
        comment = f"Linux {cell.get('release', cell['kernel'])}" + (f", package {' '.join(name)}" if name else "")
        self.checkouts.setdefault(source, {
            "id": source, "origin": ORIGIN, "comment": _clean(comment), **({"valid": True} if known else {}),
            "misc": self._about})
        self.builds.setdefault(build, {
            "id": build, "origin": ORIGIN, "checkout_id": source, "comment": _clean(comment),
            "architecture": "".join(c if c.isascii() and c.isalnum() else "_" for c in cell["arch"].lower()),
            **({"status": "PASS"} if known else {}), "misc": {"kernel": _clean(cell["kernel"])}})
        return build


def _path(test):
    """Below our own node of KCIDB's tree, as other origins have a "functional", too; no empty components."""
    return ".".join([ORIGIN, *filter(None, test.split("."))])


def _test(line, build, identifier):
    cell = line["cell"]
    environment = {key: cell[key] for key in _ENVIRONMENT if key in cell}
    kept = ("run", "time", "suite", "outcome", "missing", "source", "verifier", "perf", "console")
    test = {
        "id": identifier, "origin": ORIGIN, "build_id": build, "path": _path(line["test"]), "status": line["status"],
        "environment": {"comment": _clean(f"QEMU {', '.join(environment.values())}"), "misc": _clean(environment)},
        "misc": {"cell": _clean(cell["id"]), **{key: _clean(line[key]) for key in kept if key in line}},
    }
    if "reason" in line:
        test["comment"] = _clean(line["reason"])
    if line.get("log"):
        test["log_excerpt"] = _clean(line["log"])[-LOG_CHARACTERS:]
    if "duration_ns" in line:
        test["duration"] = line["duration_ns"] / 1e9
    if "number" in line and line["status"] not in ("SKIP", "MISS"):  # of these KCIDB's readers ignore it
        # without "prefix": our units are written out, and none is to be scaled
        test["number"] = _clean(line["number"])
    return test


def render(store, facts):
    """The text of kcidb.json."""
    about = _clean({key: store.run[key] for key in ("run", "started", "finished", "command", "host", "tools", "exit")
                    if key in store.run})
    kernels = _Kernels(facts["run"], about)
    for cell in store.run.get("cells", []):
        kernels.build(cell)
    tests = {}
    for line in store.lines:
        build = kernels.build(line["cell"])
        name = (facts["run"], line["cell"]["id"], line["suite"], line["test"])
        identifier, again = _id(*name), 1
        while identifier in tests:  # a suite may be spoken of more than once
            again += 1
            identifier = _id(*name, again)
        tests[identifier] = _test(line, build, identifier)
    broken = flaws(store)
    for build in kernels.builds if broken else ():
        identifier = build + "/store"
        tests[identifier] = {"id": identifier, "origin": ORIGIN, "build_id": build, "path": _path("store"),
                             "status": "MISS", "comment": _clean(broken[0]), "misc": {"problems": _clean(broken)}}
    return json.dumps({"version": VERSION, "checkouts": list(kernels.checkouts.values()),
                       "builds": list(kernels.builds.values()), "tests": list(tests.values())}) + "\n"
