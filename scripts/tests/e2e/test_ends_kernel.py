# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that really break: what each says is recognised, named, and laid to the test that ran."""

import lzma
import pathlib
import re
import subprocess

import pytest

from .conftest import GUESTS, KERNEL
from .test_ends import run_ends

OTHERS = ["5.10", "6.1", "6.18", "7.2"]

# How the suite goes about it, guests/mishap.c's part, what becomes of the test, what is said of the kernel.
MISHAPS = [
    ("mishap", "NULL", "unfinished", "oops", "kernel NULL pointer dereference, address: 0000000000000000"),
    ("mishap", "WARN", "pass", "warn", "refcount_warn_saturate"),
    ("lockup", "LOOP", "pass", "lockup", "soft lockup"),
    ("rcu_stall", "READER", "pass", "rcu_stall", "detected stall"),
    ("hung_task", "SLEEP", "pass", "hung_task", "blocked for more than"),
    ("out_of_memory", None, "unfinished", "oom", "--memory"),
]


def mishap(vmtest, kind, kernel):
    """mishap.ko for that kernel. A stock module shows how big struct module is, and where it has its init."""
    shown = vmtest.call("kernels", "show", kernel)
    modules = re.search(r"^modules +(.*)$", shown.stdout, re.MULTILINE)[1]
    [packed] = pathlib.Path(modules).rglob("veth.ko*")
    stock = vmtest.folder / "stock.ko"
    stock.write_bytes(lzma.decompress(packed.read_bytes()) if packed.suffix == ".xz" else packed.read_bytes())
    told = subprocess.run(["readelf", "--sections", "--relocs", "--wide", stock], capture_output=True, text=True,
                          check=True).stdout
    name = ".gnu.linkonce.this_module"
    size = re.search(rf" {re.escape(name)} +PROGBITS +\w+ \w+ (\w+)", told)[1]
    init = re.search(r"^(\w+) .* init_module \+ 0$", told.split(f"'.rela{name}' at")[1], re.MULTILINE)[1]
    vermagic = re.search(rb"vermagic=([^\0]*)", stock.read_bytes())[1].decode()
    made = vmtest.folder / "mishap.ko"
    subprocess.run(["gcc", "-c", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-pic",
                    "-mcmodel=kernel", "-mgeneral-regs-only", "-fcf-protection=none", f"-DMISHAP_{kind}",
                    f"-DMODULE_SIZE=0x{size}", f"-DMODULE_INIT=0x{init}", f'-DVERMAGIC="{vermagic}"', "-o", made,
                    GUESTS / "mishap.c"], check=True)
    return made


def check(vmtest, how, kind, outcome, said, text, kernel):
    files = [mishap(vmtest, kind, kernel)] if kind else []
    got = run_ends(vmtest, how, files=files, kernel=kernel, bound=150).finish()
    assert got.outcomes() == {"ends.before": "pass", "ends.badly": outcome, "ends.kernel_log": said}
    line = got.only(said)
    assert line["status"] == "FAIL" and got.returncode == 1
    assert text in line["reason"] and "(while ends.badly ran)" in line["reason"]
    assert text.split(":")[0] in line["log"] or text == "--memory", "the console is beside it"


@pytest.mark.parametrize("how, kind, outcome, said, text", MISHAPS)
def test_kernel_breaks(vmtest, how, kind, outcome, said, text):
    check(vmtest, how, kind, outcome, said, text, KERNEL)


@pytest.mark.long
@pytest.mark.parametrize("kernel", OTHERS)
@pytest.mark.parametrize("how, kind, outcome, said, text", MISHAPS)
def test_other_kernels_break(vmtest, how, kind, outcome, said, text, kernel):
    if (kernel, said) == ("5.10", "rcu_stall"):
        pytest.skip("5.10 has no CONFIG_PREEMPT_RCU: a reader that lets others run cannot stall it")
    check(vmtest, how, kind, outcome, said, text, kernel)


def test_triple_fault(vmtest):
    got = run_ends(vmtest, "mishap", files=[mishap(vmtest, "TRIPLE_FAULT", KERNEL)]).finish()
    line = got.only("reset")
    assert (line["test"], line["status"], got.returncode) == ("ends.badly", "FAIL", 1)


@pytest.mark.long
def test_lockup_is_the_cause_of_the_hang(vmtest):
    """The CPU never comes back, so the bound ends it; the kernel had said why."""
    got = run_ends(vmtest, "lockup", "--timeout", "10", files=[mishap(vmtest, "LOOP_FOR_EVER", KERNEL)]).finish()
    line = got.only("lockup")
    assert (line["test"], got.returncode) == ("ends.badly", 1)
    assert "; then: the guest stopped answering" in line["reason"]
