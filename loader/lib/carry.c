// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps that outlive an upgrade. One of the shape that the new programs want serves them as it is,
 * and nothing in it moves. Where values have grown at their ends, or an array at its own, a new map
 * takes over what is in the old one.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "upgrade.h"

#define BATCH 256

bool cp_is_map(int fd)
{
	char link[64], what[64] = "";
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, what, sizeof(what) - 1);
	return n > 0 && !strcmp(what, "anon_inode:bpf-map");
}

/* ---- whether it serves ---- */

static bool is_array(__u32 type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_PROG_ARRAY;
}

static bool is_per_cpu(__u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_hash(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
	       type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool holds_maps(__u32 type)
{
	return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static int fail_fit(const struct cp_dir *dir, const struct bpf_map *map, const char *why)
{
	return cp_fail(EINVAL,
		       "map %s/%s: %s, and cannot be carried over; nothing was changed. Save what "
		       "is configured (the list commands have --json), run 'corepath down' and "
		       "start anew",
		       dir->path, bpf_map__name(map), why);
}

int cp_carry_fit(const struct cp_dir *dir, const struct bpf_object *obj, struct bpf_map *map,
		 int pinned)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), type = bpf_map__type(map), want = bpf_map__max_entries(map);
	int err = bpf_map_get_info_by_fd(pinned, &info, &len);

	if (err)
		return cp_fail(-err, "map %s/%s: its info: %s; run as root", dir->path,
			       bpf_map__name(map), strerror(-err));
	if (info.type != type || info.key_size != bpf_map__key_size(map))
		return fail_fit(dir, map,
				"this version has it of another kind, or with other keys");
	if (info.value_size > bpf_map__value_size(map))
		return fail_fit(dir, map, "this version knows less of its values");
	if (!cp_values_alike(&info, obj, map))
		return fail_fit(dir, map, "this version has other fields in its values");
	if (info.value_size == bpf_map__value_size(map) &&
	    info.map_flags == bpf_map__map_flags(map) &&
	    (!is_array(type) || info.max_entries >= want))
		return CP_FITS;
	if (!is_hash(type) && !is_array(type) && type != BPF_MAP_TYPE_LPM_TRIE && !holds_maps(type))
		return fail_fit(dir, map, "this version has it in another shape");
	/* what was given to it (--max-prefixes, ct set max=) stays; an array loses nothing */
	if (!is_array(type) || info.max_entries > want)
		err = bpf_map__set_max_entries(map, info.max_entries);
	return err ? fail_fit(dir, map, strerror(-err)) : CP_CARRIED;
}

/* ---- copying ---- */

struct carrier {
	int from, to;
	struct bpf_map_info old, new;
	__u64 flags;
	int cpus;	     /* parts of a value */
	char *keys, *values; /* BATCH of what is read */
	char *value;	     /* what is written */
	size_t old_size, new_size;
	size_t n;
};

static size_t whole(const struct bpf_map_info *info, int cpus)
{
	return is_per_cpu(info->type) ? (size_t)cpus * ((info->value_size + 7) & ~7u)
				      : info->value_size;
}

static void convert(const struct carrier *c, const char *value)
{
	size_t known =
		c->old.value_size < c->new.value_size ? c->old.value_size : c->new.value_size;
	size_t parts = is_per_cpu(c->old.type) ? c->cpus : 1, i;

	memset(c->value, 0, c->new_size);
	for (i = 0; i < parts; i++)
		memcpy(c->value + i * (c->new_size / parts), value + i * (c->old_size / parts),
		       known);
}

/* A map in a map is read as its number and written as a descriptor. */
static int write_inner(const struct carrier *c, const void *key, const char *value)
{
	__u32 id;
	int fd, err;

	memcpy(&id, value, sizeof(id));
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	err = bpf_map_update_elem(c->to, key, &fd, BPF_ANY);
	close(fd);
	return err;
}

static int write_one(struct carrier *c, const void *key, const char *value)
{
	int err;

	if (holds_maps(c->old.type)) {
		err = write_inner(c, key, value);
	} else {
		convert(c, value);
		err = bpf_map_update_elem(c->to, key, c->value, c->flags);
	}
	if (err == -EEXIST && c->flags == BPF_NOEXIST)
		return 0;
	c->n += !err;
	return err;
}

static int copy_array(struct carrier *c)
{
	__u32 i, n = c->old.max_entries < c->new.max_entries ? c->old.max_entries
							     : c->new.max_entries;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		err = bpf_map_lookup_elem(c->from, &i, c->values);
		if (err == -ENOENT) { /* a place without a map */
			err = 0;
			continue;
		}
		if (!err)
			err = write_one(c, &i, c->values);
	}
	return err;
}

/* Only ourselves write those. */
static int copy_trie(struct carrier *c)
{
	void *prev = NULL, *key = c->keys;
	int err = 0;

	while (!err && !bpf_map_get_next_key(c->from, prev, key)) {
		err = bpf_map_lookup_elem(c->from, key, c->values);
		if (!err)
			err = write_one(c, key, c->values);
		prev = key;
		key = key == c->keys ? c->keys + c->old.key_size : c->keys;
	}
	return err;
}

/* An LRU hash gives each CPU its share of the entries (bpf_percpu_lru_populate() in
 * kernel/bpf/bpf_lru_list.c), which are evicted by that CPU alone: one CPU that writes all of a
 * full map would keep no more than its own share. */
static void next_cpu(const cpu_set_t *all, int *cpu)
{
	cpu_set_t one;

	do {
		*cpu = (*cpu + 1) % CPU_SETSIZE;
	} while (!CPU_ISSET(*cpu, all));
	CPU_ZERO(&one);
	CPU_SET(*cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* By batches, which are whole buckets: a walk from key to key would begin anew whenever the
 * datapath removed the key it is at. */
static int copy_hash(struct carrier *c)
{
	__u32 in, out, n, i;
	int err = 0, got, cpu = -1;
	void *from = NULL;
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all))
		return -errno;
	do {
		n = BATCH;
		got = bpf_map_lookup_batch(c->from, from, &out, c->keys, c->values, &n, NULL);
		if (got && got != -ENOENT) {
			err = got;
			break;
		}
		next_cpu(&all, &cpu);
		for (i = 0; i < n && !err; i++)
			err = write_one(c, c->keys + i * c->old.key_size,
					c->values + i * c->old_size);
		in = out;
		from = &in;
	} while (!err && !got);
	sched_setaffinity(0, sizeof(all), &all);
	return err;
}

static int open_carrier(struct carrier *c)
{
	__u32 len = sizeof(c->old);
	int err = bpf_map_get_info_by_fd(c->from, &c->old, &len);

	if (!err) {
		len = sizeof(c->new);
		err = bpf_map_get_info_by_fd(c->to, &c->new, &len);
	}
	c->cpus = libbpf_num_possible_cpus();
	if (err || c->cpus < 0)
		return err ?: c->cpus;
	c->old_size = whole(&c->old, c->cpus);
	c->new_size = whole(&c->new, c->cpus);
	c->keys = calloc(BATCH, c->old.key_size);
	c->values = calloc(BATCH, c->old_size);
	c->value = calloc(1, c->new_size);
	return c->keys && c->values && c->value ? 0 : -ENOMEM;
}

int cp_carry(int from, int to, bool missing, size_t *n)
{
	struct carrier c = {.from = from, .to = to, .flags = missing ? BPF_NOEXIST : BPF_ANY};
	int err = open_carrier(&c);

	if (!err && is_hash(c.old.type))
		err = copy_hash(&c);
	else if (!err && !missing)
		err = is_array(c.old.type) ? copy_array(&c) : copy_trie(&c);
	free(c.keys);
	free(c.values);
	free(c.value);
	*n += c.n;
	return err;
}
