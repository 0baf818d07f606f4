# SPDX-License-Identifier: GPL-2.0-only
"""JUnit's XML as Jenkins, GitLab and their like read it: a testsuite for each suite on each kernel.

There is no standard; used is what the readers have in common, and properties of a testcase, which
pytest writes too. ERROR and MISS are errors, DONE passes and has its number as a property. Control
characters, which XML 1.0 (section 2.2) forbids even as references, are written out, as \\x1b.
"""

import re

from .. import text
from ..tables import where
from . import flaws, places

FILE = "junit.xml"

_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def _text(words):
    return text.visible(words, keep="\n\t").translate(_MARKUP)


def _attributes(**values):
    return "".join(f' {name}="{text.one_line(str(value), 1000).translate(_MARKUP)}"'
                   for name, value in values.items())


def _seconds(lines):
    return f"{sum(line.get('duration_ns', 0) for line in lines) / 1e9:.6f}"


def _properties(values):
    if not values:
        return []
    return ["<properties>", *(f"<property{_attributes(name=name, value=value)}/>" for name, value in values.items()),
            "</properties>"]


def _measured(line):
    """number and perf, side by side."""
    if "number" not in line:
        return {}
    perf = {**line.get("perf", {})}
    if "runs" in perf:
        perf["runs"] = " ".join(map(repr, perf["runs"]))
    return {**line["number"], **{key: value for key, value in perf.items() if key != "unit"}}


def _verdict(line):
    """The element that says it did not pass, if it did not."""
    status = line["status"]
    if status == "SKIP":
        head = _attributes(type="missing feature", message=f"{line['missing']}: {line['reason']}")
        return [f"<skipped{head}/>"]
    if status in ("PASS", "DONE"):
        return []
    element = "failure" if status == "FAIL" else "error"
    body = [f"{status}, {line['outcome']}: {line['reason']}"]
    if "source" in line:
        body.append(f"{where(line['source'])}: {line['source'].get('text', '')}")
    body += text.tail(line.get("log", ""))[0]  # its end; all of it, which the store bounds, is in system-out
    head = _attributes(type=line["outcome"], message=line["reason"])
    return [f"<{element}{head}>{_text(chr(10).join(body))}</{element}>"]


def _class(place, name):
    """Readers make a tree of what the dots part; those of "6.12" part nothing."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", place).strip("_") + f".{name}"


def _case(place, line):
    group, _, case = line["test"].rpartition(".")
    head = _attributes(classname=_class(place, group or line["suite"]), name=case or line["test"],
                       time=_seconds([line]))
    inside = _properties(_measured(line)) + _verdict(line)
    if line.get("log"):
        inside.append(f"<system-out>{_text(line['log'])}</system-out>")
    return [f"<testcase{head}>", *inside, "</testcase>"] if inside else [f"<testcase{head}/>"]


def _counts(lines):
    status = [line["status"] for line in lines]
    return {"tests": len(status), "failures": status.count("FAIL"),
            "errors": status.count("ERROR") + status.count("MISS"), "skipped": status.count("SKIP")}


def _suite(place, suite, lines):
    head = _attributes(name=f"{suite} on {place}", **_counts(lines), time=_seconds(lines),
                       timestamp=lines[0]["time"][:19])
    cell = {f"cell.{key}": value for key, value in lines[0]["cell"].items()}
    return [f"<testsuite{head}>", *_properties(cell), *(row for line in lines for row in _case(place, line)),
            "</testsuite>"]


def _flawed(broken):
    head = _attributes(name="store", tests=1, failures=0, errors=1, skipped=0, time="0.000000")
    words = _text("\n".join(broken[:text.LOG_LINES]))
    return [f"<testsuite{head}>", f"<testcase{_attributes(classname='store', name='store', time='0.000000')}>",
            f"<error{_attributes(type='store', message=broken[0])}>{words}</error>", "</testcase>", "</testsuite>"]


def render(store, facts):
    """The text of junit.xml."""
    broken = flaws(store)
    counts = _counts(store.lines)
    if broken:
        counts["tests"] += 1
        counts["errors"] += 1
    rows = ['<?xml version="1.0" encoding="UTF-8"?>',
            f"<testsuites{_attributes(name=facts['run'], **counts, time=_seconds(store.lines))}>"]
    for place, suites in places(store).items():
        for suite, lines in suites.items():
            rows += _suite(place, suite, lines)
    if broken:
        rows += _flawed(broken)
    return "\n".join([*rows, "</testsuites>"]) + "\n"
