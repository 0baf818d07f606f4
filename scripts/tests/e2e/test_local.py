# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that somebody built: an image, a tree, modules that lie elsewhere."""

import lzma
import pathlib
import shutil

import pytest

from .conftest import KERNEL


@pytest.fixture
def kernel(vmtest, monkeypatch):
    """A kernel of the cache: release, image, modules."""
    for name in ("KERNEL_SRC", "VMTEST_MODULES"):
        monkeypatch.delenv(name, raising=False)
    rows = dict(row.split(None, 1) for row in vmtest.call("kernels", "show", KERNEL).stdout.splitlines())
    return {**rows, "image": pathlib.Path(rows["image"]), "modules": pathlib.Path(rows["modules"])}


@pytest.fixture(params=["o", "ko"])
def tree(request, tmp_path, kernel):
    """That kernel as its build left it: modules beside their sources, plain, and a list of them (of their objects,
    in newer kernels)."""
    tree = tmp_path / "linux"
    (tree / "arch/x86/boot").mkdir(parents=True)
    shutil.copy(kernel["image"], tree / "arch/x86/boot/bzImage")
    (tree / "include/config").mkdir(parents=True)
    (tree / "include/config/kernel.release").write_text(kernel["release"] + "\n")
    (tree / "kernel").mkdir()  # of the source: it is no folder of modules
    order = []
    for module in sorted((kernel["modules"] / "kernel").rglob("*.ko*")):
        name = module.relative_to(kernel["modules"] / "kernel")
        plain = tree / name.parent / (name.name.split(".ko")[0] + ".ko")
        order.append(str(plain.relative_to(tree).with_suffix("." + request.param)))
        if module.name.split(".")[0] in ("veth", "8021q", "garp", "mrp", "stp", "llc", "virtio_pci", "virtio_console",
                                         "virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev"):
            plain.parent.mkdir(parents=True, exist_ok=True)
            data = module.read_bytes()
            plain.write_bytes(lzma.decompress(data) if module.suffix == ".xz" else data)
    (tree / "modules.order").write_text("\n".join(order) + "\n")
    shutil.copy(kernel["modules"] / "modules.builtin", tree)
    return tree


def test_built_tree(vmtest, tree, kernel):
    """Its modules are found and loaded: traffic needs veth and 8021q."""
    suite = vmtest.suites("functional", ["build/bin/functional", "build/bpf/xdp_prefilter.bpf.o", "build/bin/corepath",
                                         "build/vmtests/prefilter.json"],
                          ["functional", "--only", "functional.traffic.native_vlan_in_frame", "--traffic",
                           "prefilter.json"],
                          modules=["veth", "8021q"])
    got = vmtest.run("test", "--suites", suite, kernel=str(tree))
    assert got.returncode == 0, got.out
    assert [line["outcome"] for line in got.lines] == ["pass"]
    assert {line["cell"]["release"] for line in got.lines} == {kernel["release"]}


def test_tree_without_the_module(vmtest, tree):
    """Not there is not built in: a suite that needs it does not run without."""
    order = (tree / "modules.order").read_text().splitlines()
    (tree / "modules.order").write_text("\n".join(line for line in order if "/veth." not in line) + "\n")
    suite = vmtest.suites("functional", ["build/bin/functional"], ["functional", "--list"], modules=["veth"])
    got = vmtest.run("test", "--suites", suite, kernel=str(tree))
    assert got.returncode == 3
    assert "no module veth" in got.out


def shown(vmtest, path):
    done = vmtest.call("kernels", "show", str(path))
    return done.returncode, {row[:9].strip(): row[9:] for row in done.stdout.splitlines()}, done.stderr


def test_tree_that_is_not_built(vmtest, tmp_path):
    (tmp_path / "Kconfig").touch()
    (tmp_path / "Makefile").touch()
    code, _, said = shown(vmtest, tmp_path)
    assert code == 2 and f"KERNEL=source:{tmp_path}" in said


def test_folder_of_something_else(vmtest, tmp_path):
    code, _, said = shown(vmtest, tmp_path)
    assert code == 2 and f"{tmp_path}: no arch/x86/boot/bzImage" in said


def test_tree_configured_since(vmtest, tree):
    """An image of another configuration than the modules would refuse them."""
    (tree / "include/config/kernel.release").write_text("6.12.0-other\n")
    code, _, said = shown(vmtest, tree)
    assert code == 2 and "6.12.0-other" in said


@pytest.mark.parametrize("layout", ["lib/modules/{release}", "{release}", "of-that-kernel"])
def test_image_with_modules_elsewhere(vmtest, kernel, tmp_path, monkeypatch, layout):
    """A folder of modules, or what INSTALL_MOD_PATH was."""
    where = tmp_path / "installed" / layout.format(release=kernel["release"])
    where.parent.mkdir(parents=True)
    where.symlink_to(kernel["modules"])
    monkeypatch.setenv("VMTEST_MODULES", str(where if layout == "of-that-kernel" else tmp_path / "installed"))
    code, rows, said = shown(vmtest, kernel["image"])
    assert code == 0, said
    assert rows["modules"] == str(where)


def test_modules_of_another_kernel(vmtest, kernel, tmp_path, monkeypatch):
    (tmp_path / "6.1.0-1-cloud-amd64").symlink_to(kernel["modules"])
    monkeypatch.setenv("VMTEST_MODULES", str(tmp_path / "6.1.0-1-cloud-amd64"))
    code, _, said = shown(vmtest, kernel["image"])
    assert code == 2 and "6.1.0-1-cloud-amd64" in said and kernel["release"] in said


def test_folder_without_modules(vmtest, kernel, tmp_path, monkeypatch):
    monkeypatch.setenv("VMTEST_MODULES", str(tmp_path))
    code, _, said = shown(vmtest, kernel["image"])
    assert code == 2 and str(tmp_path) in said and "modules.builtin" in said
