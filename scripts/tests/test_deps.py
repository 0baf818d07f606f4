# SPDX-License-Identifier: GPL-2.0-only
"""scripts/deps, with dpkg-query, apt-get, id and sudo played by stubs that note what they were asked."""

import re
import shutil
import subprocess

import pytest

from .conftest import ROOT

DEPS = ROOT / "scripts" / "deps"
TOOLS = ["sh", "cat", "cut", "tr", "sed", "grep", "xargs", "env", "ls"]

# The database is a file with a package per line; installing appends to it.
STUBS = {
    "dpkg-query": """
        shift; shift; shift
        for p; do grep -qx "$p" "$STATE/installed" && echo "$p installed"; done
        exit 1""",
    "id": 'cat "$STATE/uid"',
    "apt-get": """
        echo "apt-get $* ${DEBIAN_FRONTEND-}" >>"$STATE/calls"
        case "$*" in
        indextargets*) echo "$STATE/lists/main_Packages" ;;
        *update*) [ ! -e "$STATE/no-network" ] || exit 100; echo >"$STATE/lists/main_Packages.lz4"; : >"$STATE/fresh" ;;
        *install*)
            [ ! -e "$STATE/stale" ] || [ -e "$STATE/fresh" ] || exit 100
            [ ! -e "$STATE/unknown" ] || exit 100
            [ -e "$STATE/lies" ] || for p; do echo "$p" >>"$STATE/installed"; done ;;
        esac""",
    "sudo": 'echo sudo >>"$STATE/calls"; exec "$@"',
}


class Machine:
    """A pretended Debian: all packages installed, root, no sudo, lists present."""

    def __init__(self, folder):
        self.bin, self.state = folder / "bin", folder / "state"
        self.bin.mkdir()
        self.state.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        for name in ("dpkg-query", "apt-get", "id"):
            self.add(name, STUBS[name])
        (self.state / "uid").write_text("0")
        self.packages = [line.split()[0] for line in self.run("--list").stdout.splitlines()]
        (self.state / "installed").write_text("\n".join(self.packages) + "\n")
        (self.state / "lists").mkdir()
        self.lists = self.state / "lists" / "main_Packages.lz4"
        self.lists.write_text("x")

    def add(self, name, body):
        """A command on the PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def lose(self, *packages):
        """These are not installed after all."""
        self.packages = [package for package in self.packages if package not in packages]
        (self.state / "installed").write_text("\n".join(self.packages) + "\n")

    def mark(self, name):
        """Changes what a stub does."""
        (self.state / name).write_text("")

    def run(self, *arguments):
        """Runs scripts/deps there."""
        return subprocess.run([DEPS, *arguments], capture_output=True, text=True, timeout=20,
                              env={"PATH": str(self.bin), "STATE": str(self.state)})

    def calls(self, word):
        """The noted commands that have this word."""
        path = self.state / "calls"
        return [call for call in path.read_text().splitlines() if word in call.split()] if path.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_all_there(machine):
    for arguments in ([], ["--check"]):
        done = machine.run(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not machine.calls("apt-get")


def test_list_says_why_in_one_word(machine):
    lines = machine.run("--list").stdout.splitlines()
    assert len(lines) == len(set(lines)) > 20
    assert all(re.fullmatch(r"[a-z0-9.+-]+ [A-Za-z]+", line) for line in lines)


def test_check_installs_nothing(machine):
    machine.lose("check", "bpftool")
    done = machine.run("--check")
    assert done.returncode == 1
    assert "check tests" in done.stderr and "bpftool skeletons" in done.stderr and "libelf" not in done.stderr
    assert not machine.calls("apt-get")


def test_installs_only_what_is_missing(machine):
    machine.lose("check", "bpftool")
    done = machine.run()
    assert done.returncode == 0
    assert "bpftool skeletons" in done.stderr
    [call] = machine.calls("install")
    assert "--no-install-recommends" in call and "--yes" in call and call.endswith(" bpftool check noninteractive")
    assert not machine.calls("update") and not machine.calls("sudo")
    assert machine.run("--check").returncode == 0


def test_update_when_there_are_no_lists(machine):
    machine.lose("check")
    machine.lists.unlink()
    assert machine.run().returncode == 0
    assert (len(machine.calls("update")), len(machine.calls("install"))) == (1, 1)


def test_update_when_the_lists_are_old(machine):
    machine.lose("check")
    machine.mark("stale")
    assert machine.run().returncode == 0
    assert (len(machine.calls("update")), len(machine.calls("install"))) == (1, 2)


@pytest.mark.parametrize("lists", [True, False])
def test_install_that_cannot_succeed(machine, lists):
    machine.lose("check")
    machine.mark("unknown")
    if not lists:
        machine.lists.unlink()
    done = machine.run()
    assert done.returncode == 3
    assert "nothing more is tried" in done.stderr
    assert len(machine.calls("update")) == 1


def test_no_network(machine):
    machine.lose("check")
    machine.mark("stale")
    machine.mark("no-network")
    done = machine.run()
    assert done.returncode == 3
    assert "apt-get update failed" in done.stderr and "network" in done.stderr


def test_apt_that_lies(machine):
    machine.lose("check")
    machine.mark("lies")
    done = machine.run()
    assert done.returncode == 3
    assert "check tests" in done.stderr.split("yet these are missing")[1]


def test_sudo(machine):
    machine.lose("check")
    (machine.state / "uid").write_text("1000")
    machine.add("sudo", STUBS["sudo"])
    assert machine.run().returncode == 0
    assert machine.calls("sudo") and machine.run("--check").returncode == 0


def test_neither_root_nor_sudo(machine):
    machine.lose("check", "bpftool")
    (machine.state / "uid").write_text("1000")
    done = machine.run()
    assert done.returncode == 3
    assert "apt-get install --no-install-recommends bpftool check\n" in done.stderr
    assert not machine.calls("install")


@pytest.mark.parametrize("tool", ["dpkg-query", "apt-get"])
def test_not_debian(machine, tool):
    (machine.bin / tool).unlink()
    done = machine.run()
    assert done.returncode == 3
    assert "not Debian" in done.stderr and "qemu-system-x86 guests" in done.stderr


@pytest.mark.parametrize("commands, serves", [
    ({"clang-16": "", "llvm-strip-16": ""}, True), ({"clang-23": "", "llvm-strip-23": ""}, True),
    ({"clang-15": "", "llvm-strip-15": ""}, False), ({"clang-16": "", "llvm-strip-18": ""}, False),
    ({"clang": "echo 'Debian clang version 17.0.6 (1)'", "llvm-strip": ""}, True),
    ({"clang": "echo 'Debian clang version 14.0.6'", "llvm-strip": ""}, False),
    ({"clang": "echo nonsense", "llvm-strip": ""}, False),
    ({"clang": "echo 'clang version 17.0.6'"}, False), ({}, False)])
def test_another_clang(machine, commands, serves):
    machine.lose("clang-19", "llvm-19")
    for name, body in commands.items():
        machine.add(name, body)
    done = machine.run("--check")
    assert done.returncode == (0 if serves else 1)
    assert ("clang-19 bpf" in done.stderr) == ("llvm-19 strip" in done.stderr) == (not serves)


@pytest.mark.parametrize("commands, serves", [({"gdb": ""}, True), ({}, False)])
def test_any_gdb(machine, commands, serves):
    machine.lose("gdb-minimal")
    for name, body in commands.items():
        machine.add(name, body)
    done = machine.run("--check")
    assert done.returncode == (0 if serves else 1)
    assert ("gdb-minimal debugging" in done.stderr) == (not serves)


@pytest.mark.parametrize("arguments", [["--chek"], ["--check", "--list"], ["x"], [""]])
def test_usage(machine, arguments):
    done = machine.run(*arguments)
    assert done.returncode == 2
    assert "usage: scripts/deps" in done.stderr
    assert not machine.calls("apt-get")


def test_help(machine):
    done = machine.run("--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("--check", "--list", "Exit:", "Example"))


def test_builds_installs_what_apt_has_and_names_the_rest(machine):
    """The other clangs of the matrix: one is here, one can be had, one cannot."""
    (machine.bin / "sort").symlink_to(shutil.which("sort"))
    machine.add("apt-cache", 'case "$*" in *clang-16*) echo "Package: clang-16" ;; esac')
    for n in (14, 19):
        for name in (f"clang-{n}", f"llvm-strip-{n}"):
            machine.add(name, "")
    machine.add("apt-get", STUBS["apt-get"].replace(
        "for p; do", f'for n in clang-16 llvm-strip-16; do echo >"{machine.bin}/$n"; chmod +x "{machine.bin}/$n"; done;'
                     ' for p; do').replace("chmod", shutil.which("chmod")))
    done = machine.run("--builds")
    assert done.returncode == 0, done.stderr
    [install] = machine.calls("install")
    assert "clang-16 llvm-16" in install and "clang-14" not in install and "clang-22" not in install
    assert "clang-22 is neither here nor in this machine's apt" in done.stderr


def test_builds_are_asked_for(machine):
    """A plain call installs no compiler that only `make builds` wants."""
    machine.lose("check")
    machine.run()
    [install] = machine.calls("install")
    assert "clang-" not in install


def test_what_long_tests_need_is_asked_for_by_name(machine):
    done = machine.run("--long")
    assert done.returncode == 0 and "lintian packages" in done.stderr
    [call] = machine.calls("install")
    assert call.endswith(" lintian noninteractive")
    assert machine.run("--long").stderr == ""
    assert "lintian" not in machine.run("--list").stdout
