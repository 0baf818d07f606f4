/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connection tracking, for every tc program. In this order:
 *
 *	ct_read      what of the packet connections are known by
 *	ct_find      its connection, if it has one
 *	ct_create    a new one, if the packet may begin one and the caller allows it
 *	ct_update    what the packet changes of it; not for ICMP errors, which change nothing
 *
 * A TCP connection is established once its responder has answered: who began it cannot make an
 * entry long-lived alone. RST ends it early, whoever sent it; if the side that is said to have sent
 * it goes on sending, it was somebody else (RFC 5961 section 3), and the connection lives on. It
 * ends when both sides have sent FIN. A new SYN, from either side, on one that ended begins a new
 * one, which the caller judges anew.
 *
 * Sides' bytes are written by packets of that side, which mostly come one after the other; where
 * two CPUs meet, what can be lost is a counted packet or one early end, and the sweep of user space
 * counts open connections anew. Those that ended leave without it: ct_gc.h.
 */
#ifndef COREPATH_CONNTRACK_H
#define COREPATH_CONNTRACK_H

#include "ct_maps.h"
#include "frag.h"
#include "quote.h"

struct ct_packet {
	struct corepath_flow key; /* ends in the order of their addresses */
	bool high;		  /* the packet's source is key.dst */
	bool opens;		  /* it may begin a connection */
	bool error;		  /* ICMP about one of the connection's packets */
	bool moved;		  /* its backend is gone: another takes the connection up */
	__u8 tcp;		  /* flags, if TCP */
	__u32 bytes;
};

static __always_inline const struct corepath_ct_config *ct_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ct_config, &zero);
}

/* Whether a is the one that comes second. Any order does, as long as it is one. */
static __always_inline bool ct_is_high(const struct corepath_flow *f)
{
	int i;

#pragma unroll
	for (i = 0; i < 4; i++)
		if (f->src.w[i] != f->dst.w[i])
			return f->src.w[i] > f->dst.w[i];
	return f->sport > f->dport;
}

static __always_inline void ct_sort(struct ct_packet *p)
{
	struct corepath_addr src = p->key.src;
	__u16 sport = p->key.sport;

	p->high = ct_is_high(&p->key);
	if (!p->high)
		return;
	p->key.src = p->key.dst;
	p->key.dst = src;
	p->key.sport = p->key.dport;
	p->key.dport = sport;
}

/* Flags that no TCP sends together: scans, and what stacks answer differently (RFC 9293 section
 * 3.10.7). None at all is one of them. */
static __always_inline bool tcp_is_odd(__u8 flags)
{
	flags &= TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK;
	return !flags || flags == TCP_FIN || (flags & TCP_SYN && flags & (TCP_FIN | TCP_RST)) ||
	       (flags & TCP_RST && flags & TCP_FIN);
}

static __always_inline enum corepath_drop ct_read_icmp(const struct place *at, struct ct_packet *p)
{
	const struct wire_icmp *icmp = at->l4;
	struct corepath_addr to = p->key.dst;
	struct place quote;

	if (!place_has_l4(at, sizeof(*icmp)))
		return COREPATH_DROP_MALFORMED_L4;
	if (!icmp_is_error(icmp->type, at->v6)) {
		p->opens = icmp->type != (at->v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY);
		read_echo(icmp, at->v6, &p->key.sport, &p->key.dport);
		return COREPATH_DROP_FORWARDED;
	}
	/* it goes to who sent what it quotes: read_quoted() gives the flow that answers that one */
	p->error = true;
	if (!read_quoted(at, &quote, &p->key) || !addr_equal(&p->key.dst, &to))
		return COREPATH_DROP_CT_INVALID;
	return COREPATH_DROP_FORWARDED;
}

static __always_inline enum corepath_drop ct_read_ports(const struct place *at, __u32 frag_id,
							struct ct_packet *p)
{
	const struct wire_tcp *tcp = at->l4;
	enum corepath_drop reason;

	reason = read_ports(&ct_frags, at, frag_id, &p->key);
	if (reason)
		return reason;
	p->opens = true;
	if (at->l4_proto != IPPROTO_TCP)
		return COREPATH_DROP_FORWARDED;
	p->tcp = TCP_ACK; /* of a later fragment: it changes nothing */
	if (!(at->frag & PACKET_FRAG_LATER)) {
		if ((void *)(tcp + 1) > at->data_end)
			return COREPATH_DROP_MALFORMED_L4;
		p->tcp = tcp->flags;
	}
	p->opens = (p->tcp & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return tcp_is_odd(p->tcp) ? COREPATH_DROP_CT_INVALID : COREPATH_DROP_FORWARDED;
}

/*
 * Fills *p, which is all zeros. Not FORWARDED is why the packet is to be dropped. `f` is the flow
 * as it is in the packet (of an error: of the packets that would answer the one it is about).
 */
static __always_inline enum corepath_drop ct_read(const struct place *at, __u32 frag_id,
						  struct ct_packet *p, struct corepath_flow *f)
{
	enum corepath_drop reason = COREPATH_DROP_FORWARDED;

	if (!read_addrs(at, &p->key.src, &p->key.dst))
		return COREPATH_DROP_MALFORMED_IP6;
	p->key.proto = at->l4_proto;
	p->bytes = at->l3_end;
	if (at->l4_proto == IPPROTO_TCP || at->l4_proto == IPPROTO_UDP)
		reason = ct_read_ports(at, frag_id, p);
	else if (is_icmp(at->l4_proto, at->v6) && !at->frag)
		reason = ct_read_icmp(at, p);
	else
		p->opens = true;
	*f = p->key;
	ct_sort(p);
	return reason;
}

/* Which side of the connection sent the packet. */
static __always_inline __u32 ct_side(const struct corepath_ct *ct, const struct ct_packet *p)
{
	return !!(ct->flags & COREPATH_CT_HIGH) != p->high;
}

/* ---- connections of endpoints ---- */

/*
 * No more than `limit`, whatever other CPUs do; where they meet at the last one, both may be
 * refused. XADD that returns what was there came with 5.12. Global, as other functions below and in
 * lib/policy.h: verified once, not on every way that leads here (lib/place.h).
 */
__attribute__((noinline)) int ct_take_slot(__u32 ifindex, __u32 direction, __u32 limit)
{
	struct corepath_endpoint_conns *c = bpf_map_lookup_elem(&ep_conns, &ifindex);
	__u64 *open;

	if (!c)
		return true;
	open = &c->open[direction & 1];
	__sync_fetch_and_add(open, 1);
	if (!limit || *(volatile __u64 *)open <= limit)
		return true;
	__sync_fetch_and_add(open, -1);
	return false;
}

__attribute__((noinline)) int ct_return_slot(__u32 ifindex, __u32 direction)
{
	struct corepath_endpoint_conns *c = bpf_map_lookup_elem(&ep_conns, &ifindex);

	if (c)
		__sync_fetch_and_add(&c->open[direction & 1], -1);
	return 0;
}

/* Of a connection that ended, both slots; of one that goes on after all, takes them again. */
static __always_inline void ct_settle(struct corepath_ct *ct)
{
	bool open = ct->state == COREPATH_CT_SYN || ct->state == COREPATH_CT_ESTABLISHED;
	__u32 side;

#pragma unroll
	for (side = 0; side < 2; side++) {
		__u8 bit = COREPATH_CT_COUNTED << side;

		/* side 0 goes out of its endpoint, side 1 comes in to its own */
		if (!open && ct->flags & bit) {
			ct->flags &= ~bit;
			ct_return_slot(ct->ifindex[side], side ? COREPATH_IN : COREPATH_OUT);
		} else if (open && !(ct->flags & bit) && ct->ifindex[side] && ct->approved[side]) {
			ct->flags |= bit;
			ct_take_slot(ct->ifindex[side], side ? COREPATH_IN : COREPATH_OUT, 0);
		}
	}
}

#include "ct_gc.h"

/* ---- finding ---- */

static __always_inline bool ct_ended(const struct corepath_ct *ct, __u64 now)
{
	return ct->expires_ns <= now;
}

/* Whether the packet begins another connection with the ends of this one. */
static __always_inline bool ct_begins_anew(const struct corepath_ct *ct, const struct ct_packet *p)
{
	if (!p->opens || p->error)
		return false;
	if (ct->state == COREPATH_CT_CLOSED || ct->state == COREPATH_CT_RESET)
		return true;
	/* two that open to each other at once (RFC 9293 section 3.5), or ask each other */
	return ct_side(ct, p) && (ct->state == COREPATH_CT_SYN || ct->state == COREPATH_CT_ICMP);
}

static __always_inline void ct_drop(void *map, const struct ct_packet *p, struct corepath_ct *ct)
{
	ct->state = COREPATH_CT_CLOSED;
	ct_settle(ct);
	bpf_map_delete_elem(map, &p->key);
}

/* Ends a connection now. */
static __always_inline void ct_forget(const struct ct_packet *p, struct corepath_ct *ct,
				      bool established)
{
	if (established)
		ct_drop(&ct_flows, p, ct);
	else
		ct_drop(&ct_new, p, ct);
}

/* Gives back what a connection took that is not created after all. */
static __always_inline void ct_abandon(struct corepath_ct *fresh)
{
	fresh->state = COREPATH_CT_CLOSED;
	ct_settle(fresh);
}

/* The packet's connection; NULL if it has none. *established says in which table it is. */
static __always_inline struct corepath_ct *ct_find(const struct ct_packet *p, __u64 now,
						   bool *established)
{
	struct corepath_ct *ct = bpf_map_lookup_elem(&ct_flows, &p->key);

	*established = ct;
	if (!ct)
		ct = bpf_map_lookup_elem(&ct_new, &p->key);
	if (!ct)
		return NULL;
	if (!ct_ended(ct, now) && !ct_begins_anew(ct, p))
		return ct;
	ct_forget(p, ct, *established);
	*established = false;
	return NULL;
}

/* ---- changing ---- */

static __always_inline __u8 ct_state_tcp(const struct corepath_ct *ct)
{
	if ((ct->seen[0] | ct->seen[1]) & COREPATH_CT_SEEN_RST)
		return COREPATH_CT_RESET;
	if (ct->seen[0] & ct->seen[1] & COREPATH_CT_SEEN_FIN)
		return COREPATH_CT_CLOSED;
	if (ct->seen[1] & COREPATH_CT_SEEN_ACK || ct->flags & COREPATH_CT_PICKED_UP)
		return COREPATH_CT_ESTABLISHED;
	return COREPATH_CT_SYN;
}

static __always_inline void ct_see(struct corepath_ct *ct, __u32 side, __u8 tcp)
{
	__u8 seen = ct->seen[side & 1];

	if (tcp & TCP_RST) {
		seen |= COREPATH_CT_SEEN_RST;
	} else {
		seen &= ~COREPATH_CT_SEEN_RST; /* it goes on sending, so it was not the one */
		if (tcp & TCP_SYN)
			seen |= COREPATH_CT_SEEN_SYN;
		if (tcp & TCP_FIN)
			seen |= COREPATH_CT_SEEN_FIN;
		if (tcp & TCP_ACK)
			seen |= COREPATH_CT_SEEN_ACK;
	}
	ct->seen[side & 1] = seen;
}

static __always_inline __u8 ct_state(const struct corepath_ct *ct, const struct ct_packet *p,
				     __u32 side)
{
	if (p->key.proto == IPPROTO_TCP)
		return ct_state_tcp(ct);
	if (p->key.proto == IPPROTO_UDP)
		return side ? COREPATH_CT_UDP_ANSWERED : ct->state;
	return ct->state;
}

/* To the table of the answered. While that is full of others it asks for room with the first answer
 * and some after. */
static __always_inline void ct_promote(struct corepath_ct *ct, const struct ct_packet *p, __u64 now)
{
	long err = bpf_map_update_elem(&ct_flows, &p->key, ct, BPF_NOEXIST);

	if (err && ct->packets[1] % 64 == 1 && ct_make_room(now, true))
		err = bpf_map_update_elem(&ct_flows, &p->key, ct, BPF_NOEXIST);
	if (err)
		return;
	if (ct_mark_put(&ct_flow_marks, &p->key, ct))
		bpf_map_delete_elem(&ct_new, &p->key);
	else /* what nobody will find to be over is not begun */
		bpf_map_delete_elem(&ct_flows, &p->key);
}

/* Counts the packet, sees what it says of the connection, and keeps that for its time from now on.
 */
static __always_inline void ct_update(struct corepath_ct *ct, const struct ct_packet *p, __u64 now,
				      bool established)
{
	const struct corepath_ct_config *cfg = ct_settings();
	__u32 side = ct_side(ct, p) & 1;
	__u8 state;

	ct->packets[side]++;
	ct->bytes[side] += p->bytes;
	if (p->key.proto == IPPROTO_TCP)
		ct_see(ct, side, p->tcp);
	state = ct_state(ct, p, side) & 7;
	ct->state = state;
	if (cfg)
		ct->expires_ns = now + cfg->timeout_ns[state];
	if (p->key.proto == IPPROTO_TCP)
		ct_settle(ct);
	/* answered, so no flood's. Last, as the old entry may be given to another at once */
	if (!established && side &&
	    (state == COREPATH_CT_ESTABLISHED || state == COREPATH_CT_UDP_ANSWERED))
		ct_promote(ct, p, now);
}

/* Whether a packet that has no connection may begin one. */
static __always_inline bool ct_may_begin(const struct ct_packet *p)
{
	const struct corepath_ct_config *cfg = ct_settings();

	if (p->error)
		return false;
	return p->opens ||
	       (((cfg && cfg->pickup) || p->moved) && p->tcp && !(p->tcp & (TCP_SYN | TCP_RST)));
}

/*
 * A connection that the packet begins; ct_update() comes next. `fresh` is where it is put together:
 * all zeros but for what the caller knows of it. NULL if there is no room to be had.
 */
static __always_inline struct corepath_ct *ct_create(const struct ct_packet *p,
						     struct corepath_ct *fresh, __u64 now)
{
	fresh->created_ns = now;
	fresh->expires_ns = now + 1; /* ct_update() says how long */
	fresh->flags |= p->high ? COREPATH_CT_HIGH : 0;
	if (p->key.proto == IPPROTO_TCP)
		fresh->flags |= p->opens ? 0 : COREPATH_CT_PICKED_UP;
	else if (p->key.proto == IPPROTO_UDP)
		fresh->state = COREPATH_CT_UDP;
	else if (p->key.proto == IPPROTO_ICMP || p->key.proto == IPPROTO_ICMPV6)
		fresh->state = COREPATH_CT_ICMP;
	else
		fresh->state = COREPATH_CT_OTHER;
	/* full of marks without entries, or of entries */
	if (!ct_mark_put(&ct_new_marks, &p->key, fresh)) {
		ct_make_room(now, false);
		if (!ct_mark_put(&ct_new_marks, &p->key, fresh))
			return NULL;
	}
	if (bpf_map_update_elem(&ct_new, &p->key, fresh, BPF_ANY) &&
	    (!ct_make_room(now, false) || bpf_map_update_elem(&ct_new, &p->key, fresh, BPF_ANY)))
		return NULL;
	return bpf_map_lookup_elem(&ct_new, &p->key);
}

#endif
