/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COREPATH_JSON_H
#define COREPATH_JSON_H

#include <jansson.h>

/* Prints the value and a newline, and drops the reference. Returns an exit status; a NULL value
 * is one that could not be built. */
int print_json(json_t *value);

/* "02:00:00:00:00:01", in buf; NULL if all is 0. */
const char *mac_text(const unsigned char *mac, char buf[18]);

/* What `print_cgroups` prints; NULL if it could not be built. */
struct corepath_cgroup;
json_t *cgroups_json(const struct corepath_cgroup *list, size_t n);

#endif
