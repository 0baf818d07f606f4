/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a packet's headers are, as one number that can be handed to a global function.
 *
 * The verifier follows every path through parsing (tags x families x chains of extension headers)
 * into what comes after it. A global function is verified once, for any argument, so the balancer
 * behind the parser costs its own length and not that times the paths. Global functions take
 * pointers to memory only since 5.12 (e5069b9c23b3); numbers they always took.
 */
#ifndef COREPATH_PLACE_H
#define COREPATH_PLACE_H

#include "parse.h"

#define PLACE_L2_MAX (sizeof(struct wire_eth) + LIMIT_VLAN_TAGS * sizeof(struct wire_vlan))

struct place {
	void *data;
	void *data_end;
	void *l3;
	void *l4; /* the L4 header is not yet known to be in the frame */
	__u16 l3_off;
	__u16 l3_end;
	__u16 l4_off;
	__u8 l4_proto;
	__u8 frag;
	bool v6;
};

static __always_inline __u64 place_pack(const struct packet *p)
{
	return (__u64)p->l3_end | (__u64)p->l4_off << 16 | (__u64)p->l3_off << 32 |
	       (__u64)p->l4_proto << 40 | (__u64)p->frag << 48 |
	       (__u64)(p->l3_proto == ETH_P_IPV6) << 56;
}

static __always_inline void place_unpack(void *data, void *data_end, __u64 where, struct place *at)
{
	at->data = data;
	at->data_end = data_end;
	at->l3_end = where;
	at->l4_off = where >> 16 & LIMIT_L4_OFF;
	at->l3_off = where >> 32 & 0x1f;
	at->l4_proto = where >> 40;
	at->frag = where >> 48;
	at->v6 = where >> 56 & 1;
	at->l3 = at->data + at->l3_off;
	at->l4 = at->data + at->l4_off;
}

/* Finds the headers again, as after every call that moves the frame's ends. False never happens
 * to a number of place_pack(); the verifier cannot know. */
static __always_inline bool place_open(struct xdp_md *ctx, __u64 where, struct place *at)
{
	place_unpack((void *)(long)ctx->data, (void *)(long)ctx->data_end, where, at);
	/* that the tags there can be are inside is told the verifier once, for l2.h */
	return at->data + PLACE_L2_MAX <= at->data_end &&
	       at->l3 + sizeof(struct wire_ip4) <= at->data_end;
}

/* The IPv6 header: checked where it is used, since the verifier forgets what at->v6 implied. */
static __always_inline struct wire_ip6 *place_ip6(const struct place *at)
{
	struct wire_ip6 *ip6 = at->l3;

	return (void *)(ip6 + 1) <= at->data_end ? ip6 : NULL;
}

/* Whether the L4 header's first `size` bytes are in the packet, not in padding behind it. */
static __always_inline bool place_has_l4(const struct place *at, __u32 size)
{
	return at->l4 + size <= at->data_end && at->l4_off + size <= at->l3_end;
}

/* A TCP SYN; not that of the answer. */
static __always_inline bool opens_connection(const struct place *at)
{
	const struct wire_tcp *tcp = at->l4;

	if (at->l4_proto != IPPROTO_TCP || at->frag & PACKET_FRAG_LATER ||
	    (void *)(tcp + 1) > at->data_end)
		return false;
	return (tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline void addr_from4(struct corepath_addr *a, __be32 addr)
{
	a->w[0] = a->w[1] = 0;
	a->w[2] = bpf_htonl(0xffff);
	a->w[3] = addr;
}

static __always_inline bool addr_is4(const struct corepath_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == bpf_htonl(0xffff);
}

static __always_inline bool addr_equal(const struct corepath_addr *a, const struct corepath_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

/* The packet's addresses. */
static __always_inline bool read_addrs(const struct place *at, struct corepath_addr *src,
				       struct corepath_addr *dst)
{
	struct wire_ip6 *ip6 = place_ip6(at);
	struct wire_ip4 *ip4 = at->l3;

	if (!at->v6) {
		addr_from4(src, ip4->saddr);
		addr_from4(dst, ip4->daddr);
		return true;
	}
	if (!ip6)
		return false;
	__builtin_memcpy(src, ip6->saddr, sizeof(*src));
	__builtin_memcpy(dst, ip6->daddr, sizeof(*dst));
	return true;
}

#endif
