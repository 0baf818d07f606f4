/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections leave their table by themselves: packets do it, a few entries at a time.
 *
 * Nothing that runs by time is in all kernels (bpf_timer: 5.15), and before 5.13 a program cannot
 * walk a hash. So each entry has a mark in a queue beside its table: its key, and when it was made,
 * so that a mark never means another connection of the same ends. A step takes the oldest mark: it
 * is dropped with its entry if that has ended, alone if that is gone already, and else goes to the
 * end of the queue. Two steps for each connection that begins, and two a millisecond while there
 * are packets, come round to every entry.
 *
 * An LRU hash would need none of this, but evicts without a word: the endpoint's count of open
 * connections would keep what is gone, and who only idles would go before who has ended.
 */
#ifndef COREPATH_CT_GC_H
#define COREPATH_CT_GC_H

#include "ct_maps.h"

#define CT_GC_INTERVAL_NS 1000000
#define CT_GC_STEPS	  2

/* What a full table may be rid of, each with those before it. */
enum ct_gc {
	CT_GC_ENDED,
	CT_GC_CLOSING,	  /* both sides have sent FIN, or one RST */
	CT_GC_UNANSWERED, /* as in a flood */
	CT_GC_ANY,
};

static __always_inline struct ct_mark *ct_mark_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ct_marks, &zero);
}

/* False: the queue is full. */
static __always_inline bool ct_mark_put(void *queue, const struct corepath_flow *key,
					const struct corepath_ct *ct)
{
	struct ct_mark *mark = ct_mark_scratch();

	if (!mark)
		return false;
	mark->key = *key;
	mark->created = ct->created_ns;
	return !bpf_map_push_elem(queue, mark, 0);
}

static __always_inline bool ct_gc_takes(const struct corepath_ct *ct, __u64 now, __u32 what)
{
	if (ct->expires_ns <= now || what >= CT_GC_ANY)
		return true;
	if (ct->state == COREPATH_CT_CLOSED || ct->state == COREPATH_CT_RESET)
		return what >= CT_GC_CLOSING;
	return what >= CT_GC_UNANSWERED && ct->state != COREPATH_CT_ESTABLISHED &&
	       ct->state != COREPATH_CT_UDP_ANSWERED;
}

/* True if an entry went. */
static __always_inline bool ct_gc_one(void *queue, void *table, __u64 now, __u32 what)
{
	struct ct_mark *mark = ct_mark_scratch();
	struct corepath_ct *ct;

	if (!mark || bpf_map_pop_elem(queue, mark))
		return false;
	ct = bpf_map_lookup_elem(table, &mark->key);
	if (!ct || (__u32)ct->created_ns != mark->created)
		return false;
	if (!ct_gc_takes(ct, now, what)) {
		bpf_map_push_elem(queue, mark, 0);
		return false;
	}
	ct->state = COREPATH_CT_CLOSED;
	ct_settle(ct);
	bpf_map_delete_elem(table, &mark->key);
	return true;
}

__attribute__((noinline)) int ct_gc_step(__u64 now, __u32 established, __u32 what)
{
	return established ? ct_gc_one(&ct_flow_marks, &ct_flows, now, what)
			   : ct_gc_one(&ct_new_marks, &ct_new, now, what);
}

/* Some steps for both tables. */
__attribute__((noinline)) int ct_gc(__u64 now)
{
	int i;

	for (i = 0; i < CT_GC_STEPS; i++) {
		ct_gc_step(now, true, CT_GC_ENDED);
		ct_gc_step(now, false, CT_GC_ENDED);
	}
	return 0;
}

static volatile __u64 ct_gc_due;

/* On any packet; where two CPUs meet, both do it. */
static __always_inline void ct_gc_now_and_then(__u64 now)
{
	if (now < ct_gc_due)
		return;
	ct_gc_due = now + CT_GC_INTERVAL_NS;
	ct_gc(now);
}

/*
 * Room for one more entry in a full table. That of the answered gives away what closes, and no
 * more: an answered connection is as well where it is. That of the others gives its oldest, of
 * those that nobody has answered if it meets one. Marks whose entries are gone take turns as well.
 */
__attribute__((noinline)) int ct_make_room(__u64 now, __u32 established)
{
	__u32 what = established ? CT_GC_CLOSING : CT_GC_UNANSWERED;
	int i;

	for (i = 0; i < LIMIT_CT_ROOM; i++) {
		if (i == LIMIT_CT_ROOM / 4 && established)
			return false;
		if (i == LIMIT_CT_ROOM / 2)
			what = CT_GC_ANY;
		if (ct_gc_step(now, established, what))
			return true;
	}
	return false;
}

#endif
