/* SPDX-License-Identifier: GPL-2.0-only */
/* Why the kernel refused to load an object: what it said, and whether that is a known problem. */
#ifndef COREPATH_REFUSAL_H
#define COREPATH_REFUSAL_H

#include <stdbool.h>
#include "verifier_log.h"

#define CP_KERNEL_BTF "/sys/kernel/btf/vmlinux"

/*
 * Sets the error text for an object that could not be loaded, or attached, since cp_log_start():
 * "WHAT: " and which program was refused, why, where in its source, and whether that is a known
 * problem. @err is negative, and returned.
 */
int cp_fail_load(int err, const char *what);

struct cp_refusal {
	int err;		 /* of the load, positive */
	const char *said;	 /* all of libbpf's messages */
	char program[64];	 /* the one that was refused; empty: none was, or it is not known */
	char map[64];		 /* likewise */
	struct verifier_log log; /* of the program */
};

/* What holds on this host and may be the cause. */
struct cp_host {
	bool confidential; /* the kernel is locked down: lockdown=confidentiality */
	bool no_btf;	   /* it has no type information */
};

/* A problem of kernels, or of how one is set up, that programs without a fault meet. */
struct cp_known {
	const char *name; /* for tests */
	const char *what; /* with the versions and the commit it came or went with */
	const char *todo;
};

/*
 * Reads libbpf's messages since the object was opened; their head may be missing. Nothing of them
 * is copied but what is in r->log, so they must stay. -ENOMEM; else the caller ends with
 * cp_refusal_free().
 */
int cp_refusal_read(int err, const char *said, struct cp_refusal *r);
void cp_refusal_free(struct cp_refusal *r);

/* Writes "the kernel refused program ...: REASON; at FILE:LINE: SOURCE; known: ...; ..." to a
 * buffer of `size` bytes and returns it. @release: the kernel's, as uname -r prints it. */
const char *cp_refusal_text(const struct cp_refusal *r, const struct cp_host *host,
			    const char *release, char *out, size_t size);

/* known_bugs.c. NULL: none matches. */
const struct cp_known *cp_known_problem(const struct cp_refusal *r, const struct cp_host *host);

#endif
