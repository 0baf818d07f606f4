/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two files share that read a policy file. */
#ifndef COREPATH_RULES_READ_H
#define COREPATH_RULES_READ_H

#include <yaml.h>
#include "rules.h"

struct reader {
	struct cp_rules *rules;
	yaml_document_t doc;
};

/* "file:12: path: ..." */
#define FAIL(r, node, key, fmt, ...)                                                               \
	cp_fail(EINVAL, "%s:%zu: %s: " fmt, (r)->rules->file, (node)->start_mark.line + 1, key,    \
		##__VA_ARGS__)

static inline const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* A field that is a condition. */
struct kind {
	const char *name;
	__u8 dim;
	__u32 ops; /* that have it */
	int (*parse)(struct reader *r, const yaml_node_t *node, const struct kind *kind,
		     struct cp_condition *c);
};

extern const struct kind cp_kinds[];
extern const size_t cp_n_kinds;

#endif
