/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The store of a run: results/<run>/results.jsonl, run.json, console/. The only thing reports read.
 * The schema of a line is harness/schema/result.schema.json.
 */
#ifndef VMTEST_RESULTS_H
#define VMTEST_RESULTS_H

#include <jansson.h>

#include "builds.h"
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
json_t *run_cell(const struct kernel *kernel, const struct build *build, const char *profile,
		 enum accel accel);

/* Where a line comes from. */
struct line_origin {
	const struct kernel *kernel;
	json_t *cell;
	const char *suite;
	const char *vm; /* the label of its machine: see job.h; NULL when there was none */
	unsigned try;	/* of that machine; only the last try counts */
	unsigned seed;	/* or 0 */
	const char *console;
	bool explained; /* a skip that the matrix explains, and no image could */
};

/*
 * Adds one line: `line` (stolen) has the keys of the test; run, time, cell, suite, outcome and the
 * rest of its origin are added. A line that says SKIP without naming what is missing, or names
 * what this kernel has, becomes a failure here. The outcome it got.
 */
enum outcome run_line(struct run *run, const struct line_origin *from, enum outcome outcome,
		      json_t *line);

/* For tests that could not speak for themselves. */
enum outcome run_line_for(struct run *run, const struct line_origin *from, enum outcome outcome,
			  const char *test, const char *reason, const char *log);

/*
 * The exit code these outcomes amount to: a product failure outranks trouble of ours, 1 before 3;
 * no line at all is trouble.
 */
int run_exit(const unsigned counts[OC_COUNT]);

/* The lines of a machine that is not tried again: they decide the run's exit code. */
void run_count(struct run *run, const unsigned counts[OC_COUNT]);

/*
 * Notes a machine that ran (nanoseconds from its start). Those of one suite in one cell share an
 * entry: how many they were, what each took to come up, and what they took together.
 */
void run_vm(struct run *run, const json_t *cell, const char *suite, uint64_t boot_ns,
	    uint64_t wall_ns, const char *console);

/*
 * Writes run.json, points results/latest here, renders the report, and the formats named (a list as
 * scripts/report.py takes it, or NULL). quiet: only failures are printed, silent: nothing. The
 * run's exit code.
 */
int run_close(struct run *run, bool quiet, bool silent, const char *formats);

#endif
