/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels built from source, by the provider of that name, into the same cache as all others. */
#ifndef VMTEST_SOURCE_H
#define VMTEST_SOURCE_H

#include "config.h"
#include "kernel.h"

/*
 * The kernel of `asked`, built unless it is in the cache. `what` is the path of a source tree or
 * tarball, or a series ("6.12"): then the matrix's pinned tarball of kernel.org, or Debian's
 * package of that series' source. NULL after err(); *usage tells a source nobody has (exit 2) from
 * one that does not build (exit 3).
 */
struct kernel *source_kernel(const struct matrix *m, const char *asked, const char *what,
			     bool *usage);

/* The version ("6.6.119") of the source at a path, to free(); NULL after err(). Asked of the same
 * path again, it does not look again. */
char *source_version(const char *path, bool *usage);

/* Whether a pinned release has been built, by whatever fragments and tools. */
bool source_is_built(const char *version);

#endif
