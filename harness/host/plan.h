/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run is going to do: which kernels, booted how, for which suites; and what of it cannot be
 * done, which becomes lines of the store, never silence.
 */
#ifndef VMTEST_PLAN_H
#define VMTEST_PLAN_H

#include "config.h"
#include "results.h"

/* Suites on one image. */
struct plan_cell {
	const struct kernel *kernel;
	const struct suite **suites;
	unsigned n;
};

/* A suite that cannot run there. */
struct plan_gap {
	const struct kernel *kernel; /* of one that could not be had, only `asked` is known */
	const struct suite *suite;
	enum outcome outcome; /* OC_SKIP: the matrix explains it; OC_NO_KERNEL */
	char *missing, *reason;
};

struct plan {
	struct plan_cell *cells;
	unsigned cells_n;
	struct plan_gap *gaps;
	unsigned gaps_n;
	const struct suite **suites; /* each in each of its profiles */
	unsigned suites_n;
};

/*
 * Brings the kernels of a list (--kernel) and sorts out what can run. `profiles` (--profile, or
 * NULL) is how suites of profile "default" are booted instead; the others stay as they are. 0, or
 * an exit code after err(): a name that nobody knows. A kernel that is known and cannot be had is a
 * gap.
 */
int plan_make(struct plan *plan, const char *kernels, const char *profiles,
	      const struct suite *const *suites, unsigned n);

/* Adds the lines of what cannot run, and what was booted to run.json. */
void plan_report(const struct plan *plan, struct run *run, enum accel accel);

#endif
