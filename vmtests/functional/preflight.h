/* SPDX-License-Identifier: GPL-2.0-only */
/* What `corepath preflight --json` says. */
#ifndef FUNCTIONAL_PREFLIGHT_H
#define FUNCTIONAL_PREFLIGHT_H

#include <jansson.h>

/* The list, which the caller owns: what was said the first time that any test of this VM asked. No
 * list ends the test. */
json_t *preflight_list(void);

/* The @key of that feature, which there must be. */
const char *preflight_member(json_t *list, const char *feature, const char *key);

#endif
