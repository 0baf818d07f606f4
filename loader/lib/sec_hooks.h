/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that judge by rules: which of them this kernel can have, and attaching those that
 * rules need. */
#ifndef COREPATH_SEC_HOOKS_H
#define COREPATH_SEC_HOOKS_H

#include "internal.h"

#define CP_HOOKS_MAX 64

/* How a hook is had, from the best: by the prefix of its program in sec_rules.bpf.c. */
enum cp_way {
	CP_WAY_NONE, /* not looked for */
	CP_WAY_LSM,
	CP_WAY_MOD,
	CP_WAY_SEE,
	CP_WAY_CANNOT,
};

struct cp_hooks {
	enum cp_way ways[CP_HOOKS_MAX];
	bool there[CP_HOOKS_MAX]; /* attached already */
	__u32 weak;   /* ops that cannot be prevented here, or not all ways to do them */
	__u32 strong; /* ops of which some way can be prevented */
	__u32 cannot; /* ops that cannot even be seen */
	enum corepath_means means;
};

/* Why what rules say of arguments is never in time to refuse. */
#define CP_ARGS_LATE "arguments can be read when the program is in place"

/* Looks at what is attached and, with @ops, how what these need can be had. With dir NULL nothing
 * is attached. Errors have their text. */
int cp_hooks_find(const struct cp_dir *dir, __u32 ops, struct cp_hooks *hooks);

/* Why an op of `weak` or `cannot` is there. */
const char *cp_hooks_why(const struct cp_hooks *hooks, enum corepath_op op);

/* Loads what is found and attaches none of it; its maps stay pinned. */
int cp_hooks_try(const struct cp_dir *dir, const struct cp_hooks *hooks);

/* Loads and attaches what is found and not there: all, or none of it. */
int cp_hooks_attach(const struct cp_dir *dir, const struct cp_hooks *hooks);

/* A negative errno without an error text. */
int cp_hooks_detach(const struct cp_dir *dir);

#endif
