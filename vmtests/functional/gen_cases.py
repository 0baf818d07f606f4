#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Turns a table of packets (a Python file that fills a Table) into JSON for the guest.

usage: gen_cases.py CASES.py OUT.json

Tables of the load balancer are made by lb_table.py.

The JSON: {"source": CASES.py, "rows": [{"name", "line", "denied": [prefix], "allowed": [prefix],
"packet": hex, "packet_out": hex, "verdict": "pass"|"drop"|"tx"|..., "counters": {reason: packets}}]}
"""

import importlib.util
import ipaddress
import json
import os
import re
import sys

# The names the guest knows (enum xdp_action, include/uapi/linux/bpf.h).
VERDICTS = ("aborted", "drop", "pass", "tx", "redirect")
# Of a tc program: TC_ACT_UNSPEC, which is for the next one on the hook, and those of its own names.
TC_VERDICTS = ("next", "ok", "shot", "redirect")

# BPF_PROG_TEST_RUN of an XDP program takes at least an Ethernet header and, on every kernel since
# 5.10, at least one page less head room and tail room (net/bpf/test_run.c).
PACKET_MIN, PACKET_MAX = 14, 3072


class Table:
    """The rows of one file, in order."""

    kind = "prefilter"

    def __init__(self):
        self.rows = []

    def check(self, name):
        """The name and the line of a row; returns what ends the build with them and a reason."""
        frame = sys._getframe(2)
        while frame.f_back and frame.f_code.co_name != "<module>":
            frame = frame.f_back

        def wrong(what):
            raise SystemExit(f"{frame.f_code.co_filename}:{frame.f_lineno}: row {name}: {what}")

        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            wrong("a name holds letters, digits, '_' and '-' only")
        if any(other["name"] == name for other in self.rows):
            wrong("the name is taken by an earlier row")
        return frame.f_lineno, wrong

    @staticmethod
    def check_packet(packet, verdict, wrong, verdicts=VERDICTS):
        if verdict not in verdicts:
            wrong(f"verdict {verdict!r} is none of {', '.join(verdicts)}")
        if not PACKET_MIN <= len(packet) <= PACKET_MAX:
            wrong(f"a packet has {PACKET_MIN} to {PACKET_MAX} bytes, this one {len(packet)}")

    def row(self, name, packet, verdict, counters, deny=(), allow=(), packet_out=None):
        """One test. A mistake in the table ends the build with the row's file and line."""
        line, wrong = self.check(name)
        self.check_packet(packet, verdict, wrong)
        for prefix in (*deny, *allow):
            try:
                ipaddress.ip_network(prefix)
            except ValueError as error:
                wrong(error)
        self.rows.append({
            "name": name, "line": line, "denied": list(deny), "allowed": list(allow),
            "packet": packet.hex(), "packet_out": (packet_out or packet).hex(),
            "verdict": verdict, "counters": counters,
        })


def main(argv):
    if len(argv) != 3:
        raise SystemExit(__doc__.split("\n\n")[1])
    path, out = argv[1:]
    # One class under one name, whether this file was started or imported by the table.
    sys.modules["gen_cases"] = sys.modules["__main__"]
    spec = importlib.util.spec_from_file_location("cases", path)
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    if not cases.table.rows:
        raise SystemExit(f"{path}: no rows: nothing would be tested")
    with open(out + ".tmp", "w", encoding="utf-8") as file:
        json.dump({"source": path, "kind": cases.table.kind, "rows": cases.table.rows}, file, indent=1)
        file.write("\n")
    os.replace(out + ".tmp", out)


if __name__ == "__main__":
    main(sys.argv)
