#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Renders a command's manual page or bash completion from what it says of itself."""

import argparse
import json
import pathlib
import re
import sys

import jinja2

HELP = """\
Reads what `corepath help --json` prints from standard input, and prints one of

  man    the manual page, in man(7)
  bash   a completion for bash
"""
EPILOG = "Example:   build/bin/corepath help --json | scripts/docs.py man --date 2026-11-22 | man -l -"
TEMPLATES = {"man": "corepath.8.j2", "bash": "corepath.bash.j2"}


def roff(text):
    """Text that roff prints as it is, with "-" as the sign on the keyboard and not a hyphen."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def blocks(text):
    """[(is a table, text)]: lines that begin with a space are a table, which keeps its lines."""
    parts = []
    for line in text.splitlines():
        table = line.startswith(" ")
        if not parts or parts[-1][0] != table:
            parts.append((table, []))
        parts[-1][1].append(line)
    return [(table, "\n".join(lines)) for table, lines in parts]


def words_after(commands):
    """{"": the first words, "prefilter": [...], "prefilter signature": [...]}"""
    after = {}
    for command in commands:
        path = ""
        for word in command["name"].split():
            offered = after.setdefault(path, [])
            if word not in offered:
                offered.append(word)
            path = f"{path} {word}".strip()
    return after


def offer(argument):
    """What completes an argument of such a name, as a line of shell; empty if nothing can."""
    name = re.split(r"[ .]", argument or "")[0].strip("[]")
    if name in ("DEV", "FILE", "DIR"):
        return {"DEV": "_corepath_devices", "FILE": "_corepath_files -f", "DIR": "_corepath_files -d"}[name]
    if "|" in name and name == name.lower():
        return "_corepath_words '%s'" % name.replace("|", " ")
    return ""


def render(kind, said, date):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                     keep_trailing_newline=True)
    environment.filters.update(roff=roff, blocks=blocks, offer=offer)
    every = {o["name"]: o for c in said["commands"] for o in c["options"]}
    every.update((o["name"], o) for o in said["options"])
    return environment.get_template(TEMPLATES[kind]).render(
        said, date=date, words_after=words_after(said["commands"]), every_option=every.values())


def main(arguments):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=HELP, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=TEMPLATES, help="what to print")
    parser.add_argument("--date", default="", help="the manual page's, such as 2026-11-22")
    options = parser.parse_args(arguments)
    sys.stdout.write(render(options.kind, json.load(sys.stdin), options.date))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
