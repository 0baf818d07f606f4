// SPDX-License-Identifier: GPL-2.0-only
/* datapath.yaml: whose sockets are balanced, what processes may do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config_read.h"
#include "config_rules.h"
#include "rules_read.h"

/* ---- sockets ---- */

static int read_cgroup(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_config *c = into;
	struct cp_config_cgroup *g;
	struct stat st;
	size_t i;
	int err = cp_yaml_expect(r, node, key, YAML_SCALAR_NODE);

	if (err)
		return err;
	if (*cp_yaml_text(node) != '/')
		return CP_YAML_FAIL(r, node, key,
				    "'%.80s' is no folder from '/' on; write /sys/fs/cgroup",
				    cp_yaml_text(node));
	g = cp_config_more(&c->cgroups, &c->n_cgroups, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->path = strdup(cp_yaml_text(node));
	if (!g->path)
		return cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	/* one that is not there is said to be missing when it is needed */
	g->id = stat(g->path, &st) ? 0 : st.st_ino;
	for (i = 0; i + 1 < c->n_cgroups; i++)
		if ((g->id && c->cgroups[i].id == g->id) || !strcmp(c->cgroups[i].path, g->path))
			return CP_YAML_FAIL(r, node, key, "%s is there twice; keep one", g->path);
	return 0;
}

int cp_config_read_sockets(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	if (strcmp(key, "cgroups"))
		return CP_YAML_FAIL(r, node, key, "no such key; expected cgroups");
	return cp_yaml_each_item(r, node, key, read_cgroup, into);
}

/* ---- security ---- */

/* A path in a file is from the file's folder. NULL: no memory. */
static char *beside(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	char *whole = NULL;

	if (*path == '/' || !slash)
		return strdup(path);
	return asprintf(&whole, "%.*s/%s", (int)(slash - file), file, path) < 0 ? NULL : whole;
}

/* An error of the other file has its own place; that it cannot be read is this one's mistake. */
static int read_other(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		      const char *pin_dir, struct cp_config_rules *rules)
{
	if (!*cp_yaml_text(node))
		return CP_YAML_FAIL(r, node, key,
				    "is empty; give a file with rules, or 'rules' itself");
	rules->file = beside(r->file, cp_yaml_text(node));
	if (!rules->file)
		return cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	if (access(rules->file, R_OK))
		return CP_YAML_FAIL(r, node, key, "%s: %s; name a file with rules", rules->file,
				    strerror(errno));
	return cp_rules_read(rules->file, pin_dir, &rules->rules);
}

static int read_inline(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		       const char *pin_dir, struct cp_config_rules *rules)
{
	size_t len = strlen(r->path);
	int err;

	rules->file = strdup(r->file);
	if (!rules->file)
		return cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
	snprintf(r->path + len, sizeof(r->path) - len, "%s", key);
	err = cp_rules_read_node(r, node, pin_dir, &rules->rules);
	r->path[len] = '\0';
	rules->rules.file = rules->file;
	return err;
}

int cp_config_read_security(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    struct corepath_config *c)
{
	const char *pin_dir = ((struct cp_config_reader *)r)->pin_dir;
	struct cp_config_rules *rules;
	int err;

	if (!pin_dir)
		return 0;
	rules = cp_config_rules_new();
	if (!rules)
		return -ENOMEM;
	err = node->type == YAML_SCALAR_NODE ? read_other(r, node, key, pin_dir, rules)
					     : read_inline(r, node, key, pin_dir, rules);
	if (!err && rules->rules.n)
		err = cp_rules_image(&rules->rules, &rules->image);
	if (!err && rules->rules.n)
		c->rules = rules;
	else /* a list of none is none */
		cp_config_rules_free(rules);
	return err;
}
