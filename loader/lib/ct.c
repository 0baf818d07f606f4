// SPDX-License-Identifier: GPL-2.0-only
/* Connections: settings, list, and the sweep of those that ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "internal.h"

#define NSEC_PER_SEC 1000000000ull

static const char *const state_names[] = {
	[COREPATH_CT_SYN] = "syn",	 [COREPATH_CT_ESTABLISHED] = "established",
	[COREPATH_CT_CLOSED] = "closed", [COREPATH_CT_RESET] = "reset",
	[COREPATH_CT_UDP] = "udp",	 [COREPATH_CT_UDP_ANSWERED] = "udp-answered",
	[COREPATH_CT_ICMP] = "icmp",	 [COREPATH_CT_OTHER] = "other",
};

const char *corepath_ct_state_name(enum corepath_ct_state state)
{
	return state < COREPATH_CT_STATES ? state_names[state] : "?";
}

/*
 * Seconds. What Linux' own tracking has (net/netfilter/nf_conntrack_proto_*.c) but for:
 * established, 6 hours (Cilium's; RFC 5382 section 5 asks for 2 h 4 min at least, Linux has 5 days,
 * which fills tables); closed, 30 s (Calico's), as its entry only lets the last segments come
 * again; reset, 40 s (Calico's), time for what shows that a RST was not the side's own; ICMP, 60 s
 * (RFC 5508 section 3.2).
 */
static const struct corepath_ct_settings defaults = {
	.timeout_s =
		{
			[COREPATH_CT_SYN] = 60,
			[COREPATH_CT_ESTABLISHED] = 21600,
			[COREPATH_CT_CLOSED] = 30,
			[COREPATH_CT_RESET] = 40,
			[COREPATH_CT_UDP] = 30,
			[COREPATH_CT_UDP_ANSWERED] = 120,
			[COREPATH_CT_ICMP] = 60,
			[COREPATH_CT_OTHER] = 600,
		},
};

void corepath_ct_defaults(struct corepath_ct_settings *s)
{
	*s = defaults;
}

static int write_settings(int fd, const struct corepath_ct_settings *s)
{
	struct corepath_ct_config cfg = {.pickup = s->pickup};
	__u32 zero = 0;
	int i;

	for (i = 0; i < COREPATH_CT_STATES; i++)
		cfg.timeout_ns[i] = s->timeout_s[i] * NSEC_PER_SEC;
	return bpf_map_update_elem(fd, &zero, &cfg, BPF_ANY);
}

int cp_ct_init(struct bpf_object *obj)
{
	int fd = bpf_object__find_map_fd_by_name(obj, CP_MAP_CT_CONFIG);
	struct corepath_ct_config cfg;
	__u32 zero = 0;
	int err;

	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &zero, &cfg);
	/* a map that another object made has them */
	return err || cfg.timeout_ns[0] ? err : write_settings(fd, &defaults);
}

/* ---- the maps ---- */

struct tables {
	struct cp_dir dir;
	int config, flows, fresh, conns; /* -1 if there are none */
};

static void close_tables(struct tables *t)
{
	int fds[] = {t->config, t->flows, t->fresh, t->conns};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	cp_dir_close(&t->dir);
}

static int open_tables(struct tables *t, const char *pin_dir, enum cp_access access)
{
	struct {
		int *fd;
		const char *name;
	} maps[] = {
		{&t->config, CP_MAP_CT_CONFIG},
		{&t->flows, CP_MAP_CT_FLOWS},
		{&t->fresh, CP_MAP_CT_NEW},
		{&t->conns, CP_MAP_EP_CONNS},
	};
	size_t i;
	int err;

	t->config = t->flows = t->fresh = t->conns = -1;
	err = cp_dir_open(&t->dir, pin_dir, access);
	if (err)
		return err;
	if (!cp_pin_there(&t->dir, CP_MAP_CT_FLOWS))
		return 0;
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]) && err >= 0; i++)
		*maps[i].fd = err = cp_map_get(&t->dir, maps[i].name);
	if (err >= 0)
		return 0;
	close_tables(t);
	return err;
}

/* ---- settings ---- */

static int read_settings(const struct tables *t, struct corepath_ct_settings *s)
{
	struct bpf_map_info info = {};
	struct corepath_ct_config cfg;
	__u32 zero = 0, len = sizeof(info);
	int i, err;

	err = bpf_map_lookup_elem(t->config, &zero, &cfg);
	if (!err)
		err = bpf_map_get_info_by_fd(t->flows, &info, &len);
	if (err)
		return cp_fail(-err, "map %s/%s: %s; run as root", t->dir.path, CP_MAP_CT_CONFIG,
			       strerror(-err));
	for (i = 0; i < COREPATH_CT_STATES; i++)
		s->timeout_s[i] = cfg.timeout_ns[i] / NSEC_PER_SEC;
	s->pickup = cfg.pickup;
	s->max = info.max_entries;
	return 0;
}

int corepath_ct_get(const char *pin_dir, struct corepath_ct_settings *s)
{
	struct tables t;
	int err;

	*s = defaults;
	err = open_tables(&t, pin_dir, CP_READ);
	if (err)
		return err;
	if (t.config >= 0)
		err = read_settings(&t, s);
	close_tables(&t);
	return err;
}

static int set(struct tables *t, const struct corepath_ct_settings *s)
{
	struct corepath_ct_settings now;
	int err;

	if (t->config < 0) {
		err = cp_ep_load(&t->dir, s->max);
		if (err)
			return err;
		t->config = cp_map_get(&t->dir, CP_MAP_CT_CONFIG);
		t->flows = cp_map_get(&t->dir, CP_MAP_CT_FLOWS);
		if (t->config < 0 || t->flows < 0)
			return -ENOENT;
	}
	err = read_settings(t, &now);
	if (err)
		return err;
	if (s->max && s->max != now.max)
		return cp_fail(EINVAL,
			       "max=%u: the tables are there with %u; leave it out, or run "
			       "'corepath down' and begin with it",
			       s->max, now.max);
	err = write_settings(t->config, s);
	return err ? cp_fail(-err, "map %s/%s: %s; run as root", t->dir.path, CP_MAP_CT_CONFIG,
			     strerror(-err))
		   : 0;
}

int corepath_ct_set(const char *pin_dir, const struct corepath_ct_settings *s)
{
	struct tables t;
	int err;

	err = open_tables(&t, pin_dir, CP_CHANGE);
	if (err)
		return err;
	err = set(&t, s);
	close_tables(&t);
	return err;
}

int corepath_ct_word(const char *word, struct corepath_ct_settings *s)
{
	unsigned long long number;
	const char *v;
	int i;

	for (i = 0; i < COREPATH_CT_STATES; i++) {
		v = cp_word_value(word, state_names[i]);
		if (!v)
			continue;
		if (!cp_parse_number(v, 86400 * 7, &number) || !number)
			return cp_word_fail(word, "not a number of seconds from 1 to a week");
		s->timeout_s[i] = number;
		return 0;
	}
	if ((v = cp_word_value(word, "pickup"))) {
		if (strcmp(v, "yes") && strcmp(v, "no"))
			return cp_word_fail(word, "neither yes nor no");
		s->pickup = *v == 'y';
		return 0;
	}
	if ((v = cp_word_value(word, "max"))) {
		if (!cp_parse_number(v, 1 << 24, &number) || !number)
			return cp_word_fail(word, "not a number from 1 to 16777216");
		s->max = number;
		return 0;
	}
	return cp_word_fail(word, "no such setting; use syn=, established=, closed=, reset=, udp=, "
				  "udp-answered=, icmp=, other= (seconds), pickup= or max=");
}

/* ---- walking ---- */

typedef int (*visit_fn)(int map, const struct corepath_flow *key, const struct corepath_ct *ct,
			void *arg);

/* Every entry; the map changes under us, so some may be missed or met twice. */
static int walk_map(int map, visit_fn visit, void *arg)
{
	struct corepath_flow key, next;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct corepath_ct ct;
	size_t steps = 0;
	int err = bpf_map_get_info_by_fd(map, &info, &len);
	bool more = !err && !bpf_map_get_next_key(map, NULL, &key);

	/* where the key was deleted meanwhile the walk begins again: not for ever */
	while (!err && more && steps++ < 4ul * info.max_entries) {
		more = !bpf_map_get_next_key(map, &key, &next);
		if (!bpf_map_lookup_elem(map, &key, &ct))
			err = visit(map, &key, &ct, arg);
		key = next;
	}
	return err;
}

static int walk(const struct tables *t, visit_fn visit, void *arg)
{
	int err = 0;

	if (t->flows >= 0)
		err = walk_map(t->flows, visit, arg);
	if (!err && t->fresh >= 0)
		err = walk_map(t->fresh, visit, arg);
	return err == -ENOMEM ? cp_fail(ENOMEM, "connections: out of memory; free some")
	       : err	      ? cp_fail(-err, "connections: %s; run as root", strerror(-err))
			      : 0;
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* bpf_ktime_get_ns() */
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

struct listing {
	struct corepath_ct_info *list;
	size_t n, room;
	__u64 now;
};

static int take(int map, const struct corepath_flow *key, const struct corepath_ct *ct, void *arg)
{
	struct listing *l = arg;
	struct corepath_ct_info *i;

	(void)map;
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		i = reallocarray(l->list, l->room, sizeof(*i));
		if (!i)
			return -ENOMEM;
		l->list = i;
	}
	i = &l->list[l->n++];
	i->ct = *ct;
	i->flow = *key;
	if (ct->flags & COREPATH_CT_HIGH) {
		i->flow.src = key->dst;
		i->flow.dst = key->src;
		i->flow.sport = key->dport;
		i->flow.dport = key->sport;
	}
	i->left_ms = (__s64)(ct->expires_ns - l->now) / 1000000;
	return 0;
}

int corepath_ct_list(const char *pin_dir, struct corepath_ct_info **list, size_t *n)
{
	struct listing l = {.now = now_ns()};
	struct tables t;
	int err;

	err = open_tables(&t, pin_dir, CP_READ);
	if (err)
		return err;
	err = walk(&t, take, &l);
	close_tables(&t);
	if (err) {
		free(l.list);
		return err;
	}
	*list = l.list;
	*n = l.n;
	return 0;
}

/* ---- sweeping ---- */

struct sweep {
	__u64 now;
	bool all;
	struct corepath_ct_sweep out;
	struct count {
		__u32 ifindex;
		__u64 open[2];
	} *counts;
	size_t n_counts;
};

static int count_one(struct sweep *s, __u32 ifindex, enum corepath_direction direction)
{
	struct count *c;
	size_t i;

	for (i = 0; i < s->n_counts; i++)
		if (s->counts[i].ifindex == ifindex)
			return s->counts[i].open[direction]++, 0;
	c = reallocarray(s->counts, s->n_counts + 1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	s->counts = c;
	c = &s->counts[s->n_counts++];
	*c = (struct count){.ifindex = ifindex};
	c->open[direction]++;
	return 0;
}

static int sweep_one(int map, const struct corepath_flow *key, const struct corepath_ct *ct,
		     void *arg)
{
	struct sweep *s = arg;
	int side, err = 0;

	if (s->all || ct->expires_ns <= s->now) {
		if (!bpf_map_delete_elem(map, key))
			s->out.removed++;
		return 0;
	}
	s->out.kept++;
	for (side = 0; side < 2 && !err; side++)
		if (ct->flags & COREPATH_CT_COUNTED << side)
			err = count_one(s, ct->ifindex[side], side ? COREPATH_IN : COREPATH_OUT);
	return err;
}

/* Writes what was counted where it is not what the datapath has. */
static int recount(const struct tables *t, struct sweep *s)
{
	struct corepath_endpoint_conns had, has;
	size_t i, k, n;
	__u32 *keys;
	int err;

	if (t->conns < 0)
		return 0;
	err = cp_map_keys(t->conns, &keys, &n);
	if (err)
		return err;
	for (k = 0; k < n; k++) {
		has = (struct corepath_endpoint_conns){};
		for (i = 0; i < s->n_counts; i++)
			if (s->counts[i].ifindex == keys[k])
				memcpy(has.open, s->counts[i].open, sizeof(has.open));
		if (bpf_map_lookup_elem(t->conns, &keys[k], &had) ||
		    !memcmp(&had, &has, sizeof(had)))
			continue;
		if (!bpf_map_update_elem(t->conns, &keys[k], &has, BPF_EXIST))
			s->out.recounted++;
	}
	free(keys);
	return 0;
}

static int sweep(const char *pin_dir, bool all, struct corepath_ct_sweep *out)
{
	struct sweep s = {.now = now_ns(), .all = all};
	struct tables t;
	int err;

	err = open_tables(&t, pin_dir, CP_CHANGE);
	if (err)
		return err;
	err = walk(&t, sweep_one, &s);
	if (!err)
		err = recount(&t, &s);
	free(s.counts);
	close_tables(&t);
	*out = s.out;
	return err;
}

int corepath_ct_gc(const char *pin_dir, struct corepath_ct_sweep *out)
{
	return sweep(pin_dir, false, out);
}

int corepath_ct_flush(const char *pin_dir, size_t *removed)
{
	struct corepath_ct_sweep out;
	int err = sweep(pin_dir, true, &out);

	*removed = out.removed;
	return err;
}
