# SPDX-License-Identifier: GPL-2.0-only
"""A run in the formats that CI systems read. What does not pass in the report passes in none of them."""

import importlib

from .. import summary, tables

# Each is a module here with FILE, the name beside report.md, and render(store, facts) -> text.
NAMES = ("ktap", "junit", "kcidb")


def render(name, store, facts):
    """(file name, text) of a run in the format of that name. facts: what summary.summarise() made of it."""
    module = importlib.import_module(f".{name}", __name__)  # each run writes few of them, often none
    return module.FILE, module.render(store, facts)


def places(store):
    """place -> suite -> lines, in the store's order; a place has the words of the report's tables: "6.12"."""
    labels = tables.Labels(store)
    found = {}
    for line in store.lines:
        found.setdefault(labels.place(line), {}).setdefault(line["suite"], []).append(line)
    return found


def flaws(store):
    """Why the run is no pass whatever its lines say; formats tell it as a test of its own that broke."""
    return list(store.problems) if store.lines else [summary.NOTHING, *store.problems]
