/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other way to a backend: its address and port put in place of the service's, and the other
 * way round in its answers, which must come back through here. Checksums are updated, not made:
 * one that was wrong stays wrong, and the receiver finds out.
 */
#ifndef COREPATH_NAT_H
#define COREPATH_NAT_H

#include "conn.h"
#include "csum.h"
#include "l2.h"

/* Changes one address and one port of the packet. `diff` is what both do to a checksum that covers
 * them; the ports are in the L4 header, which a later fragment does not have. */
static __always_inline enum corepath_drop nat_l4(struct place *at, bool dst, __be16 port,
						 __u64 diff)
{
	struct wire_tcp *tcp = at->l4;
	struct wire_udp *udp = at->l4;

	if (at->frag & PACKET_FRAG_LATER)
		return COREPATH_DROP_FORWARDED;
	if (at->l4_proto == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > at->data_end)
			return COREPATH_DROP_MALFORMED_L4;
		csum_apply(&tcp->check, diff);
	} else {
		if ((void *)(udp + 1) > at->data_end)
			return COREPATH_DROP_MALFORMED_L4;
		csum_apply_udp(&udp->check, diff);
	}
	if (dst)
		udp->dport = port;
	else
		udp->sport = port;
	return COREPATH_DROP_FORWARDED;
}

static __always_inline enum corepath_drop nat_l3(struct place *at, bool dst,
						 const struct corepath_addr *addr, __u64 diff)
{
	struct wire_ip6 *ip6 = place_ip6(at);
	struct wire_ip4 *ip4 = at->l3;

	if (at->v6) {
		if (!ip6)
			return COREPATH_DROP_MALFORMED_IP6;
		if (ip6->hop_limit <= 1)
			return COREPATH_DROP_TTL_EXCEEDED;
		ip6->hop_limit--;
		__builtin_memcpy(dst ? ip6->daddr : ip6->saddr, addr, sizeof(*addr));
	} else {
		if (ip4->ttl <= 1)
			return COREPATH_DROP_TTL_EXCEEDED;
		ip4_hop(ip4);
		csum_apply(&ip4->check, diff);
		if (dst)
			ip4->daddr = addr->w[3];
		else
			ip4->saddr = addr->w[3];
	}
	return COREPATH_DROP_FORWARDED;
}

/* Where the answer will come from, and what it must become. */
static __always_inline enum corepath_drop
reply_remember(const struct place *at, const struct corepath_flow *f,
	       const struct corepath_backend *b, bool may_add, const struct corepath_lb_config *cfg)
{
	struct corepath_reply r = {.addr = f->dst, .port = f->dport}, *old;
	struct corepath_flow key = {
		.src = b->addr,
		.dst = f->src,
		.sport = b->port ?: f->dport,
		.dport = f->sport,
		.proto = f->proto,
	};
	const struct wire_eth *eth = at->data;

	old = bpf_map_lookup_elem(&lb_replies, &key);
	if (old)
		return old->port == r.port && addr_equal(&old->addr, &r.addr)
			       ? COREPATH_DROP_FORWARDED
			       : COREPATH_DROP_LB_NAT_COLLISION;
	/* a flow that cannot be remembered cannot be answered, so it is not sent at all */
	if (!may_add && !conn_may_add(cfg))
		return COREPATH_DROP_LB_CONN_RATE;
	__builtin_memcpy(r.mac, eth->src, sizeof(r.mac));
	bpf_map_update_elem(&lb_replies, &key, &r, BPF_ANY);
	return COREPATH_DROP_FORWARDED;
}

/* The client's packet to its backend. */
static __always_inline enum corepath_drop
nat_forward(struct place *at, const struct corepath_flow *f, const struct corepath_backend *b)
{
	__be16 port = b->port ?: f->dport;
	__u64 diff = csum_diff_addr(&f->dst, &b->addr);
	enum corepath_drop reason;

	reason = nat_l3(at, true, &b->addr, diff);
	if (!reason)
		reason = nat_l4(at, true, port, diff + csum_diff(f->dport, port));
	if (reason)
		return reason;
	eth_turn(at->data, b->mac);
	return COREPATH_DROP_LB_TRANSLATED;
}

/* A backend's answer to the client. */
static __always_inline enum corepath_drop nat_reply(struct place *at, const struct corepath_flow *f,
						    const struct corepath_reply *r)
{
	__u64 diff = csum_diff_addr(&f->src, &r->addr);
	enum corepath_drop reason;

	reason = nat_l3(at, false, &r->addr, diff);
	if (!reason)
		reason = nat_l4(at, false, r->port, diff + csum_diff(f->sport, r->port));
	if (reason)
		return reason;
	eth_turn(at->data, r->mac);
	return COREPATH_DROP_LB_REPLIED;
}

/* One address and one port of a packet that is quoted, and of the packet that quotes it. */
struct nat_change {
	const struct corepath_addr *outer; /* what the packet itself has; becomes `to` as well */
	const struct corepath_addr *from;
	const struct corepath_addr *to;
	__be16 port_from;
	__be16 port_to;
};

/*
 * An ICMP error as the other side must see it (RFC 5508 section 4.2): from or to (`dst`) `to`, and
 * quoting what that side sent or was sent itself. The quoted L4 checksum stays: receivers cannot
 * check it, as the packet is not quoted whole.
 */
static __always_inline enum corepath_drop nat_error(struct place *at, struct place *quote, bool dst,
						    const struct nat_change *c)
{
	__u64 outer = csum_diff_addr(c->outer, c->to), addr = csum_diff_addr(c->from, c->to);
	__u64 diff = csum_diff(c->port_from, c->port_to) + addr;
	struct wire_ip6 *ip6 = place_ip6(quote);
	struct wire_ip4 *ip4 = quote->l3;
	struct wire_icmp *icmp = at->l4;
	struct wire_udp *udp = quote->l4;
	enum corepath_drop reason;
	__be16 was;

	reason = nat_l3(at, dst, c->to, outer);
	if (reason)
		return reason;
	/* what the packet has as its destination, the quoted one had as its source */
	if (at->v6) {
		if (!ip6)
			return COREPATH_DROP_MALFORMED_IP6;
		__builtin_memcpy(dst ? ip6->saddr : ip6->daddr, c->to, sizeof(*c->to));
		diff += outer; /* in the pseudo header */
	} else {
		was = ip4->check;
		csum_apply(&ip4->check, addr);
		if (dst)
			ip4->saddr = c->to->w[3];
		else
			ip4->daddr = c->to->w[3];
		diff += csum_diff(was, ip4->check);
	}
	if (dst)
		udp->sport = c->port_to;
	else
		udp->dport = c->port_to;
	csum_apply(&icmp->check, diff);
	return COREPATH_DROP_FORWARDED;
}

/* About what a backend sent, to the backend of the flow. */
static __always_inline enum corepath_drop nat_error_forward(struct place *at, struct place *quote,
							    const struct corepath_flow *f,
							    const struct corepath_backend *b)
{
	struct nat_change c = {&f->dst, &f->dst, &b->addr, f->dport, b->port ?: f->dport};
	enum corepath_drop reason = nat_error(at, quote, true, &c);

	if (reason)
		return reason;
	eth_turn(at->data, b->mac);
	return COREPATH_DROP_LB_TRANSLATED;
}

/*
 * About what a client sent to a backend, to the client: from the service's address whoever the
 * sender is, as a router between us and the backend is no address the client can know (RFC 5508
 * section 4.2, and what Linux does: nf_nat_icmp_reply_translation()).
 */
static __always_inline enum corepath_drop nat_error_reply(struct place *at, struct place *quote,
							  const struct corepath_addr *src,
							  const struct corepath_flow *f,
							  const struct corepath_reply *r)
{
	struct nat_change c = {src, &f->src, &r->addr, f->sport, r->port};
	enum corepath_drop reason = nat_error(at, quote, false, &c);

	if (reason)
		return reason;
	eth_turn(at->data, r->mac);
	return COREPATH_DROP_LB_REPLIED;
}

#endif
