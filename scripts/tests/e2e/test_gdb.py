# SPDX-License-Identifier: GPL-2.0-only
"""`vmtest gdb`: a kernel under the debugger. What gdb says of a stack is held against what the kernel says of it."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

# Each has its own form of the tables that gdb's frames come from.
KERNELS = ["5.10", "6.12", "7.2"]


def gdb(vmtest, *commands, options=(), program=("true",), kernel="6.12", **more):
    line = [vmtest.program, "gdb", "--kernel", kernel, "--batch", *options]
    for command in commands:
        line += ["--gdb-command", command]
    return subprocess.run([*line, "--", *program], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, **more)


def frames(said):
    """The functions of each backtrace in gdb's output, innermost first."""
    traces = []
    for level, name in re.findall(r"^#(\d+) +(?:0x[0-9a-f]+ in )?(.+?)(?: \(\))?$", said, re.MULTILINE):
        if level == "0":
            traces.append([])
        traces[-1].append(name)
    return traces


@pytest.mark.parametrize("kernel", KERNELS)
def test_backtrace_is_the_kernels_own(vmtest, kernel):
    done = gdb(vmtest, "break stack_trace_save_tsk", "continue", "bt", "delete", "continue", kernel=kernel,
               program=("cat", "/proc/self/stack"))
    own = re.findall(r"^\[<0>\] (\S+?)\+0x", done.stdout, re.MULTILINE)
    assert own[-1] == "entry_SYSCALL_64_after_hwframe", done.stdout + done.stderr
    assert frames(done.stdout) == [["stack_trace_save_tsk", *own, "??"]]
    assert done.returncode == 0


def test_backtrace_through_an_exception(vmtest):
    """The kernel itself touches memory that is not there yet, while it serves a read()."""
    done = gdb(vmtest, "break vfs_read if $rdx == 0x1000000", "continue", "delete", "break exc_page_fault", "continue",
               "bt", "delete", "continue", program=("dd", "if=/dev/zero", "of=/dev/null", "bs=16M", "count=1"))
    (trace,) = frames(done.stdout)
    assert trace[:3] == ["exc_page_fault", "<signal handler called>", trace[2]] and trace[2] != "??"
    assert trace[-5:] == ["vfs_read", "ksys_read", "do_syscall_64", "entry_SYSCALL_64_after_hwframe", "??"]
    assert "1+0 records out" in done.stderr and done.returncode == 0


def test_backtrace_through_a_bpf_program(vmtest, tmp_path):
    """Compiled at run time, it has no table and no name, but a frame."""
    files = [vmtest.need(name) for name in ("build/bpf/xdp_prefilter.bpf.o", "build/vmtests/prefilter.json")]
    copies = [word for file in files for word in ("--copy", f"{file}:{tmp_path}/{file.name}")]
    done = gdb(vmtest, "break trie_lookup_elem", "continue", "bt", "delete", "continue", options=copies, cwd=tmp_path,
               program=(vmtest.need("build/bin/functional"), "--only", "functional.prefilter.v4_denied_by_24",
                        "prefilter.json"))
    (trace,) = frames(done.stdout)
    assert trace[:3] == ["trie_lookup_elem", "??", "bpf_test_run"], done.stdout + done.stderr
    assert trace[-3:] == ["do_syscall_64", "entry_SYSCALL_64_after_hwframe", "??"]


def test_from_the_first_instruction(vmtest):
    done = gdb(vmtest, "break x86_64_start_reservations", "continue", "bt", "delete", "continue", options=["--cold"],
               program=("sh", "-c", "echo booted; exit 7"))
    assert frames(done.stdout)[0][:2] == ["x86_64_start_reservations", "x86_64_start_kernel"]
    assert "booted" in done.stdout and done.returncode == 7


def test_time_at_a_breakpoint_does_not_count(vmtest, tmp_path):
    script = tmp_path / "script"
    script.write_text("break __x64_sys_newuname\ncontinue\nshell sleep 3\ndelete\ncontinue\n")
    assert gdb(vmtest, "continue").returncode == 0  # the machine is saved from now on
    done = gdb(vmtest, options=["--boot-timeout", "1", "--script", script], program=("uname", "-r"))
    assert re.search(r"^6\.12\.", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert done.returncode == 0


def test_the_way_in_is_ours_alone_and_goes_with_us(vmtest, tmp_path):
    done = gdb(vmtest, f"shell stat -c %a,%F {tmp_path}/vmtest-gdb-*", "continue",
               env={**os.environ, "TMPDIR": str(tmp_path)})
    assert "700,directory" in done.stdout
    assert not list(tmp_path.glob("vmtest-gdb-*")) and done.returncode == 0


def test_leaving_gdb_ends_the_machine(vmtest):
    done = gdb(vmtest, "info registers rip", program=("sleep", "1000"))
    assert done.returncode == 125 and "gdb was left" in done.stderr


def test_time_given_for_all_of_it(vmtest):
    done = gdb(vmtest, "continue", options=["--timeout", "4"], program=("sleep", "1000"))
    assert done.returncode == 124 and "timeout" in done.stderr


def test_without_gdb(vmtest):
    done = gdb(vmtest, env={**os.environ, "PATH": "/nonexistent"})
    assert done.returncode == 125 and "apt-get install gdb" in done.stderr


class Terminal:
    """vmtest on a terminal of its own, and what it showed there."""

    def __init__(self, arguments, bound):
        self.shown, self.until = "", time.monotonic() + bound
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(arguments[0], arguments, {**os.environ, "TERM": "dumb"})

    def wait_for(self, text):
        """Reads on until it is shown; what was before it is used up."""
        while text not in self.shown:
            ready = select.select([self.fd], [], [], max(0, self.until - time.monotonic()))[0]
            assert ready, f"no {text!r} in time; shown: {self.shown!r}"
            self.shown += os.read(self.fd, 65536).decode(errors="replace")
        self.shown = self.shown.split(text, 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())


def test_interrupt_key_stops_the_guest(vmtest):
    terminal = Terminal([str(vmtest.program), "gdb", "--kernel", "6.12", "--", "sh", "-c",
                         "echo at work; while :; do :; done"], 120)
    terminal.wait_for("(gdb) ")
    terminal.type("continue\n")
    terminal.wait_for("at work\r\n")
    terminal.type("\x03")
    terminal.wait_for("Program received signal SIGINT")
    terminal.wait_for("(gdb) ")
    terminal.type("info symbol do_syscall_64\n")
    terminal.wait_for("do_syscall_64 in section .text")
    terminal.type("set confirm off\nquit\n")
    terminal.wait_for("gdb was left")
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 125
