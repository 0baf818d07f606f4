# SPDX-License-Identifier: GPL-2.0-only
"""Lays a store out as report.md and as a few lines for a terminal."""

import contextlib
import os
import pathlib
import shlex

import jinja2

from . import tables, text

TEMPLATES = pathlib.Path(__file__).resolve().parents[1] / "templates"
DETAILED = 60  # groups of failures told with their log; the others follow as a table, none is left out
TERMINAL_LINES = 15


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _table(heading, rows, right=()):
    """Markdown for a table; columns in right are aligned to the right."""
    rule = ["--:" if name in right else ":--" for name in heading]
    return "\n".join([_row(heading), _row(rule), *map(_row, rows)])


def report(store, facts):
    """The text of report.md. facts is what summary.summarise() made of the store."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
    environment.filters.update(md=text.markdown, code=text.code)
    environment.globals.update(table=_table, where=tables.where, fenced=text.fenced)
    labels = tables.Labels(store)
    groups = tables.groups(store, labels)
    columns = [text.markdown(column) for column in labels.columns]
    return environment.get_template("report.md.j2").render(
        facts=facts, run=store.run, columns=columns,
        command=shlex.join(store.run["command"]) if store.run else "",
        matrix=tables.matrix(store, labels),
        detailed=groups[:DETAILED], others=groups[DETAILED:],
        skips=tables.skip_rows(store, labels), flaky=tables.flaky_rows(store),
        verifier_matrix=tables.verifier_matrix(store, labels), verifier_rows=tables.verifier_rows(store, labels),
        performance_matrix=tables.performance_matrix(store, labels),
        performance_rows=tables.performance_rows(store, labels),
        cells=tables.cell_rows(store), left_out=tables.left_out_rows(store))


def terminal(store, facts, path, colour, quiet):
    """What failed and why, then (unless quiet) the verdict and the totals, then where the report is."""
    def paint(code, words):
        return f"\x1b[{code}m{words}\x1b[0m" if colour else words

    paints = {"FAIL": "31;1", "ERROR": "33", "MISS": "33", "PASS": "32", "BROKEN": "33;1", "NOTHING": "33;1"}
    groups = tables.groups(store, tables.Labels(store))
    lines = []
    for group in groups[:TERMINAL_LINES]:
        source = tables.where(group["source"])
        lines.append(f"{paint(paints[group['status']], group['status'])} {group['test']} on "
                     f"{text.one_line(', '.join(group['places']), 120)}")
        outcome = "" if group["outcome"] in ("fail", "error") else f"{group['outcome']}: "
        lines.append(f"     {outcome}{text.one_line(group['reason'])}" + (f" ({source})" if source else ""))
        lines.append(f"     by axis: {text.one_line(group['by_axis'])}")
    if len(groups) > TERMINAL_LINES:
        lines.append(f"and {len(groups) - TERMINAL_LINES} more, all in the report")
    lines += [f"{paint('33', 'store')} {text.one_line(problem)}" for problem in store.problems[:TERMINAL_LINES]]
    if len(store.problems) > TERMINAL_LINES:
        lines.append(f"and {len(store.problems) - TERMINAL_LINES} more problems with the store")
    if not quiet:
        lines.append(f"{paint(paints[facts['verdict']], facts['verdict'])}: {text.one_line(facts['sentence'], 500)}")
        totals = ", ".join(f"{status} {count}" for status, count in facts["totals"].items())
        lines += [f"totals: {totals}"] if totals else []
    lines.append(f"report: {path}")
    return "\n".join(lines) + "\n"


def write(path, content):
    """Replaces the file at once: a reader sees the old one or the new one, whole.

    It is not forced to the disk: after a power cut it can be rendered again, from results.jsonl.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # a lone surrogate, which JSON can name and UTF-8 cannot hold, stays the escape it was
        with open(new, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(content)
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
