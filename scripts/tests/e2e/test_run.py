# SPDX-License-Identifier: GPL-2.0-only
"""`vmtest run`: a program of this machine under another kernel, as if it ran here."""

import os
import subprocess

import pytest

KERNELS = ["5.10", "7.2"]


def run(vmtest, *arguments, kernel="6.12", input=b"", timeout=60):
    line = [vmtest.program, "run", "--kernel", kernel, *arguments]
    return subprocess.run(line, input=input, capture_output=True, timeout=timeout)


@pytest.mark.parametrize("kernel", KERNELS)
def test_other_kernel(vmtest, kernel):
    done = run(vmtest, "--", "uname", "-r", kernel=kernel)
    assert done.stdout.decode().startswith(kernel + ".")
    assert (done.returncode, done.stderr) == (0, b"")


def test_streams_apart_and_status(vmtest):
    done = run(vmtest, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 7)


@pytest.mark.parametrize("name, number", [("SEGV", 11), ("KILL", 9), ("TERM", 15)])
def test_signal(vmtest, name, number):
    assert run(vmtest, "--", "sh", "-c", f"kill -{name} $$").returncode == 128 + number


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_byte_there_and_back(vmtest, kernel):
    data = os.urandom(8 << 20) + bytes(range(256))
    done = run(vmtest, "--", "cat", kernel=kernel, input=data)
    assert done.stdout == data and done.returncode == 0


def test_input_nobody_reads(vmtest):
    done = run(vmtest, "--", "head", "-c", "3", input=b"x" * (4 << 20))
    assert (done.stdout, done.returncode) == (b"xxx", 0)


def test_end_of_input_is_seen(vmtest):
    assert run(vmtest, "--", "cat").stdout == b""


def test_input_of_a_machine_that_boots(vmtest):
    done = run(vmtest, "--cold", "--", "cat", input=b"early")
    assert (done.stdout, done.returncode) == (b"early", 0)


def test_files_taken_along(vmtest, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "text").write_text("inside")
    done = run(vmtest, "--copy", f"{tmp_path}/folder:/data", "--copy", f"{tmp_path}/folder/text", "--",
               "cat", "/data/text", f"{tmp_path}/folder/text")
    assert done.stdout == b"insideinside"


def test_program_taken_along_brings_its_libraries(vmtest):
    """The shell has none but the C library; what two programs share is there for both."""
    done = run(vmtest, "--copy", "/usr/bin/curl", "--copy", "/usr/bin/tcpdump:/tcpdump", "--", "sh", "-c",
               "curl --version && /tcpdump --version 2>&1")
    assert done.returncode == 0 and b"libcurl" in done.stdout and b"libpcap" in done.stdout


def test_environment_and_folder(vmtest):
    done = run(vmtest, "--env", "COLOUR=green", "--", "sh", "-c", "echo $COLOUR; pwd")
    assert done.stdout.decode().split() == ["green", os.getcwd()]


def test_script_brings_its_interpreter(vmtest, tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho from $0\n")
    script.chmod(0o755)
    assert run(vmtest, "--", str(script)).stdout.decode() == f"from {script}\n"


def test_module(vmtest):
    done = run(vmtest, "--module", "veth", "--copy", "/bin/grep", "--", "sh", "-c",
               "while read line; do case $line in veth*) exit 0;; esac; done < /proc/modules; exit 1")
    assert done.returncode == 0


@pytest.mark.parametrize("arguments, code, said", [
    (["--", "sh", "-c", "echo c > /proc/sysrq-trigger"], 123, b"sysrq triggered crash"),
    (["--timeout", "2", "--", "sleep", "60"], 124, b"not finished within its 2 s"),
    (["--", "/nowhere/program"], 125, b"/nowhere/program"),
    (["--copy", "/nowhere", "--", "true"], 125, b"/nowhere"),
    (["--module", "no_such_module", "--", "true"], 125, b"no_such_module"),
    (["--append", "rdinit=/nowhere", "--", "true"], 125, b"no_boot"),
    (["--memory", "1", "--", "true"], 2, b"--help"),
    ([], 2, b"after --"),
])
def test_what_goes_wrong(vmtest, arguments, code, said):
    done = run(vmtest, *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_the_clock_and_randomness_are_its_own(vmtest):
    """Machines restored from one state must not be twins."""
    line = ["--", "od", "-An", "-tx1", "-N16", "/proc/sys/kernel/random/uuid"]
    assert run(vmtest, *line).stdout != run(vmtest, *line).stdout


def test_result_lines_of_a_suite_are_shown(vmtest):
    """A suite tried by hand: its verdicts are what one wants to see."""
    line = '{"test":"mine","status":"PASS"}'
    done = run(vmtest, "--", "sh", "-c", f"echo '{line}' >&$VMTEST_RESULT_FD")
    assert (done.stdout.decode(), done.returncode) == (line + "\n", 0)


def test_under_icount(vmtest):
    """A virtual nanosecond per instruction, for programs that are tried by hand as well."""
    done = run(vmtest, "--profile", "icount", "--", "uname", "-r")
    assert done.stdout.decode().startswith("6.12.")
    assert (done.returncode, done.stderr) == (0, b"")
