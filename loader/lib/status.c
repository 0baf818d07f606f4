// SPDX-License-Identifier: GPL-2.0-only
/* Reading: what is attached where, and the counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"

static const struct {
	const char *name;
	const char *text;
} reasons[COREPATH_DROP_COUNT] = {
#define COREPATH_X(sym, num, name, text) [num] = {name, text},
	COREPATH_DROP_REASONS(COREPATH_X)
#undef COREPATH_X
};

const char *corepath_drop_name(enum corepath_drop reason)
{
	return reasons[reason].name;
}

const char *corepath_drop_text(enum corepath_drop reason)
{
	return reasons[reason].text;
}

int corepath_drop_parse(const char *name, enum corepath_drop *reason)
{
	int i;

	for (i = 0; i < COREPATH_DROP_COUNT; i++) {
		if (!strcmp(name, reasons[i].name)) {
			*reason = i;
			return 0;
		}
	}
	return cp_fail(EINVAL, "'%s' is no reason; 'corepath counters' shows them all", name);
}

static int usage(const struct cp_dir *dir, const char *map, struct corepath_usage *u)
{
	int fd, err;

	/* no prefilter, but services for sockets or somebody who watches processes: `up` pins the
	 * tries before what those have */
	if (!cp_pin_there(dir, map) &&
	    (cp_pin_there(dir, CP_MAP_LB_CONFIG) || cp_pin_there(dir, CP_MAP_EVENT_CONFIG)))
		return 0;
	fd = cp_map_get(dir, map);
	if (fd < 0)
		return fd;
	err = cp_trie_usage(fd, u);
	close(fd);
	if (err)
		return cp_fail(-err, "map %s/%s: read: %s; run as root", dir->path, map,
			       strerror(-err));
	return 0;
}

static int count_services(const struct cp_dir *dir, struct corepath_status *st)
{
	struct cp_tc *list;
	size_t i, n;
	int err;

	err = cp_tc_read(dir, CP_TC_ENDPOINT, &list, &n);
	if (err)
		return err;
	for (i = 0; i < n; i++) /* one of the two programs of each */
		st->n_endpoints += list[i].egress && list[i].state == COREPATH_ATTACHED;
	free(list);
	st->n_proxies = cp_policy_proxies(dir);
	err = cp_services_count(dir, st);
	return err ? cp_fail(-err, "map %s/%s: read: %s; run as root", dir->path,
			     CP_MAP_LB_SERVICES, strerror(-err))
		   : 0;
}

int corepath_status(const char *pin_dir, struct corepath_status *st)
{
	struct cp_link *links;
	struct cp_dir dir;
	size_t i;
	int err;

	memset(st, 0, sizeof(*st));
	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	err = cp_links_read(&dir, &links, &st->n_devs);
	if (err)
		goto out;
	st->devs = calloc(st->n_devs + 1, sizeof(*st->devs));
	if (!st->devs)
		err = cp_fail(ENOMEM, "status: out of memory; free some");
	for (i = 0; i < st->n_devs && !err; i++)
		st->devs[i] = links[i].at;
	free(links);
	if (!err)
		err = usage(&dir, CP_MAP_SRC4, &st->prefixes4);
	if (!err)
		err = usage(&dir, CP_MAP_SRC6, &st->prefixes6);
	if (!err)
		err = count_services(&dir, st);
	if (err)
		free(st->devs);
out:
	cp_dir_close(&dir);
	return err;
}

static int sum(int fd, struct corepath_counter out[COREPATH_DROP_COUNT])
{
	__u32 reason;
	int err = 0;

	memset(out, 0, COREPATH_DROP_COUNT * sizeof(*out));
	for (reason = 0; reason < COREPATH_DROP_COUNT && !err; reason++)
		err = cp_percpu_add(fd, reason, &out[reason], CP_WORDS(out[reason]));
	return err;
}

int corepath_counters(const char *pin_dir, struct corepath_counter out[COREPATH_DROP_COUNT])
{
	struct cp_dir dir;
	int fd, err;

	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	fd = cp_map_get(&dir, CP_MAP_COUNTERS);
	if (fd < 0) {
		err = fd;
	} else {
		err = sum(fd, out);
		close(fd);
		if (err)
			err = cp_fail(-err, "map %s/%s: read: %s; run as root", pin_dir,
				      CP_MAP_COUNTERS, strerror(-err));
	}
	cp_dir_close(&dir);
	return err;
}
