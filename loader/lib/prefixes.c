// SPDX-License-Identifier: GPL-2.0-only
/* The source prefix tries: add, delete, list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "internal.h"

/* Both keys are a length and an address, so the longer one holds either. */
_Static_assert(offsetof(struct corepath_prefix4, addr) == offsetof(struct corepath_prefix6, addr),
	       "a corepath_prefix6 can stand in for a corepath_prefix4");

struct tries {
	struct cp_dir dir;
	int fd4, fd6;
	__u32 max; /* the same for both */
};

struct list {
	struct corepath_prefix *v;
	size_t n, room;
};

static int fd_of(const struct tries *t, const struct corepath_prefix *p)
{
	return p->family == AF_INET ? t->fd4 : t->fd6;
}

static struct corepath_prefix6 key_of(const struct corepath_prefix *p)
{
	struct corepath_prefix6 key = {.prefixlen = p->len};

	memcpy(key.addr, p->addr, sizeof(key.addr));
	return key;
}

static void tries_close(struct tries *t)
{
	if (t->fd4 >= 0)
		close(t->fd4);
	if (t->fd6 >= 0)
		close(t->fd6);
	cp_dir_close(&t->dir);
}

static int tries_open(struct tries *t, const char *pin_dir, enum cp_access access)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err;

	err = cp_dir_open(&t->dir, pin_dir, access);
	if (err)
		return err;
	t->fd6 = -1;
	t->fd4 = cp_map_get(&t->dir, CP_MAP_SRC4);
	if (t->fd4 >= 0)
		t->fd6 = cp_map_get(&t->dir, CP_MAP_SRC6);
	if (t->fd4 < 0 || t->fd6 < 0) {
		err = t->fd4 < 0 ? t->fd4 : t->fd6;
	} else {
		err = bpf_map_get_info_by_fd(t->fd4, &info, &len);
		if (err)
			err = cp_fail(-err, "map %s/%s: its info: %s; run as root", pin_dir,
				      CP_MAP_SRC4, strerror(-err));
		t->max = info.max_entries;
	}
	if (err)
		tries_close(t);
	return err;
}

int cp_trie_usage(int map_fd, struct corepath_usage *u)
{
	struct corepath_prefix6 key, *prev = NULL;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err;

	err = bpf_map_get_info_by_fd(map_fd, &info, &len);
	if (err)
		return err;
	u->max = info.max_entries;
	for (u->used = 0; !(err = bpf_map_get_next_key(map_fd, prev, &key)); prev = &key)
		u->used++;
	return err == -ENOENT ? 0 : err;
}

static int append(struct list *l, const struct corepath_prefix *p)
{
	struct corepath_prefix *grown;

	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 256;
		grown = reallocarray(l->v, l->room, sizeof(*l->v));
		if (!grown)
			return -ENOMEM;
		l->v = grown;
	}
	l->v[l->n++] = *p;
	return 0;
}

/*
 * A lookup by a key of the trie answers with the longest match for that key, which is the entry
 * itself: nothing longer than the key's own length can match it.
 */
static int read_trie(int fd, int family, struct list *l)
{
	struct corepath_prefix6 key = {}, *prev = NULL;
	struct corepath_prefix_value value;
	int err;

	while (!(err = bpf_map_get_next_key(fd, prev, &key))) {
		struct corepath_prefix p = {.family = family, .len = key.prefixlen};

		err = bpf_map_lookup_elem(fd, &key, &value);
		if (err)
			return err;
		p.verdict = value.verdict;
		memcpy(p.addr, key.addr, family == AF_INET ? 4 : 16);
		err = append(l, &p);
		if (err)
			return err;
		prev = &key;
	}
	return err == -ENOENT ? 0 : err;
}

static int compare(const void *va, const void *vb)
{
	const struct corepath_prefix *a = va, *b = vb;
	int d;

	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	d = memcmp(a->addr, b->addr, sizeof(a->addr));
	if (d)
		return d;
	return a->len < b->len ? -1 : a->len > b->len;
}

static int read_all(const struct tries *t, struct list *l)
{
	int err;

	memset(l, 0, sizeof(*l));
	err = read_trie(t->fd4, AF_INET, l);
	if (!err)
		err = read_trie(t->fd6, AF_INET6, l);
	if (err) {
		free(l->v);
		return cp_fail(-err, "read the prefixes: %s; run as root", strerror(-err));
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	return 0;
}

/*
 * Counts what the tries would hold, and fails if it is too much. Exact: the lock is ours, and a
 * prefix that `list` repeats or the trie has counts once.
 */
static int check_room(const struct tries *t, const struct corepath_prefix *list, size_t n)
{
	size_t used[2] = {}, i;
	struct list all;
	int err;

	err = read_all(t, &all);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = append(&all, &list[i]);
	if (err) {
		free(all.v);
		return cp_fail(-err, "add: out of memory; add fewer at a time");
	}
	qsort(all.v, all.n, sizeof(*all.v), compare);
	for (i = 0; i < all.n; i++)
		if (!i || compare(&all.v[i - 1], &all.v[i]))
			used[all.v[i].family == AF_INET6]++;
	free(all.v);
	for (i = 0; i < 2; i++)
		if (used[i] > t->max)
			return cp_fail(
				ENOSPC,
				"add: it would make %zu IPv%d prefixes, and the datapath "
				"was set up for %u, so nothing was added; save 'corepath "
				"prefilter list', run 'corepath down', then 'corepath up "
				"--max-prefixes' or, with a file, prefilter.max with a higher number",
				used[i], i ? 6 : 4, t->max);
	return 0;
}

static int fail_add(const struct tries *t, const struct corepath_prefix *list, size_t n, size_t at,
		    int err)
{
	char text[COREPATH_PREFIX_STRLEN];

	corepath_prefix_format(&list[at], text);
	if (err != -ENOSPC)
		return cp_fail(-err, "add %s: %s; %zu of %zu were added before it", text,
			       strerror(-err), at, n);
	err = check_room(t, list, n);
	if (err)
		return err;
	/*
	 * There is room, so the prefix is there and is to change. The kernel looked for room
	 * before it looked for the prefix until "bpf: Handle in-place update for full LPM trie
	 * correctly" (6.13; in Debian's 6.1.192 and 6.12.117, not in its 5.10.262).
	 */
	return cp_fail(ENOSPC,
		       "change %s: the list is full, and this kernel changes no entry of a full "
		       "list; delete a prefix you can spare first (%zu of %zu were added before)",
		       text, at, n);
}

int corepath_prefix_add(const char *pin_dir, const struct corepath_prefix *list, size_t n)
{
	struct tries t;
	size_t i;
	int err;

	err = tries_open(&t, pin_dir, CP_CHANGE);
	if (err)
		return err;
	if (n > 1) /* the kernel does as much for one, and without reading all the others */
		err = check_room(&t, list, n);
	for (i = 0; i < n && !err; i++) {
		struct corepath_prefix6 key = key_of(&list[i]);
		struct corepath_prefix_value value = {.verdict = list[i].verdict};

		err = cp_trie_put(fd_of(&t, &list[i]), &key, &value);
		if (err)
			err = fail_add(&t, list, n, i, err);
	}
	tries_close(&t);
	return err;
}

int corepath_prefix_del(const char *pin_dir, const struct corepath_prefix *list, size_t n)
{
	char text[COREPATH_PREFIX_STRLEN];
	const struct corepath_prefix *missing = NULL;
	size_t i, n_missing = 0;
	struct tries t;
	int err;

	err = tries_open(&t, pin_dir, CP_CHANGE);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		struct corepath_prefix6 key = key_of(&list[i]);

		err = bpf_map_delete_elem(fd_of(&t, &list[i]), &key);
		if (err == -ENOENT) {
			err = 0;
			if (!n_missing++)
				missing = &list[i];
		}
		if (err) {
			err = cp_fail(-err, "del %s: %s; run as root",
				      corepath_prefix_format(&list[i], text), strerror(-err));
			break;
		}
	}
	tries_close(&t);
	if (!err && missing)
		err = cp_fail(ENOENT,
			      "del %s: not in the list, like %zu of the %zu named; the others are "
			      "gone; 'corepath prefilter list' shows what is there",
			      corepath_prefix_format(missing, text), n_missing, n);
	return err;
}

int cp_prefixes_read(const char *pin_dir, struct corepath_prefix **list, size_t *n, __u32 *max)
{
	struct tries t;
	struct list l;
	int err;

	err = tries_open(&t, pin_dir, CP_READ);
	if (err)
		return err;
	err = read_all(&t, &l);
	if (!err) {
		*list = l.v;
		*n = l.n;
		*max = t.max;
	}
	tries_close(&t);
	return err;
}

int corepath_prefix_list(const char *pin_dir, struct corepath_prefix **list, size_t *n)
{
	__u32 max;

	return cp_prefixes_read(pin_dir, list, n, &max);
}
