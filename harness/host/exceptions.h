/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * harness/exceptions.yaml: what a kernel is known to say and is not held against it, each entry
 * with its reason, a link and the day it ends. An expired one excuses nothing.
 */
#ifndef VMTEST_EXCEPTIONS_H
#define VMTEST_EXCEPTIONS_H

#include <stdbool.h>

struct exception {
	char *match;	/* a part of the message; an extended regular expression between slashes */
	char **kernels; /* series or releases: 6.12, 6.12.117; none means all */
	unsigned kernels_count;
	char *reason;
	char *link;
	char *expires; /* YYYY-MM-DD, the last day on which it holds, in UTC */
};

/*
 * Reads the file, or the tree's own for NULL, in place of what was read before. 0, or -1 after
 * err() with file and line; nothing is excused then.
 */
int exceptions_load(const char *path);

/*
 * The entry for a message of this kernel (uname -r, NULL when unknown: entries for all kernels),
 * or NULL. *expired: it has, counted from `today`, YYYY-MM-DD; one that holds is preferred. Reads
 * the tree's own file if none was read.
 */
const struct exception *exceptions_find(const char *message, const char *release, const char *today,
					bool *expired);

#endif
