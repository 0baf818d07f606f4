/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store of a run: results/<run>/results.jsonl, run.json, console/. The only thing reports read.
 * The schema of a line is harness/schema/result.schema.json.
 */
#ifndef VMTEST_RESULTS_H
#define VMTEST_RESULTS_H

#include <jansson.h>

#include "kernel.h"
#include "outcome.h"
#include "qemu.h"

struct run {
	char *dir;  /* results/<run> */
	char *base; /* results */
	char *id;
	int fd; /* results.jsonl */
	int exit;
	unsigned counts[OC_COUNT];
	json_t *meta; /* becomes run.json */
};

/* Starts a run below `base` (made if missing). 0, or -1 after err(). */
int run_open(struct run *run, const char *base, int argc, char **argv);

/* What a line says of where it was measured. A new reference. */
json_t *run_cell(const struct kernel *kernel, const char *profile, enum accel accel);

/*
 * Adds one line: `line` (stolen) has the keys of the test; run, time, cell, suite and outcome are
 * added. A line that says SKIP without naming what is missing becomes a failure here.
 */
void run_line(struct run *run, json_t *cell, const char *suite, enum outcome outcome, json_t *line,
	      const char *console);

/* For tests that could not speak for themselves. */
void run_line_for(struct run *run, json_t *cell, const char *suite, enum outcome outcome,
		  const char *test, const char *reason, const char *log, const char *console);

/*
 * Notes a machine that ran (nanoseconds from its start). The ones of one suite's cases share an
 * entry: how many they were, and what they took together.
 */
void run_vm(struct run *run, json_t *cell, const char *suite, bool one_of_many, uint64_t boot_ns,
	    uint64_t wall_ns, const char *console);

/*
 * Writes run.json, points results/latest here, renders the report, and the formats named (a list as
 * scripts/report.py takes it, or NULL). The run's exit code.
 */
int run_close(struct run *run, bool quiet, const char *formats);

#endif
