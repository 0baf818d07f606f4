/* SPDX-License-Identifier: GPL-2.0-only */
/* From what a user calls a kernel ("6.12", "6.12.117", a path) to something QEMU can boot. */
#ifndef VMTEST_KERNEL_H
#define VMTEST_KERNEL_H

#include <stdbool.h>

/* How a kernel stands to kernels/matrix.lock. */
enum pin {
	PIN_NONE,  /* no lock file, or it says nothing of this kernel: the newest release */
	PIN_HELD,  /* exactly the pinned release, and there is no newer one */
	PIN_STALE, /* exactly the pinned release; a newer one is known */
	PIN_GONE,  /* the pinned release is not to be had any more: the newest instead */
};

/* "none", "held", "stale", "gone" */
const char *pin_name(enum pin pin);

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
	bool archive;	  /* of packages, which have modules */
	const char *lost; /* what of it the archive has lost, by the matrix: "modules"; or NULL */
	enum pin pin;
	char *newer; /* of a stale pin: the release there is; of a gone one: the pinned one */
};

/*
 * Finds a kernel and brings it to the cache. `asked` is a series of the matrix, a release within
 * one, the path of a bzImage or built tree, or "source:" and what to build (source.h); KERNEL_SRC
 * in the environment is the source of the series it is one of. NULL after the error was said;
 * *usage tells a name nobody knows (exit 2) from a kernel that could not be had (exit 3).
 */
struct kernel *kernel_get(const char *asked, bool *usage);

/*
 * The same of another flavour of the packages (NULL: the series' own). Only a series or release of
 * the archive has flavours: of any other kernel *usage becomes true, and nothing is said.
 */
struct kernel *kernel_get_flavour(const char *asked, const char *flavour, bool *usage);

/* Of --locked: a pinned release that is not to be had is an error, not a reason to take another. */
extern bool kernel_strict_lock;

/* The kernel that a directory of the cache holds. NULL after err(). */
struct kernel *kernel_from_dir(const char *asked, const char *dir, const char *version,
			       const char *package);

struct listed;

/* The newest release of a series in a list of packages_list(), or NULL. */
const struct listed *kernel_newest(const struct listed *all, const char *series);

#endif
