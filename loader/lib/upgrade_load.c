// SPDX-License-Identifier: GPL-2.0-only
/* This build's objects in the place of those that are there: which, loaded beside them, and the
 * maps of both. Nothing that runs is touched here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "refusal.h"
#include "sockets.h"
#include "upgrade.h"

/* ---- what there is to upgrade ---- */

/* The balancer's maps may be there for sockets alone. */
static int prepare_lb(const struct cp_dir *dir, struct bpf_object *obj)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, CP_PROG_LB);
	struct bpf_map *counters = bpf_object__find_map_by_name(obj, CP_MAP_COUNTERS);
	int err;

	if (cp_pin_there(dir, CP_PROG_LB))
		return 0;
	err = bpf_program__set_autoload(prog, false);
	return err || cp_pin_there(dir, CP_MAP_COUNTERS) ? err
							 : bpf_map__set_autocreate(counters, false);
}

static int prepare_trace(const struct cp_dir *dir, struct bpf_object *obj)
{
	(void)dir;
	return cp_scratch_resize(obj);
}

/* Those that the rules in force need, by the way that is theirs on this kernel. */
static int prepare_rules(const struct cp_dir *dir, struct bpf_object *obj)
{
	struct bpf_program *prog;
	char pin[NAME_MAX + 1];

	bpf_object__for_each_program (prog, obj) {
		snprintf(pin, sizeof(pin), "rule_%s", bpf_program__name(prog));
		bpf_program__set_autoload(prog, cp_pin_there(dir, pin));
	}
	return cp_scratch_resize(obj);
}

/* The prefilter is first: it makes the slots. */
static const struct part {
	const char *name;
	const void *(*elf)(size_t *size);
	const char *there; /* pinned if it is loaded, or how the names of its pins begin */
	bool begins;
	const char *trace; /* how the pins of its programs' links begin, which cannot be updated */
	int (*prepare)(const struct cp_dir *dir, struct bpf_object *obj);
} parts[] = {
	{"xdp_prefilter", cp_elf_prefilter, CP_MAP_STAGES, .begins = false},
	{"xdp_guard", cp_elf_guard, CP_PROG_GUARD, .begins = false},
	{"xdp_lb", cp_elf_lb, CP_MAP_LB_CONFIG, .prepare = prepare_lb},
	{"tc_endpoint", cp_elf_endpoint, CP_PROG_EP_TO, .begins = false},
	{"tc_uplink", cp_elf_uplink, CP_PROG_UPLINK_OUT, .begins = false},
	{"sock_lb", cp_elf_sockets, CP_MAP_SOCK_PEERS, .begins = false},
	{"sec_process", cp_elf_processes, "trace_", true, "trace_", prepare_trace},
	{"sec_rules", cp_elf_rules, "rule_", true, "rule_", prepare_rules},
};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))
_Static_assert(N_PARTS == CP_PARTS, "upgrade.h has their number");

static bool is_there(const struct cp_dir *dir, const struct part *p)
{
	return p->begins ? cp_pins_any(dir, p->there) : cp_pin_there(dir, p->there);
}

int cp_upgrade_program(const struct cp_upgrade *u, const char *name)
{
	struct bpf_program *prog;
	size_t i;

	for (i = 0; i < N_PARTS; i++) {
		prog = u->objects[i] ? bpf_object__find_program_by_name(u->objects[i], name) : NULL;
		if (prog && bpf_program__autoload(prog))
			return bpf_program__fd(prog);
	}
	return -ENOENT;
}

/* ---- loading ---- */

static struct cp_carried *find_map(struct cp_upgrade *u, const char *name)
{
	size_t i;

	for (i = 0; i < u->n_maps; i++)
		if (!strcmp(u->maps[i].name, name))
			return &u->maps[i];
	return NULL;
}

static int share_map(struct cp_upgrade *u, struct bpf_object *obj, struct bpf_map *map)
{
	struct cp_carried *c = find_map(u, bpf_map__name(map));
	int err = 0, fit;

	if (c)
		return bpf_map__reuse_fd(map, c->fd) ? cp_fail(EINVAL,
							       "map %s: two of this build's "
							       "objects have it in two shapes",
							       c->name)
						     : 0;
	if (u->n_maps == CP_MAPS_MAX)
		return cp_fail(E2BIG, "upgrade: more than %d maps; this build is broken",
			       CP_MAPS_MAX);
	c = &u->maps[u->n_maps];
	*c = (struct cp_carried){.fd = -1, .make = true};
	snprintf(c->name, sizeof(c->name), "%s", bpf_map__name(map));
	c->old = cp_pin_get(&u->dir, c->name);
	if (c->old < 0 && c->old != -ENOENT)
		return cp_fail(-c->old, "map %s/%s: %s; run as root", u->dir.path, c->name,
			       strerror(-c->old));
	u->n_maps++;
	/* the new programs call each other, and not the old ones */
	if (c->old < 0 || !strcmp(c->name, CP_MAP_STAGES))
		return 0;
	fit = cp_carry_fit(&u->dir, obj, map, c->old);
	if (fit < 0)
		return fit;
	if (fit == CP_FITS) {
		err = bpf_map__reuse_fd(map, c->old);
		c->make = false;
	}
	return err ? cp_fail(-err, "map %s/%s: reuse: %s; run as root", u->dir.path, c->name,
			     strerror(-err))
		   : 0;
}

static bool is_shared(const struct bpf_map *map)
{
	return cp_map_is_shared(map) && bpf_map__autocreate(map);
}

static int load_part(struct cp_upgrade *u, const struct part *p, struct bpf_object **out)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = p->name);
	const void *elf;
	struct bpf_object *obj;
	struct bpf_map *map;
	char what[128];
	size_t size;
	int err;

	elf = p->elf(&size);
	obj = bpf_object__open_mem(elf, size, &opts);
	if (!obj)
		return cp_fail(errno, "open the built-in %s: %s; this build is broken", p->name,
			       strerror(errno));
	*out = obj;
	err = p->prepare ? p->prepare(&u->dir, obj) : 0;
	bpf_object__for_each_map (map, obj)
		if (!err && is_shared(map))
			err = share_map(u, obj, map);
	if (err)
		return err;
	err = bpf_object__load(obj);
	snprintf(what, sizeof(what),
		 "load the new %s (what ran before still runs and was not touched)", p->name);
	if (err)
		return cp_fail_load(err, what);
	bpf_object__for_each_map (map, obj)
		if (is_shared(map) && find_map(u, bpf_map__name(map))->fd < 0)
			find_map(u, bpf_map__name(map))->fd = dup(bpf_map__fd(map));
	return 0;
}

/* What was there for programs that are attached no more, and keeps nothing, is made anew with the
 * next ones: in their shape. */
static void drop_unused(const struct cp_dir *dir)
{
	if (cp_pins_any(dir, "trace_"))
		return;
	cp_pin_unlink(dir, CP_MAP_SEC_ENDED);
	if (cp_pins_any(dir, "rule_"))
		return;
	cp_pin_unlink(dir, CP_MAP_SEC_SCRATCH);
	cp_pin_unlink(dir, CP_MAP_SEC_TAKEN);
}

int cp_upgrade_load(struct cp_upgrade *u)
{
	size_t i, n = 0;
	int err = 0;

	cp_log_start();
	drop_unused(&u->dir);
	for (i = 0; i < N_PARTS && !err; i++) {
		if (!is_there(&u->dir, &parts[i]))
			continue;
		n++;
		err = load_part(u, &parts[i], &u->objects[i]);
	}
	return err || n
		       ? err
		       : cp_fail(ENOENT,
				 "%s: nothing runs that could be upgraded; begin with 'corepath up'",
				 u->dir.path);
}

/* ---- the slots, and what is in the maps ---- */

/* As the old programs have them; the first is the guard if there is one (stages.c). */
static int fill_stages(struct cp_upgrade *u, const struct cp_carried *c)
{
	static const char *const programs[COREPATH_STAGE_COUNT] = {
		[COREPATH_STAGE_LB] = CP_PROG_LB,
		[COREPATH_STAGE_GUARD] = CP_PROG_GUARD,
		[COREPATH_STAGE_EVENT] = "xdp_event",
	};
	const char *first = NULL;
	__u32 slot, id;
	int err = 0, fd;

	for (slot = 0; slot < COREPATH_STAGE_COUNT && !err; slot++) {
		if (!programs[slot] ||
		    (bpf_map_lookup_elem(c->old, &slot, &id) && slot != COREPATH_STAGE_EVENT))
			continue;
		if (slot == COREPATH_STAGE_GUARD || (slot == COREPATH_STAGE_LB && !first))
			first = programs[slot];
		fd = cp_upgrade_program(u, programs[slot]);
		err = fd < 0 ? fd : bpf_map_update_elem(c->fd, &slot, &fd, BPF_ANY);
	}
	slot = COREPATH_STAGE_FIRST;
	if (!err && first) {
		fd = cp_upgrade_program(u, first);
		err = bpf_map_update_elem(c->fd, &slot, &fd, BPF_ANY);
	}
	return err;
}

int cp_upgrade_carry(struct cp_upgrade *u, bool missing)
{
	size_t i;
	int err = 0;

	for (i = 0; i < u->n_maps && !err; i++) {
		struct cp_carried *c = &u->maps[i];

		if (!c->make || c->old < 0)
			continue;
		if (strcmp(c->name, CP_MAP_STAGES))
			err = cp_carry(c->old, c->fd, missing, &u->report->entries);
		else if (!missing)
			err = fill_stages(u, c);
		if (err)
			return cp_fail(-err, "map %s/%s: carry over what is in it: %s", u->dir.path,
				       c->name, strerror(-err));
		u->report->maps_carried += !missing && strcmp(c->name, CP_MAP_STAGES);
	}
	for (i = 0; i < u->n_maps && !missing; i++)
		u->report->maps_kept += !u->maps[i].make;
	return 0;
}

const char *cp_upgrade_trace(size_t part)
{
	return parts[part].trace;
}

void cp_upgrade_free(struct cp_upgrade *u)
{
	size_t i;

	for (i = 0; i < u->n_maps; i++) {
		if (u->maps[i].fd >= 0)
			close(u->maps[i].fd);
		if (u->maps[i].old >= 0)
			close(u->maps[i].old);
	}
	for (i = 0; i < N_PARTS; i++)
		bpf_object__close(u->objects[i]);
}
