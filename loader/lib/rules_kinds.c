// SPDX-License-Identifier: GPL-2.0-only
/* The conditions of rules: from text to what the kernel compares. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "rules_read.h"

/* Exact, "PREFIX*", or, of the file alone, "*SUFFIX". */
static int parse_path(struct reader *r, const yaml_node_t *node, const struct kind *kind,
		      struct cp_condition *c)
{
	const char *text = text_of(node), *star = strchr(text, '*');
	size_t len = strlen(text), i;

	if (len > COREPATH_SEC_DATA)
		return FAIL(r, node, kind->name,
			    "is %zu bytes long; %d are the most there can be; give a "
			    "prefix ('/some/dir/*')",
			    len, COREPATH_SEC_DATA - 1);
	if (*text == '*' && len > 1 && !strchr(text + 1, '*')) {
		if (kind->dim != COREPATH_DIM_PATH)
			return FAIL(r, node, kind->name,
				    "'%s': takes a path or a prefix ('/dir/*'), no suffix", text);
		c->dim = COREPATH_DIM_PATH_END;
		for (i = 0; i < len - 1; i++)
			c->data[i] = text[len - 1 - i];
		c->bits = 8 * (len - 1);
		return 0;
	}
	if ((star && star != text + len - 1) || (*text != '/' && strncmp(text, "memfd:", 6)))
		return FAIL(r, node, kind->name,
			    "'%s': expected an absolute path, a prefix ('/dir/*')%s", text,
			    kind->dim == COREPATH_DIM_PATH ? " or a suffix ('*.so')" : "");
	if (!star && len == COREPATH_SEC_DATA)
		return FAIL(r, node, kind->name,
			    "is %zu bytes long; %d are the most there can be; give a "
			    "prefix ('/some/dir/*')",
			    len, COREPATH_SEC_DATA - 1);
	memcpy(c->data, text, len);
	c->bits = 8 * (star ? len - 1 : len + 1); /* the NUL: there is no more of it */
	return 0;
}

static int parse_number(struct reader *r, const yaml_node_t *node, const struct kind *kind,
			unsigned long long max, unsigned long long *out)
{
	if (!cp_parse_number(text_of(node), max, out))
		return FAIL(r, node, kind->name, "'%s': expected a number from 0 to %llu",
			    text_of(node), max);
	return 0;
}

static int parse_u32(struct reader *r, const yaml_node_t *node, const struct kind *kind,
		     struct cp_condition *c)
{
	unsigned long long v;
	int err = parse_number(r, node, kind, 0xffffffff, &v);
	__u32 value = v;

	memcpy(c->data, &value, sizeof(value));
	c->bits = 32;
	return err;
}

static int parse_port(struct reader *r, const yaml_node_t *node, const struct kind *kind,
		      struct cp_condition *c)
{
	unsigned long long v;
	int err = parse_number(r, node, kind, 0xffff, &v);
	__u16 port = err ? 0 : htons(v);

	memcpy(c->data, &port, sizeof(port));
	c->bits = 16;
	return err;
}

/* The folder of one, or its number. */
static int parse_cgroup(struct reader *r, const yaml_node_t *node, const struct kind *kind,
			struct cp_condition *c)
{
	const char *text = text_of(node);
	unsigned long long v;
	struct stat st;
	__u64 id;

	if (*text == '/') {
		if (stat(text, &st))
			return FAIL(r, node, kind->name,
				    "%s: %s; name the folder of a cgroup (version 2)", text,
				    strerror(errno));
		id = st.st_ino;
	} else {
		int err = parse_number(r, node, kind, ~0ull, &v);

		if (err)
			return err;
		id = v;
	}
	memcpy(c->data, &id, sizeof(id));
	c->bits = 64;
	return 0;
}

static int parse_dest(struct reader *r, const yaml_node_t *node, const struct kind *kind,
		      struct cp_condition *c)
{
	struct corepath_prefix p;
	struct corepath_addr a;
	char why[256];

	if (corepath_prefix_parse(text_of(node), &p) < 0) {
		snprintf(why, sizeof(why), "%s", corepath_error());
		return FAIL(r, node, kind->name, "%s", why);
	}
	cp_addr_of_prefix(&a, &p);
	memcpy(c->data, &a, sizeof(a));
	c->bits = p.len + (p.family == AF_INET ? 96 : 0);
	return 0;
}

#define FILES                                                                                      \
	(1u << COREPATH_OP_EXEC | 1u << COREPATH_OP_WRITE | 1u << COREPATH_OP_UNLINK |             \
	 1u << COREPATH_OP_RENAME | 1u << COREPATH_OP_LINK)
#define ALL ((1u << COREPATH_OPS) - 1)

const struct kind cp_kinds[] = {
	{"path", COREPATH_DIM_PATH, FILES, parse_path},
	{"exe", COREPATH_DIM_EXE, ALL, parse_path},
	{"parent", COREPATH_DIM_PARENT, ALL, parse_path},
	{"uid", COREPATH_DIM_UID, ALL, parse_u32},
	{"cgroup", COREPATH_DIM_CGROUP, ALL, parse_cgroup},
	{"dest", COREPATH_DIM_DEST, 1u << COREPATH_OP_CONNECT, parse_dest},
	{"port", COREPATH_DIM_PORT, 1u << COREPATH_OP_CONNECT, parse_port},
	{"argc", COREPATH_DIM_ARGC, 1u << COREPATH_OP_EXEC, parse_u32},
};

const size_t cp_n_kinds = sizeof(cp_kinds) / sizeof(cp_kinds[0]);
