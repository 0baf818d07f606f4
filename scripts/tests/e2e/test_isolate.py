# SPDX-License-Identifier: GPL-2.0-only
"""--isolate case: a machine of its own for each test, so that one that takes it down harms no other."""

import json


def suites(vmtest, **more):
    program = vmtest.guest("cases")
    path = vmtest.suites("cases", [program], ["cases", "all"])
    suite = json.loads(path.read_text())
    suite["suites"][0].update({"list": ["cases", "list"], "one": ["cases", "one", "{}"], **more})
    path.write_text(json.dumps(suite))
    return path


def test_one_test_does_not_harm_another(vmtest):
    got = vmtest.run("test", "--isolate", "case", "--suites", suites(vmtest))
    assert got.outcomes() == {"cases.first": "pass", "cases.panics": "panic", "cases.crashes": "unfinished",
                              "cases.last": "pass"}
    assert got.returncode == 1
    [cell] = got.run["cells"]
    assert cell["vms"] == 4


def test_in_one_machine_the_rest_is_lost(vmtest):
    """What isolation is for."""
    got = vmtest.run("test", "--suites", suites(vmtest))
    assert got.outcomes() == {"cases.first": "pass", "cases.panics": "panic"}


def test_suite_that_lists_nothing(vmtest):
    got = vmtest.run("test", "--isolate", "case", "--suites", suites(vmtest, list=["cases", "mute"]))
    assert got.only("error")["test"] == "cases.list"
    assert got.returncode == 3


def run_cell(vmtest, end):
    """Two suites in one machine: the first ends so, the second well."""
    two = json.loads(vmtest.suites("first", [vmtest.guest("ends")], ["ends", end]).read_text())
    two["suites"].append({**two["suites"][0], "name": "second", "argv": ["ends", "well"]})
    path = vmtest.folder / "two.yaml"
    path.write_text(json.dumps(two))
    return vmtest.run("test", "--isolate", "cell", "--suites", path)


def test_cell_shares_a_machine(vmtest):
    """--isolate cell: suites one after the other in one machine; what one leaves behind is gone for the next."""
    got = run_cell(vmtest, "unfinished")
    assert [(line["suite"], line["outcome"]) for line in got.lines] == [
        ("first", "pass"), ("first", "unfinished"), ("second", "pass")]
    assert len({line["console"] for line in got.lines}) == 1
    assert {cell["suite"] for cell in got.run["cells"]} == {"first", "second"}
    assert got.returncode == 3


def test_cell_that_dies_names_what_did_not_run(vmtest):
    got = run_cell(vmtest, "panic")
    assert got.only("panic")["suite"] == "first"
    lost = got.only("unfinished")
    assert lost["suite"] == "second" and "first" in lost["reason"]
    assert got.returncode == 1
