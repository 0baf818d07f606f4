# SPDX-License-Identifier: GPL-2.0-only
"""The schemas in harness/schema, and the table of outcomes that the result schema holds."""

import functools
import json
import pathlib

import jsonschema

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "harness" / "schema"


@functools.lru_cache(maxsize=None)
def load(name):
    """The schema of that name ("result", "run", "summary", "sweep") as a dictionary."""
    return json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=None)
def _validator(name):
    schema = load(name)
    result = load("result")
    resolver = jsonschema.RefResolver(schema["$id"], schema, store={result["$id"]: result})
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def complaint(name, document):
    """What is wrong with the document, in one line; None when it is right."""
    error = jsonschema.exceptions.best_match(_validator(name).iter_errors(document))
    if error is None:
        return None
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return f"{where.lstrip('.') or 'document'}: {error.message}"[:500]


@functools.lru_cache(maxsize=None)
def outcomes():
    """The table: outcome -> {"status", "exit", "about"}, in the schema's order."""
    schema = load("result")
    about = {entry["const"]: entry["description"] for entry in schema["$defs"]["outcome"]["oneOf"]}
    status_of, exit_of = {}, {}
    for rule in schema["allOf"]:
        status = rule["if"]["properties"]["status"]["const"]
        exit_of[status] = rule["then"]["x-exit"]
        allowed = rule["then"]["properties"]["outcome"]
        for outcome in allowed.get("enum") or [allowed["const"]]:
            status_of[outcome] = status
    return {
        outcome: {"status": status_of[outcome], "exit": exit_of[status_of[outcome]], "about": text}
        for outcome, text in about.items()
    }


def statuses():
    """The status words, the one that decides a run first."""
    return list(load("result")["properties"]["status"]["enum"])


def exit_of_statuses(present):
    """The exit code of a run in which these statuses occur."""
    by_status = {entry["status"]: entry["exit"] for entry in outcomes().values()}
    for status in statuses():
        if status in present:
            return by_status[status]
    return by_status["MISS"]  # nothing was decided, and nothing is not a pass
