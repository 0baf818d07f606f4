/* SPDX-License-Identifier: GPL-2.0-only */
/* Making changes of a plan. */
#ifndef COREPATH_APPLY_H
#define COREPATH_APPLY_H

#include "plan.h"

/* apply_tc.c: makes the change, or the run of changes that begins with it and that one call makes,
 * and says how many. With *n 0 it is of another kind. */
int cp_apply_tc(const char *pin_dir, const struct change *c, const struct change *end, size_t *n);

#endif
