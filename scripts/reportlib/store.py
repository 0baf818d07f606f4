# SPDX-License-Identifier: GPL-2.0-only
"""Reads what vmtest wrote: results.jsonl (one result per line) and run.json."""

import json
import pathlib
import sys
import typing

from . import schema


def _number(kind, least, most):
    """Numbers as vmtest can write them. Python would take any, and then fail to calculate with them or print them."""
    def parse(text):
        value = kind(text)
        if not least <= value <= most:
            raise ValueError(f"{text[:40]} is out of range")
        return value
    return parse


def _no_number(text):
    raise ValueError(f"{text} is no number of JSON")


_DECODE = json.JSONDecoder(
    parse_int=_number(int, -2**63, 2**63 - 1), parse_float=_number(float, -sys.float_info.max, sys.float_info.max),
    parse_constant=_no_number).decode


def _json(data):
    """What the bytes say. Raises ValueError, with a text, when they are not JSON."""
    try:
        return _DECODE(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class Unreadable(Exception):
    """The store cannot be read at all; the text says what, where, and what to do."""


class Store(typing.NamedTuple):
    """lines: of each machine's last try; retried: of the tries before.

    problems: what makes the store incomplete; a run with problems is no pass.
    """

    folder: pathlib.Path
    lines: list
    run: dict
    problems: list
    retried: list = []


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}; give the folder of a run, results/RUN") from error


def _results(path, problems):
    data = _read(path)
    if not data:
        return []
    whole = data.endswith(b"\n")
    rows = data.split(b"\n")
    if whole:
        rows.pop()
    lines = []
    for number, row in enumerate(rows, 1):
        try:
            line = _json(row)
        except ValueError as error:  # of the decoder of UTF-8, too
            if number == len(rows) and not whole:
                problems.append(f"{path.name}:{number}: the last line is cut short ({len(row)} bytes): "
                                "vmtest was killed while writing it, or the disk is full")
            else:
                problems.append(f"{path.name}:{number}: not JSON: {error}")
            continue
        wrong = schema.complaint("result", line)
        if wrong:
            problems.append(f"{path.name}:{number}: not a result line: {wrong}")
            continue
        lines.append(line)
    return lines


def _run(path, problems):
    if not path.exists():
        problems.append(f"{path.name}: missing, so it is unknown what was meant to run: "
                        "the run has not finished: it still goes on, or vmtest was killed")
        return {}
    try:
        run = _json(_read(path))
    except ValueError as error:
        problems.append(f"{path.name}: not JSON: {error}")
        return {}
    wrong = schema.complaint("run", run)
    if wrong:
        problems.append(f"{path.name}: {wrong}")
        return {}
    return run


def _cross_check(lines, run, problems):
    named = {line["run"] for line in lines} | ({run["run"]} if run else set())
    if len(named) > 1:
        problems.append("results.jsonl: lines of several runs are mixed: " + ", ".join(sorted(named)))
    if run and "finished" not in run:
        problems.append("run.json: the run has not finished: it still goes on, or vmtest was killed")
    spoke = {(line["cell"]["id"], suite) for line in lines for suite in (line["suite"], None)}
    for cell in run.get("cells", []):
        if (cell["id"], cell.get("suite")) not in spoke:
            who = f"{cell['suite']} in cell {cell['id']}" if "suite" in cell else f"cell {cell['id']}"
            problems.append(f"results.jsonl: not one line from {who}")
    seen = set()
    for line in lines:
        key = (line["cell"]["id"], line["suite"], line["test"], line.get("seed"))
        if key in seen and line["test"] != line["suite"]:
            problems.append(f"results.jsonl: {line['test']} was reported twice in cell {key[0]}")
        seen.add(key)
    expected = schema.exit_of_statuses({line["status"] for line in lines})
    if run.get("exit", expected) != expected:
        problems.append(f"run.json: vmtest exited with {run['exit']}, but the lines say {expected}")


def last_tries(lines):
    """(the lines of each machine's last try, those of its earlier ones)"""
    last = {}
    for line in lines:
        machine = line.get("vm")
        last[machine] = max(last.get(machine, 1), line.get("try", 1))
    counts = [line for line in lines if line.get("try", 1) == last[line.get("vm")]]
    return counts, [line for line in lines if line.get("try", 1) < last[line.get("vm")]]


def read(folder):
    """The store in this folder. Raises Unreadable when there is no results.jsonl to be read."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise Unreadable(f"{folder}: no such folder; give the folder of a run, results/RUN")
    problems = []
    lines, retried = last_tries(_results(folder / "results.jsonl", problems))
    run = _run(folder / "run.json", problems)
    _cross_check(lines, run, problems)
    return Store(folder, lines, run, problems, retried)
