/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame's own header: kept while the frame grows or shrinks under it, and sent back. */
#ifndef COREPATH_L2_H
#define COREPATH_L2_H

#include "place.h"

struct l2 {
	struct wire_eth eth;
	struct wire_vlan tag[LIMIT_VLAN_TAGS];
};

_Static_assert(sizeof(struct l2) == PLACE_L2_MAX, "place_open() checks for the whole of it");

/* A frame from one station to one. What is sent to a group (RFC 1122 section 3.3.6), or comes from
 * what can only be one (IEEE 802 section 8.2), cannot be turned around. */
static __always_inline bool l2_is_unicast(const struct place *at)
{
	const struct wire_eth *eth = at->data;

	return !((eth->dst[0] | eth->src[0]) & 1);
}

/* Turns the frame around: to `mac`, or to where it came from if that is all zeros. */
static __always_inline void eth_turn(struct wire_eth *eth, const __u8 *mac)
{
	__u8 self[6];

	__builtin_memcpy(self, eth->dst, 6);
	if (mac && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]))
		__builtin_memcpy(eth->dst, mac, 6);
	else
		__builtin_memcpy(eth->dst, eth->src, 6);
	__builtin_memcpy(eth->src, self, 6);
}

/* Keeps the header. What is no tag is kept as well, and not put back. */
static __always_inline void l2_save(const struct place *at, struct l2 *l2)
{
	*l2 = *(struct l2 *)at->data;
}

/* Writes the header in front of at->l3, with another EtherType. */
static __always_inline void l2_put(const struct place *at, const struct l2 *l2, __u16 l3_proto)
{
	struct l2 *to = at->data;

	to->eth = l2->eth;
	switch ((at->l3_off - sizeof(struct wire_eth)) / sizeof(struct wire_vlan)) {
	case 0:
		to->eth.type = bpf_htons(l3_proto);
		break;
	case 1:
		to->tag[0].tci = l2->tag[0].tci;
		to->tag[0].type = bpf_htons(l3_proto);
		break;
	default:
		to->tag[0] = l2->tag[0];
		to->tag[1].tci = l2->tag[1].tci;
		to->tag[1].type = bpf_htons(l3_proto);
	}
}

/* Grows the frame by `by` bytes in front of its IP header, and finds it again. What is at at->l3
 * then is for the caller to write. */
static __always_inline bool l2_grow(struct xdp_md *ctx, __u64 where, __u32 by, struct place *at)
{
	return !bpf_xdp_adjust_head(ctx, -(int)by) && place_open(ctx, where, at);
}

#endif
