# SPDX-License-Identifier: GPL-2.0-only
"""The axes of loader builds and compilers: what is chosen, what is refused, what the lines say."""

import json
import os
import subprocess

import pytest

from ..conftest import ROOT


def matrix(vmtest, kind):
    """The names of an axis, the pinned one first."""
    return vmtest.call("builds", "--names", kind).stdout.split()


@pytest.mark.parametrize("axis, name, listed", [
    ("loader", "libbpf-9.9", "libbpf-1.1.2"), ("loader", ",", "libbpf-1.1.2"),
    ("compiler", "gcc-12", "clang-19-v2"), ("compiler", "clang-19-v3,clang-7-v2", "clang-19-v2")])
def test_unknown_name_is_answered_with_the_list(vmtest, axis, name, listed):
    got = vmtest.run("test", f"--{axis}", name)
    assert (got.returncode, got.folder) == (2, None)
    assert f"no {axis} " in got.out and listed in got.out and "(the default)" in got.out


def test_combination_that_cannot_be_built_says_why(vmtest):
    got = vmtest.run("test", "--compiler", "clang-14-v4")
    assert (got.returncode, got.folder) == (2, None)
    assert "clang has -mcpu=v4 from 18 on" in got.out


class Tree:
    """A tree of its own with the real matrix and files of our making in the places of builds."""

    def __init__(self, folder, vmtest):
        self.home, self.program = folder / "tree", vmtest.program
        for name in ("kernels/matrix.yaml", "harness/exceptions.yaml", "vmtests/suites.yaml"):
            self.add(name, (ROOT / name).read_text())
        self.add("suites.yaml", json.dumps({"suites": [{
            "name": "s", "about": "a test", "files": ["{guest}/program"], "argv": ["program"],
            "profile": "default", "timeout": 9}]}))

    def add(self, name, text="", age=0):
        """A file that was written `age` seconds ago."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written = path.stat().st_mtime - age
        os.utime(path, (written, written))

    def run(self):
        """Asks for a build that is not the pinned one; no kernel is needed to refuse."""
        return subprocess.run([self.program, "test", "--kernel", "6.12", "--suites", self.home / "suites.yaml",
                               "--loader", "libbpf-1.1.2", "--results", self.home / "results"], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL,
                              env={**os.environ, "VMTEST_HOME": str(self.home)})


def test_build_that_is_not_there(vmtest, tmp_path):
    tree = Tree(tmp_path, vmtest)
    tree.add("build/guest/program")
    done = tree.run()
    assert done.returncode == 3
    assert "build/builds/libbpf-1.1.2/guest/program" in done.stderr and "`make builds`" in done.stderr


def test_build_of_an_older_source_is_refused(vmtest, tmp_path):
    """A failure, or a pass, of yesterday's source must not be taken for today's."""
    tree = Tree(tmp_path, vmtest)
    tree.add("build/guest/program", age=5)
    tree.add("build/builds/libbpf-1.1.2/guest/program", age=50)
    done = tree.run()
    assert done.returncode == 3
    assert "is older than" in done.stderr and "run `make builds`" in done.stderr
    assert not (tree.home / "results").exists()


def test_compiler_that_is_not_on_the_machine_is_refused_by_name(vmtest, tmp_path):
    tree = Tree(tmp_path, vmtest)
    tree.add("build/builds/clang-22-v2/unavailable", "clang-22 is not on this machine\n")
    done = subprocess.run([vmtest.program, "test", "--kernel", "6.12", "--compiler", "clang-22-v2"],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, "VMTEST_HOME": str(tree.home)})
    assert done.returncode == 2
    assert "clang-22 is not on this machine" in done.stderr


def test_suite_without_placeholders_runs_once(vmtest):
    """Other people's suites know nothing of our builds; what was left out of "all" is said."""
    suites = vmtest.suites("ends", [vmtest.guest("ends")], ["ends", "well"])
    got = vmtest.run("test", "--suites", suites, "--loader", "all", "--compiler", "all")
    assert got.returncode == 0, got.out
    [cell] = got.run["cells"]
    assert cell["loader"] == "libbpf " + matrix(vmtest, "loaders")[0].removeprefix("libbpf-")
    assert {"clang-14-v4", "clang-16-v4"} <= {entry["name"] for entry in got.run["left_out"]}
    assert "clang has -mcpu=v4 from 18 on" in got.report


def test_there_is_a_rule_for_every_part_of_a_build():
    """Building them all takes minutes; a part whose rule has moved away is found without."""
    done = subprocess.run(["make", "-n", "BUILD_OF=one", "TOP_B=build", "part-loader", "part-objects", "part-pair"],
                          cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_every_build_on_one_kernel(vmtest):
    """Each loader build with the pinned compiler, each compiler with the pinned loader."""
    done = subprocess.run(["make", "builds"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    loaders, compilers = matrix(vmtest, "loaders"), matrix(vmtest, "compilers")
    here = [name for name in compilers if not (ROOT / "build/builds" / name / "unavailable").exists()]
    got = vmtest.run("test", "--suite", "verifier", "--loader", "all", "--compiler", "all", "--star", bound=900)
    assert got.returncode == 0, got.out
    ran = {(line["cell"]["loader"], line["cell"]["compiler"]) for line in got.lines}
    assert len(ran) == len(loaders) + len(here) - 1
    assert {loader for loader, _ in ran} == {name.replace("-", " ") for name in loaders}
    assert {compiler.split()[1].split(".")[0] + "-" + compiler.split()[2] for _, compiler in ran} == \
        {name.removeprefix("clang-") for name in here}


@pytest.mark.long
def test_a_loader_build_has_its_own_libbpf_and_objects(vmtest):
    """The label of a cell is what is in the program: the version libbpf says, the compiler's object."""
    done = subprocess.run(["make", "builds"], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    for loader in matrix(vmtest, "loaders")[1:]:
        said = "v" + ".".join(loader.removeprefix("libbpf-").split(".")[:2])
        program = (ROOT / "build/builds" / loader / "clang-14-v2/bin/corepath")
        version = subprocess.run([program, "version"], capture_output=True, text=True, check=True, timeout=10).stdout
        assert said in version, version
        # a skeleton holds the whole object
        code = (ROOT / "build/builds/clang-14-v2/bpf/xdp_prefilter.bpf.o").read_bytes()
        assert code in program.read_bytes(), f"{program} has another compiler's object"
