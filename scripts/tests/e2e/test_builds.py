# SPDX-License-Identifier: GPL-2.0-only
"""The same source gives the same bytes, wherever it is built."""

import subprocess

import pytest

from ..conftest import ROOT
from ..test_tree import files


def build(folder, products):
    """A clean build of these products from a copy of the tree."""
    for name in files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files()[name])
        target.chmod((ROOT / name).stat().st_mode)
    done = subprocess.run(["make", *products], cwd=folder, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return {product: (folder / product).read_bytes() for product in products}


@pytest.mark.long
def test_two_clean_builds_are_identical(tmp_path):
    programs = [path.name[:-len(".bpf.c")] for path in (ROOT / "bpf-src").glob("*.bpf.c")]
    assert programs
    products = [f"build/bpf/{name}.{kind}" for name in programs for kind in ("bpf.o", "skel.h")]
    one = build(tmp_path / "one", products)
    other = build(tmp_path / "a" / "longer-path" / "other", products)
    assert [product for product in products if one[product] != other[product]] == []
    assert [product for product in products if str(tmp_path).encode() in one[product]] == [], "the path is inside"
