/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program of this machine in one virtual machine, with our standard streams and its exit status:
 * what `run`, `shell` and `gdb` share.
 */
#ifndef VMTEST_RUN_SESSION_H
#define VMTEST_RUN_SESSION_H

#include <stdbool.h>

#include "gdb.h"
#include "options.h"

/* As timeout(1), env(1) and docker-run(1) have it: below, the status is the program's own. */
enum { RUN_SPLAT = 123, RUN_TIMEOUT = 124, RUN_HARNESS = 125 };

struct run_options {
	struct vm_options vm; /* timeout_s 0: an hour; none under gdb */
	struct opt_list copies, modules, env;
	const struct gdb_options *gdb; /* the terminal is gdb's, and so is the end; or NULL */
	bool tty;
	char **argv;
};

/*
 * Parses the options all of them have, and those of `more` (or NULL). An exit code, or
 * -1 to go on.
 */
int run_parse(int argc, char **argv, struct run_options *o, const struct opt *more,
	      const char *help);

/* Returns an exit code only when nothing was started; otherwise the process ends with it. */
int run_session(const struct run_options *o);

#endif
