/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the datapath, and how each is tried on this kernel. */
#ifndef COREPATH_PREFLIGHT_H
#define COREPATH_PREFLIGHT_H

#include <limits.h>
#include "internal.h"
#include "sec_hooks.h"

/* What a trial may use, in a network namespace that is ours alone. */
struct cp_trial {
	struct corepath_feature *f; /* to be filled */
	size_t row;		    /* of the table, below */
	char pin_dir[PATH_MAX];
	const char *cgroups;   /* where cgroup version 2 is mounted, or NULL */
	struct cp_hooks hooks; /* of all ops of rules */
};

/* In the order they are tried: each needs the one before it that `after` names, or nothing. */
struct cp_trial_row {
	const char *name, *text;
	const char *after;
	const char *decides; /* the kernel's features that do */
	const char *without; /* what there is where they are missing */
	enum corepath_found found;
	void (*try)(struct cp_trial *t);
};

extern const struct cp_trial_row cp_trials[];
extern const size_t cp_n_trials;

/* Judges one kind of rules, after the row of all of them: of each op, and of arguments. */
#define CP_TRIAL_RULES (COREPATH_OPS + 1)
void cp_trial_rule(struct cp_trial *t, size_t rule);

#endif
