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
