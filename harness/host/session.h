/* SPDX-License-Identifier: GPL-2.0-only */
/* Suites on kernels, from the command line to the exit code: what `test` and `verify` share. */
#ifndef VMTEST_SESSION_H
#define VMTEST_SESSION_H

#include "builds.h"
#include "config.h"
#include "options.h"
#include "schedule.h"

struct session_options {
	struct vm_options vm;
	struct build_options builds;
	struct store_options store;
	const char *isolate;
	unsigned first_seed, last_seed; /* 0: none, as schedule.h has it */
};

/* Parses all of a command's options; `own` may be NULL. The exit code to leave with, or -1 to go
 * on. */
int session_parse(int argc, char **argv, struct session_options *o, const struct opt *own,
		  const char *help);

/*
 * Runs the suites on the kernels named; relative file names of the suites are below `base`. The
 * exit code.
 */
int session_run(const struct session_options *o, const struct suite *const *suites, unsigned n,
		const char *base, int argc, char **argv);

#define SESSION_HELP                                                                                      \
	"  --kernel K[,K...]   series (6.12), release (6.12.107), range (6.1..6.18, 6.12..), path of a\n" \
	"                      bzImage, all, required, newest; see `vmtest kernels list`\n"               \
	"  --profile P[,P...]  how suites are booted that do not insist on a profile: boot profiles of\n" \
	"                      kernels/matrix.yaml, or all (default)\n"                                   \
	"  --loader L[,L...]   what user space is linked with: libbpf-1.1.2, all (the default of\n"       \
	"                      `vmtest builds`, which lists them)\n"                                      \
	"  --compiler C[,C...] what made the BPF objects: clang-16-v2, all (likewise)\n"                  \
	"  --star              of those only one that is not the default at a time, not each with each\n" \
	"  --isolate suite|case|cell  a fresh VM for each suite (the default), for each test of those\n"  \
	"                      that can list theirs, or for all suites of a kernel and profile\n"         \
	"  --seed N            a deterministic VM: the same bytes every time, disturbed by seed N\n"      \
	"  --seeds A..B        one with each of these seeds, to find what depends on timing;\n"           \
	"                      `vmtest replay` repeats what failed\n" STORE_OPTIONS_HELP VM_OPTIONS_HELP  \
	"  --timeout S         for a suite in its VM (what the suite says)\n"                             \
	"\n"                                                                                              \
	"exit: 0 all good, 1 the product failed, 2 wrong usage, 3 the harness, a test or the machine\n"   \
	"failed; `vmtest outcomes` has the whole table.\n"

#endif
