# SPDX-License-Identifier: GPL-2.0-only
"""Which axis of the matrix a failure belongs to, told by the cells where the same test passes.

A cell is a point of axes; nothing is said of points that were not run. An explanation is a box: some
values on some axes, such that every failing cell is inside and no passing one. Only the smallest boxes
are told, and all of them: two axes that were never varied apart cannot be told apart.
"""

import itertools
import re
import typing

AXES = ("kernel", "loader", "compiler", "profile", "arch", "accel")
_WITH = {"loader": "with", "compiler": "with", "profile": "under profile", "arch": "on", "accel": "under"}
_NAMED = 8  # values or kernels of a list told by name
_PASSES = ("PASS", "DONE")
_FAILS = ("FAIL", "ERROR", "MISS")


class Attribution(typing.NamedTuple):
    """axes: of each explanation, those that matter; none: there was nothing to compare with.

    nearest: for each failing cell (by id) the ids of the passing cells that differ in the fewest axes.
    """

    sentence: str
    axes: list
    nearest: dict


class Cell(typing.NamedTuple):
    """A point: its id, its values on AXES (None where unknown), and how its kernel is ordered."""

    id: str
    values: tuple
    rank: tuple

    def on(self, axis):
        """The value on an axis."""
        return self.values[AXES.index(axis)]


def version_key(text):
    """Orders versions by number: 6.9 before 6.12, 6.12.9 before 6.12.117."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _kernel_rank(cell):
    """The point release is in the package's version where the release has none (6.1.0-56 is 6.1.192)."""
    for key in ("kernel", "version", "release"):
        match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", cell.get(key, ""))
        if match and (key != "kernel" or match.end() == len(cell[key])):
            exact = re.match(r"\d+\.\d+\.(\d+)", cell.get("version", "")) or re.match(r"\d+\.\d+\.(\d+)",
                                                                                      cell.get("release", ""))
            patch = match.group(3) or (exact.group(1) if exact else "0")
            return (0, int(match.group(1)), int(match.group(2)), int(patch), cell["kernel"])
    return (1, 0, 0, 0, cell["kernel"])  # a path, with a release that says nothing


def _cell(cell):
    return Cell(cell["id"], tuple(cell.get(axis) for axis in AXES), _kernel_rank(cell))


def _listed(names):
    """"a, b and c", with no more than _NAMED of them."""
    names = [name or "unknown" for name in names] or ["none"]
    if len(names) > _NAMED:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _in_order(axis, cells):
    """The values of the cells on an axis, each once: kernels and versions by number."""
    if axis == "kernel":
        return list(dict.fromkeys(cell.on(axis) for cell in sorted(cells, key=lambda cell: cell.rank)))
    return sorted({cell.on(axis) for cell in cells}, key=lambda value: (version_key(value or ""), value or ""))


def _runs(bad, everything):
    """bad as runs of neighbours in everything: [(index of the first, index of the last)]."""
    runs = []
    for at, value in enumerate(everything):
        if value not in bad:
            continue
        if runs and runs[-1][1] == at - 1:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
    return runs


def _run_words(first, last, kernels):
    """"6.1.170 to 6.1.174"; "6.1+" up to the newest that was run."""
    if first == last:
        return kernels[first]
    if last == len(kernels) - 1 and first > 0:
        return f"{kernels[first]}+"
    return f"{kernels[first]} to {kernels[last]}"


def _kernels_words(bad, everything):
    """The failing kernels, as ranges among those that were run."""
    return _listed(_run_words(first, last, everything) for first, last in _runs(bad, everything))


def _neighbours(bad, good, everything):
    """The passing kernels next to each run of failing ones."""
    found = []
    for first, last in _runs(bad, everything):
        before = next((name for name in reversed(everything[:first]) if name in good or name in bad), None)
        after = next((name for name in everything[last + 1:] if name in good or name in bad), None)
        found += [name for name in (before, after) if name in good and name not in found]
    return found


def _inside(cell, box):
    return all(cell.on(axis) in values for axis, values in box.items())


def _boxes(bad, good):
    """The smallest boxes around bad that hold none of good, as {axis: values}."""
    found = []
    for size in range(1, len(AXES) + 1):
        for axes in itertools.combinations(AXES, size):
            if any(set(box) <= set(axes) for box in found):
                continue
            box = {axis: {cell.on(axis) for cell in bad} for axis in axes}
            if all(None not in values for values in box.values()) and not any(_inside(cell, box) for cell in good):
                found.append(box)
    return found


def _of_kernels(ran):
    return f"of the {len(ran)} kernels run"


def _value_words(axis, values, ran):
    return f"{_WITH[axis]} {_listed(_in_order(axis, [cell for cell in ran if cell.on(axis) in values]))}"


def _box_words(box, bad, good, ran):
    """One explanation: where it fails, and where its nearest neighbours pass."""
    kernels = _in_order("kernel", ran)
    others = [axis for axis in AXES if axis in box and axis != "kernel"]
    fails = [_value_words(axis, box[axis], ran) for axis in others]
    if "kernel" in box:
        words = [f"fails on {_kernels_words(box['kernel'], kernels)}"]
        near = [cell for cell in good if all(cell.on(axis) in box[axis] for axis in others)]
        passing = _neighbours(box["kernel"], {cell.on("kernel") for cell in near}, kernels)
        if not others:
            return f"{words[0]}, passes on {_listed(passing)} ({_of_kernels(kernels)})"
        words.append("only " + " ".join(fails))
        passes = []
        if passing:
            passes.append(f"{' '.join(fails)} on {_listed(passing)}")
    else:
        words, passes = [f"fails {' '.join(fails)}"], []
        on = _in_order("kernel", bad)
        if len(kernels) > 1:
            words.append("on every kernel" if on == kernels else f"on {_kernels_words(set(on), kernels)}")
    for axis in others:  # the neighbours along this axis alone
        rest = {other: values for other, values in box.items() if other != axis}
        there = [cell for cell in good if _inside(cell, rest)]
        if there:
            passes.append(f"{_WITH[axis]} {_listed(_in_order(axis, there))}" + (" there" if rest else ""))
    suffix = f" ({_of_kernels(kernels)})" if len(kernels) > 1 else ""
    return " ".join(words) + (f", passes {' and '.join(passes)}" if passes else "") + suffix


def _deciding(bad, good):
    """The fewest axes besides the kernel's that, with it, tell every failing cell from every passing one."""
    for size in range(1, len(AXES)):
        for axes in itertools.combinations(AXES[1:], size):
            def point(cell, axes=axes):
                return [cell.on(axis) for axis in ("kernel", *axes)]

            fails = [point(cell) for cell in bad]
            if not any(point(cell) in fails for cell in good):
                return list(axes)
    return [axis for axis in AXES[1:] if len({cell.on(axis) for cell in bad + good}) > 1]


def _piecewise(bad, good, ran, axes):
    """No box fits: kernel by kernel within each combination of the other axes."""
    def rest(cell):
        return [cell.on(axis) or "?" for axis in axes]

    parts = []
    for combination in sorted(map(list, {tuple(rest(cell)) for cell in ran})):
        here = [cell for cell in ran if rest(cell) == combination]
        words = " ".join(f"{_WITH[axis]} {value}" for axis, value in zip(axes, combination))
        kernels = _in_order("kernel", here)
        fail = {cell.on("kernel") for cell in here if cell in bad}
        well = {cell.on("kernel") for cell in here if cell in good}
        if not fail:
            parts.append(f"{words}: passes on {_kernels_words(well, kernels)}")
        elif not well:
            parts.append(f"{words}: fails on {_kernels_words(fail, kernels)}")
        else:
            parts.append(f"{words}: fails on {_kernels_words(fail, kernels)}, passes on "
                         f"{_listed(_neighbours(fail, well, kernels))}")
    return "; ".join(part.lstrip(": ") for part in parts)


def _nearest(bad, good):
    def distance(one, other):
        return sum(a != b for a, b in zip(one.values, other.values))

    found = {}
    for cell in bad:
        least = min(distance(cell, other) for other in good)
        close = sorted((other for other in good if distance(cell, other) == least), key=lambda other: other.rank)
        below = [other for other in close if other.rank < cell.rank][-1:]
        above = [other for other in close if other.rank > cell.rank][:1]
        same = [other for other in close if other.rank == cell.rank]
        found[cell.id] = [other.id for other in (same or below + above)]
    return found


def _alone(bad, ran, mixed):
    """No cell passed: there is nothing to compare with, and no axis can be named."""
    kernels = _in_order("kernel", ran)
    where = f"on {kernels[0]}, the only kernel run" if len(kernels) == 1 else \
        f"on all {len(kernels)} kernels run" if len(_in_order("kernel", bad)) == len(kernels) else \
        f"on {_kernels_words({cell.on('kernel') for cell in bad}, kernels)} ({_of_kernels(kernels)})"
    return f"fails {where}; " + (
        "it also passes there, with other seeds" if mixed else "it passed nowhere, so there is nothing to compare with")


def attribute(failing, passing):
    """failing, passing: cells as result lines have them. None without a failing one.

    A cell in both, whose seeds differed, counts as failing, and that is said.
    """
    bad = list(dict.fromkeys(map(_cell, failing)))
    well = list(dict.fromkeys(map(_cell, passing)))
    good = [cell for cell in well if cell not in bad]
    mixed = len(good) < len(well)
    ran = bad + good
    if not bad:
        return None
    if not good:
        return Attribution(_alone(bad, ran, mixed), [], {})
    found = _compared(bad, good, ran)
    return found._replace(sentence=found.sentence + "; where it fails it also passes, with other seeds") if mixed else found


def _compared(bad, good, ran):
    boxes = _boxes(bad, good)
    if not boxes:
        axes = _deciding(bad, good)
        return Attribution(_piecewise(bad, good, ran, axes), [["kernel", *axes]], _nearest(bad, good))
    words = [_box_words(box, bad, good, ran) for box in boxes]
    sentence = words[0] if len(words) == 1 else \
        "; or: ".join(words) + f" (the {_listed(dict.fromkeys(axis for box in boxes for axis in box))} were not varied apart)"
    return Attribution(sentence, [list(box) for box in boxes], _nearest(bad, good))


def of_tests(lines):
    """(suite, test) -> Attribution, of all tests that failed or broke somewhere.

    SUITE.vm, SUITE.kernel_log and their like have a line only where they went wrong: they pass wherever
    another test of the suite passed.
    """
    cells, suites = {}, {}
    for line in lines:
        kind = 0 if line["status"] in _FAILS else 1 if line["status"] in _PASSES else None
        if kind is not None:
            cells.setdefault((line["suite"], line["test"]), ([], []))[kind].append(line["cell"])
        if kind == 1:
            suites.setdefault(line["suite"], {})[line["cell"]["id"]] = line["cell"]
    found = {}
    for (suite, test), (bad, good) in cells.items():
        if bad and test.count(".") < 2:
            ids = {cell["id"] for cell in bad}
            good = good + [cell for name, cell in suites.get(suite, {}).items() if name not in ids]
        if bad:
            found[suite, test] = attribute(bad, good)
    return found


def of_all(lines, failed):
    """One for all failed lines together: a cell fails when any of their tests does. None when nothing passed."""
    tests = {(line["suite"], line["test"]) for line in failed}
    ran = [line for line in lines if (line["suite"], line["test"]) in tests and line["status"] in _PASSES]
    bad = {line["cell"]["id"] for line in lines
           if (line["suite"], line["test"]) in tests and line["status"] in _FAILS}
    found = attribute([line["cell"] for line in failed],
                      [line["cell"] for line in ran if line["cell"]["id"] not in bad])
    return found if found and found.axes else None
