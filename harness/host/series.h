/* SPDX-License-Identifier: GPL-2.0-only */
/* The series of the matrix ("6.12", "7.3-rc"): their order, and what --kernel can say of them. */
#ifndef VMTEST_SERIES_H
#define VMTEST_SERIES_H

#include "config.h"

/*
 * The order of series and releases, which strings do not have: "6.12" and "6.12.117" are equal, and
 * release candidates ("7.3-rc", "7.3~rc7") come just before their series. -1 for anything else.
 */
int series_rank(const char *name);

/* True when release "6.12.117" is one of series "6.12": never "6.1" of "6.12", and "7.3~rc7" is one
 * of "7.3-rc". */
bool series_holds(const char *series, const char *release);

/* The series of the matrix that a series or release belongs to, or NULL. */
const struct series *series_find(const struct matrix *m, const char *name);

/* "no kernel X", and what there is instead. */
void series_say_unknown(const struct matrix *m, const char *asked);

/*
 * Expands "6.1,6.12", "6.1..6.18", "all", "required", "newest" into names, each once; their count
 * in *n. NULL after err().
 */
char **kernel_select(const char *list, unsigned *n);

#endif
