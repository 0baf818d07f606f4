# SPDX-License-Identifier: GPL-2.0-only
"""The table of outcomes stands in C and in the schema; both must say the same."""

import json

from reportlib import schema


def test_same_table(vmtest):
    done = vmtest.call("outcomes", "--json")
    assert done.returncode == 0
    rows = json.loads(done.stdout)
    told = {row["outcome"]: (row["status"], row["exit"]) for row in rows}
    assert len(told) == len(rows)
    assert told == {name: (row["status"], row["exit"]) for name, row in schema.outcomes().items()}
    assert all(row["about"] for row in rows)
