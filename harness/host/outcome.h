/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every way a test can end, by name. Each has one status (KCIDB's vocabulary) and thereby one exit
 * code: infrastructure trouble and product failure never share one.
 */
#ifndef VMTEST_OUTCOME_H
#define VMTEST_OUTCOME_H

#include <jansson.h>

enum status { ST_PASS, ST_DONE, ST_SKIP, ST_MISS, ST_ERROR, ST_FAIL };

enum outcome {
	OC_PASS,
	OC_DONE,
	OC_SKIP,
	OC_FAIL,
	OC_PANIC,
	OC_OOPS,
	OC_SANITIZER,
	OC_LOCKUP,
	OC_RCU_STALL,
	OC_HUNG_TASK,
	OC_LOCKDEP,
	OC_WARN,
	OC_OOM,
	OC_RESET,
	OC_HANG,
	OC_TIMEOUT,
	OC_ERROR,
	OC_NO_RESULTS,
	OC_UNFINISHED,
	OC_CONSOLE_FLOOD,
	OC_NO_BOOT,
	OC_INIT_DIED,
	OC_QEMU_DIED,
	OC_CONNECTION_LOST,
	OC_INTERRUPTED,
	OC_NO_KERNEL,
	OC_COUNT
};

const char *outcome_name(enum outcome o);
const char *outcome_about(enum outcome o);
enum status outcome_status(enum outcome o);
/* The exit code of a run whose worst outcome is this one. */
int outcome_exit(enum outcome o);

const char *status_name(enum status s);
/* The outcome a test's own status word stands for, or -1 when it is not one a test may say. */
int outcome_of_word(const char *status);

/* {"pass": 3}: those that occur. A new reference. */
json_t *outcomes_json(const unsigned counts[OC_COUNT]);

/* `vmtest outcomes [--json]` */
int cmd_outcomes(int argc, char **argv);

#endif
