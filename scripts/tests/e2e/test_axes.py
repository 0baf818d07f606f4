# SPDX-License-Identifier: GPL-2.0-only
"""Programs that one axis each breaks, on real kernels: the report names that axis and no other."""

import re
import subprocess

import pytest

from ..conftest import ROOT

KERNELS = "5.10,6.1,6.12"


def explained(vmtest, *axes, bound=300):
    """test -> what the report says of the axis, of the tests that failed somewhere."""
    suites = vmtest.suites("planted", [], ["verifier", "planted.bpf.o"])
    suites.write_text(suites.read_text().replace('"files": []', '"files": ["{guest}/verifier", "{objects}/planted.bpf.o"]'))
    got = vmtest.run("test", "--suites", suites, *axes, kernel=KERNELS, bound=bound)
    assert got.returncode == 1, got.out
    said = dict(re.findall(r"^FAIL verifier\.planted\.(\w+) on .*\n(?: {5}(?!by axis).*\n)* {5}by axis: (.*)", got.out, re.M))
    assert said and "by_nothing" not in said, got.out
    return said


def test_kernel_hole_and_profile(vmtest):
    assert explained(vmtest, "--profile", "default,jit-off") == {
        # kfuncs: since 6.4, and never without the JIT
        "by_kernel": "under profile default: fails on 5.10 to 6.1, passes on 6.12; "
                     "under profile jit-off: fails on 5.10 to 6.12",
        "by_hole": "fails on 6.1, passes on 5.10 and 6.12 (of the 3 kernels run)",
        "by_profile": "fails under profile jit-off on every kernel, passes under profile default (of the 3 kernels run)",
    }


@pytest.mark.long
def test_loader_and_compiler(vmtest):
    done = subprocess.run(["make", "builds"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    said = explained(vmtest, "--loader", "libbpf-1.5.0,libbpf-1.1.2,libbpf-1.4.6", "--compiler", "clang-19-v3,clang-14-v3")
    assert said.keys() == {"by_kernel", "by_hole", "by_loader", "by_compiler"}
    assert said["by_kernel"] == "fails on 5.10 to 6.1, passes on 6.12 (of the 3 kernels run)"
    assert said["by_hole"] == "fails on 6.1, passes on 5.10 and 6.12 (of the 3 kernels run)"
    assert said["by_loader"] == \
        "fails with libbpf 1.1.2 on every kernel, passes with libbpf 1.4.6 and libbpf 1.5.0 (of the 3 kernels run)"
    assert re.fullmatch(r"fails with clang 14[\d.]* v3 on every kernel, passes with clang 19[\d.]* v3 "
                        r"\(of the 3 kernels run\)", said["by_compiler"])
