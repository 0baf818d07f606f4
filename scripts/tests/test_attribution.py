# SPDX-License-Identifier: GPL-2.0-only
"""Tables of cells, and the sentence each amounts to."""

import pytest

from reportlib import attribution

from .conftest import make_line

SERIES = ["5.10", "6.1", "6.12", "6.18", "7.2"]
OLD, NEW = "libbpf 1.1.2", "libbpf 1.5.0"


def cell(kernel="6.12", loader=NEW, compiler="clang 19", profile="default", **more):
    """A point of the matrix."""
    values = {"kernel": kernel, "loader": loader, "compiler": compiler, "profile": profile, "arch": "x86_64",
              "accel": "tcg", **more}
    return {"id": "/".join(map(str, values.values())), "version": "", "release": kernel, **values}


def table(rows, **more):
    """{"libbpf 1.5.0": ".xxxx"}: a row for each value of an axis, a letter per kernel: . passes, x fails, - not run."""
    axis, kernels = more.pop("axis", "loader"), more.pop("kernels", SERIES)
    failing, passing = [], []
    for value, letters in rows.items():
        for kernel, letter in zip(kernels, letters):
            if letter != "-":
                (failing if letter == "x" else passing).append(cell(kernel, **{axis: value}, **more))
    return attribution.attribute(failing, passing)


@pytest.mark.parametrize("letters, said", [
    ("x....", "fails on 5.10, passes on 6.1 (of the 5 kernels run)"),
    ("..x..", "fails on 6.12, passes on 6.1 and 6.18 (of the 5 kernels run)"),
    (".xx..", "fails on 6.1 to 6.12, passes on 5.10 and 6.18 (of the 5 kernels run)"),
    ("..xxx", "fails on 6.12+, passes on 6.1 (of the 5 kernels run)"),
    ("xx...", "fails on 5.10 to 6.1, passes on 6.12 (of the 5 kernels run)"),
    ("x..x.", "fails on 5.10 and 6.18, passes on 6.1, 6.12 and 7.2 (of the 5 kernels run)"),
    ("--x.-", "fails on 6.12, passes on 6.18 (of the 2 kernels run)")])
def test_kernel(letters, said):
    got = table({NEW: letters})
    assert got.sentence == said
    assert got.axes == [["kernel"]]


def test_versions_are_numbers():
    kernels = ["6.9", "6.10", "6.12"]
    assert table({NEW: "x.."}, kernels=kernels).sentence == "fails on 6.9, passes on 6.10 (of the 3 kernels run)"
    assert table({NEW: ".xx"}, kernels=kernels).sentence == "fails on 6.10+, passes on 6.9 (of the 3 kernels run)"


def test_hole_in_a_stable_branch():
    kernels = ["6.1.9", "6.1.169", "6.1.170", "6.1.172", "6.1.174", "6.1.175"]
    got = table({NEW: "..xxx."}, kernels=kernels)
    assert got.sentence == "fails on 6.1.170 to 6.1.174, passes on 6.1.169 and 6.1.175 (of the 6 kernels run)"


def test_order_of_input_does_not_matter():
    failing = [cell("7.2"), cell("6.12")]
    passing = [cell("6.1"), cell("5.10"), cell("6.9")]
    said = attribution.attribute(failing, passing)
    assert said.sentence == "fails on 6.12+, passes on 6.9 (of the 5 kernels run)"
    assert attribution.attribute(failing[::-1], passing[::-1]) .sentence == said.sentence


def test_point_release_of_a_package_decides_the_order():
    """Debian's 6.1.0-9 and 6.1.0-56 tell nothing by their release."""
    def packaged(kernel, version):
        return cell(kernel, version=version, release="6.1.0-x") | {"version": version}
    got = attribution.attribute([packaged("6.1", "6.1.192-2")], [packaged("6.1.9", "6.1.9-1"), cell("6.12")])
    assert got.sentence == "fails on 6.1, passes on 6.1.9 and 6.12 (of the 3 kernels run)"


def test_loader_on_every_kernel():
    got = table({OLD: "xxxxx", NEW: "....."})
    assert got.sentence == "fails with libbpf 1.1.2 on every kernel, passes with libbpf 1.5.0 (of the 5 kernels run)"
    assert got.axes == [["loader"]]
    assert got.nearest[cell("6.1", OLD)["id"]] == [cell("6.1", NEW)["id"]]


def test_loader_where_some_kernels_were_not_run():
    assert table({OLD: "-xx--", NEW: "....."}).sentence == \
        "fails with libbpf 1.1.2 on 6.1 to 6.12, passes with libbpf 1.5.0 (of the 5 kernels run)"


def test_compiler_on_new_kernels_only():
    got = table({"clang 14": ".xxxx", "clang 19": "....."}, axis="compiler")
    assert got.sentence == ("fails on 6.1+ only with clang 14, passes with clang 14 on 5.10 and with clang 19 there "
                            "(of the 5 kernels run)")
    assert got.axes == [["kernel", "compiler"]]


def test_neighbour_must_have_been_run_in_the_same_way():
    """6.1 passes with clang 19 only: with clang 14 it was not run."""
    got = table({"clang 14": ".-xxx", "clang 19": "....."}, axis="compiler")
    assert got.sentence == ("fails on 6.12+ only with clang 14, passes with clang 14 on 5.10 and with clang 19 there "
                            "(of the 5 kernels run)")


def test_profile():
    failing = [cell(profile="icount")]
    assert attribution.attribute(failing, [cell()]).sentence == "fails under profile icount, passes under profile default"


def test_axes_not_varied_apart_are_both_told():
    got = attribution.attribute([cell("7.2", NEW, "clang 19")], [cell("6.18", NEW, "clang 14")])
    assert got.axes == [["kernel"], ["compiler"]]
    assert got.sentence == ("fails on 7.2, passes on 6.18 (of the 2 kernels run); or: fails with clang 19 on 7.2, "
                            "passes with clang 14 (of the 2 kernels run) (the kernel and compiler were not varied apart)")


def test_no_single_box():
    got = table({OLD: "xx...", NEW: "...xx"})
    assert got.sentence == ("with libbpf 1.1.2: fails on 5.10 to 6.1, passes on 6.12; "
                            "with libbpf 1.5.0: fails on 6.18+, passes on 6.12")
    assert got.axes == [["kernel", "loader"]]


def test_axes_that_do_not_matter_are_not_told():
    """An old kernel and a profile break it; it was run with two loaders by the way."""
    failing = [cell(kernel, loader, profile=profile) for loader in (OLD, NEW)
               for kernel, profile in (("6.1", "default"), ("6.1", "jit-off"), ("6.12", "jit-off"))]
    got = attribution.attribute(failing, [cell("6.12", loader) for loader in (OLD, NEW)])
    assert got.sentence == \
        "under profile default: fails on 6.1, passes on 6.12; under profile jit-off: fails on 6.1 to 6.12"
    assert got.axes == [["kernel", "profile"]]


def test_one_combination_passes_everywhere():
    got = table({"libbpf 0.8": "x...x", OLD: "..x..", NEW: "....."})
    assert got.sentence.endswith("; with libbpf 1.5.0: passes on 5.10 to 7.2")
    assert "with libbpf 1.1.2: fails on 6.12, passes on 6.1 and 6.18" in got.sentence


@pytest.mark.parametrize("letters, said", [
    ("--x--", "fails on 6.12, the only kernel run; it passed nowhere, so there is nothing to compare with"),
    ("xxxxx", "fails on all 5 kernels run; it passed nowhere, so there is nothing to compare with")])
def test_nothing_to_compare_with(letters, said):
    got = table({NEW: letters})
    assert (got.sentence, got.axes, got.nearest) == (said, [], {})


def test_seeds():
    assert attribution.attribute([cell()], [cell(), cell()]).sentence == \
        "fails on 6.12, the only kernel run; it also passes there, with other seeds"
    assert attribution.attribute([cell("7.2")], [cell("7.2"), cell("6.1")]).sentence == \
        "fails on 7.2, passes on 6.1 (of the 2 kernels run); where it fails it also passes, with other seeds"


def test_nearest_neighbours_on_both_sides():
    got = table({NEW: "..x.."})
    assert got.nearest == {cell("6.12")["id"]: [cell("6.1")["id"], cell("6.18")["id"]]}


def test_nothing_failed():
    assert attribution.attribute([], [cell()]) is None


def test_unknown_values_and_own_kernels():
    """A bzImage has a path for a name, and a cell may not know its compiler."""
    def own(kernel, compiler):
        return {key: value for key, value in cell(kernel, compiler=compiler).items() if value is not None}
    got = attribution.attribute([own("./bzImage", None)], [own("6.12", "clang 19")])
    assert got.sentence == "fails on ./bzImage, passes on 6.12 (of the 2 kernels run)"


def test_skips_and_broken_machines_are_no_passes():
    """What did not run proves nothing: neither a skip nor another test's pass is a neighbour."""
    lines = [make_line("a.b.c", "fail", cell("7.2")), make_line("a.b.c", "skip", cell("6.12")),
             make_line("a.b.other", "pass", cell("6.1")), make_line("a.b.c", "no_boot", cell("5.10"))]
    got = attribution.of_tests(lines)
    assert list(got) == [("a", "a.b.c")]
    assert got["a", "a.b.c"].axes == []
    assert "nothing to compare with" in got["a", "a.b.c"].sentence


def test_line_of_a_whole_machine():
    """A machine that came up has no line that says so: its tests' passes do."""
    lines = [make_line("a.vm", "no_boot", cell("6.12")), make_line("a.b.c", "pass", cell("6.1")),
             make_line("a.b.c", "fail", cell("7.2")), make_line("other.b.c", "pass", cell("5.10"))]
    assert attribution.of_tests(lines)["a", "a.vm"].sentence == "fails on 6.12, passes on 6.1 (of the 2 kernels run)"


def test_all_failures_together():
    lines = [make_line(test, "fail" if kernel == "7.2" else "pass", cell(kernel))
             for test in ("a.b.c", "a.b.d") for kernel in ("6.18", "7.2")]
    failed = [line for line in lines if line["status"] == "FAIL"]
    assert attribution.of_all(lines, failed).sentence == "fails on 7.2, passes on 6.18 (of the 2 kernels run)"
    assert attribution.of_all(failed, failed) is None
