# SPDX-License-Identifier: GPL-2.0-only
"""What a run amounts to: totals, the verdict, failures and numbers (summary.schema.json)."""

import collections

from . import attribution, schema

NOTHING = "not one test reported a result, so nothing was tested"


def totals(lines):
    """status -> how many, in the statuses' order, those that occur."""
    count = collections.Counter(line["status"] for line in lines)
    return {status: count[status] for status in schema.statuses() if count[status]}


def plural(number, noun):
    """3, "test" -> "3 tests" """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _names(values, most=8):
    shown = ", ".join(values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")


def kernels(lines):
    """The kernels of these lines, in the order of the run, each once."""
    return list(dict.fromkeys(line["cell"]["kernel"] for line in lines))


def verdict(store):
    """(word, sentence): PASS, FAIL, BROKEN or NOTHING, and why, for whoever reads one line only."""
    lines = store.lines
    count = totals(lines)
    failed = [line for line in lines if line["status"] == "FAIL"]
    broken = [line for line in lines if line["status"] in ("ERROR", "MISS")]
    where = plural(len(kernels(lines)), "kernel")
    damage = f"; {plural(len(store.problems), 'problem')} with the store" if store.problems else ""
    if failed:
        also = f"; {plural(len(broken), 'result')} could not be had" if broken else ""
        shared = attribution.of_all(lines, failed)
        only = f" By axis: {shared.sentence}." if shared else ""
        return "FAIL", (f"{len(failed)} of {plural(len(lines), 'result')} failed, on "
                        f"{len(kernels(failed))} of {where} ({_names(kernels(failed))}){also}{damage}.{only}")
    if not lines:
        return "NOTHING", NOTHING + damage + "."
    if broken:
        return "BROKEN", (f"no test failed, but {len(broken)} of {plural(len(lines), 'result')} could not be had, on "
                          f"{_names(kernels(broken))}: the test, the harness or the machine broke{damage}.")
    if store.problems:
        return "BROKEN", (f"no test failed, but the store is not whole: {plural(len(store.problems), 'problem')}, "
                          "listed below.")
    if not count.get("PASS") and not count.get("DONE"):
        return "NOTHING", f"{plural(len(lines), 'test')} skipped and none run, so nothing was tested."
    parts = [f"{plural(count[status], noun)} {verb}" for status, noun, verb in
             (("PASS", "test", "passed"), ("DONE", "number", "measured"), ("SKIP", "test", "skipped"))
             if status in count]
    unsteady = flaky(store)
    also = f" {plural(len(unsteady), 'machine')} had to be tried twice." if unsteady else ""
    return "PASS", ", ".join(parts) + f", on {where} ({_names(kernels(lines))}).{also}"


def exit_code(store):
    """What a run with this store should have exited with."""
    code = schema.exit_of_statuses({line["status"] for line in store.lines})
    return code or (schema.exit_of_statuses(set()) if store.problems else 0)


def _entry(line, *keys):
    entry = {"cell": line["cell"]["id"], "suite": line["suite"], "test": line["test"]}
    entry.update((key, line[key]) for key in keys if key in line)
    return entry


def _number(line):
    entry = _entry(line, "number", "perf")
    entry.update(entry.pop("number"))
    entry.update(entry.pop("perf", {}))
    entry["unit"] = line["number"]["unit"]
    return entry


def _failure(line, by_axis):
    entry = _entry(line, "status", "outcome", "reason", "source", "vm", "seed", "console")
    found = by_axis[line["suite"], line["test"]]
    entry["attribution"] = {"sentence": found.sentence, "axes": found.axes,
                            "nearest": found.nearest.get(line["cell"]["id"], [])}
    return entry


def flaky(store):
    """The machines that came to their end only when they were tried again, with what ended the first try."""
    again = {line["vm"] for line in store.lines if line.get("try", 1) > 1}
    came_up = again - {line.get("vm") for line in store.lines if line["status"] == "MISS"}
    return [{"cell": line["cell"]["id"], **{key: line[key] for key in ("vm", "outcome", "reason", "console") if key in line}}
            for line in store.retried if line["status"] == "MISS" and line["vm"] in came_up]


def _grouped(lines, key):
    groups = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return {name: totals(group) for name, group in groups.items()}


def summarise(store):
    """The content of summary.json."""
    lines = store.lines
    word, sentence = verdict(store)
    by_axis = attribution.of_tests(lines)
    run = store.run
    summary = {
        "v": 1,
        "run": run.get("run") or (lines[0]["run"] if lines else store.folder.resolve().name),
        "verdict": word,
        "sentence": sentence,
        "exit": exit_code(store),
        "totals": totals(lines),
        "outcomes": dict(collections.Counter(line["outcome"] for line in lines)),
        "cells": _grouped(lines, lambda line: line["cell"]["id"]),
        "suites": _grouped(lines, lambda line: line["suite"]),
        "failures": [_failure(line, by_axis)
                     for status in ("FAIL", "ERROR", "MISS") for line in lines if line["status"] == status],
        "flaky": flaky(store),
        "skips": [_entry(line, "missing", "reason") for line in lines if line["status"] == "SKIP"],
        "numbers": [_number(line) for line in lines if "number" in line],
        "problems": store.problems,
    }
    summary.update((key, run[key]) for key in ("started", "finished") if key in run)
    return summary
