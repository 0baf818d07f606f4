// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flows that are masqueraded: list and sweep.
 *
 * The datapath adds and evicts entries meanwhile. Each table is read by one call, which goes on
 * where it was whatever leaves it (get_next_key would begin anew), and an entry is looked at again
 * before it is deleted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include "internal.h"

static const char *const counter_names[] = {
#define COREPATH_X(sym, num, name) [num] = name,
	COREPATH_UPLINK_COUNTS(COREPATH_X)
#undef COREPATH_X
};

const char *corepath_uplink_counter_name(enum corepath_uplink_counter counter)
{
	return counter_names[counter];
}

/* CLOCK_MONOTONIC is what bpf_ktime_get_ns() reads. */
static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct table {
	struct corepath_flow *keys;
	char *values;
	__u32 n;
};

static void free_table(struct table *t)
{
	free(t->keys);
	free(t->values);
}

/* Batches are there for hashes since 5.6 (aa2e93b8e58e). A negative errno without an error text. */
static int read_table(int fd, size_t value_size, struct table *t)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info), next, room;
	int err = bpf_map_get_info_by_fd(fd, &info, &len);

	memset(t, 0, sizeof(*t));
	if (err)
		return err;
	/* an LRU map may have some more than it was made for (kernel/bpf/bpf_lru_list.c) */
	room = info.max_entries + 1024;
	t->keys = calloc(room, sizeof(*t->keys));
	t->values = calloc(room, value_size);
	t->n = room;
	err = t->keys && t->values
		      ? bpf_map_lookup_batch(fd, NULL, &next, t->keys, t->values, &t->n, NULL)
		      : -ENOMEM;
	if (err && err != -ENOENT) { /* "no more after these" */
		free_table(t);
		return err;
	}
	return 0;
}

/* As the datapath has it (nat_forget() in bpf-src/lib/snat.h). */
static struct corepath_flow flow_of(const struct corepath_flow *answers,
				    const struct corepath_nat_in *in)
{
	struct corepath_flow f = {
		.src = in->addr,
		.dst = answers->src,
		.sport = in->port,
		.dport = answers->sport,
		.proto = answers->proto,
	};

	return f;
}

static bool is_of(const struct corepath_nat_out *out, const struct corepath_flow *answers)
{
	return out->port == answers->dport && !memcmp(&out->addr, &answers->dst, sizeof(out->addr));
}

/* ---- list ---- */

static struct corepath_nat_flow describe(const struct corepath_flow *answers,
					 const struct corepath_nat_in *in, __u64 now)
{
	struct corepath_nat_flow f = {
		.flow = flow_of(answers, in),
		.addr = answers->dst,
		.port = answers->dport,
		.replied = in->flags & COREPATH_NAT_REPLIED,
		.closing = in->flags & COREPATH_NAT_CLOSING,
	};

	if (in->expires_ns > now)
		f.left_ms = (in->expires_ns - now) / 1000000;
	return f;
}

int corepath_nat_list(const char *pin_dir, struct corepath_nat_flow **list, size_t *n)
{
	const struct corepath_nat_in *in;
	struct cp_uplink u;
	struct table t = {};
	__u64 now;
	int err;

	*list = NULL;
	*n = 0;
	err = cp_uplink_open(&u, pin_dir, CP_READ, false);
	if (err)
		return err;
	if (u.loaded)
		err = read_table(u.in, sizeof(*in), &t);
	now = now_ns();
	in = (void *)t.values;
	if (!err) {
		*list = calloc(t.n + 1, sizeof(**list));
		err = *list ? 0 : -ENOMEM;
	}
	for (; !err && *n < t.n; ++*n)
		(*list)[*n] = describe(&t.keys[*n], &in[*n], now);
	free_table(&t);
	if (err)
		err = cp_fail(-err, "map %s/%s: read: %s; run as root", pin_dir, CP_MAP_NAT_IN,
			      strerror(-err));
	cp_uplink_close(&u);
	return err;
}

/* ---- sweep ---- */

static int sweep_in(struct cp_uplink *u, __u64 now, size_t *gone)
{
	struct corepath_nat_in in;
	struct corepath_nat_out out;
	struct table t;
	__u32 i;
	int err = read_table(u->in, sizeof(in), &t);

	for (i = 0; !err && i < t.n; i++) {
		struct corepath_flow f;

		if (bpf_map_lookup_elem(u->in, &t.keys[i], &in) || in.expires_ns > now)
			continue;
		f = flow_of(&t.keys[i], &in);
		if (!bpf_map_lookup_elem(u->out, &f, &out) && is_of(&out, &t.keys[i]))
			*gone += !bpf_map_delete_elem(u->out, &f);
		*gone += !bpf_map_delete_elem(u->in, &t.keys[i]);
	}
	if (!err)
		free_table(&t);
	return err;
}

/* What has lost its other half, which the flow's next packet would have put back. */
static int sweep_out(struct cp_uplink *u, size_t *gone)
{
	struct corepath_nat_out out;
	struct corepath_nat_in in;
	struct table t;
	__u32 i;
	int err = read_table(u->out, sizeof(out), &t);

	for (i = 0; !err && i < t.n; i++) {
		const struct corepath_flow *f = &t.keys[i];
		struct corepath_flow answers = {
			.src = f->dst, .sport = f->dport, .proto = f->proto};

		if (bpf_map_lookup_elem(u->out, f, &out))
			continue;
		answers.dst = out.addr;
		answers.dport = out.port;
		if (!bpf_map_lookup_elem(u->in, &answers, &in) && in.port == f->sport &&
		    !memcmp(&in.addr, &f->src, sizeof(in.addr)))
			continue;
		*gone += !bpf_map_delete_elem(u->out, f);
	}
	if (!err)
		free_table(&t);
	return err;
}

static int sweep_direct(struct cp_uplink *u, __u64 now, size_t *gone)
{
	struct table t;
	__u64 until;
	__u32 i;
	int err = read_table(u->direct, sizeof(until), &t);

	for (i = 0; !err && i < t.n; i++)
		if (!bpf_map_lookup_elem(u->direct, &t.keys[i], &until) && until <= now)
			*gone += !bpf_map_delete_elem(u->direct, &t.keys[i]);
	if (!err)
		free_table(&t);
	return err;
}

int corepath_nat_sweep(const char *pin_dir, size_t *n)
{
	struct cp_uplink u;
	__u64 now;
	int err;

	*n = 0;
	err = cp_uplink_open(&u, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	now = now_ns();
	if (u.loaded)
		err = sweep_in(&u, now, n) ?: sweep_out(&u, n) ?: sweep_direct(&u, now, n);
	if (err)
		err = cp_fail(-err, "sweep the flows: %s; run as root", strerror(-err));
	cp_uplink_close(&u);
	return err;
}

/* ---- counters ---- */

int corepath_uplink_counters(const char *pin_dir, __u64 out[COREPATH_UPLINK_COUNTERS])
{
	struct cp_uplink u;
	__u32 i;
	int err;

	memset(out, 0, COREPATH_UPLINK_COUNTERS * sizeof(*out));
	err = cp_uplink_open(&u, pin_dir, CP_READ, false);
	if (err)
		return err;
	for (i = 0; u.loaded && i < COREPATH_UPLINK_COUNTERS && !err; i++)
		err = cp_percpu_add(u.counters, i, &out[i], 1);
	if (err)
		err = cp_fail(-err, "map %s/%s: read: %s; run as root", pin_dir,
			      CP_MAP_UPLINK_COUNTERS, strerror(-err));
	cp_uplink_close(&u);
	return err;
}
