# SPDX-License-Identifier: GPL-2.0-only
"""What `vmtest kernels features` says without booting: known facts in both directions, and the kernel's own word."""

import fnmatch
import functools
import json
import os
import re
import shutil
import subprocess

import pytest

SERIES = ["5.10", "6.1", "6.12", "6.18", "7.2"]
OTHERS = ["6.16", "6.17", "6.19", "7.0", "7.1", "7.3-rc", "7.3"]
# Their config came in the package of modules, which the archive has lost: what it decides is not known.
WITHOUT_CONFIG = ["6.19", "7.0", "7.1"]
ALL = SERIES

# name, the series that have it, why: the kernel release it came or went in, and the commit where known.
FACTS = [
    ("helper:bpf_ringbuf_output", ALL, "5.8 457f44363a88"),
    ("helper:bpf_redirect_peer", ALL, "5.10 9aa1206e8f48"),
    ("helper:bpf_check_mtu", SERIES[1:], "5.12"),
    ("helper:bpf_for_each_map_elem", SERIES[1:], "5.13"),
    ("helper:bpf_timer_init", SERIES[1:], "5.15 b00628b1c7d5"),
    ("helper:bpf_loop", SERIES[1:], "5.17 e6f2dd0f8067"),
    ("helper:bpf_kptr_xchg", SERIES[1:], "5.19"),
    ("helper:bpf_cgrp_storage_get", SERIES[2:], "6.2"),
    ("helper:bpf_override_return", [], "4.16; Debian's cloud kernels are without BPF_KPROBE_OVERRIDE"),
    ("map:ringbuf", ALL, "5.8 457f44363a88"),
    ("map:task_storage", SERIES[1:], "5.11"),
    ("map:user_ringbuf", SERIES[1:], "6.1"),
    ("map:arena", SERIES[2:], "6.9 317460317a02"),
    ("map:insn_array", SERIES[4:], "6.19 b4ce5923e780"),
    ("prog:sk_lookup", ALL, "5.9 e9ddbb7707ff"),
    ("prog:syscall", SERIES[1:], "5.14 79a7f8bdb159"),
    ("prog:netfilter", SERIES[2:], "6.4"),
    ("prog:lirc_mode2", [], "4.18; the cloud kernels are without infrared"),
    ("attach:lsm_cgroup", SERIES[1:], "6.0"),
    ("attach:tcx_ingress", SERIES[2:], "6.6"),
    ("attach:netkit_primary", SERIES[2:], "6.7"),
    ("attach:trace_kprobe_session", SERIES[2:], "6.10"),
    ("link:xdp", ALL, "5.9 aa8d3a716b59"),
    ("link:tcx", SERIES[2:], "6.6"),
    ("link:netkit", SERIES[2:], "6.7"),
    ("link:kprobe_multi", SERIES[2:], "5.18; Debian's 6.1 is without FPROBE"),
    ("cmd:link_create", ALL, "5.7"),
    ("cmd:token_create", SERIES[2:], "6.9 35f96de04127"),
    ("lsm:file_open", ALL, "5.7 fc611f47f218"),
    ("lsm:userns_create", SERIES[1:], "6.1"),
    ("lsm:task_getsecid", SERIES[:1], "gone in 5.13"),
    ("lsm:bpf_map_create", SERIES[2:], "6.9; bpf_map_alloc_security before"),
    ("lsm:bpf_map_alloc_security", SERIES[:2], "gone in 6.9"),
    ("lsm:path_chown", SERIES[1:], "its kuid_t is a struct: 6.1 720e6a435194"),
    ("tracepoint:sched_switch", ALL, ""),
    ("tracepoint:xfs_readdir", SERIES[1:], "of module xfs; modules have BTF since 5.11"),
    ("kfunc:bpf_xdp_ct_lookup", SERIES[1:], "of module nf_conntrack: 5.18 b4c2b9593a1c"),
    ("kfunc:bpf_ct_set_nat_info", SERIES[1:], "of module nf_nat: 6.1"),
    ("kfunc:bpf_verify_pkcs7_signature", SERIES[1:], "6.1"),
    ("kfunc:bpf_xdp_metadata_rx_hash", SERIES[2:], "6.3 3d76a4d3d4e5"),
    ("kfunc:bpf_dynptr_from_xdp", SERIES[2:], "6.4"),
    ("kfunc:bpf_xdp_pull_data", SERIES[3:], "6.18"),
    ("kfunc:cgroup_rstat_flush", SERIES[1:3], "6.1; css_rstat_flush later"),
    ("kfunc:vfs_read", [], "a function, never a kfunc"),
    ("kfunc:update_socket_protocol", [], "6.6, in a set of functions whose result programs may change"),
    ("module:veth", ALL, ""),
    ("module:no_such_module", [], ""),
    ("config:BPF_SYSCALL", ALL, ""),
    ("config:VETH=m", ALL, ""),
    ("config:VETH=y", [], ""),
    ("config:LSM=bpf", SERIES[1:], "Debian's default list"),
    ("config:FPROBE", SERIES[2:], ""),
    ("field:task_struct.__state", SERIES[1:], "5.14 2f064a59a11f"),
    ("field:task_struct.state", SERIES[:1], "gone in 5.14"),
    ("field:task_struct.se.vruntime", ALL, ""),
    ("field:sk_buff.cb", ALL, ""),
    ("field:net_device.tcx_ingress", SERIES[2:], "6.6"),
    ("type:nf_conn", ALL, ""),
    ("type:bpf_link_type", ALL, "an enum: 5.8"),
    ("type:bpf_arena", SERIES[2:], "6.9"),
    ("func:tcp_v4_rcv", ALL, ""),
    ("func:do_unlinkat", SERIES[:4], "gone by 7.2"),
    ("func:nf_nat_setup_info", SERIES[1:], "of module nf_nat"),
]

# 5.10's modules have no BTF: what may be in one of them is not known.
UNKNOWN = {("5.10", "tracepoint:xfs_readdir"), ("5.10", "func:nf_nat_setup_info")}

# What trying cannot confirm of an answer that is yes, and why.
UNTRIED = {
    "prog:ext": "extends another program, which has to be loaded first",
    "kfunc:bpf_xdp_metadata_rx_*": "for programs bound to a device",
    "kfunc:*scx_bpf_*": "some are for schedulers alone (struct sched_ext_ops)",
    "kfunc:bpf_qdisc_*": "for queueing disciplines (struct Qdisc_ops)",
    "kfunc:bpf_kfree_skb": "the same",
    "kfunc:bpf_skb_get_hash": "the same",
    "kfunc:bpf_io_uring_*": "for io_uring (struct io_uring_bpf_ops)",
}
# Another name of the same number, given after 6.1: the old kernel has the map, not the name.
RENAMED = ("map:cgroup_storage_deprecated", "map:percpu_cgroup_storage_deprecated")


def features(vmtest, kernel, *names):
    done = vmtest.call("kernels", "features", kernel, "--json", *names)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def everything(program, kernel):
    line = [program, "kernels", "features", kernel, "--json"]
    return json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("kernel", SERIES)
def test_known_facts(vmtest, kernel):
    answers = features(vmtest, kernel, *[name for name, _, _ in FACTS])
    wrong = {}
    for name, have, source in FACTS:
        expected = "unknown" if (kernel, name) in UNKNOWN else "yes" if kernel in have else "no"
        if answers[name]["has"] != expected:
            wrong[name] = (expected, source, answers[name])
        assert answers[name]["evidence"], name
    assert not wrong


@pytest.mark.parametrize("kernel", [*SERIES, *(pytest.param(series, marks=pytest.mark.long) for series in OTHERS)])
def test_the_kernel_agrees(vmtest, kernel):
    """Every map, program type, helper, kfunc and LSM hook of any series, tried inside a VM."""
    documents = {series: everything(vmtest.program, series) for series in (*SERIES, kernel)}
    here = documents[kernel]
    numbers, names = {}, {"kfunc": set(), "lsm": set()}
    for document in documents.values():
        for kind in ("map", "prog", "helper", "attach"):
            for name, entry in document[kind].items():
                numbers[kind, name] = re.search(r" = (\d+)", entry["evidence"])[1]
        for kind, known in names.items():
            known.update(document[kind])
    attach = ("xdp", "tcx_ingress", "netkit_primary", "netfilter", "trace_kprobe_multi")
    modules = sorted({entry["module"] for entry in here["kfunc"].values()} - {""})
    questions = [f"module 0 {module}" for module in modules]
    questions += [f"{kind} {number} {name}" for (kind, name), number in sorted(numbers.items())
                  if kind != "attach" or name in attach]
    questions += [f"{kind} 0 {name}" for kind, known in sorted(names.items()) for name in sorted(known)]

    line = [vmtest.program, "run", "--kernel", kernel]
    for module in modules:
        line += ["--module", module]
    done = subprocess.run([*line, "--", vmtest.guest("probe")], input="\n".join(questions), text=True,
                          capture_output=True, timeout=180)
    assert done.returncode == 0, done.stderr
    rows = [row.split() for row in done.stdout.splitlines()]
    assert len(rows) == len(questions) > 800

    wrong = []
    for asked, found in rows:
        kind, name = asked.split(":", 1)
        if kind == "module":
            assert found == "yes", f"{name}: its types are not in /sys/kernel/btf"
            continue
        said = here[kind].get(name, {"has": "no"})["has"]
        if said == "unknown" and kernel in WITHOUT_CONFIG:
            assert re.search(r"whether CONFIG_\w+ is set is not known", here[kind][name]["evidence"]), asked
            continue
        untried = said == "yes" and any(fnmatch.fnmatch(asked, pattern) for pattern in UNTRIED)
        if said != found and not untried and asked not in RENAMED:
            wrong.append(f"{asked}: said {said}, the kernel says {found}")
    assert not wrong


def test_helpers_are_frozen(vmtest):
    """No helper came after 6.2, so the lists of later kernels are one."""
    later = [set(everything(vmtest.program, series)["helper"]) for series in SERIES[2:]]
    assert later[0] == later[1] == later[2] and len(later[0]) == 211  # bpf_cgrp_storage_delete


def test_module_is_named(vmtest):
    kfuncs = everything(vmtest.program, "6.1")["kfunc"]
    assert kfuncs["bpf_xdp_ct_lookup"]["module"] == "nf_conntrack"
    assert kfuncs["bpf_ct_set_nat_info"]["module"] == "nf_nat"
    assert kfuncs["bpf_key_put"]["module"] == ""


def test_for_people(vmtest):
    done = vmtest.call("kernels", "features", "6.1")
    assert done.returncode == 0
    assert re.search(r"^config:$", done.stdout, re.M) and re.search(r"^  BPF_LSM +y$", done.stdout, re.M)
    assert "-bpf_override_return" in done.stdout, "what the config left out is marked"
    done = vmtest.call("kernels", "features", "6.1", "kfunc:")
    assert "yes     kfunc:bpf_ct_release  (FUNC bpf_ct_release in a BTF_SET8 of .BTF_ids of module nf_conntrack)" \
        in done.stdout.splitlines()


@pytest.mark.parametrize("name", ["bpf_loop", "helper", "helpers:bpf_loop", "field:sk_buff", "BPF LSM", "type:"])
def test_no_name_of_a_feature(vmtest, name):
    done = vmtest.call("kernels", "features", "6.12", name)
    assert done.returncode == 2
    assert name in done.stderr


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of our own that shares the kernels."""
    known = os.environ.get("VMTEST_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vmtest")
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in ("kernels", "packages"):
        (folder / name).symlink_to(os.path.join(known, name))
    monkeypatch.setenv("VMTEST_CACHE", str(folder))
    return folder


def image_of(vmtest, kernel):
    shown = vmtest.call("kernels", "show", kernel).stdout
    return dict(row.split(None, 1) for row in shown.splitlines())["image"]


def test_own_kernel_without_config(vmtest, cache, tmp_path):
    """Nobody knows the config: what it decides is unknown, not absent; what BTF shows still is known."""
    image = tmp_path / "bzImage"
    shutil.copy(image_of(vmtest, "6.12"), image)
    expected = {"helper:bpf_loop": "yes", "map:arena": "yes", "map:xskmap": "unknown", "config:BPF_SYSCALL": "unknown",
                "link:netkit": "unknown", "helper:bpf_no_such": "no", "kfunc:bpf_dynptr_from_xdp": "yes",
                "kfunc:bpf_xdp_ct_lookup": "no", "module:veth": "unknown", "lsm:file_open": "yes"}
    answers = features(vmtest, str(image), *expected)
    assert {name: answer["has"] for name, answer in answers.items()} == expected
    # with the config beside it, also as /boot has it, all is known; the kept answer is not taken for it
    config = os.path.join(os.path.dirname(image_of(vmtest, "6.12")), "config")
    shutil.copy(config, tmp_path / "config")
    answers = features(vmtest, str(image), "map:xskmap", "link:netkit")
    assert [answer["has"] for answer in answers.values()] == ["yes", "yes"]


def test_looked_into_once(vmtest, cache):
    for said in (True, False):
        done = vmtest.call("kernels", "features", "6.12", "helper:bpf_loop")
        assert done.returncode == 0 and ("looking into" in done.stderr) == said
    (kept,) = (cache / "features").iterdir()
    kept.write_text("{")  # damaged: looked into again
    done = vmtest.call("kernels", "features", "6.12", "helper:bpf_loop")
    assert done.stdout.startswith("yes ") and "looking into" in done.stderr


@pytest.mark.parametrize("kernel", SERIES)
def test_modules_of_kfuncs(vmtest, kernel):
    """`vmtest verify` loads the modules that an object's kfuncs are in, and tells a missing kfunc from a rejection."""
    got = vmtest.run("verify", "build/fixtures/ct_lookup.bpf.o", "build/fixtures/no_kfunc.bpf.o", kernel=kernel)
    lines = {line["test"]: line for line in got.lines}
    missing = lines["verifier.no_kfunc.no_kfunc"]
    assert missing["reason"] == "missing kfunc corepath_no_such_kfunc: not in this kernel nor its modules"
    assert (missing["outcome"], missing["verifier"]["stage"], missing["verifier"]["verdict"]) \
        == ("fail", "kfunc", "not_loaded")
    ours = lines["verifier.ct_lookup.ct_lookup"]
    if kernel == "5.10":
        assert ours["verifier"]["stage"] == "kfunc" and "missing kfunc bpf_" in ours["reason"]
    else:
        assert (ours["outcome"], ours.get("modules", ["nf_conntrack"])) == ("pass", ["nf_conntrack"])


def test_skips_are_held_against_the_kernel(vmtest):
    """A test may be skipped for what the kernel lacks, and for nothing else."""
    missing = ["map:insn_array", "helper:bpf_loop", "BPF LSM", "config:NETKIT, map:insn_array"]
    suites = vmtest.suites("skips", [vmtest.guest("skips")], ["skips", *missing])
    got = vmtest.run("test", "--suites", str(suites), kernel="6.12")
    lines = [next(line for line in got.lines if line["test"] == f"skips.test{n}") for n in (1, 2, 3, 4)]
    assert [line["outcome"] for line in lines] == ["skip", "fail", "fail", "fail"]
    assert lines[0]["reason"] == "cannot: enum bpf_map_type has no such value"
    assert lines[1]["reason"].startswith("skipped for helper:bpf_loop, which this kernel has: enum bpf_func_id: ")
    assert lines[2]["reason"].startswith('skipped for "BPF LSM", which names no feature of a kernel')
    assert lines[3]["reason"].startswith("skipped for config:NETKIT, which this kernel has: CONFIG_NETKIT=y")
    assert got.returncode == 1
