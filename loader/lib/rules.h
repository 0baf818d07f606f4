/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of a policy file on their way into the kernel. */
#ifndef COREPATH_RULES_H
#define COREPATH_RULES_H

#include "internal.h"

/* Every bit of enum corepath_op. */
#define CP_OPS_ALL ((1u << COREPATH_OPS) - 1)

struct rule_kind;

struct cp_condition {
	const struct rule_kind *kind; /* the field it is from */
	__u8 dim;		      /* enum corepath_dim */
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

/* What there is of a set in the kernel: an entry of its trie; of COREPATH_DIM_NAME the name. */
struct cp_rules_entry {
	struct corepath_sec_key key;
	union {
		struct corepath_sec_bits bits;
		struct corepath_rule_name name;
	};
};

struct cp_rules_image {
	struct cp_rules_entry *list;
	size_t n;
};

/* rules_trie.c: what the rules would be in the kernel, and what a trie has, to compare; *image is
 * empty before. A name's action is the one that is allowed in place of what is asked, or the one
 * that it came to. */
int cp_rules_image(const struct cp_rules *rules, struct cp_rules_image *image);
int cp_rules_image_of(int trie, struct cp_rules_image *image);

/* Whether `to` would change nothing where `from` is in force. */
bool cp_rules_same(const struct cp_rules_image *from, const struct cp_rules_image *to);

/* security.c: what is in force, if there is anything; and putting rules in force. */
int cp_security_get(const char *pin_dir, struct cp_rules_image *image, bool *there);
int cp_security_put(const char *pin_dir, struct cp_rules *rules);

/* rules_trie.c: a new trie with the rules; its descriptor. -ENOMEM, or the kernel's, without a
 * text. */
int cp_rules_trie(const struct cp_rules *rules);

#endif
