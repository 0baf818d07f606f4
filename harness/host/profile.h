/* SPDX-License-Identifier: GPL-2.0-only */
/* Boot profiles: the ways one kernel is booted. Described in kernels/matrix.yaml. */
#ifndef VMTEST_PROFILE_H
#define VMTEST_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct kernel;

struct profile {
	char *name;
	char *about;
	char *append;  /* what the kernel command line gains */
	bool icount;   /* one virtual nanosecond per instruction; implies TCG */
	char *flavour; /* of the packages, instead of the series' own; or NULL */
	char **needs;  /* options of the config that must be set */
	unsigned needs_count;
	char **conflicts; /* those that must not */
	unsigned conflicts_count;
	char **removes; /* features that the image has, and a kernel booted so has not */
	unsigned removes_count;
	char *why; /* for removes */
};

/* NULL when there is none of that name; profiles_list() is for the error message. */
const struct profile *profile_find(const char *name);
const char *profiles_list(void);

/*
 * The profiles that a list names ("default,jit-off"; "all": every one but those that count
 * instructions), each once, ended by NULL, to free(). NULL after err().
 */
const struct profile **profile_select(const char *list);

/*
 * Whether a kernel can be booted so, as far as its config tells; what is not known counts as
 * possible. False: why (one line) says what stands against it.
 */
bool profile_possible(const struct profile *p, const struct kernel *k, char *why, size_t size);

/* Why a kernel booted so does not have this feature (a name of features.h), or NULL. */
const char *profile_removes(const struct profile *p, const char *feature);

#endif
