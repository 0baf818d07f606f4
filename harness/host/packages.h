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
};

/*
 * The archive's kernels of a flavour ("source": its packages of kernel source), newest first, ended
 * by an entry with upstream NULL. The index is kept for a day and refreshed when older or when
 * `refresh`; without a network an old one serves, and that is said. NULL after the error was said.
 */
struct listed *packages_list(const struct matrix *m, const char *provider, const char *flavour,
			     bool refresh);

/*
 * Brings a listed kernel to the cache and returns its directory there (vmlinuz, config, modules/),
 * to free(). NULL after the error was said.
 */
char *packages_fetch(const char *provider, const struct listed *kernel);

#endif
