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
    page = prefix / "share/man/man8/corepath.8"
    done = run("groff", "-man", "-Tascii", "-ww", "-P-cbou", "-rLL=200n", page)
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
    assert [unit.name for unit in units] == ["corepath-metrics.service", "corepath-sweep.service", "corepath-sweep.timer",
                                               "corepath.service"]
    done = run("systemd-analyze", "verify", "--man=no", *units)
    assert str(prefix) not in done.stderr, done.stderr


def test_package(tmp_path):
    run("make", "-s", "deb", cwd=ROOT)
    [package] = (ROOT / "build").glob("corepath_*.deb")
    fields = run("dpkg-deb", "--field", package).stdout
    assert "libelf1" in fields and "libc6" in fields
    # who wants no HTTP need not have it
    [recommends] = [line for line in fields.splitlines() if line.startswith("Recommends:")]
    assert "libmicrohttpd" in recommends and fields.count("libmicrohttpd") == 1
    held = run("dpkg-deb", "--contents", package).stdout
    for path in ("./usr/sbin/corepath\n", "./usr/lib/libcorepath.so -> libcorepath.so.0\n", "/corepath.8.gz\n",
                 "./usr/share/bash-completion/completions/corepath\n", "./usr/lib/systemd/system/corepath.service\n",
                 "./usr/sbin/corepath-metrics\n", "/share/corepath/prometheus/corepath.rules.yml\n",
                 "/share/corepath/prometheus/dashboard.json\n"):
        assert path in held
    assert " root/root " in held and str(ROOT) not in held
    run("dpkg-deb", "--extract", package, tmp_path)
    assert "ExecStart=/usr/sbin/corepath up" in (tmp_path / "usr/lib/systemd/system/corepath.service").read_text()
