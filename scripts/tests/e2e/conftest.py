# SPDX-License-Identifier: GPL-2.0-only
"""vmtest as a user runs it: a command line, a folder of results, an exit code."""

import json
import os
import pathlib
import select
import signal
import subprocess
import time

import pytest

from reportlib import schema, store
from ..conftest import ROOT

KERNEL = "6.12"  # one kernel is enough to test the harness; the matrix tests the datapath
GUESTS = pathlib.Path(__file__).resolve().parent / "guests"


class Finished:
    """A run that has ended. Every line it left must keep to the schema.

    lines: those that count, of each machine's last try; every_line: also those of the tries before.
    """

    def __init__(self, returncode, out, results, took):
        self.returncode, self.out, self.took = returncode, out, took
        folders = [path for path in results.iterdir() if not path.is_symlink()] if results.exists() else []
        assert len(folders) <= 1, "one call of vmtest, one run"
        self.folder = folders[0] if folders else None
        self.lines, self.every_line, self.run, self.report = [], [], {}, ""
        if self.folder is None:
            return
        for row in (self.folder / "results.jsonl").read_text().splitlines():
            line = json.loads(row)
            assert schema.complaint("result", line) is None, line
            self.every_line.append(line)
        self.lines, _ = store.last_tries(self.every_line)
        for name, attribute in (("run.json", "run"), ("report.md", "report")):
            path = self.folder / name
            if path.exists():
                setattr(self, attribute, json.loads(path.read_text()) if name == "run.json" else path.read_text())

    def outcomes(self):
        """test -> outcome"""
        return {line["test"]: line["outcome"] for line in self.lines}

    def only(self, outcome):
        """The one line with this outcome."""
        lines = [line for line in self.lines if line["outcome"] == outcome]
        assert len(lines) == 1, f"{len(lines)} lines say {outcome}: {self.outcomes()}\n{self.out}"
        return lines[0]


class Running:
    """A run that goes on, to be interfered with."""

    def __init__(self, arguments, environment, results, bound):
        self.results, self.bound, self.started = results, bound, time.monotonic()
        self.process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def qemus(self):
        """The pids of the QEMUs this vmtest started."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        names = {int(pid): pathlib.Path(f"/proc/{pid}/comm").read_text() for pid in children}
        return [pid for pid, name in names.items() if name.startswith("qemu")]

    def until(self, holds, what):
        """Waits for a condition that nothing announces."""
        while not holds():
            assert self.process.poll() is None, f"vmtest ended before {what}: {self.process.stdout.read()}"
            assert time.monotonic() - self.started < self.bound, f"no {what} within {self.bound} s"
            time.sleep(0.02)

    def console(self):
        """What the guests have printed so far."""
        return "".join(path.read_text(errors="replace") for path in self.results.glob("*/console/*.log"))

    def results_text(self):
        """The result lines so far."""
        return "".join(path.read_text() for path in self.results.glob("*/results.jsonl"))

    def finish(self):
        """Waits for the end, which must come within the bound."""
        try:
            out, _ = self.process.communicate(timeout=max(0.1, self.bound - (time.monotonic() - self.started)))
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, _ = self.process.communicate()
            pytest.fail(f"vmtest outlived its bound of {self.bound} s; it said:\n{out}")
        return Finished(self.process.returncode, out, self.results, time.monotonic() - self.started)


class Vmtest:
    """The built command."""

    def __init__(self, folder):
        self.folder = folder
        self.program = self.need("build/bin/vmtest")
        self._runs = 0

    @staticmethod
    def need(name):
        """A product of the build; a test without its subject fails."""
        path = ROOT / name
        assert path.exists(), f"{name}: not built; run `make`"
        return path

    def call(self, *arguments, timeout=120):
        """A command that starts no VM."""
        return subprocess.run([self.program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)

    def start(self, command, *arguments, kernel=KERNEL, bound=120):
        """Starts `vmtest command --kernel K --results TEMPORARY arguments`."""
        self._runs += 1
        results = self.folder / f"results{self._runs}"
        line = [self.program, command, "--kernel", kernel, "--results", results, *arguments]
        return Running(line, os.environ, results, bound)

    def run(self, *arguments, **more):
        """The same, to its end."""
        return self.start(*arguments, **more).finish()

    def suites(self, name, files, argv, timeout=60, modules=(), profile="default", programs=()):
        """A file with one suite, for --suites. Files are paths from the top of the tree, or absolute."""
        text = json.dumps({"suites": [{
            "name": name, "about": "a test of the harness", "files": [str(ROOT / file) for file in files],
            "argv": argv, "profile": profile, "timeout": timeout, **({"modules": list(modules)} if modules else {}),
            **({"programs": list(programs)} if programs else {})}]})
        path = self.folder / f"{name}.yaml"  # JSON is YAML
        new = path.with_suffix(".new")
        new.write_text(text)
        return new.replace(path)  # in one step: a run that was started before may be about to read it

    def guest(self, name, *defines):
        """Compiles guests/NAME.c for the guest, once: a run that was started before may be reading it."""
        program = self.folder / "-".join([name, *defines])
        if program.exists():
            return program
        subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-D_GNU_SOURCE",
                        *(f"-D{define}" for define in defines), "-o", program, GUESTS / f"{name}.c"], check=True)
        return program


@pytest.fixture
def vmtest(tmp_path):
    return Vmtest(tmp_path)


def gone(pid, seconds):
    """True when the process has ended, or does so in time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def send(process, name):
    """Sends the signal of that name."""
    process.send_signal(getattr(signal, name))
