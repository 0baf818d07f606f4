# SPDX-License-Identifier: GPL-2.0-only
"""Text of unknown origin (logs, reasons) made safe for Markdown and for a terminal."""

import re
import urllib.parse

# what a terminal acts on: colours and cursor movement (CSI), titles and links (OSC), two-byte escapes
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~])")
# an underscore inside a word is harmless, and most names have one
_MARKDOWN = re.compile(r"([\\`*{}\[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
LOG_LINES = 40
LOG_CHARACTERS = 6000


def visible(text, keep=""):
    """Control and other invisible characters written out, but for those in keep."""
    if text.isprintable():
        return text
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return text.translate({ord(c): f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"
                           for c in set(text) if not c.isprintable() and c not in keep})


def one_line(text, most=300):
    """On one line, at most that long; says so when it cut."""
    text = " ".join(visible(text, keep="\n\t").split())
    return text if len(text) <= most else text[:most].rstrip() + " [...]"


def markdown(text, most=300):
    """As words in Markdown, also inside a table."""
    return _MARKDOWN.sub(r"\\\1", one_line(str(text), most))


def code(text, most=300):
    """As code in Markdown, also inside a table."""
    text = one_line(str(text), most)
    ticks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", r"\|") if text else ""


def tail(log):
    """(lines, how many were left out): the end of a log, made visible; at most LOG_LINES, LOG_CHARACTERS."""
    lines = visible(log, keep="\n\t").strip("\n").split("\n")
    last = lines[-LOG_LINES:]
    while len(last) > 1 and sum(map(len, last)) > LOG_CHARACTERS:
        last.pop(0)
    if len(last[0]) > LOG_CHARACTERS:
        last[0] = "[...] " + last[0][-LOG_CHARACTERS:]
    return (last, len(lines) - len(last)) if log else ([], 0)


def fenced(log):
    """(block, lines left out): the end of a log as a fenced block that the log cannot leave."""
    last, left_out = tail(log)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", log) or [""]))
    return "\n".join([fence + "text", *last, fence]), left_out


def link(label, path):
    """A link to a file beside the report."""
    return f"[{markdown(label)}]({urllib.parse.quote(path)})"


def number(value):
    """1234567.0 -> "1,234,567"; at most two decimals."""
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(nanoseconds):
    """2345678901 -> "2.35 s" """
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds} ns"
