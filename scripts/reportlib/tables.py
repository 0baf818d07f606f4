# SPDX-License-Identifier: GPL-2.0-only
"""The rows and columns of a report, as lists of Markdown cells; the template lays them out."""

from . import attribution, schema, summary
from .text import code, link, markdown, number, one_line, seconds

NONE = "-"


def _varying(cells, axes):
    """Those axes on which the cells of this run differ."""
    return [axis for axis in axes if len({cell.get(axis) for cell in cells}) > 1]


def cells_of(store):
    """Every VM of the run: those that were started, then those that are known from their lines only."""
    found = list(store.run.get("cells", []))
    known = {cell["id"] for cell in found}
    for line in store.lines:
        if line["cell"]["id"] not in known:
            known.add(line["cell"]["id"])
            found.append(line["cell"])
    return found


class Labels:
    """Names columns by kernel and rows by the other axes, each axis only where it varies in the suite."""

    def __init__(self, store):
        cells = cells_of(store)
        self._column = ["kernel"] + _varying(cells, ["arch"])
        self.columns = list(dict.fromkeys(map(self._heading, cells)))
        suites = {}
        for line in store.lines:
            suites.setdefault(line["suite"], []).append(line["cell"])
        self._row = {suite: _varying(ran, ["loader", "compiler", "profile", "accel"]) for suite, ran in suites.items()}

    def _heading(self, cell):
        return " ".join(cell.get(axis, "?") for axis in self._column)

    def column(self, line):
        """The heading of the line's column, plain text."""
        return self._heading(line["cell"])

    def row(self, line):
        """What else tells the line's cell from the others of its suite, plain text; often empty."""
        return ", ".join(line["cell"][axis] for axis in self._row[line["suite"]] if axis in line["cell"])

    def place(self, line):
        """Column and row in one, for a list of places."""
        row = ", ".join(filter(None, [self.row(line), f"seed {line['seed']}" if "seed" in line else ""]))
        return self.column(line) + (f" ({row})" if row else "")


def grid(labels, lines, name, show):
    """Lines as a table: a row per (name, varying axes), a column per kernel; show renders a cell's lines."""
    rows = {}
    for line in lines:
        row = (name(line), labels.row(line))
        rows.setdefault(row, {}).setdefault(labels.column(line), []).append(line)
    return [[markdown(title + (f" ({axes})" if axes else ""))]
            + [show(row[column]) if column in row else NONE for column in labels.columns]
            for (title, axes), row in rows.items()]


def _tally(lines):
    return ", ".join(f"**{status} {count}**" if status in ("FAIL", "ERROR", "MISS") else f"{status} {count}"
                     for status, count in summary.totals(lines).items())


def matrix(store, labels):
    """suite x kernel; a kernel that said nothing has its column all the same."""
    return grid(labels, store.lines, lambda line: line["suite"], _tally)


def _stack(verifier):
    if "stack" in verifier:
        return "+".join(map(str, verifier["stack"])) or "0"
    return str(verifier.get("stack_bytes", NONE))


def _count(value):
    return NONE if value is None else number(value)


def _time(value):
    return NONE if value is None else seconds(value)


def _program(line):
    verifier = line["verifier"]
    return f"{verifier['object']}: {verifier['program']}"


def verifier_matrix(store, labels):
    """program x kernel: instructions the verifier processed, or the verdict when it is not accepted."""
    def show(lines):
        verifier = lines[-1]["verifier"]
        if verifier["verdict"] != "accepted":
            return f"**{verifier['verdict'].replace('_', ' ')}** ({verifier['stage']})"
        return _count(verifier.get("insns"))
    return grid(labels, [line for line in store.lines if "verifier" in line], _program, show)


def verifier_rows(store, labels):
    """One row per program and kernel, with all that is known of the load."""
    lines = sorted((line for line in store.lines if "verifier" in line), key=_program)
    return [[code(line["verifier"]["program"]), markdown(labels.place(line)),
             line["verifier"]["verdict"].replace("_", " "),
             _count(line["verifier"].get("insns")), _count(line["verifier"].get("peak_states")),
             _stack(line["verifier"]), _count(line["verifier"].get("jited_bytes")),
             _time(line["verifier"].get("load_ns"))] for line in lines]


def _mark(line):
    return " (advisory)" if line.get("perf", {}).get("advisory") else ""


def performance_matrix(store, labels):
    """case x kernel: the number, and how much of it is above the floor."""
    def show(lines):
        line = lines[-1]
        above = line.get("perf", {}).get("above_floor")
        return number(line["number"]["value"]) + (f" (+{number(above)})" if above is not None else "") + _mark(line)
    return grid(labels, [line for line in store.lines if "number" in line],
                lambda line: f"{line['test']}, {line['number']['unit']}", show)


def performance_rows(store, labels):
    """One row per case and kernel, with its floor and the spread of its runs."""
    rows = []
    for line in sorted((line for line in store.lines if "number" in line), key=lambda line: line["test"]):
        perf = line.get("perf", {})
        runs = perf.get("runs", [])
        spread = perf.get("spread", max(runs) - min(runs) if runs else None)
        rows.append([code(line["test"]), markdown(labels.place(line)),
                     number(line["number"]["value"]), markdown(line["number"]["unit"]) + _mark(line),
                     _count(perf.get("floor")), _count(perf.get("above_floor")), _count(spread),
                     str(len(runs)) if runs else NONE])
    return rows


def _console(store, label, entry):
    """A link to the entry's console log, if there is such a file: a VM that never started has none."""
    there = "console" in entry and (store.folder / entry["console"]).is_file()
    return link(label, entry["console"]) if there else ""


def _kept(store, line):
    """Whether `vmtest replay` can repeat it."""
    return "vm" in line and (store.folder / "replay" / f"{line['vm']}.json").is_file()


def flaky_rows(store):
    """Machines that failed once and not again."""
    return [[code(entry["vm"]), entry["outcome"], markdown(entry["reason"]), code(entry.get("console", NONE))]
            for entry in summary.flaky(store)]


def groups(store, labels):
    """Non-passes that are the same thing on several kernels, as one: the worst status first."""
    found = {}
    about = schema.outcomes()
    by_axis = attribution.of_tests(store.lines)
    for line in store.lines:
        if line["status"] in ("FAIL", "ERROR", "MISS"):
            source = line.get("source", {})
            key = (schema.statuses().index(line["status"]), line["suite"], line["test"], line["outcome"],
                   line["reason"], source.get("file"), source.get("line"))
            found.setdefault(key, []).append(line)
    result = []
    for key in sorted(found, key=lambda key: key[0]):
        lines = found[key]
        first = lines[0]
        told = next((line for line in lines if line.get("log", "").strip()), None)
        result.append({
            "status": first["status"], "outcome": first["outcome"], "about": about[first["outcome"]]["about"],
            "test": first["test"], "reason": first["reason"], "source": first.get("source"),
            "log": told["log"] if told else "", "log_from": labels.place(told) if told else "",
            "replays": [line["vm"] for line in lines if _kept(store, line)],
            "places": [labels.place(line) for line in lines],
            "by_axis": by_axis[first["suite"], first["test"]].sentence,
            "consoles": list(filter(None, (_console(store, labels.place(line), line) for line in lines))),
        })
    return result


def skip_rows(store, labels):
    """One row per missing feature, test and reason."""
    found = {}
    for line in store.lines:
        if line["status"] == "SKIP":
            found.setdefault((line["missing"], line["test"], line["reason"]), []).append(labels.place(line))
    return [[markdown(missing), code(test), markdown(reason), markdown(", ".join(places))]
            for (missing, test, reason), places in found.items()]


def cell_rows(store):
    """What was booted, one row per cell."""
    rows = []
    for cell in cells_of(store):
        package = " ".join(cell[key] for key in ("package", "version") if cell.get(key))
        rows.append([markdown(cell.get(key, NONE)) for key in ("kernel", "suite", "release")]
                    + [markdown(package or NONE)]
                    + [markdown(cell.get(key, NONE)) for key in ("arch", "accel", "profile", "loader", "compiler")]
                    + [_time(cell.get("boot_ns")), _time(cell.get("wall_ns")),
                       _console(store, "console", cell) or NONE])
    return rows


def left_out_rows(store):
    """Builds that "all" asked for and that did not run, on which kernel, and why."""
    return [[entry["axis"], markdown(entry["name"]), markdown(entry.get("kernel", "every")), markdown(entry["reason"])]
            for entry in store.run.get("left_out", [])]


def where(source):
    """file.c:14, or an empty text."""
    if not source:
        return ""
    return one_line(source["file"]) + (f":{source['line']}" if "line" in source else "")
