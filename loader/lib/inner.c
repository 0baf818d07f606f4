// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map that an outer map's first element points to. User space is told no more of it than its
 * number, and to make a descriptor of that takes CAP_SYS_ADMIN; so it is pinned as well, under the
 * outer map's name and the number, which nothing else gets while the pin is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include "internal.h"

#define NAME_LEN 64

static void name_of(const char *outer, __u32 id, char name[NAME_LEN])
{
	snprintf(name, NAME_LEN, "%s:%u", outer, id);
}

struct sweep {
	const struct cp_dir *dir;
	char keep[NAME_LEN];
};

static int sweep_one(const char *name, void *arg)
{
	const struct sweep *s = arg;

	return strcmp(name, s->keep) ? cp_pin_unlink(s->dir, name) : 0;
}

/* Removes the pins of the outer map's inner maps, but the one of that number. */
static int sweep(const struct cp_dir *dir, const char *outer, __u32 but)
{
	struct sweep s = {.dir = dir};
	char begins[NAME_LEN];

	name_of(outer, but, s.keep);
	snprintf(begins, sizeof(begins), "%s:", outer);
	return cp_pins_each(dir, begins, sweep_one, &s);
}

/* Killed anywhere in it, the outer map points to what is pinned, and the next call sweeps up. */
int cp_inner_put(const struct cp_dir *dir, const char *outer, int outer_fd, int inner_fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), zero = 0;
	char name[NAME_LEN];
	int err;

	err = bpf_map_get_info_by_fd(inner_fd, &info, &len);
	if (err)
		return err;
	name_of(outer, info.id, name);
	err = cp_pin_put(dir, name, inner_fd);
	if (!err)
		err = bpf_map_update_elem(outer_fd, &zero, &inner_fd, BPF_ANY);
	return err ? err : sweep(dir, outer, info.id);
}

int cp_inner_get(const struct cp_dir *dir, const char *outer, int outer_fd)
{
	__u32 zero = 0, id;
	char name[NAME_LEN];
	int err = bpf_map_lookup_elem(outer_fd, &zero, &id);

	if (err)
		return err;
	name_of(outer, id, name);
	return cp_pin_get(dir, name);
}

int cp_inner_unpin(const struct cp_dir *dir, const char *outer)
{
	int err = sweep(dir, outer, 0); /* a map's number is not 0 */

	return err ? cp_fail(-err, "unpin %s/%s:*: %s; run as root", dir->path, outer,
			     strerror(-err))
		   : 0;
}
