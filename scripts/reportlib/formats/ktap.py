# SPDX-License-Identifier: GPL-2.0-only
"""KTAP, version 1, as https://docs.kernel.org/dev-tools/ktap.html has it: kernel, suite, test, nested.

Diagnostic lines stand before the result they belong to. All text from elsewhere follows a word of
ours ("# log: "), so that nothing in it can be taken for a result or a subtest's header.
"""

from .. import text
from ..tables import where
from . import flaws, places

FILE = "report.ktap"

# KTAP's own words for what is neither passed nor failed
_DIRECTIVE = {"ERROR": "ERROR", "MISS": "ERROR", "SKIP": "SKIP"}


def _words(words):
    """A description or a diagnosis: a # would begin a directive."""
    return text.one_line(words).replace("#", "_")


def _result(number, good, name, directive="", why=""):
    tail = f" # {directive} {_words(why)}" if directive else ""
    return f"{'ok' if good else 'not ok'} {number} {_words(name)}{tail}"


def _diagnosis(line):
    """What is known beyond the result, each as a line."""
    if line["status"] not in ("PASS", "SKIP", "DONE"):
        yield f"# {line['outcome']}: {text.one_line(line['reason'])}"
    if "source" in line:
        yield f"# source: {where(line['source'])} {text.one_line(line['source'].get('text', ''))}".rstrip()
    if "number" in line:
        yield f"# number: {line['number']['value']!r} {text.one_line(line['number']['unit'])}"
    if line["status"] in ("FAIL", "ERROR", "MISS"):
        tail, left_out = text.tail(line.get("log", ""))
        if left_out:
            yield f"# log: {left_out} lines before these left out"
        yield from (f"# log: {row}".rstrip() for row in tail)


def _test(number, line):
    status = line["status"]
    rows = list(_diagnosis(line))
    good = status in ("PASS", "DONE", "SKIP")
    directive = "TIMEOUT" if line["outcome"] == "timeout" else _DIRECTIVE.get(status, "")
    why = line.get("reason", "")
    if status == "SKIP":
        why = f"{line['missing']}: {why}"
    name = line["test"].removeprefix(line["suite"] + ".")
    return rows + [_result(number, good, name, directive, why)]


def _node(number, name, children, statuses):
    """A test with subtests. children: the rows of each; statuses: what all that is below it came to."""
    rows = ["KTAP version 1", f"# Subtest: {_words(name)}", f"1..{len(children)}"]
    rows += [row for child in children for row in child]
    good = not statuses & {"FAIL", "ERROR", "MISS"}
    directive, why = ("SKIP", "all of its tests were skipped") if statuses == {"SKIP"} else ("", "")
    return [f"  {row}" for row in rows] + [_result(number, good, name, directive, why)]


def _place(number, name, suites):
    nodes = [_node(index, suite, [_test(i, line) for i, line in enumerate(lines, 1)],
                   {line["status"] for line in lines})
             for index, (suite, lines) in enumerate(suites.items(), 1)]
    return _node(number, name, nodes, {line["status"] for lines in suites.values() for line in lines})


def render(store, facts):
    """The text of report.ktap."""
    tests = [_place(number, name, suites) for number, (name, suites) in enumerate(places(store).items(), 1)]
    broken = flaws(store)
    if broken:
        tests.append([f"# problem: {text.one_line(flaw)}" for flaw in broken[:text.LOG_LINES]]
                     + [_result(len(tests) + 1, False, "store", "ERROR", broken[0])])
    head = ["KTAP version 1", f"1..{len(tests)}", f"# run: {facts['run']}",
            f"# verdict: {facts['verdict']}: {text.one_line(facts['sentence'], 1000)}"]
    return "\n".join(head + [row for test in tests for row in test]) + "\n"
