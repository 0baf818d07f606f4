/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files share that read a policy file. */
#ifndef COREPATH_RULES_READ_H
#define COREPATH_RULES_READ_H

#include "rules.h"
#include "yaml_read.h"

struct reader {
	struct cp_yaml_reader yaml;
	struct cp_rules *rules;
	const char *pin_dir;
	struct cp_rule scope; /* its conditions are every rule's */
};

/* "file:12: path: ..." */
#define FAIL(r, node, key, fmt, ...) CP_YAML_FAIL(&(r)->yaml, node, key, fmt, ##__VA_ARGS__)

/* A field that is a condition. */
struct rule_kind {
	const char *name;
	__u8 dim;
	__u32 ops; /* that have it */
	int (*parse)(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		     struct cp_condition *c);
};

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

/* What cp_rules_read() reads of a file, of a mapping in another one. */
int cp_rules_read_node(struct cp_yaml_reader *yaml, yaml_node_t *node, const char *pin_dir,
		       struct cp_rules *rules);

extern const struct rule_kind cp_kinds[];
extern const size_t cp_n_kinds;

#endif
