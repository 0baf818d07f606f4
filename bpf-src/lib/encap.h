/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tunnel to a backend: the packet inside another one, whole. The backend takes the outer
 * header off, sees the client's packet to the service's address, and answers the client itself
 * (direct server return).
 */
#ifndef COREPATH_ENCAP_H
#define COREPATH_ENCAP_H

#include "csum.h"
#include "l2.h"
#include "lb_maps.h"

/* What the outer header has of the inner one. */
struct tunnel {
	__u32 hash; /* of the flow: what devices on the way and the backend's queues spread by */
	__u16 len;  /* of what the outer IP header carries */
	__u8 proto;
	__u8 tos; /* DSCP and ECN (RFC 6040 section 4.1, normal mode) */
};

/* RFC 2003 section 3.1; never fragmented, so its identification is free (RFC 6864). */
static __always_inline void put_outer4(struct wire_ip4 *ip, const struct tunnel *t,
				       const struct corepath_lb_config *cfg, __be32 daddr)
{
	ip->version_ihl = 0x45;
	ip->tos = t->tos;
	ip->tot_len = bpf_htons(t->len + sizeof(*ip));
	ip->id = 0;
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = LIMIT_TTL;
	ip->protocol = t->proto;
	ip->check = 0;
	ip->saddr = cfg->source4.w[3] | (t->hash & cfg->source4_vary);
	ip->daddr = daddr;
	ip->check = csum_ip4(ip);
}

/* RFC 2473; the flow label is the flow's hash (RFC 6438). */
static __always_inline void put_outer6(struct wire_ip6 *ip, const struct tunnel *t,
				       const struct corepath_lb_config *cfg,
				       const struct corepath_addr *daddr)
{
	ip->version_class_flow = bpf_htonl(6u << 28 | (__u32)t->tos << 20 | (t->hash & 0xfffff));
	ip->payload_len = bpf_htons(t->len);
	ip->nexthdr = t->proto;
	ip->hop_limit = LIMIT_TTL;
	__builtin_memcpy(ip->saddr, &cfg->source6, sizeof(ip->saddr));
	ip->saddr[3] |= t->hash & cfg->source6_vary;
	__builtin_memcpy(ip->daddr, daddr, sizeof(ip->daddr));
}

/* GUE variant 1 (draft-ietf-intarea-gue): no header of its own, the inner IP header's version
 * tells. No checksum: the inner packet has its own (RFC 6935, RFC 6936 section 4). */
static __always_inline void put_gue(struct wire_udp *udp, struct tunnel *t)
{
	udp->sport = bpf_htons(0xc000 | t->hash >> 16);
	udp->dport = bpf_htons(GUE_PORT);
	udp->len = bpf_htons(t->len);
	udp->check = 0;
}

/* Takes a hop off the inner header, as a router does that tunnels (RFC 2003 section 3.1), and
 * reads what the outer one needs. */
static __always_inline enum corepath_drop read_inner(struct place *at, struct tunnel *t)
{
	struct wire_ip6 *ip6 = place_ip6(at);
	struct wire_ip4 *ip4 = at->l3;

	t->len = at->l3_end - at->l3_off;
	if (at->v6) {
		if (!ip6)
			return COREPATH_DROP_MALFORMED_IP6;
		if (ip6->hop_limit <= 1)
			return COREPATH_DROP_TTL_EXCEEDED;
		ip6->hop_limit--;
		t->tos = bpf_ntohl(ip6->version_class_flow) >> 20;
		t->proto = IPPROTO_IPV6;
	} else {
		if (ip4->ttl <= 1)
			return COREPATH_DROP_TTL_EXCEEDED;
		ip4_hop(ip4);
		t->tos = ip4->tos;
		t->proto = IPPROTO_IPIP;
	}
	return COREPATH_DROP_FORWARDED;
}

static __always_inline __u32 tunnel_overhead(const struct corepath_backend *b, bool gue)
{
	return (addr_is4(&b->addr) ? sizeof(struct wire_ip4) : sizeof(struct wire_ip6)) +
	       (gue ? sizeof(struct wire_udp) : 0);
}

/* Puts the packet at `where`, which is open at `at`, into a tunnel to `b`. It fits the MTU. */
static __always_inline enum corepath_drop encap(struct xdp_md *ctx, __u64 where, struct place *at,
						__u32 hash, const struct corepath_backend *b,
						bool gue, const struct corepath_lb_config *cfg)
{
	struct tunnel t = {.hash = hash};
	bool outer6 = !addr_is4(&b->addr);
	enum corepath_drop reason;
	struct l2 l2;
	void *next;

	reason = read_inner(at, &t);
	if (reason)
		return reason;
	l2_save(at, &l2);
	eth_turn(&l2.eth, b->mac);
	if (!l2_grow(ctx, where, tunnel_overhead(b, gue), at))
		return COREPATH_DROP_NO_ROOM;
	l2_put(at, &l2, outer6 ? ETH_P_IPV6 : ETH_P_IP);
	/* the inner IP header is longer than GUE's UDP: that is inside as well */
	next = at->l3 + (outer6 ? sizeof(struct wire_ip6) : sizeof(struct wire_ip4));
	if (next + sizeof(struct wire_udp) > at->data_end)
		return COREPATH_DROP_NO_ROOM;
	if (gue) {
		t.len += sizeof(struct wire_udp);
		t.proto = IPPROTO_UDP;
		put_gue(next, &t);
	}
	if (!outer6)
		put_outer4(at->l3, &t, cfg, b->addr.w[3]);
	else if (at->l3 + sizeof(struct wire_ip6) <= at->data_end)
		put_outer6(at->l3, &t, cfg, &b->addr);
	return COREPATH_DROP_LB_TUNNELED;
}

#endif
