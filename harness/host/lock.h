/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernels/matrix.lock: which release each series of the matrix stands for, to the packages and
 * their sha256. Written by `vmtest kernels lock`, read by every run.
 */
#ifndef VMTEST_LOCK_H
#define VMTEST_LOCK_H

#include <stdbool.h>

#include "packages.h"

/*
 * The pinned release of a series in a flavour, or NULL in *pinned when nothing pins it. 0, or -1
 * after err(): the file is there and cannot be read.
 */
int lock_find(const char *series, const char *flavour, const struct listed **pinned);

/*
 * `vmtest kernels lock`: pins the newest release of each series of `names` (NULL: of all), in the
 * flavours that the matrix and its profiles name. What is not in the archive any more stays pinned,
 * and that is said. check: nothing is written; EXIT_HARNESS when something would have changed.
 */
int lock_update(char *const *names, unsigned n, bool check);

#endif
