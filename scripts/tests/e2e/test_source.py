# SPDX-License-Identifier: GPL-2.0-only
"""Kernels built from source, seen from outside: a kernel tree whose makefiles copy a ready image stands in for one
that takes half an hour; what is real here is everything that vmtest and its provider do around make."""

import os
import pathlib
import re
import subprocess
import tarfile

import pytest

from .conftest import KERNEL, gone, send

# A command of the toolchain that the fake tree has no use for, and that CI does not have.
TOOLS = ["flex", "bison", "bc", "pahole", "lz4", "openssl"]

MAKEFILE = """# SPDX-License-Identifier: GPL-2.0-only
VERSION = 6
PATCHLEVEL = 12
SUBLEVEL = 9999
EXTRAVERSION =

all:
	@echo "  CC      init/main.o"
	@echo built >>{log}
	@{hook}
	@mkdir -p $(O)/arch/x86/boot
	@cp {image} $(O)/arch/x86/boot/bzImage

modules_install:
	@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.12/kernel
	@cp {image} $(INSTALL_MOD_PATH)/lib/modules/6.12/kernel/some.ko
"""

# What the kernel's own does, without Kconfig: {drop} takes out what dependencies would.
MERGE_CONFIG = """#!/bin/sh
[ "$1" = -O ] || exit 1
mkdir -p "$2"
cat "$3" | grep -v '{drop}' >"$2/.config"
"""


class Tree:
    """A fake kernel tree."""

    def __init__(self, folder, image):
        self.path, self.log, self.image = folder / "linux", folder / "makes", image
        (self.path / "scripts/kconfig").mkdir(parents=True)
        (self.path / "Kconfig").write_text("config NET\n")
        self.makes("true")
        self.drops("^no such line$")

    def makes(self, hook):
        """What `make all` does before it leaves an image."""
        (self.path / "Makefile").write_text(MAKEFILE.format(log=self.log, image=self.image, hook=hook))

    def drops(self, pattern):
        """Lines that Kconfig does not let through."""
        script = self.path / "scripts/kconfig/merge_config.sh"
        script.write_text(MERGE_CONFIG.format(drop=pattern))
        script.chmod(0o755)

    def times_made(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@pytest.fixture
def image(vmtest):
    """A real bzImage."""
    rows = dict(row.split(None, 1) for row in vmtest.call("kernels", "show", KERNEL).stdout.splitlines())
    return pathlib.Path(rows["image"])


@pytest.fixture
def tree(tmp_path, image, monkeypatch):
    cache = tmp_path / "cache"
    (cache / "kernels").mkdir(parents=True)
    (cache / "packages").symlink_to(image.parents[2] / "packages")
    (cache / "kernels" / image.parent.name).symlink_to(image.parent)
    monkeypatch.setenv("VMTEST_CACHE", str(cache))
    tools = tmp_path / "tools"
    (tools / "openssl").mkdir(parents=True)
    (tools / "openssl/opensslv.h").touch()
    (tools / "bin").mkdir()
    for name in TOOLS:
        (tools / "bin" / name).write_text("#!/bin/sh\necho v1\n")
        (tools / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CPATH", str(tools))
    for name in ("KERNEL_SRC", "KERNEL_CONFIG", "VMTEST_MODULES"):
        monkeypatch.delenv(name, raising=False)
    return Tree(tmp_path, image)


def show(vmtest, kernel):
    """`vmtest kernels show`: its rows, or what it complains of."""
    done = vmtest.call("kernels", "show", str(kernel))
    assert done.returncode == 0, done.stderr
    return dict(row.split(None, 1) for row in done.stdout.splitlines())


def refused(vmtest, kernel, code):
    """The same when it must not succeed: what it said. No kernel may be left in the cache."""
    done = vmtest.call("kernels", "show", str(kernel))
    assert done.returncode == code, done.stderr
    assert kept() == []
    return done.stderr


def kept():
    """The built kernels in the cache, whole or not."""
    return [name for name in os.listdir(pathlib.Path(os.environ["VMTEST_CACHE"]) / "kernels")
            if "-vmtest-" in name and not name.startswith(".lock")]


def test_built_once(vmtest, tree, image):
    first = show(vmtest, f"source:{tree.path}")
    assert pathlib.Path(first["image"]).read_bytes() == image.read_bytes()
    assert (pathlib.Path(first["modules"]) / "kernel/some.ko").exists()
    assert "CONFIG_BPF_LSM=y" in (pathlib.Path(first["image"]).parent / "config").read_text().splitlines()
    assert show(vmtest, f"source:{tree.path}") == first
    assert tree.times_made() == 1
    (tree.path / "net.c").write_text("int net;\n")
    assert show(vmtest, f"source:{tree.path}")["version"] != first["version"], "an edited tree is another kernel"
    assert tree.times_made() == 2


def test_git_tells_what_a_tree_is(vmtest, tree):
    """A checkout that comes back to a commit finds the kernel that was built of it."""
    def git(*arguments):
        subprocess.run(["git", "-C", tree.path, "-c", "user.name=t", "-c", "user.email=t", *arguments], check=True,
                       capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    first = show(vmtest, f"source:{tree.path}")
    (tree.path / "Kconfig").write_text("config NET\nconfig OTHER\n")
    edited = show(vmtest, f"source:{tree.path}")
    git("checkout", ".")
    assert show(vmtest, f"source:{tree.path}") == first != edited
    (tree.path / "new.c").write_text("int a;\n")
    assert show(vmtest, f"source:{tree.path}")["version"] not in (first["version"], edited["version"])


def test_tarball(vmtest, tree, tmp_path):
    for name in ("linux-6.12.9999.tar.xz", "again.tar.gz"):
        with tarfile.open(tmp_path / name, f"w:{name[-2:]}") as tar:
            tar.add(tree.path, "linux-6.12.9999")
    assert show(vmtest, f"source:{tmp_path}/linux-6.12.9999.tar.xz")["package"] == "linux-6.12.9999.tar.xz"
    show(vmtest, f"source:{tmp_path}/again.tar.gz")
    show(vmtest, f"source:{tmp_path}/linux-6.12.9999.tar.xz")
    assert tree.times_made() == 2
    assert not (pathlib.Path(os.environ["VMTEST_CACHE"]) / "source/work").exists(), "gigabytes that nobody needs again"


def test_option_that_does_not_take_effect(vmtest, tree):
    tree.drops("^CONFIG_\\(BPF_LSM\\|VETH\\)=")
    said = refused(vmtest, f"source:{tree.path}", 3)
    assert "CONFIG_BPF_LSM: wanted y, got n" in said
    assert "CONFIG_VETH: wanted m, got n" in said
    assert "CONFIG_NET:" not in said
    assert tree.times_made() == 0
    assert re.search("CONFIG_VETH: .* knows no such option", said), "Kconfig has but NET"


def test_value_that_is_not_the_wanted_one(tmp_path, vmtest):
    provider = vmtest.need("kernels/providers/source")
    (tmp_path / "wanted").write_text('CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D="x"\n'
                                     '# CONFIG_E is not set\nCONFIG_F=y\n')
    (tmp_path / "config").write_text('CONFIG_A=m\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_D="y"\nCONFIG_FF=y\n')
    done = subprocess.run([provider, "verify", tmp_path / "wanted", tmp_path / "config", "6.12"], capture_output=True,
                          text=True)
    assert done.returncode != 0
    said = [row.strip() for row in done.stderr.splitlines() if row.startswith("  CONFIG")]
    assert said == ["CONFIG_A: wanted y, got m", "CONFIG_C: wanted n, got y", 'CONFIG_D: wanted "x", got "y"',
                    "CONFIG_F: wanted y, got n"]


def test_own_fragment(vmtest, tree, tmp_path, monkeypatch):
    without = show(vmtest, f"source:{tree.path}")
    monkeypatch.setenv("KERNEL_CONFIG", str(tmp_path / "own.config"))
    (tmp_path / "own.config").write_text("# CONFIG_VETH is not set\nCONFIG_MINE=y\nCONFIG_NEW=y # since 6.13\n"
                                         "CONFIG_OLD=y # until 6.11\nCONFIG_NOW=y # since 6.12 until 6.12\n")
    own = show(vmtest, f"source:{tree.path}")
    assert own["version"] != without["version"]
    config = (pathlib.Path(own["image"]).parent / "config").read_text().splitlines()
    assert "# CONFIG_VETH is not set" in config and "CONFIG_VETH=m" not in config
    assert "CONFIG_MINE=y" in config and "CONFIG_NOW=y" in config
    assert not any("NEW" in line or "OLD" in line for line in config)


def test_compiler_error(vmtest, tree):
    tree.makes("echo \"net/core/filter.c:12:3: error: 'skb' undeclared\" >&2; exit 1")
    said = refused(vmtest, f"source:{tree.path}", 3)
    assert "net/core/filter.c:12:3: error: 'skb' undeclared" in said
    assert re.search(r"all of it: (\S+build\.log)", said)
    assert "undeclared" in pathlib.Path(re.search(r"all of it: (\S+)", said)[1]).read_text()
    tree.makes("true")
    show(vmtest, f"source:{tree.path}")


def test_killed_while_it_compiles(vmtest, tree, tmp_path):
    """Nothing of it passes for a kernel, make does not go on alone, and the next build works."""
    os.mkfifo(tmp_path / "hold")
    tree.makes(f"test -e {tmp_path}/go || {{ echo $$PPID >{tmp_path}/pid; read line <{tmp_path}/hold; }}")
    running = vmtest.start("test", kernel=f"source:{tree.path}")
    running.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "make")
    make = int((tmp_path / "pid").read_text())
    send(running.process, "SIGKILL")
    running.process.wait()
    assert gone(make, 10)
    assert all(name.startswith(".partial") for name in kept())
    (tmp_path / "go").touch()
    show(vmtest, f"source:{tree.path}")
    assert [name.startswith(".partial") for name in kept()] == [False]


def test_tree_that_changes_meanwhile(vmtest, tree):
    tree.makes(f"echo 'int late;' >{tree.path}/late.c")
    assert "changed while it was compiled" in refused(vmtest, f"source:{tree.path}", 3)


def test_kernel_src_is_of_its_series(vmtest, tree, monkeypatch):
    monkeypatch.setenv("KERNEL_SRC", str(tree.path))
    assert show(vmtest, "6.12")["version"].startswith("source-")
    assert show(vmtest, "6.12.9999")["version"].startswith("source-")
    assert tree.times_made() == 1
    monkeypatch.setenv("KERNEL_SRC", "")
    assert not show(vmtest, KERNEL)["version"].startswith("source-")


def test_kernel_src_of_another_series(vmtest, tree, monkeypatch):
    """It is no answer to 6.1, and that is said; a series that only a source can give is refused."""
    monkeypatch.setenv("KERNEL_SRC", str(tree.path))
    done = vmtest.call("kernels", "show", "6.13")
    assert done.returncode == 2
    assert "KERNEL_SRC is 6.12.9999: not used for kernel 6.13" in done.stderr
    assert tree.times_made() == 0


@pytest.mark.parametrize("left", [".config", "include/config/auto.conf"])
def test_tree_built_in_place(vmtest, tree, left):
    (tree.path / left).parent.mkdir(parents=True, exist_ok=True)
    (tree.path / left).touch()
    said = refused(vmtest, f"source:{tree.path}", 2)
    assert f"KERNEL={tree.path}" in said and "mrproper" in said


def test_no_source(vmtest, tree, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.tar.xz").write_text("no tarball")
    for name in ("folder", "file.tar.xz", "nothing"):
        assert f"{tmp_path}/{name}" in refused(vmtest, f"source:{tmp_path}/{name}", 2)


def test_missing_tools_are_named(vmtest, tree, tmp_path):
    (tmp_path / "tools/bin/pahole").rename(tmp_path / "tools/bin/elsewhere")
    path = os.environ["PATH"]
    tools = tmp_path / "only"
    tools.mkdir()
    for name in os.listdir("/usr/bin"):
        if name != "pahole":
            (tools / name).symlink_to(f"/usr/bin/{name}")
    os.environ["PATH"] = f"{tmp_path}/tools/bin:{tools}"
    try:
        said = refused(vmtest, f"source:{tree.path}", 3)
    finally:
        os.environ["PATH"] = path
    assert re.search(r"apt-get install .*\bdwarves\b", said)
    assert "bison" not in said


def test_series_without_a_source(vmtest, tree):
    said = refused(vmtest, "source:6.13", 2)
    assert "KERNEL_SRC=/path/to/linux-6.13.tar.xz" in said


def test_all_compiles_nothing(vmtest):
    """What "all" means depends on no cache and takes no hour."""
    rows = vmtest.call("kernels", "list").stdout.splitlines()[1:]
    ready = {row.split()[0] for row in rows if "(built from source)" not in row}
    assert {row.split()[0] for row in rows} - ready == {"5.15", "6.6"}
    brought = vmtest.call("kernels", "fetch", "all", timeout=600)
    assert brought.returncode == 0, brought.stderr
    assert {row.split()[1] for row in brought.stdout.splitlines() if row.startswith("series")} == ready
