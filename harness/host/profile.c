// SPDX-License-Identifier: GPL-2.0-only
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "kconfig.h"
#include "kernel.h"
#include "profile.h"
#include "util.h"

const struct profile *profile_find(const char *name)
{
	const struct matrix *m = matrix_load();

	for (unsigned i = 0; m && i < m->profiles_count; i++)
		if (!strcmp(m->profiles[i].name, name))
			return &m->profiles[i];
	return NULL;
}

const char *profiles_list(void)
{
	static char *list;
	const struct matrix *m = matrix_load();

	for (unsigned i = 0; m && i < m->profiles_count && (i || !list); i++) {
		char *more =
			i ? fmt("%s, %s", list, m->profiles[i].name) : xstrdup(m->profiles[0].name);

		free(list);
		list = more;
	}
	return list;
}

static void add_once(const struct profile **all, const struct profile *p)
{
	for (; *all; all++)
		if (*all == p)
			return;
	*all = p;
}

const struct profile **profile_select(const char *list)
{
	const struct matrix *m = matrix_load();
	const struct profile **found, *p;
	char *copy, *name, *save;

	if (!m)
		return NULL;
	found = xcalloc(m->profiles_count + 1, sizeof(*found));
	copy = xstrdup(list);
	for (name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		if (!strcmp(name, "all")) {
			for (unsigned i = 0; i < m->profiles_count; i++)
				if (!m->profiles[i].icount)
					add_once(found, &m->profiles[i]);
			continue;
		}
		p = profile_find(name);
		if (!p) {
			err("--profile: no profile \"%s\"; there are, in kernels/matrix.yaml, and "
			    "\"all\":",
			    name);
			for (unsigned i = 0; i < m->profiles_count; i++)
				fprintf(stderr, "  %-24s %s\n", m->profiles[i].name,
					m->profiles[i].about);
			free(copy);
			free(found);
			return NULL;
		}
		add_once(found, p);
	}
	free(copy);
	if (!found[0]) {
		err("--profile: no profile named: \"%s\"; there are %s", list, profiles_list());
		free(found);
		return NULL;
	}
	return found;
}

bool profile_possible(const struct profile *p, const struct kernel *k, char *why, size_t size)
{
	bool possible = true;
	json_t *config;
	char *source;

	if (!p->needs_count && !p->conflicts_count)
		return true;
	/* Not the one inside an image: to decompress that for every cell would take longer than the
	 * answer is worth. */
	config = kconfig_find(k->vmlinuz, k->release, NULL, 0, &source);
	if (!config)
		return true;
	for (unsigned i = 0; i < p->needs_count && possible; i++) {
		possible = json_object_get(config, p->needs[i]);
		if (!possible)
			snprintf(why, size, "CONFIG_%s is not set", p->needs[i]);
	}
	for (unsigned i = 0; i < p->conflicts_count && possible; i++) {
		const char *value = json_string_value(json_object_get(config, p->conflicts[i]));

		possible = !value;
		if (value)
			snprintf(why, size, "CONFIG_%s=%s", p->conflicts[i], value);
	}
	json_decref(config);
	free(source);
	return possible;
}

const char *profile_removes(const struct profile *p, const char *feature)
{
	for (unsigned i = 0; i < p->removes_count; i++)
		if (fnmatch(p->removes[i], feature, 0) == 0)
			return p->why;
	return NULL;
}
