/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two files share that read a policy file. */
#ifndef COREPATH_RULES_READ_H
#define COREPATH_RULES_READ_H

#include <yaml.h>
#include "rules.h"

struct reader {
	struct cp_rules *rules;
	const char *pin_dir;
	struct cp_rule scope; /* its conditions are every rule's */
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

/* The value of a mapping's key, or NULL. */
yaml_node_t *cp_value_of(yaml_document_t *doc, const yaml_node_t *node, const char *key);

/* A rule with the conditions of the scope alone. The caller frees rule->conditions, of errors, too.
 */
int cp_rule_start(struct reader *r, const yaml_node_t *node, struct cp_rule *rule);

/* Adds to the rule what a mapping says; *any is its list of alternatives, if it has one. */
int cp_rule_read(struct reader *r, yaml_node_t *node, struct cp_rule *rule, yaml_node_t **any);

/* Appends the rule, or one for each entry of `any`, which is of the document of `from`. */
int cp_rule_append(struct reader *r, const yaml_node_t *node, struct reader *from,
		   struct cp_rule *rule, const yaml_node_t *any);

/* rules_builtin.c: the rules of the builtin `name`, with what the mapping says besides. */
int cp_builtin_read(struct reader *r, yaml_node_t *node, const yaml_node_t *name);

extern const struct kind cp_kinds[];
extern const size_t cp_n_kinds;

#endif
