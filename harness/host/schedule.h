/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many jobs, as many virtual machines at once as the machine bears, longest first by what they took
 * the last time. A machine that failed, and not its test, is tried once more. Ctrl-C ends the
 * machines and keeps what finished.
 */
#ifndef VMTEST_SCHEDULE_H
#define VMTEST_SCHEDULE_H

#include "job.h"
#include "progress.h"

enum isolation {
	ISOLATE_SUITE, /* a machine for each suite */
	ISOLATE_CASE,  /* for each test of the suites that can list theirs */
	ISOLATE_CELL,  /* for all suites of a kernel and profile, one after the other */
};

struct schedule_options {
	unsigned at_once; /* 0: one per core, as memory allows */
	enum isolation isolation;
	unsigned first_seed, last_seed; /* 0: not seeded */
	enum progress_mode progress;
};

struct schedule;

/* What is pointed to must outlive the schedule. */
struct schedule *schedule_new(struct run *run, const struct job_options *options,
			      const struct schedule_options *how);
/* The suites' files are of that build. */
void schedule_add(struct schedule *s, const struct kernel *kernel, const struct build *build,
		  const struct suite *const *suites, unsigned n);
/* Runs all, and what they add, to the end; frees it. */
void schedule_run(struct schedule *s);

#endif
