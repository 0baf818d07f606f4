// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guard: signatures and rates of sources. It is loaded when there is first work for it and in
 * the packets' way only while there is some.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "internal.h"
#include "refusal.h"
#include "xdp_guard.skel.h"
#include "upgrade.h"

const void *cp_elf_guard(size_t *size)
{
	return xdp_guard__elf_bytes(size);
}

/* The program is pinned last: it says that all is there. */
#define MAP_TABLE "guard_table"

static const char *const map_names[] = {"guard_config", MAP_TABLE, "guard_hits", "guard_sources",
					"guard_new"};
#define N_MAPS (sizeof(map_names) / sizeof(map_names[0]))

struct guard {
	struct cp_dir dir;
	int config, table, hits; /* -1 if the guard is not loaded */
	struct corepath_signatures signatures;
	struct corepath_guard_config cfg;
};

static int fail_map(const struct guard *g, const char *map, int err)
{
	return cp_fail(-err, "map %s/%s: %s; run as root", g->dir.path, map, strerror(-err));
}

int cp_guard_unpin(const struct cp_dir *dir)
{
	int err = cp_pin_remove(dir, CP_PROG_GUARD);
	size_t i;

	if (!err)
		err = cp_inner_unpin(dir, MAP_TABLE);

	for (i = 0; i < N_MAPS && !err; i++)
		err = cp_pin_remove(dir, map_names[i]);
	return err;
}

/* Puts all signatures in the place of those there were, by one pointer. */
static int write_table(const struct cp_dir *dir, int table,
		       const struct corepath_signatures *signatures)
{
	int err, fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "guard_sigs", sizeof(__u32),
				     sizeof(*signatures), 1, NULL);
	__u32 zero = 0;

	err = fd < 0 ? fd : bpf_map_update_elem(fd, &zero, signatures, BPF_ANY);
	if (!err)
		err = cp_inner_put(dir, MAP_TABLE, table, fd);
	if (fd >= 0)
		close(fd);
	return err;
}

static int load(const struct cp_dir *dir)
{
	static const struct corepath_signatures none;
	struct xdp_guard *skel;
	size_t i;
	int err;

	err = cp_stage_needs_jit("the guard");
	if (!err)
		err = cp_guard_unpin(dir); /* what a killed command left */
	if (err)
		return err;
	cp_log_start();
	skel = xdp_guard__open();
	err = skel ? cp_maps_share(dir, skel->obj) : -errno;
	if (!err)
		err = xdp_guard__load(skel);
	if (!err)
		err = write_table(dir, bpf_map__fd(skel->maps.guard_table), &none);
	for (i = 0; i < N_MAPS && !err; i++)
		err = cp_pin_put(dir, map_names[i],
				 bpf_object__find_map_fd_by_name(skel->obj, map_names[i]));
	if (!err)
		err = cp_pin_put(dir, CP_PROG_GUARD, bpf_program__fd(skel->progs.xdp_guard));
	xdp_guard__destroy(skel);
	return err ? cp_fail_load(err, "load the guard") : 0;
}

static int read_maps(struct guard *g)
{
	__u32 zero = 0;
	int err, fd;

	err = bpf_map_lookup_elem(g->config, &zero, &g->cfg);
	if (err)
		return fail_map(g, "guard_config", err);
	fd = cp_inner_get(&g->dir, MAP_TABLE, g->table);
	err = fd < 0 ? fd : bpf_map_lookup_elem(fd, &zero, &g->signatures);
	if (fd >= 0)
		close(fd);
	return err ? fail_map(g, MAP_TABLE, err) : 0;
}

static void guard_close(struct guard *g)
{
	int fds[] = {g->config, g->table, g->hits};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	cp_dir_close(&g->dir);
}

/* A guard that is not loaded is if `load_it`, and else it has no signature, no rate and no map. */
static int guard_open(struct guard *g, const char *pin_dir, enum cp_access access, bool load_it)
{
	int err;

	memset(g, 0, sizeof(*g));
	g->config = g->table = g->hits = -1;
	err = cp_dir_open(&g->dir, pin_dir, access);
	if (err)
		return err;
	if (!cp_pin_there(&g->dir, CP_PROG_GUARD)) {
		if (!load_it)
			return 0;
		/* services for sockets alone leave a directory without a prefilter */
		err = cp_pin_there(&g->dir, CP_MAP_STAGES)
			      ? load(&g->dir)
			      : cp_fail(ENOENT,
					"%s: the prefilter is not up; run 'corepath up' first",
					g->dir.path);
	}
	if (!err)
		err = g->config = cp_map_get(&g->dir, "guard_config");
	if (err >= 0)
		err = g->table = cp_map_get(&g->dir, MAP_TABLE);
	if (err >= 0)
		err = g->hits = cp_map_get(&g->dir, "guard_hits");
	if (err >= 0)
		err = read_maps(g);
	if (err)
		guard_close(g);
	return err;
}

/* In the way only if there is something to do there. */
static int commit(struct guard *g)
{
	bool on = g->signatures.n || g->cfg.packets.interval_ns || g->cfg.conns.interval_ns;

	return cp_stage_set(&g->dir, COREPATH_STAGE_GUARD, on);
}

/* ---- signatures ---- */

static size_t find(const struct guard *g, __u32 id)
{
	size_t i;

	for (i = 0; i < g->signatures.n && g->signatures.list[i].id != id; i++)
		;
	return i;
}

static __u32 free_slot(const struct guard *g)
{
	__u32 slot, used = 0, i;

	_Static_assert(COREPATH_SIGNATURES_MAX == 32, "a bit for each slot");
	for (i = 0; i < g->signatures.n; i++)
		used |= 1u << g->signatures.list[i].slot;
	for (slot = 0; used & 1u << slot; slot++)
		;
	return slot;
}

static int write_signatures(struct guard *g)
{
	int err = write_table(&g->dir, g->table, &g->signatures);

	return err ? fail_map(g, MAP_TABLE, err) : commit(g);
}

static int add(struct guard *g, const struct corepath_signature *s)
{
	struct corepath_signature *list = g->signatures.list;
	__u32 i, slot;
	int err;

	if (find(g, s->id) < g->signatures.n)
		return cp_fail(EEXIST,
			       "signature %u: there is one of this number; 'corepath prefilter "
			       "signature del %u' it first",
			       s->id, s->id);
	if (g->signatures.n == COREPATH_SIGNATURES_MAX)
		return cp_fail(ENOSPC, "signature %u: there are %u, which is all there is room for",
			       s->id, g->signatures.n);
	slot = free_slot(g);
	err = cp_percpu_clear(g->hits, slot, CP_WORDS(struct corepath_counter));
	if (err)
		return fail_map(g, "guard_hits", err);
	/* in the order of their numbers */
	for (i = g->signatures.n++; i && list[i - 1].id > s->id; i--)
		list[i] = list[i - 1];
	list[i] = *s;
	list[i].slot = slot;
	return write_signatures(g);
}

int corepath_signature_add(const char *pin_dir, const struct corepath_signature *s)
{
	struct guard g;
	int err = guard_open(&g, pin_dir, CP_CHANGE, true);

	if (err)
		return err;
	err = add(&g, s);
	guard_close(&g);
	return err;
}

int corepath_signature_del(const char *pin_dir, __u32 id)
{
	struct guard g;
	int err = guard_open(&g, pin_dir, CP_CHANGE, false);
	size_t i;

	if (err)
		return err;
	i = find(&g, id);
	if (i == g.signatures.n) {
		err = cp_fail(ENOENT,
			      "signature %u: there is none; 'corepath prefilter signature list' "
			      "shows what there is",
			      id);
	} else {
		memmove(&g.signatures.list[i], &g.signatures.list[i + 1],
			(g.signatures.n - i - 1) * sizeof(g.signatures.list[0]));
		g.signatures.n--;
		err = write_signatures(&g);
	}
	guard_close(&g);
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	const struct corepath_signature *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* The places of counters: a signature that stays as it is keeps its own. */
static int give_slots(const struct guard *g, struct corepath_signatures *all)
{
	struct corepath_signature *s;
	__u32 used = 0, i;
	bool stays[COREPATH_SIGNATURES_MAX];
	int err = 0;

	for (i = 0; i < all->n; i++) {
		size_t at = find(g, all->list[i].id);

		s = &all->list[i];
		s->slot = at < g->signatures.n ? g->signatures.list[at].slot : 0;
		stays[i] = at < g->signatures.n && !memcmp(s, &g->signatures.list[at], sizeof(*s));
		if (stays[i])
			used |= 1u << s->slot;
	}
	for (i = 0; i < all->n && !err; i++) {
		if (stays[i])
			continue;
		s = &all->list[i];
		for (s->slot = 0; used & 1u << s->slot; s->slot++)
			;
		used |= 1u << s->slot;
		err = cp_percpu_clear(g->hits, s->slot, CP_WORDS(struct corepath_counter));
	}
	return err;
}

int corepath_signatures_set(const char *pin_dir, const struct corepath_signature *list, size_t n)
{
	struct corepath_signatures all = {.n = n};
	struct guard g;
	int err;

	if (n > COREPATH_SIGNATURES_MAX)
		return cp_fail(ENOSPC, "%zu signatures: there is room for %d", n,
			       COREPATH_SIGNATURES_MAX);
	err = guard_open(&g, pin_dir, CP_CHANGE, n);
	if (err)
		return err;
	if (g.table >= 0) {
		memcpy(all.list, list, n * sizeof(*list));
		qsort(all.list, n, sizeof(*list), compare_ids);
		err = give_slots(&g, &all);
		g.signatures = all;
		err = err ? fail_map(&g, "guard_hits", err) : write_signatures(&g);
	}
	guard_close(&g);
	return err;
}

int corepath_signature_list(const char *pin_dir, struct corepath_signature_info *list, size_t *n)
{
	struct guard g;
	int err = guard_open(&g, pin_dir, CP_READ, false);

	if (err)
		return err;
	for (*n = 0; *n < g.signatures.n && !err; (*n)++) {
		list[*n] = (struct corepath_signature_info){.signature = g.signatures.list[*n]};
		err = cp_percpu_add(g.hits, list[*n].signature.slot, &list[*n].hits,
				    CP_WORDS(list[*n].hits));
	}
	if (err)
		fail_map(&g, "guard_hits", err);
	guard_close(&g);
	return err;
}

/* ---- rates ---- */

static void set_mask(struct corepath_addr *mask, __u32 bits)
{
	for (int i = 0; i < 4; i++, bits -= bits < 32 ? bits : 32)
		mask->w[i] = bits >= 32 ? ~0u : bits ? htonl(~0u << (32 - bits)) : 0;
}

static __u32 mask_bits(const struct corepath_addr *mask)
{
	return __builtin_popcount(mask->w[0]) + __builtin_popcount(mask->w[1]) +
	       __builtin_popcount(mask->w[2]) + __builtin_popcount(mask->w[3]);
}

static void to_limit(const struct corepath_rate *r, struct corepath_guard_limit *l)
{
	struct cp_pace pace = cp_pace_of(r->rate, r->seconds);

	l->window_ns = pace.window_ns;
	l->interval_ns = pace.interval_ns;
	set_mask(&l->mask4, 96 + r->len4);
	set_mask(&l->mask6, r->len6);
}

static void from_limit(const struct corepath_guard_limit *l, struct corepath_rate *r)
{
	struct cp_pace pace = {l->interval_ns, l->window_ns};

	if (!mask_bits(&l->mask4)) /* never set */
		return;
	r->seconds = cp_pace_seconds(pace) ?: 1;
	r->rate = cp_pace_rate(pace);
	r->len4 = mask_bits(&l->mask4) - 96;
	r->len6 = mask_bits(&l->mask6);
}

void corepath_rates_default(struct corepath_rates *rates)
{
	rates->packets = rates->conns =
		(struct corepath_rate){.seconds = 1, .len4 = 32, .len6 = 64};
}

int corepath_rates_get(const char *pin_dir, struct corepath_rates *rates)
{
	struct guard g;
	int err = guard_open(&g, pin_dir, CP_READ, false);

	if (err)
		return err;
	corepath_rates_default(rates);
	from_limit(&g.cfg.packets, &rates->packets);
	from_limit(&g.cfg.conns, &rates->conns);
	guard_close(&g);
	return 0;
}

int corepath_rates_set(const char *pin_dir, const struct corepath_rates *rates)
{
	struct guard g;
	int err = guard_open(&g, pin_dir, CP_CHANGE, true);
	__u32 zero = 0;

	if (err)
		return err;
	to_limit(&rates->packets, &g.cfg.packets);
	to_limit(&rates->conns, &g.cfg.conns);
	err = bpf_map_update_elem(g.config, &zero, &g.cfg, BPF_ANY);
	err = err ? fail_map(&g, "guard_config", err) : commit(&g);
	guard_close(&g);
	return err;
}
