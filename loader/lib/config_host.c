// SPDX-License-Identifier: GPL-2.0-only
/* What of a configuration is of this host: whose sockets are balanced, what processes may do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "config_rules.h"

static int running_cgroups(const char *pin_dir, struct corepath_config *c)
{
	struct corepath_cgroup *list;
	struct cp_config_cgroup *g;
	size_t i, n;
	int err = corepath_socket_status(pin_dir, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		if (list[i].state != COREPATH_CGROUP_ATTACHED || !list[i].path)
			continue;
		g = cp_config_more(&c->cgroups, &c->n_cgroups, sizeof(*g));
		if (g) {
			*g = (struct cp_config_cgroup){list[i].path, list[i].id};
			list[i].path = NULL;
		} else {
			err = -ENOMEM;
		}
	}
	corepath_socket_free(list, n);
	return err;
}

struct cp_config_rules *cp_config_rules_new(void)
{
	struct cp_config_rules *r = calloc(1, sizeof(*r));

	if (!r)
		cp_fail(ENOMEM, "configuration: out of memory; free some");
	return r;
}

void cp_config_rules_free(struct cp_config_rules *r)
{
	if (!r)
		return;
	cp_rules_free(&r->rules);
	free(r->file);
	free(r->image.list);
	free(r);
}

static int running_rules(const char *pin_dir, struct corepath_config *c)
{
	struct cp_config_rules *r = cp_config_rules_new();
	bool there;
	int err;

	if (!r)
		return -ENOMEM;
	err = cp_security_get(pin_dir, &r->image, &there);
	if (!err && there)
		c->rules = r;
	else
		cp_config_rules_free(r);
	return err;
}

int cp_config_running_host(const char *pin_dir, struct corepath_config *c)
{
	int err = running_cgroups(pin_dir, c);

	return err ? err : running_rules(pin_dir, c);
}

void cp_config_free_host(struct corepath_config *c)
{
	size_t i;

	for (i = 0; i < c->n_cgroups; i++)
		free(c->cgroups[i].path);
	free(c->cgroups);
	cp_config_rules_free(c->rules);
}
