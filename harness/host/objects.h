/* SPDX-License-Identifier: GPL-2.0-only */
/* What BPF objects need that a kernel keeps in its modules. */
#ifndef VMTEST_OBJECTS_H
#define VMTEST_OBJECTS_H

#include <stddef.h>

#include "config.h"
#include "kernel.h"

struct object_needs {
	char **modules; /* that define kfuncs the objects call; without duplicates */
	size_t modules_n;
};

/*
 * Reads the kfuncs that BPF objects declare (functions of the BTF's .ksyms section) and finds the
 * modules of the kernel that define them. Files that are no BPF objects are passed over, so that
 * all files of a suite can be given. Without a kfunc in them the kernel is not looked into, which
 * can take seconds the first time. 0, or -1 after err().
 */
int objects_modules(const struct kernel *k, const char *const *paths, size_t n,
		    struct object_needs *needs);
/* The same of all files of suites; `base` is what relative names are below, or NULL. */
int objects_of_suites(const struct kernel *k, const struct suite *const *suites, unsigned n,
		      const char *base, struct object_needs *needs);
void object_needs_free(struct object_needs *needs);

/*
 * The kfuncs of one object, each to free() as the array, which ends with NULL. NULL when it is no
 * BPF object or has none.
 */
char **object_kfuncs(const char *path);

/* What the kernel calls that which an object declares, to free(): without its flavour, "f___v2" is
 * "f". */
char *object_kernel_name(const char *name);

#endif
