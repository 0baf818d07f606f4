# SPDX-License-Identifier: GPL-2.0-only

.PHONY: check-scripts check-long report bench-run

# Python's own leftovers stay out of the tree, too.
PYTEST = cd scripts && PYTHONPYCACHEPREFIX=$(CURDIR)/$(B)/pycache $(PYTHON) -m pytest -q

# Two at a time, as most of them wait for one VM; those of a file stay together.
check-scripts: all ## tests of the tools and of the tree, from outside
	$(PYTEST) -n 2 --dist loadfile -m 'not long' tests

check-long: all
	scripts/deps --long
	$(PYTEST) -m long tests

report: ## render the latest run's report again
	scripts/report.py results/latest

# Ratios that a README may show; no CI runs it. Fetches virtme-ng (7 MB in all) the first time.
bench-run: all ## one command under another kernel: vmtest, plain QEMU, virtme-ng side by side; minutes
	scripts/bench_run.py
