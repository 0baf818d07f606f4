# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel a name stands for: selectors, the lock file, an archive that moves on. The archive here is a program
that offers what a test wants, in packages that all hold the same real kernel."""

import hashlib
import io
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

from ..conftest import ROOT
from .conftest import KERNEL

MATRIX = """
archive: {suites: [some]}
kernels:
  - {series: "5.10", provider: packages, flavour: cloud, required: true}
  - {series: "6.1", provider: packages, flavour: cloud, required: true}
  - {series: "6.12", provider: packages, flavour: cloud, required: true}
  - {series: "6.18", provider: packages, flavour: cloud, required: false}
  - {series: "7.3", provider: packages, flavour: cloud, required: false}
  - {series: "7.3-rc", provider: packages, flavour: cloud, required: false%s}
  - {series: "6.6", provider: source, version: "6.6.119", required: false,
     sha256: 3da09b980bb404cc28793479bb2d6c636522679215ffa65a04c893575253e5e8}
profiles:
  - {name: default, about: as ever}
  - {name: jit-off, about: interpreted, append: sysctl.net.core.bpf_jit_enable=0, needs: [%s]}
  - {name: rt, about: another image, flavour: rt}
libbpf:
  - {version: "1", source: s, suite: s, file: f, sha256: 3da09b980bb404cc28793479bb2d6c636522679215ffa65a04c893575253e5e8}
compilers:
  - {clang: "19", cpu: v3}
"""

# $2 is vmtest's folder of state, in its cache.
PROVIDER = """#!/bin/sh
folder='{folder}'
echo "$1" >>"$folder/asked"
[ -e "$folder/reachable" ] || {{ echo "packages: no route" >&2; exit 3; }}
case $1 in
list) cat "$folder/index-$3" ;;
fetch) cp "$folder/package.deb" "$3" ;;
esac
"""

FIRST = {"5.10": "5.10.9", "6.1": "6.1.9", "6.12": "6.12.40", "6.18": "6.18.9", "7.3": "7.3.1", "7.3-rc": "7.3~rc7"}


def write_deb(path, image):
    """deb(5), with a kernel image and nothing else."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(image, "./boot/vmlinuz-any")
    body = data.getvalue()
    head = f"{'data.tar':<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
    path.write_bytes(b"!<arch>\n" + head + body + b"\n" * (len(body) % 2))


class Archive:
    """A tree with a matrix and a provider of its own, and a cache."""

    def __init__(self, folder, vmtest):
        self.folder, self.vmtest, self.lock = folder, vmtest, folder / "home/kernels/matrix.lock"
        (folder / "home/kernels/providers").mkdir(parents=True)
        for name in ("build", "scripts", "vmtests", "harness"):
            (folder / "home" / name).symlink_to(ROOT / name)
        provider = folder / "home/kernels/providers/packages"
        provider.write_text(PROVIDER.format(folder=folder))
        provider.chmod(0o755)
        self.matrix()
        self.reachable(True)
        self.offers(*FIRST.values())
        self.offers(flavour="rt")

    def matrix(self, more="", needs="BPF_JIT"):
        (self.folder / "home/kernels/matrix.yaml").write_text(MATRIX % (more, needs))

    def reachable(self, yes):
        """Whether there is a network."""
        if yes:
            (self.folder / "reachable").touch()
        else:
            (self.folder / "reachable").unlink()

    def offers(self, *releases, flavour="cloud", sum_of="package"):
        """The index, from the newest to the oldest."""
        rows = [f"{release} {release}-{flavour}-amd64 {release}-1 linux-image-{release}-{flavour}-amd64 "
                + hashlib.sha256(f"{sum_of} {release}".encode()).hexdigest() for release in releases]
        (self.folder / f"index-{flavour}").write_text("".join(row + "\n" for row in rows) or "none\n")
        for path in (self.folder / "cache/packages").glob("*.list"):  # a day later
            path.unlink()

    def times(self, verb):
        return (self.folder / "asked").read_text().split().count(verb)

    def call(self, *arguments, code=0):
        done = self.vmtest.call(*arguments)
        assert done.returncode == code, done.stderr
        return done

    def run(self, *arguments, kernel=KERNEL, modules=()):
        """A suite that passes where it can run."""
        suites = self.vmtest.suites("ends", [self.vmtest.guest("ends")], ["ends", "well"], modules=modules)
        return self.vmtest.run("test", "--accel", "tcg", "--suites", suites, *arguments, kernel=kernel)

    def shows(self, selector):
        """What a selector stands for: series -> version."""
        out = self.call("kernels", "show", selector).stdout
        return dict(zip(re.findall("^series +(.*)", out, re.M), re.findall("^version +(.*)-1", out, re.M)))


@pytest.fixture
def archive(vmtest, tmp_path, monkeypatch):
    shown = vmtest.call("kernels", "show", KERNEL).stdout
    image = pathlib.Path(next(row.split()[1] for row in shown.splitlines() if row.startswith("image")))
    made = Archive(tmp_path, vmtest)
    write_deb(tmp_path / "package.deb", image)
    for name in ("KERNEL_SRC", "VMTEST_MODULES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VMTEST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VMTEST_CACHE", str(tmp_path / "cache"))
    return made


@pytest.mark.parametrize("selector, series", [
    ("6.1..6.18", ["6.1", "6.12", "6.18"]),
    ("6.0..6.13", ["6.1", "6.12"]),
    ("6.18..", ["6.18", "7.3", "7.3-rc"]),
    ("..5.10", ["5.10"]),
    ("7.3-rc..7.3", ["7.3", "7.3-rc"]),
    ("all", ["5.10", "6.1", "6.12", "6.18", "7.3", "7.3-rc"]),
    ("required", ["5.10", "6.1", "6.12"]),
    ("newest", ["7.3"]),
    ("newest,required,6.12,7.3", ["7.3", "5.10", "6.1", "6.12"]),
    ("7.3-rc", ["7.3-rc"]),
])
def test_selectors(archive, selector, series):
    assert archive.shows(selector) == {name: FIRST[name] for name in series}
    assert list(archive.shows(selector)) == series


def test_releases(archive):
    archive.offers("6.12.43", "6.12.40", "6.12.4", "7.3~rc7", "7.3~rc6")
    assert archive.shows("6.12.4") == {"6.12.4": "6.12.4"}
    assert archive.shows("7.3~rc6") == {"7.3~rc6": "7.3~rc6"}
    assert archive.shows("6.12") == {"6.12": "6.12.43"}
    said = archive.call("kernels", "show", "7.3", code=2).stderr
    assert "holds no cloud kernel 7.3" in said, "a release candidate is no release"
    said = archive.call("kernels", "show", "6.12.9", code=2).stderr
    assert "the newest of series 6.12 is" in said and "6.12.43" in said


@pytest.mark.parametrize("selector, said", [
    ("6.18..6.1", "the older series comes first: 6.1..6.18"),
    ("6.2..6.11", "no series lies there that comes ready made"),
    ("6.1..6.12.43", "write 6.12, not 6.12.43"),
    ("6.1..new", 'no kernel "new"'),
    ("6.13", "nearest: 6.12 and 6.18"),
    (",", "no kernel named"),
])
def test_selectors_that_are_wrong(archive, selector, said):
    assert said in archive.call("kernels", "show", selector, code=2).stderr


def test_lock_holds_what_the_archive_moves(archive):
    archive.call("kernels", "lock")
    rows = [row for row in archive.lock.read_text().splitlines() if not row.startswith("#")]
    assert [row.split()[:3] for row in rows] == [[series, "cloud", release] for series, release in
                                                 (*list(FIRST.items())[:4], ("7.3-rc", "7.3~rc7"), ("7.3", "7.3.1"))]
    archive.call("kernels", "lock", "--check")
    archive.offers("6.12.41", *FIRST.values())
    archive.call("kernels", "list")
    shown = archive.call("kernels", "show", "6.12")
    assert "version  6.12.40-1" in shown.stdout
    assert "stale" in shown.stderr and "there is 6.12.41" in shown.stderr
    assert archive.shows("6.12.41") == {"6.12.41": "6.12.41"}, "what is named is not pinned"
    checked = archive.call("kernels", "lock", "--check", code=3)
    assert "6.12.40-1 -> 6.12.41-1" in checked.stdout
    before = archive.lock.read_text()
    archive.call("kernels", "lock", "6.1")
    assert archive.lock.read_text() == before
    archive.call("kernels", "lock", "6.12")
    assert archive.shows("6.12") == {"6.12": "6.12.41"}
    archive.call("kernels", "lock", "--check")


def test_without_a_network(archive):
    """What is pinned and cached needs neither archive nor index; what is not says so."""
    archive.call("kernels", "lock")
    archive.shows("6.12")
    archive.reachable(False)
    (archive.folder / "cache/packages/cloud.list").unlink()
    asked = archive.times("update")
    assert archive.shows("6.12") == {"6.12": "6.12.40"}
    assert archive.times("update") == asked
    said = archive.call("kernels", "show", "6.1", code=3).stderr
    assert "is there a network?" in said
    before = archive.lock.read_text()
    archive.call("kernels", "lock", code=3)
    assert archive.lock.read_text() == before


def test_old_index_does_not_make_a_kernel_gone(archive):
    """Only an archive that was asked can have lost a release."""
    archive.call("kernels", "lock")
    archive.offers("6.12.38")
    archive.call("kernels", "list")
    index = archive.folder / "cache/packages/cloud.list"
    os.utime(index, (1, 1))
    archive.reachable(False)
    said = archive.call("kernels", "show", "6.12", code=3).stderr
    assert "the archive could not be asked" in said


def test_pinned_release_that_left_the_archive(archive):
    archive.call("kernels", "lock")
    archive.offers("6.12.41")
    got = archive.run()
    assert got.returncode == 0, got.out
    assert "6.12.40-1, pinned by kernels/matrix.lock, has left the archive: using 6.12.41-1" in got.out
    [image] = got.run["kernels"]
    assert (image["version"], image["pin"], image["pinned"]) == ("6.12.41-1", "gone", "6.12.40 (6.12.40-1)")
    assert "6.12.40" in got.report, "who reads the report must learn it"
    got = archive.run("--locked")
    assert got.returncode == 3
    assert got.only("no_kernel")["status"] == "MISS"
    assert "run `vmtest kernels lock`" in got.out


def test_lock_is_a_pin_of_bytes(archive):
    archive.call("kernels", "lock")
    archive.shows("6.12")
    noted = next((archive.folder / "cache/kernels").glob("6.12.40*/packages"))
    assert noted.read_text().split()[0] in archive.lock.read_text()
    noted.write_text("0" * 64 + "  linux-image-6.12.40-cloud-amd64=6.12.40-1\n")
    said = archive.call("kernels", "show", "6.12", code=3).stderr
    assert "made of other packages" in said and str(noted.parent) in said


def test_broken_lock(archive):
    archive.lock.write_text("# a comment\n6.12 cloud 6.12.40\n")
    said = archive.call("kernels", "show", "6.12", code=3).stderr
    assert "matrix.lock:2: expected series, flavour" in said


@pytest.mark.parametrize("wrong", [False, True])
def test_downloads_are_checked(vmtest, tmp_path, monkeypatch, wrong):
    """Debian's provider, with an apt-get that brings what it likes."""
    (tmp_path / "bin").mkdir()
    apt = tmp_path / "bin/apt-get"
    apt.write_text("#!/bin/sh\nprintf bytes >linux-image-1_2%3a3-4_amd64.deb\n")
    apt.chmod(0o755)
    for name in ("state", "kernel"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    good = hashlib.sha256(b"bytes").hexdigest()
    done = subprocess.run([vmtest.need("kernels/providers/packages"), "fetch", tmp_path / "state", tmp_path / "kernel",
                           f"linux-image-1=2:3-4#{good[::-1] if wrong else good}"], capture_output=True, text=True)
    assert done.returncode == (3 if wrong else 0), done.stderr
    assert ("not what was pinned" in done.stderr) == wrong


def test_modules_that_the_archive_lost(archive):
    """Said by the matrix, what needs one is skipped; unsaid, it is trouble. What needs none runs."""
    got = archive.run(kernel="7.3-rc", modules=["veth"])
    assert got.returncode == 3
    assert "no modules of" in got.only("no_kernel")["reason"]
    archive.matrix(", lost: modules")
    got = archive.run(kernel="7.3-rc", modules=["veth"])
    line = got.only("skip")
    assert line["missing"] == "module:veth" and "the archive has lost the modules" in line["reason"]
    assert [line["test"] for line in got.lines] == ["ends"]
    assert got.returncode == 0
    got = archive.run(kernel="7.3-rc")
    assert (got.outcomes(), got.returncode) == ({"ends.before": "pass"}, 0), got.out


def test_one_kernel_missing_does_not_take_the_others_along(archive):
    archive.call("kernels", "lock")
    archive.shows("6.12")
    archive.reachable(False)
    got = archive.run(kernel="6.12,6.1")
    assert sorted((line["cell"]["kernel"], line["outcome"]) for line in got.lines) == [("6.1", "no_kernel"),
                                                                                       ("6.12", "pass")]
    assert got.returncode == 3


def test_profiles_a_kernel_cannot_be_booted_in(archive):
    archive.matrix(needs="NOT_AN_OPTION")
    archive.shows("6.12")
    [folder] = (archive.folder / "cache/kernels").glob("6.12.40*")
    (folder / "config").write_text("CONFIG_BPF_JIT=y\n")
    got = archive.run("--profile", "jit-off,rt")
    lines = {line["missing"]: line["reason"] for line in got.lines if line["status"] == "SKIP"}
    assert lines.keys() == {"profile:jit-off", "profile:rt"}, got.out
    assert "CONFIG_NOT_AN_OPTION is not set" in lines["profile:jit-off"]
    assert "there is no rt flavour of 6.12" in lines["profile:rt"]


def test_debugger_asks_the_flavour_it_looks_at(archive):
    """gdb's names come from a guest of the same image: here the archive has no other."""
    archive.offers()
    archive.offers("6.12.40", flavour="rt")
    done = archive.call("gdb", "--kernel", KERNEL, "--profile", "rt", "--accel", "tcg", "--batch", "--gdb-command",
                        "info symbol do_syscall_64", "--gdb-command", "continue", "--", "true")
    assert "do_syscall_64 in section .text" in done.stdout, done.stdout + done.stderr
