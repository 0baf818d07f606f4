# SPDX-License-Identifier: GPL-2.0-only
"""Boot profiles: in effect inside the machine, and told apart outside."""

import json
import subprocess

import pytest

from .conftest import KERNEL

LSM = "/sys/kernel/security/lsm"
LOCKDOWN = "/sys/kernel/security/lockdown"
JIT = "/proc/sys/net/core/bpf_jit_enable"
HARDEN = "/proc/sys/net/core/bpf_jit_harden"


@pytest.mark.parametrize("profile, inside", [
    ("default", {LSM: "lockdown,capability,yama,bpf", LOCKDOWN: "[none] integrity confidentiality", JIT: "1", HARDEN: "0"}),
    ("no-bpf-lsm", {LSM: "lockdown,capability,yama", JIT: "1"}),
    ("jit-off", {JIT: "0"}),
    ("jit-harden", {JIT: "1", HARDEN: "2"}),
    ("lockdown-integrity", {LOCKDOWN: "none [integrity] confidentiality"}),
    ("lockdown-confidentiality", {LOCKDOWN: "none integrity [confidentiality]"}),
])
def test_in_effect(vmtest, profile, inside):
    done = subprocess.run([vmtest.program, "run", "--kernel", KERNEL, "--profile", profile, "--", "grep", "-H", "",
                           *inside], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    got = dict(row.split(":", 1) for row in done.stdout.splitlines())
    # a kernel initialises these in spite of lsm=
    assert {name: ",".join(sorted(set(value.split(",")) - {"integrity", "ima", "evm"})) for name, value in got.items()} \
        == {name: ",".join(sorted(value.split(","))) for name, value in inside.items()}


def test_suites_in_several_profiles(vmtest):
    """Each in its own machine; a suite that insists on a profile has that one, once."""
    program = vmtest.guest("ends")
    suites = json.loads(vmtest.suites("free", [program], ["ends", "well"]).read_text())
    suites["suites"] += json.loads(vmtest.suites("fixed", [program], ["ends", "well"], profile="icount").read_text())["suites"]
    path = vmtest.folder / "both.yaml"
    path.write_text(json.dumps(suites))
    got = vmtest.run("test", "--suites", path, "--profile", "default,no-bpf-lsm,default")
    assert got.returncode == 0, got.out
    assert sorted((line["suite"], line["cell"]["profile"]) for line in got.lines) == [
        ("fixed", "icount"), ("free", "default"), ("free", "no-bpf-lsm")]
    release = got.lines[0]["cell"]["release"]
    assert {line["vm"] for line in got.lines} == {f"{release}-fixed", f"{release}-free", f"{release}-free-no-bpf-lsm"}
    assert len({line["cell"]["id"] for line in got.lines}) == 3
    assert len({line["console"] for line in got.lines}) == 3


def test_skips_are_held_against_the_profile(vmtest):
    """What a profile takes away may be missed, there and nowhere else."""
    suites = vmtest.suites("skips", [vmtest.guest("skips")], ["skips", "helper:bpf_probe_read_kernel", "helper:bpf_loop"])
    got = vmtest.run("test", "--suites", suites, "--profile", "default,lockdown-confidentiality")
    outcomes = {(line["cell"]["profile"], line["test"]): line["outcome"] for line in got.lines}
    assert outcomes == {("default", "skips.test1"): "fail", ("default", "skips.test2"): "fail",
                        ("lockdown-confidentiality", "skips.test1"): "skip",
                        ("lockdown-confidentiality", "skips.test2"): "fail"}
    assert "boot profile lockdown-confidentiality: lockdown forbids it" in got.only("skip")["reason"]


@pytest.mark.parametrize("command", [("test",), ("run", "--", "true"), ("verify", "build/bpf/floor.bpf.o")])
def test_profile_that_is_none(vmtest, command):
    done = vmtest.call(command[0], "--kernel", KERNEL, "--profile", "fast", *command[1:])
    assert done.returncode == 2
    assert '"fast"' in done.stderr or "--profile fast" in done.stderr
    assert "lockdown-integrity" in done.stderr, "the error names those there are"
