# SPDX-License-Identifier: GPL-2.0-only
"""What vmtest makes of bad objects and of a machine that lacks something: it says what, and loses nothing."""

import json
import os
import shlex
import subprocess

import pytest

from .conftest import KERNEL
from .test_ends import run_ends
from .test_saved import cache  # pylint: disable=unused-import

GOOD = "build/bpf/floor.bpf.o"


@pytest.fixture
def objects(vmtest, tmp_path):
    """Files that only look like BPF objects: name -> what must be said of it."""
    good = vmtest.need("build/bpf/xdp_prefilter.bpf.o").read_bytes()
    source = tmp_path / "source.c"
    source.write_text("int f(void) { return 0; }\n")
    for target in ("x86_64-linux-gnu", "aarch64-linux-gnu", "bpfeb", "bpfel"):
        subprocess.run(["clang-19", f"--target={target}", "-c", source, "-o", tmp_path / f"{target}.bpf.o"], check=True)
    for name, data in (("empty", b""), ("head", good[:40]), ("half", good[:len(good) // 2]), ("text", b"no object" * 99)):
        (tmp_path / f"{name}.bpf.o").write_bytes(data)
    return {"x86_64-linux-gnu": "not BPF", "aarch64-linux-gnu": "not BPF", "bpfeb": "byte order", "bpfel": "no programs",
            "empty": "is empty", "head": "cut short", "half": "cut short", "text": "not an ELF file"}


def test_bad_objects(vmtest, objects, tmp_path):
    """Each is named with what is wrong, and the good one beside them is still judged."""
    got = vmtest.run("verify", *(tmp_path / f"{name}.bpf.o" for name in objects), vmtest.need(GOOD))
    reasons = {line["test"].removeprefix("verifier."): line["reason"] for line in got.lines if line["outcome"] == "error"}
    assert reasons.keys() == objects.keys()
    for name, said in objects.items():
        assert f"{name}.bpf.o: " in reasons[name] and said in reasons[name], reasons[name]
    assert "pass" in got.outcomes().values()
    assert got.returncode == 3, "nothing was rejected; some could not be judged"


def test_object_cut_anywhere(vmtest, tmp_path):
    """No length at which half an object passes for a whole one."""
    good = vmtest.need(GOOD).read_bytes()
    lengths = sorted({0, 1, 15, 16, 63, 64, 65, *range(0, len(good), len(good) // 12), len(good) - 1})
    for length in lengths:
        (tmp_path / f"cut{length}.bpf.o").write_bytes(good[:length])
    got = vmtest.run("verify", *(tmp_path / f"cut{length}.bpf.o" for length in lengths))
    assert got.outcomes() == {f"verifier.cut{length}": "error" for length in lengths}
    assert got.returncode == 3


def test_no_qemu(vmtest, tmp_path, monkeypatch):
    suites = vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "well"])
    monkeypatch.setenv("PATH", str(tmp_path))
    got = vmtest.run("test", "--accel", "tcg", "--suites", suites)
    line = got.only("qemu_died")
    assert "qemu-system-x86_64: No such file or directory" in line["reason"]
    assert (line["status"], got.returncode) == ("MISS", 3)


def test_no_memory_for_qemu(vmtest):
    """A limit on the address space stands for a machine without memory."""
    suites = vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "well"])
    results = vmtest.folder / "results"
    done = subprocess.run(["prlimit", f"--as={400 << 20}", vmtest.program, "test", "--kernel", KERNEL, "--accel", "tcg",
                           "--suites", suites, "--results", results], capture_output=True, text=True, timeout=120)
    *_, line = map(json.loads, (results / "latest/results.jsonl").read_text().splitlines())
    assert (line["outcome"], done.returncode) == ("qemu_died", 3)
    assert "Cannot allocate memory" in line["reason"]


@pytest.mark.parametrize("size", ["0", "127", "-1", "65537", "much"])
def test_memory_no_kernel_could_live_in(vmtest, size):
    done = vmtest.call("test", "--kernel", KERNEL, "--memory", size)
    assert done.returncode == 2 and size in done.stderr


def test_results_under_what_is_no_folder(vmtest, tmp_path):
    (tmp_path / "file").touch()
    done = vmtest.call("test", "--kernel", KERNEL, "--results", str(tmp_path / "file" / "below"))
    assert done.returncode == 3
    assert f"{tmp_path}/file/below" in done.stderr and "Not a directory" in done.stderr


def in_small_disk(folder, size, command):
    """Runs a command that sees a disk of this size there; what it leaves there is copied to FOLDER.kept."""
    kept = folder.with_suffix(".kept")
    kept.mkdir()
    folder.mkdir(exist_ok=True)
    words = " ".join(shlex.quote(str(word)) for word in command)
    script = (f"mount -t tmpfs -o size={size} none {folder} && {{ {words}; code=$?;"
              f" cp -a {folder}/. {kept}; exit $code; }}")
    return kept, subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True,
                                text=True, timeout=120)


def test_no_room_for_saved_machines(vmtest, cache):
    """They are a convenience: each machine is booted, and nothing half written stays."""
    suites = vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "well"])
    kept, done = in_small_disk(cache / "saved", "8m",
                               [vmtest.program, "test", "--kernel", KERNEL, "--accel", "tcg", "--suites", suites,
                                "--results", vmtest.folder / "results"])
    assert done.returncode == 0, done.stderr
    assert "could not be saved" in done.stderr
    assert [path.name for path in kept.iterdir() if not path.name.startswith(".lock-")] == []


def test_no_room_for_results(vmtest):
    """What could be written is kept and whole; the run does not count as good."""
    suites = vmtest.suites("cases", [vmtest.guest("cases")], ["cases", "one", "cases.first"])
    kept, done = in_small_disk(vmtest.folder / "results", "12k",
                               [vmtest.program, "test", "--kernel", KERNEL, "--accel", "tcg", "--suites", suites,
                                "--results", vmtest.folder / "results"])
    assert done.returncode == 3, done.stderr
    assert "No space left on device" in done.stderr and str(vmtest.folder / "results") in done.stderr
    for path in kept.glob("2*/results.jsonl"):
        for row in path.read_text().splitlines():
            assert json.loads(row)["outcome"] == "pass"


def test_what_is_said_before_qemu_is_lost_is_kept(vmtest):
    """A suite that cannot be put together does not take those before it along."""
    well = json.loads(vmtest.suites("well", [vmtest.guest("ends")], ["ends", "well"]).read_text())
    lost = json.loads(vmtest.suites("lost", ["/nowhere/suite"], ["suite"]).read_text())
    path = vmtest.folder / "both.yaml"
    path.write_text(json.dumps({"suites": well["suites"] + lost["suites"]}))
    got = vmtest.run("test", "--suites", path)
    assert got.outcomes() == {"ends.before": "pass", "lost.setup": "error"}
    assert got.returncode == 3 and "/nowhere/suite" in got.out
