// SPDX-License-Identifier: GPL-2.0-only
/* The conditions of rules: from text to what the kernel compares. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rules_read.h"

/* '@self' is the program that reads the rules, '@pins' the pin directory. */
static const char *expand(const struct reader *r, const char *text)
{
	static char out[PATH_MAX + 256];
	ssize_t len;

	if (!strcmp(text, "@self")) {
		len = readlink("/proc/self/exe", out, PATH_MAX);
		out[len < 0 ? 0 : len] = '\0';
		return len < 0 ? text : out;
	}
	if (strncmp(text, "@pins", 5))
		return text;
	snprintf(out, sizeof(out), "%s%s", r->pin_dir, text + 5);
	return out;
}

/* Exact, "PREFIX*", or, of the file alone, "*SUFFIX". */
static int parse_path(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		      struct cp_condition *c)
{
	const char *text = expand(r, cp_yaml_text(node)), *star = strchr(text, '*');
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

static int parse_number(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
			unsigned long long max, unsigned long long *out)
{
	if (!cp_parse_number(cp_yaml_text(node), max, out))
		return FAIL(r, node, kind->name, "'%s': expected a number from 0 to %llu",
			    cp_yaml_text(node), max);
	return 0;
}

static int parse_u32(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		     struct cp_condition *c)
{
	unsigned long long v;
	int err = parse_number(r, node, kind, 0xffffffff, &v);
	__u32 value = v;

	memcpy(c->data, &value, sizeof(value));
	c->bits = 32;
	return err;
}

static int parse_port(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
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
static int parse_cgroup(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
			struct cp_condition *c)
{
	const char *text = cp_yaml_text(node);
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

static int parse_dest(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		      struct cp_condition *c)
{
	struct corepath_prefix p;
	struct corepath_addr a;
	char why[256];

	if (corepath_prefix_parse(cp_yaml_text(node), &p) < 0) {
		snprintf(why, sizeof(why), "%s", corepath_error());
		return FAIL(r, node, kind->name, "%s", why);
	}
	cp_addr_of_prefix(&a, &p);
	memcpy(c->data, &a, sizeof(a));
	c->bits = p.len + (p.family == AF_INET ? 96 : 0);
	return 0;
}

/* An argument or a name, or "PREFIX*". */
static int parse_arg(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		     struct cp_condition *c)
{
	const char *text = cp_yaml_text(node), *star = strchr(text, '*');
	size_t len = strlen(text);

	if (star && (star == text || star != text + len - 1))
		return FAIL(r, node, kind->name,
			    "'%s': expected all of it, or how it begins ('--cap-add=*')", text);
	if (len >= COREPATH_SEC_DATA - 1)
		return FAIL(r, node, kind->name,
			    "is %zu bytes long; %d are the most there can be; give a prefix", len,
			    COREPATH_SEC_DATA - 2);
	memcpy(c->data, text, len);
	c->bits = 8 * (star ? len - 1 : len + 1);
	return 0;
}

/* One of a table's names. */
static int parse_bit(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		     struct cp_condition *c, int bit, const char *expected)
{
	if (bit < 0)
		return FAIL(r, node, kind->name, "'%s': expected %s", cp_yaml_text(node), expected);
	c->data[0] = bit;
	c->bits = 8;
	return 0;
}

static int parse_cap(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		     struct cp_condition *c)
{
	return parse_bit(r, node, kind, c, cp_cap_parse(cp_yaml_text(node)),
			 "a capability, such as CAP_SYS_ADMIN (capabilities(7))");
}

static int parse_namespace(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
			   struct cp_condition *c)
{
	return parse_bit(r, node, kind, c, cp_namespace_parse(cp_yaml_text(node)),
			 cp_namespace_names());
}

static int parse_mode(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		      struct cp_condition *c)
{
	return parse_bit(r, node, kind, c, cp_mode_parse(cp_yaml_text(node)), cp_mode_names());
}

static int parse_cmd(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		     struct cp_condition *c)
{
	int cmd = cp_cmd_parse(cp_yaml_text(node));
	__u32 value = cmd;

	if (cmd < 0)
		return FAIL(r, node, kind->name,
			    "'%s': expected a command of bpf(), such as prog_load (bpf(2)), or its "
			    "number",
			    cp_yaml_text(node));
	memcpy(c->data, &value, sizeof(value));
	c->bits = 32;
	return 0;
}

/* "host", or an inode number of /proc/PID/ns. The kind's name begins as the file's does. */
static int parse_ns(struct reader *r, const yaml_node_t *node, const struct rule_kind *kind,
		    struct cp_condition *c)
{
	char file[64];
	struct stat st;
	__u32 value;

	if (strcmp(cp_yaml_text(node), "host"))
		return parse_u32(r, node, kind, c);
	snprintf(file, sizeof(file), "/proc/1/ns/%.*s", (int)strcspn(kind->name, "-"), kind->name);
	if (stat(file, &st))
		return FAIL(r, node, kind->name, "host: %s: %s; is /proc mounted?", file,
			    strerror(errno));
	value = st.st_ino;
	memcpy(c->data, &value, sizeof(value));
	c->bits = 32;
	return 0;
}

#define OP(name) (1u << COREPATH_OP_##name)
#define ALL	 CP_OPS_ALL
#define MOUNTS	 (OP(MOUNT) | OP(UMOUNT) | OP(PIVOT_ROOT))
#define FILES                                                                                      \
	(OP(EXEC) | OP(WRITE) | OP(UNLINK) | OP(RENAME) | OP(LINK) | OP(CREATE) | OP(CHMOD) |      \
	 OP(CHOWN) | OP(XATTR) | OP(CHATTR) | OP(MODULE) | OP(PTRACE) | MOUNTS)

const struct rule_kind cp_kinds[] = {
	{"path", COREPATH_DIM_PATH, FILES, parse_path},
	{"exe", COREPATH_DIM_EXE, ALL, parse_path},
	{"parent", COREPATH_DIM_PARENT, ALL, parse_path},
	{"uid", COREPATH_DIM_UID, ALL, parse_u32},
	{"cgroup", COREPATH_DIM_CGROUP, ALL, parse_cgroup},
	{"mnt-ns", COREPATH_DIM_MNT_NS, ALL, parse_ns},
	{"pid-ns", COREPATH_DIM_PID_NS, ALL, parse_ns},
	{"user-ns", COREPATH_DIM_USER_NS, ALL, parse_ns},
	{"net-ns", COREPATH_DIM_NET_NS, ALL, parse_ns},
	{"dest", COREPATH_DIM_DEST, OP(CONNECT), parse_dest},
	{"addr", COREPATH_DIM_DEST, OP(BIND) | OP(LISTEN), parse_dest},
	{"port", COREPATH_DIM_PORT, OP(CONNECT) | OP(BIND) | OP(LISTEN), parse_port},
	{"argc", COREPATH_DIM_ARGC, OP(EXEC), parse_u32},
	{"args", COREPATH_DIM_ARG, OP(EXEC), parse_arg},
	{"attribute", COREPATH_DIM_ARG, OP(XATTR), parse_arg},
	{"to-uid", COREPATH_DIM_NUMBER, OP(SETUID), parse_u32},
	{"to-gid", COREPATH_DIM_NUMBER, OP(SETGID), parse_u32},
	{"cap", COREPATH_DIM_BIT, OP(CAPABILITY), parse_cap},
	{"namespace", COREPATH_DIM_BIT, OP(UNSHARE) | OP(SETNS), parse_namespace},
	{"mode", COREPATH_DIM_BIT, OP(CHMOD), parse_mode},
	{"cmd", COREPATH_DIM_NUMBER, OP(BPF), parse_cmd},
};

const size_t cp_n_kinds = sizeof(cp_kinds) / sizeof(cp_kinds[0]);
