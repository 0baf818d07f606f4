# SPDX-License-Identifier: GPL-2.0-only
"""From a run's store (results.jsonl, run.json) to reports for humans and machines."""
