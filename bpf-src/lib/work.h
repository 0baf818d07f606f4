/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet on its way through connections and policies, for all who have a say in it: endpoints,
 * and the host itself.
 */
#ifndef COREPATH_WORK_H
#define COREPATH_WORK_H

#include "endpoint.h"

/* A packet to a service, or an answer from one of its backends (lib/service.h). */
struct ep_service {
	struct corepath_addr addr; /* the service's */
	__be16 port;		   /* 0: the packet is to none */
	bool hairpin;		   /* its sender is the backend */
	bool moved;		   /* its connection had another backend, which is gone */
	struct {
		struct corepath_addr addr;
		__be16 port;
		__u16 pad;
	} to[2]; /* what its source becomes, and its destination */
};

/* What the reading function of a program found in a packet: in a map, which the verifier does not
 * follow, so that the ways through its headers and those through its connection do not multiply.
 * Softirqs are off. */
struct ep_packet {
	struct ct_packet p;
	struct corepath_flow f;
	struct ep_service svc; /* endpoints alone have it */
	struct judged judged;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ep_packet);
} ep_scratch SEC(".maps");

static __always_inline struct ep_packet *scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ep_scratch, &zero);
}

/* A packet, its connection, and who has a say. */
struct work {
	const struct ct_packet *p;
	const struct corepath_flow *f;
	struct ep_service *svc;
	struct judged *judged;
	struct corepath_ct *ct;
	__u64 now;
	bool found;	  /* ct is in a table; else it is put together */
	bool established; /* in which */
	__u32 side;	  /* that sent the packet */
};

static __always_inline struct corepath_ct *fresh_ct(void)
{
	__u32 zero = 0;
	struct corepath_ct *ct = bpf_map_lookup_elem(&ct_scratch, &zero);

	if (ct)
		__builtin_memset(ct, 0, sizeof(*ct));
	return ct;
}

/*
 * The packet's connection, or what becomes one. `own` is the endpoint's side if it is the packet's
 * receiver (1) or its sender (0): an answer to what this endpoint never allowed is none, and no
 * way around its policy.
 */
static __always_inline enum corepath_drop work_find(struct work *w, bool receives)
{
	w->now = bpf_ktime_get_ns();
	ct_gc_now_and_then(w->now);
	w->ct = ct_find(w->p, w->now, &w->established);
	if (w->ct) {
		w->side = ct_side(w->ct, w->p) & 1;
		w->found = !w->side || w->ct->approved[!receives];
	}
	if (w->found)
		return COREPATH_DROP_FORWARDED;
	w->side = 0;
	if (!ct_may_begin(w->p))
		return COREPATH_DROP_CT_INVALID;
	if (w->ct)
		ct_forget(w->p, w->ct, w->established);
	/* before limits are asked: what ended is not to count */
	ct_gc(w->now);
	w->established = false;
	w->ct = fresh_ct();
	return w->ct ? COREPATH_DROP_FORWARDED : COREPATH_DROP_CT_FAILED;
}

static __always_inline enum corepath_drop work_judge(struct work *w, const struct judge *j)
{
	__u32 own = j->direction == COREPATH_OUT ? w->side : !w->side;

	if (!w->ct) /* never; the verifier cannot know */
		return COREPATH_DROP_CT_FAILED;
	return judge_packet(j, w->ct, own, w->side, w->p, w->f, w->judged);
}

/* Nobody objected. */
static __always_inline enum corepath_drop work_done(struct work *w)
{
	if (w->p->error)
		return COREPATH_DROP_FORWARDED;
	if (!w->found) {
		struct corepath_ct *ct = ct_create(w->p, w->ct, w->now);

		if (!ct) {
			ct_abandon(w->ct);
			return COREPATH_DROP_CT_FAILED;
		}
		w->ct = ct;
	}
	ct_update(w->ct, w->p, w->now, w->established);
	return COREPATH_DROP_FORWARDED;
}

/* Somebody did: what a new connection already took is given back. */
static __always_inline enum corepath_drop work_refused(struct work *w, enum corepath_drop reason)
{
	if (!w->found && w->ct)
		ct_abandon(w->ct);
	return reason;
}

static __always_inline bool work_open(struct work *w)
{
	struct ep_packet *e = scratch();

	if (!e)
		return false;
	w->p = &e->p;
	w->f = &e->f;
	w->svc = &e->svc;
	w->judged = &e->judged;
	e->judged.audited = false;
	return true;
}

#endif
