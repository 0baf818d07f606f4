// SPDX-License-Identifier: GPL-2.0-only
/* type:, field: and func: straight from one BTF. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features_impl.h"
#include "util.h"

/* Deeper than any struct in a struct of the kernel; a loop in damaged BTF ends here. */
#define DEPTH_MAX 32

static const struct btf_type *skip_qualifiers(const struct btf *btf, unsigned id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int i = 0; t && i < DEPTH_MAX; i++) {
		if (btf_is_mod(t) || btf_is_typedef(t))
			t = btf__type_by_id(btf, t->type);
		else if (btf_is_array(t))
			t = btf__type_by_id(btf, btf_array(t)->type);
		else
			break;
	}
	return t;
}

/* "se.vruntime" of a struct or union; members of anonymous ones count as its own. */
static bool has_member(const struct btf *btf, const struct btf_type *t, const char *path, int depth)
{
	size_t n = strcspn(path, ".");

	if (!t || !btf_is_composite(t) || depth > DEPTH_MAX)
		return false;
	for (unsigned i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *name = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *inner = skip_qualifiers(btf, m->type);

		if (!*name) {
			if (has_member(btf, inner, path, depth + 1))
				return true;
		} else if (strlen(name) == n && !strncmp(name, path, n)) {
			if (!path[n] || has_member(btf, inner, path + n + 1, depth + 1))
				return true;
		}
	}
	return false;
}

static const char *kind_word(const struct btf_type *t)
{
	if (btf_is_struct(t))
		return "STRUCT";
	if (btf_is_union(t))
		return "UNION";
	if (btf_is_any_enum(t))
		return "ENUM";
	if (btf_is_typedef(t))
		return "TYPEDEF";
	return btf_is_int(t) ? "INT" : NULL;
}

bool btf_has(const struct btf *btf, const char *kind, const char *name, char *why, size_t size)
{
	bool func = !strcmp(kind, "func"), field = !strcmp(kind, "field");
	size_t n = field ? strcspn(name, ".") : strlen(name);
	const struct btf *base = btf__base_btf(btf);

	for (unsigned id = base ? btf__type_cnt(base) : 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *have = btf__name_by_offset(btf, t->name_off), *word;

		if (strncmp(have, name, n) || have[n])
			continue;
		word = btf_is_func(t) ? "FUNC" : kind_word(t);
		if (!word || func != btf_is_func(t))
			continue;
		if (field && !has_member(btf, skip_qualifiers(btf, id), name + n + 1, 0))
			continue;
		snprintf(why, size, "%s %s in BTF%s%s", word, have, field ? " has member " : "",
			 field ? name + n + 1 : "");
		return true;
	}
	return false;
}
