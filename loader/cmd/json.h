/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COREPATH_JSON_H
#define COREPATH_JSON_H

#include <jansson.h>

/* Prints the value and a newline, and drops the reference. Returns an exit status; a NULL value
 * is one that could not be built. */
int print_json(json_t *value);

#endif
