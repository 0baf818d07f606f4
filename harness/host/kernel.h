/* SPDX-License-Identifier: GPL-2.0-only */
/* From what a user calls a kernel ("6.12", "6.12.117", a path) to something QEMU can boot. */
#ifndef VMTEST_KERNEL_H
#define VMTEST_KERNEL_H

#include <stdbool.h>

struct kernel {
	char *asked;   /* as given: the name reports use */
	char *release; /* uname -r: "6.12.117+deb13-cloud-amd64"; for a bare bzImage, read from it
			*/
	char *version; /* "6.12.117-1", or "" when nobody says */
	char *package; /* "linux-image-...", "local", or what it was built from */
	char *vmlinuz; /* path */
	char *modules; /* directory that holds kernel/ and modules.builtin, or a built tree, or NULL
			*/
	bool required;
};

/*
 * Finds a kernel and brings it to the cache. `asked` is a series of the matrix, a release within
 * one, the path of a bzImage or built tree, or "source:" and what to build (source.h); KERNEL_SRC
 * in the environment is the source of the series it is one of. NULL after the error was said;
 * *usage tells a name nobody knows (exit 2) from a kernel that could not be had (exit 3).
 */
struct kernel *kernel_get(const char *asked, bool *usage);

/* Expands "6.1,6.12", "all", "required", "newest" into names; count in *n. NULL when empty. */
char **kernel_select(const char *list, unsigned *n);

/* The kernel that a directory of the cache holds. NULL after err(). */
struct kernel *kernel_from_dir(const char *asked, const char *dir, const char *version,
			       const char *package);

struct listed;

/* The newest release of a series in a list of packages_list(), or NULL. */
const struct listed *kernel_newest(const struct listed *all, const char *series);

#endif
