/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of a policy file on their way into the kernel. */
#ifndef COREPATH_RULES_H
#define COREPATH_RULES_H

#include "internal.h"

struct kind;

struct cp_condition {
	const struct kind *kind; /* the field it is from */
	__u8 dim;		 /* enum corepath_dim */
	bool not;
	__u32 bits; /* of data */
	__u8 data[COREPATH_SEC_DATA];
};

/* What is one bit in the kernel: all of its conditions must be met, of those of one dim one. */
struct cp_rule {
	char name[COREPATH_RULE_NAME_MAX];
	size_t line;
	__u32 ops;
	enum corepath_action action, asked;
	bool weaker;
	__u32 rate, rate_s; /* events; 0: no limit */
	struct cp_condition *conditions;
	size_t n_conditions;
};

struct cp_rules {
	const char *file;
	struct cp_rule *list;
	size_t n;
	__u32 ops, dims; /* bits of those there are */
};

/* Reads the file. '@pins' in a path is @pin_dir. Errors have their text. */
int cp_rules_read(const char *file, const char *pin_dir, struct cp_rules *rules);
void cp_rules_free(struct cp_rules *rules);

/* sec_names.c: the number of a name of `cap`, `namespace`, `mode` or `cmd`; -EINVAL */
int cp_cap_parse(const char *name);
int cp_namespace_parse(const char *name);
int cp_mode_parse(const char *name);
int cp_cmd_parse(const char *name);

/* The names, with commas. */
const char *cp_namespace_names(void);
const char *cp_mode_names(void);

/* rules_trie.c: a new trie with the rules; its descriptor. -ENOMEM, or the kernel's, without a
 * text. */
int cp_rules_trie(const struct cp_rules *rules);

#endif
