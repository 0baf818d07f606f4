#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Renders a run's results as report.md and summary.json, and tells the short of it on stdout."""

import argparse
import json
import os
import pathlib
import sys

from reportlib import formats, render, store, summary

HELP = """\
Reads RUN_DIR/results.jsonl and RUN_DIR/run.json, which vmtest wrote, and writes beside them

  report.md      for a release engineer: the verdict, suites x kernels, each failure with its
                 reason, source line and log, verifier and performance figures, how to repeat it
  summary.json   the same for a program: see harness/schema/summary.schema.json

and, with --format, what CI systems read, with the same verdicts

  ktap           report.ktap, KTAP version 1: tests in suites in kernels
  junit          junit.xml, a testsuite for each suite on each kernel
  kcidb          kcidb.json, KCIDB's schema 5.3

A run that was cut short is rendered too; the report says what is missing, and is then no pass.
What the words mean (FAIL, ERROR, MISS, PASS, DONE, SKIP): see harness/schema/README.md.
"""
EPILOG = """\
Exit: 0 rendered, whatever the verdict; 2 usage; 3 the store could not be read or the report not
written. The verdict is the first line of report.md and "exit" in summary.json.

Example:   scripts/report.py --format junit results/2026-01-31-1
"""


def format_names(text):
    """"ktap,junit" -> ["ktap", "junit"]"""
    names = text.split(",")
    for name in names:
        if name not in formats.NAMES:
            raise argparse.ArgumentTypeError(f"no format {name!r}; there are {', '.join(formats.NAMES)}")
    return names


def main(arguments):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=HELP, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", metavar="RUN_DIR", type=pathlib.Path, help="a run's folder: results/RUN")
    parser.add_argument("--format", metavar="NAME[,NAME]", type=format_names, action="extend", default=[],
                        help="also write " + ", ".join(formats.NAMES) + "; may be given again")
    parser.add_argument("--quiet", action="store_true", help="tell only what failed and where the report is")
    options = parser.parse_args(arguments)
    folder = options.run_dir
    try:
        read = store.read(folder)
        facts = summary.summarise(read)
        path = folder / "report.md"
        render.write(folder / "summary.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        render.write(path, render.report(read, facts))
        for name in dict.fromkeys(options.format):
            file, content = formats.render(name, read, facts)
            render.write(folder / file, content)
    except store.Unreadable as error:
        print(f"report.py: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"report.py: {error.filename or folder}: {error.strerror}; "
              "is the folder writable, and is there room on its disk?", file=sys.stderr)
        return 3
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    sys.stdout.write(render.terminal(read, facts, path, colour, options.quiet))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
