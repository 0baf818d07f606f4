# SPDX-License-Identifier: GPL-2.0-only
"""What `make install` and `make deb` give, used as those use it who install it."""

import json
import os
import subprocess

import pytest

from .conftest import ROOT

PROGRAM = """
#include <stdio.h>
#include <string.h>
#include <corepath.h>

int main(void)
{
	struct corepath_prefix p;

	if (corepath_prefix_parse("10.0.0.0/8", &p) || p.len != 8)
		return 1;
	return !corepath_prefix_parse("10.0.0.0/33", &p) || !strstr(corepath_error(), "10.0.0.0/33");
}
"""


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed") / "usr"
    run("make", "-s", "install", f"PREFIX={prefix}", cwd=ROOT)
    return prefix


@pytest.fixture(scope="module")
def said():
    return json.loads(run(ROOT / "build/bin/corepath", "help", "--json").stdout)


@pytest.mark.parametrize("compiler, static", [("gcc", False), ("gcc", True), ("g++", False)])
def test_a_program_is_built_with_the_library(prefix, tmp_path, compiler, static):
    source = {"gcc": "program.c", "g++": "program.cc"}[compiler]
    (tmp_path / source).write_text(PROGRAM)
    flags = run("pkg-config", "--cflags", "--libs", *["--static"][:static], "corepath",
                env={**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}).stdout.split()
    run(compiler, "-Wall", "-Wextra", "-Werror", *["-static"][:static], "-o", "program", source, *flags, cwd=tmp_path)
    run(tmp_path / "program", env={} if static else {"LD_LIBRARY_PATH": str(prefix / "lib")})


# C++ has no flexible array members by its standard, and every compiler for Linux has them.
@pytest.mark.parametrize("words", [("gcc", "-xc", "-std=c11", "-pedantic"), ("g++", "-xc++", "-std=c++11")])
def test_each_header_compiles_alone(prefix, words):
    include = prefix / "include"
    headers = sorted(str(header.relative_to(include)) for header in include.rglob("*.h"))
    assert {"corepath.h", "corepath_security.h", "corepath/abi.h"} <= set(headers)
    for header in headers:
        run("sh", "-c", 'echo "#include <$0>" | "$@" -', header, *words, "-Wall", "-Wextra", "-Werror",
            "-fsyntax-only", f"-I{include}")


def test_the_library_shows_its_interface_alone(prefix):
    """Another libbpf in the same program must not meet the one inside."""
    for words in (["-D", prefix / "lib/libcorepath.so.0"], ["-g", prefix / "lib/libcorepath.a"]):
        shown = [line.split()[-1] for line in run("nm", "--defined-only", *words).stdout.splitlines() if " " in line]
        assert "corepath_up" in shown
        assert [name for name in shown if not name.startswith("corepath_")] == []


def test_manual(prefix, said):
    pages = prefix / "share/man/man8"
    for page in ("corepath.8", "corepath-metrics.8"):
        run("mandoc", "-Tlint", "-Wwarning", pages / page)
    done = run("groff", "-man", "-Tascii", "-ww", "-P-cbou", "-rLL=200n", pages / "corepath.8")
    assert done.stderr == ""
    for command in said["commands"]:
        assert f"corepath {command['name']}" in done.stdout
        assert command["example"] in done.stdout
        for option in command["options"]:
            assert f"--{option['name']}" in done.stdout


@pytest.mark.parametrize("typed, offered", [
    ("pref", ["prefilter", "preflight"]),
    ("prefilter s", ["signature"]),
    ("prefilter signature ", ["add", "del", "list"]),
    ("--pin-dir /tmp prefilter rate ", ["set", "show"]),
    ("service list --j", ["--json"]),
    ("up --xdp-mode ", ["auto", "native", "generic"]),
    ("up --dev eth0 --m", ["--max-prefixes"]),
    ("uplink attach l", ["lo"]),
    ("up --dev l", ["lo"]),
    ("uplink source ", ["add", "del"]),
    ("security load corepath-s", ["corepath-sweep.service", "corepath-sweep.timer"]),
    ("metrics --l", ["--listen"]),
    ("record --s", ["--size"]),
    ("record corepath-s", ["corepath-sweep.service", "corepath-sweep.timer"]),
    ("observe --from corepath-s", ["corepath-sweep.service", "corepath-sweep.timer"]),
    ("no-such-thing ", []),
])
def test_completion(prefix, typed, offered):
    script = """source "$0"; COMP_WORDS=(corepath "$@"); COMP_CWORD=$#; _corepath
                printf '%s\\n' "${COMPREPLY[@]}" """
    done = run("bash", "-c", script, prefix / "share/bash-completion/completions/corepath", *typed.split(" "),
               cwd=prefix / "lib/systemd/system")
    assert done.stderr == ""
    assert sorted(word.strip() for word in done.stdout.split("\n") if word) == sorted(offered)


def test_units(prefix):
    units = sorted((prefix / "lib/systemd/system").iterdir())
    assert [unit.name for unit in units] == ["corepath-metrics.service", "corepath-record.service", "corepath-sweep.service",
                                              "corepath-sweep.timer", "corepath.service"]
    done = run("systemd-analyze", "verify", "--man=no", *units)
    assert str(prefix) not in done.stderr, done.stderr


def make_packages():
    """Name -> path."""
    run("make", "-s", "deb", cwd=ROOT)
    packages = {path.name.split("_")[0]: path for path in (ROOT / "build").glob("*.deb")}
    assert sorted(packages) == ["corepath", "libcorepath-dev", "libcorepath0"]
    return packages


@pytest.fixture(scope="module")
def packages():
    return make_packages()


def field(package, name):
    return run("dpkg-deb", "--field", package, name).stdout.strip()


def test_packages(packages, tmp_path):
    """The command needs nothing, and who wants no HTTP need not have its library."""
    assert field(packages["corepath"], "Depends") == ""
    assert "libmicrohttpd" in field(packages["corepath"], "Recommends")
    assert {"libc6", "libelf1", "libyaml-0-2", "zlib1g"} == {
        word.split()[0] for word in field(packages["libcorepath0"], "Depends").split(",")}
    assert "libcorepath0 (= " in field(packages["libcorepath-dev"], "Depends")
    arch = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").stdout.strip()
    for name, paths in {
            "corepath": ["/sbin/corepath", "/sbin/corepath-metrics", "/share/man/man8/corepath.8.gz",
                         "/share/man/man8/corepath-metrics.8.gz", "/share/bash-completion/completions/corepath",
                         "/lib/systemd/system/corepath.service", "/share/corepath/prometheus/corepath.rules.yml",
                         "/share/corepath/prometheus/dashboard.json"],
            "libcorepath0": [f"/lib/{arch}/libcorepath.so.0"],
            "libcorepath-dev": [f"/lib/{arch}/libcorepath.so -> libcorepath.so.0", f"/lib/{arch}/libcorepath.a",
                                f"/lib/{arch}/pkgconfig/corepath.pc", "/include/corepath.h"]}.items():
        held = run("dpkg-deb", "--contents", packages[name]).stdout
        for path in paths + [f"/share/doc/{name}/copyright", f"/share/doc/{name}/changelog.gz"]:
            assert f" ./usr{path}\n" in held, (name, path)
        assert " root/root " in held and str(ROOT) not in held
        run("dpkg-deb", "--extract", packages[name], tmp_path)
    assert "ExecStart=/usr/sbin/corepath up" in (tmp_path / "usr/lib/systemd/system/corepath.service").read_text()
    flags = run("pkg-config", "--cflags", "--libs", "corepath",
                env={**os.environ, "PKG_CONFIG_LIBDIR": str(tmp_path / f"usr/lib/{arch}/pkgconfig"),
                     "PKG_CONFIG_SYSROOT_DIR": str(tmp_path), "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1",
                     "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"}).stdout.split()
    (tmp_path / "program.c").write_text(PROGRAM)
    run("gcc", "-o", "program", "program.c", *flags, cwd=tmp_path)
    run(tmp_path / "program", env={"LD_LIBRARY_PATH": str(tmp_path / f"usr/lib/{arch}")})


@pytest.mark.long
def test_lintian_has_nothing_to_say(packages):
    done = run("lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", *packages.values())
    assert done.stdout == ""


@pytest.mark.long
def test_packages_are_the_same_again(packages):
    before = {name: path.read_bytes() for name, path in packages.items()}
    assert {name: path.read_bytes() for name, path in make_packages().items()} == before
