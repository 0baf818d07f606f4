# SPDX-License-Identifier: GPL-2.0-only
"""A suite's `programs`: of this machine, with their libraries, where guests have nothing."""

import pytest

LINES = r'''printf '{"start":"shell.runs"}\n{"test":"shell.runs","status":"PASS"}\n' >&"$VMTEST_RESULT_FD"'''


# unpacked by our init where a saved machine is restored, and by the kernel where it boots
@pytest.mark.parametrize("how", [[], ["--cold"]], ids=["restored", "booted"])
def test_program_brings_its_libraries(vmtest, how):
    suites = vmtest.suites("shell", ["vmtests/suites.yaml"], ["/bin/sh", "-c", LINES], programs=["/bin/sh"])
    done = vmtest.run("test", "--suites", suites, *how)
    assert done.returncode == 0, done.out
    assert done.outcomes() == {"shell.runs": "pass"}


def test_program_that_is_not_here(vmtest):
    suites = vmtest.suites("none", ["vmtests/suites.yaml"], ["/bin/none"], programs=["/bin/none"])
    done = vmtest.run("test", "--suites", suites)
    assert done.returncode == 3
    assert "/bin/none" in done.out
