/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a program does not work on a kernel, as one word that is the same on all kernels. */
#ifndef VMTEST_SWEEP_CAUSE_H
#define VMTEST_SWEEP_CAUSE_H

#include <stdbool.h>

#include <jansson.h>

/*
 * The sweep_verdict of a result line of the verifier suite: SWEEP_WORKS, SWEEP_NO_VERDICT, or
 * SWEEP_FAILS plus the number of a cause. The verifier's words are no interface and change, so
 * what is not recognized is "verifier-rejected"; other causes follow from how far the load came.
 */
int sweep_cause_of_line(const json_t *line);
/* The word of such a verdict: "works", "no-verdict", "helper-missing", "kernel-panic". */
const char *sweep_cause_name(int verdict);

/*
 * Whether the cause is the one that the lack of `need` (a name of features.h) would have: a helper
 * that is missing is refused as such, and so on.
 */
bool sweep_cause_is_of(int verdict, const char *need);

/*
 * Whether a module could change the verdict, or what is said of the need: without the modules of a
 * kernel nothing is known of what is only in them.
 */
bool sweep_cause_may_be_module(int verdict);
bool sweep_need_may_be_module(const char *need);

#endif
