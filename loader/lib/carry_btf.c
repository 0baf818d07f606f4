// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the values of a pinned map mean what this version takes them for, by the type information
 * that the kernel keeps for the map: the fields that it has must be the first ones of ours, under
 * the same names and in the same places. A size alone does not tell. What was padding, which is all
 * zeros, may have become a field.
 */
#include <bpf/btf.h>
#include <string.h>
#include "upgrade.h"

#define DEPTH 16 /* of structures in structures; ours have three */

struct sides {
	const struct btf *old, *new;
};

static bool alike(const struct sides *s, __u32 old, __u32 new, bool may_grow, int depth);

static bool names_alike(const char *old, const char *new)
{
	return !strncmp(old, "pad", 3) || !strcmp(old, new);
}

static bool members_alike(const struct sides *s, const struct btf_type *old,
			  const struct btf_type *new, bool may_grow, int depth)
{
	const struct btf_member *a = btf_members(old), *b = btf_members(new);
	__u16 i, n = btf_vlen(old);

	if (n > btf_vlen(new) || (!may_grow && (n != btf_vlen(new) || old->size != new->size)))
		return false;
	for (i = 0; i < n; i++)
		if (!names_alike(btf__name_by_offset(s->old, a[i].name_off),
				 btf__name_by_offset(s->new, b[i].name_off)) ||
		    a[i].offset != b[i].offset ||
		    !alike(s, a[i].type, b[i].type, may_grow && i == n - 1, depth))
			return false;
	return true;
}

static bool alike(const struct sides *s, __u32 old, __u32 new, bool may_grow, int depth)
{
	const struct btf_type *a, *b;

	if (!old || !new) /* void */
		return old == new;
	a = btf__type_by_id(s->old, btf__resolve_type(s->old, old));
	b = btf__type_by_id(s->new, btf__resolve_type(s->new, new));
	if (!a || !b || depth > DEPTH || btf_kind(a) != btf_kind(b))
		return false;
	switch (btf_kind(a)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return members_alike(s, a, b, may_grow, depth + 1);
	case BTF_KIND_ARRAY:
		return (btf_array(a)->nelems == btf_array(b)->nelems ||
			(may_grow && btf_array(a)->nelems < btf_array(b)->nelems)) &&
		       alike(s, btf_array(a)->type, btf_array(b)->type, false, depth + 1);
	case BTF_KIND_PTR:
		return true;
	default:
		return a->size == b->size;
	}
}

bool cp_values_alike(const struct bpf_map_info *pinned, const struct bpf_object *obj,
		     const struct bpf_map *map)
{
	struct btf *own = pinned->btf_id ? btf__load_from_kernel_by_id(pinned->btf_id) : NULL;
	struct sides s = {.old = own, .new = bpf_object__btf(obj)};
	bool yes = true;

	/* a map whose type nobody told is judged by its sizes */
	if (own && s.new && pinned->btf_value_type_id &&bpf_map__btf_value_type_id(map))
		yes = alike(&s, pinned->btf_value_type_id, bpf_map__btf_value_type_id(map), true,
			    0);
	btf__free(own);
	return yes;
}
