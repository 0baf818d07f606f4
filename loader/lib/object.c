// SPDX-License-Identifier: GPL-2.0-only
/* Objects that are loaded when there is first work for them: who has none pays nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"
#include "refusal.h"

static int pin_all(const struct cp_dir *dir, struct bpf_object *obj, const char *last)
{
	struct bpf_program *prog;
	int err = cp_maps_pin(dir, obj);

	if (err)
		return err;
	bpf_object__for_each_program (prog, obj) {
		if (!bpf_program__autoload(prog) || !strcmp(bpf_program__name(prog), last))
			continue;
		cp_pin_remove(dir, bpf_program__name(prog));
		err = cp_pin_put(dir, bpf_program__name(prog), bpf_program__fd(prog));
		if (err)
			return err;
	}
	prog = bpf_object__find_program_by_name(obj, last);
	return prog ? cp_pin_put(dir, last, bpf_program__fd(prog)) : -ENOENT;
}

int cp_object_load(const struct cp_dir *dir, struct bpf_object *obj, const char *last,
		   int (*init)(struct bpf_object *obj))
{
	int err = cp_maps_share(dir, obj);
	char what[64];

	if (err)
		return err;
	err = bpf_object__load(obj);
	if (!err && init)
		err = init(obj);
	if (!err)
		err = pin_all(dir, obj, last);
	if (err) {
		snprintf(what, sizeof(what), "load %s", last);
		return cp_fail_load(err, what);
	}
	return 0;
}

int cp_object_unpin(const struct cp_dir *dir, struct bpf_object *obj, const char *last)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	int err = cp_pin_remove(dir, last);

	bpf_object__for_each_program (prog, obj)
		if (!err)
			err = cp_pin_remove(dir, bpf_program__name(prog));
	bpf_object__for_each_map (map, obj)
		if (!err && cp_map_is_shared(map))
			err = cp_pin_remove(dir, bpf_map__name(map));
	return err;
}
