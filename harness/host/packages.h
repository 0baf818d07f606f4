/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels from a package archive: its index, its packages, unpacked into the cache. */
#ifndef VMTEST_PACKAGES_H
#define VMTEST_PACKAGES_H

#include "config.h"

/* One bootable kernel of the archive. */
struct listed {
	char *upstream; /* "6.12.117" */
	char *release;	/* "6.12.117+deb13-cloud-amd64" */
	char *version;	/* "6.12.117-1" */
	char *packages; /* comma-separated; the first holds the image */
	char *sums;	/* their sha256, in the same order, from the signed index */
};

/*
 * The archive's kernels of a flavour ("source": its packages of kernel source), newest first, ended
 * by an entry with upstream NULL. The index is kept for a day and refreshed when older or when
 * `refresh`; without a network an old one serves, and that is said. NULL after the error was said.
 */
struct listed *packages_list(const struct matrix *m, const char *provider, const char *flavour,
			     bool refresh);

/* The same list as it was kept, however old; nothing is fetched and nothing said. NULL: none. */
struct listed *packages_kept(const struct matrix *m, const char *provider, const char *flavour);

/* Whether the kept list is of the last day: what it does not have, the archive does not have. */
bool packages_list_is_fresh(const struct matrix *m, const char *provider, const char *flavour);

/*
 * Brings a listed kernel to the cache and returns its directory there (vmlinuz, config, modules/,
 * packages: what it was made of), to free(). The packages must have the sums. NULL after the error
 * was said.
 */
char *packages_fetch(const char *provider, const struct listed *kernel);

/*
 * The directory of a listed kernel when it is in the cache, to free(); else NULL. *same: made of
 * the packages listed, as far as it was noted.
 */
char *packages_cached(const struct listed *kernel, bool *same);

#endif
