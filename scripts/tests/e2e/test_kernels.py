# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that nobody knows: a usage error that helps, before anything is booted."""

import pytest


@pytest.mark.parametrize("name, nearest", [("6.13", "nearest: 6.12 and 6.16"), ("banana", "")])
def test_unknown_kernel(vmtest, name, nearest):
    got = vmtest.run("test", kernel=name)
    assert got.returncode == 2
    assert name in got.out
    assert nearest in got.out
    assert all(series in got.out for series in ("5.10", "6.1", "6.12", "6.18", "7.2")), "what there is"
    assert "bzImage" in got.out, "how to bring one's own"
    assert not got.lines


@pytest.mark.parametrize("series", ["5.10", "6.1", "6.12", "6.18", "7.2"])
def test_series_is_taken_whole(vmtest, series):
    """6.1 is not the beginning of 6.12 or 6.18."""
    shown = dict(row.split(None, 1) for row in vmtest.call("kernels", "show", series).stdout.splitlines())
    assert shown["version"].startswith(series + ".")


def test_unknown_release_of_a_known_series(vmtest):
    got = vmtest.run("test", kernel="6.12.999")
    assert got.returncode == 2
    assert "6.12.999" in got.out and "6.12.1" in got.out.replace("6.12.999", "")
    assert not got.lines


def test_kernel_file_that_is_not_one(vmtest, tmp_path):
    (tmp_path / "bzImage").write_text("no kernel")
    got = vmtest.run("test", kernel=str(tmp_path / "bzImage"))
    assert got.returncode in (2, 3)
    assert str(tmp_path / "bzImage") in got.out
    assert not any(line["status"] == "PASS" for line in got.lines)


def test_usage(vmtest):
    for arguments in (["test"], ["verify", "--kernel", "6.12"], ["test", "--kernel", "6.12", "--accel", "x"], ["tset"]):
        done = vmtest.call(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr
    for arguments in (["--help"], ["test", "--help"], ["verify", "--help"]):
        done = vmtest.call(*arguments)
        assert done.returncode == 0
        assert "usage: vmtest" in done.stdout
        assert f"vmtest {arguments[0].replace('--help', 'test')} --kernel" in done.stdout, "an example"
