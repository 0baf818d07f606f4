# SPDX-License-Identifier: GPL-2.0-only
"""Rules that the tree as a whole keeps: licences, READMEs, sizes, nothing generated, no machine's paths."""

import fnmatch
import functools
import re
import subprocess

import pytest

from .conftest import ROOT

ROOMS = ["bpf-src", "loader", "harness", "kernels", "vmtests", "scripts", "ci"]
SOURCES = ["*.c", "*.h", "*.py", "*.sh", "*.mk", "*.yaml", "*.yml", "*.j2", "*.ini", "*.schema.json", "Makefile",
           ".clang-format", ".gitignore"]
GENERATED = ["*.o", "*.a", "*.so", "*.pyc", "*.skel.h", "vmlinux.h", "*.d", "*.ko", "*.ko.*", "*.cpio*", "*.orig",
             "*.rej", "*~", "core", "results.jsonl"]
LARGEST = 512 * 1024
LONGEST = 500  # lines of a source; longer files do more than one job


@functools.lru_cache(maxsize=None)
def files():
    """What git has or would take: path -> bytes."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, check=True).stdout.decode().split("\0")
    found = {name: (ROOT / name).read_bytes() for name in listed if name and (ROOT / name).is_file()}
    assert len(found) > 20, "git lists next to nothing"
    return found


def sources():
    """Those that a human wrote for a machine: by name, or by their #! line."""
    return {name: data for name, data in files().items()
            if any(fnmatch.fnmatch(name.split("/")[-1], pattern) for pattern in SOURCES) or data.startswith(b"#!")}


def test_every_source_names_its_licence():
    assert [name for name, data in sources().items()
            if b"SPDX-License-Identifier: GPL-2.0-only" not in b"\n".join(data.split(b"\n")[:3])] == []


def test_licence_text_is_here():
    assert b"GNU GENERAL PUBLIC LICENSE\n                       Version 2" in files()["LICENSES/GPL-2.0-only.txt"]
    assert b"LICENSES/GPL-2.0-only.txt" in files()["LICENSE"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_readme(room):
    readme = files().get(f"{room}/README.md", b"")
    assert len(readme.split(b"\n")) > 5, "say what lives here, what may touch it, how to run it alone"


def test_top_level_is_fixed():
    there = {name.split("/")[0] for name in files() if "/" in name and not name.startswith(".")}
    assert there - set(ROOMS) - {"LICENSES"} == set()


def test_nothing_large():
    assert {name: len(data) for name, data in files().items() if len(data) > LARGEST} == {}


def test_nothing_generated():
    assert [name for name in files()
            if any(fnmatch.fnmatch(name.split("/")[-1], pattern) for pattern in GENERATED)
            or name.startswith(("build/", "results/")) or "__pycache__" in name] == []


def test_nothing_binary():
    assert [name for name, data in files().items() if b"\0" in data] == []


def test_sources_are_small():
    lines = {name: data.count(b"\n") for name, data in sources().items()}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


def test_no_path_of_this_machine():
    """The folder of this tree; too short a path (/src) is no evidence."""
    if len(ROOT.parts) > 2:
        path = str(ROOT).encode()
        assert [name for name, data in files().items() if path in data] == []


def test_nothing_left_for_later():
    words = re.compile(rb"\b(TO" + rb"DO|FIX" + rb"ME|XX" + rb"X)\b")
    assert [name for name, data in files().items() if words.search(data) and not name.startswith("LICENSES/")] == []


def test_links_in_readmes_lead_somewhere():
    broken = []
    for name, data in files().items():
        if name.endswith(".md"):
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", data.decode()):
                if "://" not in target and not ((ROOT / name).parent / target).exists():
                    broken.append(f"{name}: {target}")
    assert broken == []
