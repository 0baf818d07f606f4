/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a frame to its headers, in steps the caller takes in order:
 *
 *	parse_l2 -> parse_ip4, or parse_ip6 -> parse_ip6_ext
 *
 * Each step returns COREPATH_DROP_FORWARDED or the reason the frame cannot be understood. The
 * extension headers are a step of their own so that a verdict on the source address comes first
 * and never depends on them. What a program does not read of struct packet costs it nothing:
 * everything is inlined.
 */
#ifndef COREPATH_PARSE_H
#define COREPATH_PARSE_H

#include <bpf/bpf_endian.h>
#include <corepath/abi.h>
#include "limits.h"
#include "wire.h"

enum packet_frag {
	PACKET_FRAG = 1 << 0,	    /* a fragment: more follow, or this is not the first */
	PACKET_FRAG_LATER = 1 << 1, /* not the first: there is no L4 header at l4_off */
};

/* Offsets are in bytes from the start of the frame. */
struct packet {
	void *data;
	void *data_end;
	void *next;	/* where the next step reads */
	bool skb;	/* a socket buffer: data_end is where its headers end, not the frame */
	__u32 skb_len;	/* bytes of the frame, if skb */
	__u16 l3_proto; /* EtherType after the VLAN tags, host order */
	__u16 l3_off;
	__u16 l3_end; /* where the IP packet ends by its own length: the rest is padding */
	__u16 l4_off;
	__u8 l4_proto; /* after parse_ip4, or parse_ip6 and parse_ip6_ext */
	__u8 frag;     /* enum packet_frag */
	__u32 frag_id; /* if frag, network order */
};

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* How far the frame goes on from its IP header, p->next. `skb` is a constant where this is inlined.
 */
static __always_inline __u32 packet_room(const struct packet *p)
{
	if (p->skb)
		return p->skb_len - p->l3_off;
	return p->data_end - p->next;
}

/* Where an IP packet of this length ends. GSO makes them of up to 64 KiB after the L2 header; what
 * reads l3_end only asks whether a header is inside, and none starts that far behind. */
static __always_inline __u16 packet_end(const struct packet *p, __u32 len)
{
	if (p->skb && p->l3_off + len > 0xffff)
		return 0xffff;
	return p->l3_off + len;
}

/* Ethernet and up to LIMIT_VLAN_TAGS tags of either TPID in any order. Sets l3_proto, l3_off. */
static __always_inline enum corepath_drop parse_l2(struct packet *p)
{
	struct wire_eth *eth = p->data;
	struct wire_vlan *tag;
	__be16 type;
	int i;

	if ((void *)(eth + 1) > p->data_end)
		return COREPATH_DROP_MALFORMED_L2;
	type = eth->type;
	p->next = eth + 1;
	/* most frames, and one comparison instead of six */
	if (type == bpf_htons(ETH_P_IP)) {
		p->l3_proto = ETH_P_IP;
		p->l3_off = sizeof(*eth);
		return COREPATH_DROP_FORWARDED;
	}

#pragma unroll
	for (i = 0; i < LIMIT_VLAN_TAGS; i++) {
		if (!is_vlan(type))
			break;
		tag = p->next;
		if ((void *)(tag + 1) > p->data_end)
			return COREPATH_DROP_MALFORMED_L2;
		type = tag->type;
		p->next = tag + 1;
	}
	if (is_vlan(type))
		return COREPATH_DROP_VLAN_TOO_DEEP;

	p->l3_proto = bpf_ntohs(type);
	p->l3_off = p->next - p->data;
	return COREPATH_DROP_FORWARDED;
}

/* The IPv4 header, options included. Sets *ip, l3_end, l4_proto, l4_off, frag. */
static __always_inline enum corepath_drop parse_ip4(struct packet *p, struct wire_ip4 **ip)
{
	struct wire_ip4 *h = p->next;
	__u32 room, hlen, len;
	__u16 frag_off;

	if ((void *)(h + 1) > p->data_end)
		return COREPATH_DROP_MALFORMED_IP4;
	hlen = sizeof(*h);
	if (h->version_ihl != 0x45) { /* options, or no IPv4 */
		if (h->version_ihl >> 4 != 4)
			return COREPATH_DROP_MALFORMED_IP4;
		hlen = (h->version_ihl & 0xf) * 4;
	}
	len = bpf_ntohs(h->tot_len);
	room = packet_room(p);
	if (p->skb && !len) /* BIG TCP (Linux 6.3): between devices of this host */
		len = room;
	/* len >= hlen and room >= len: the header's end is then inside the frame as well */
	if (hlen < sizeof(*h) || len < hlen || len > room)
		return COREPATH_DROP_MALFORMED_IP4;

	frag_off = bpf_ntohs(h->frag_off);
	p->frag = (frag_off & (IP_MF | IP_OFFSET) ? PACKET_FRAG : 0) |
		  (frag_off & IP_OFFSET ? PACKET_FRAG_LATER : 0);
	p->frag_id = h->id;
	p->l3_end = packet_end(p, len);
	p->l4_proto = h->protocol;
	p->l4_off = p->l3_off + hlen;
	*ip = h;
	return COREPATH_DROP_FORWARDED;
}

/*
 * The fixed IPv6 header. Sets *ip, l3_end, and l4_proto and l4_off to the first header after it.
 * A jumbogram (RFC 2675) has payload length 0 and is dropped at its hop-by-hop header by
 * parse_ip6_ext: no frame that XDP sees in one buffer can be one.
 */
static __always_inline enum corepath_drop parse_ip6(struct packet *p, struct wire_ip6 **ip)
{
	struct wire_ip6 *h = p->next;
	__u32 room, len;

	if ((void *)(h + 1) > p->data_end)
		return COREPATH_DROP_MALFORMED_IP6;
	if (*(__u8 *)h >> 4 != 6)
		return COREPATH_DROP_MALFORMED_IP6;
	len = bpf_ntohs(h->payload_len) + sizeof(*h);
	room = packet_room(p);
	if (p->skb &&
	    !h->payload_len) /* BIG TCP (Linux 5.19); the jumbo option is in a header of its own */
		len = room;
	if (len > room)
		return COREPATH_DROP_MALFORMED_IP6;

	p->frag = 0;
	p->frag_id = 0;
	p->l3_end = packet_end(p, len);
	p->l4_proto = h->nexthdr;
	p->l4_off = p->l3_off + sizeof(*h);
	p->next = h + 1;
	*ip = h;
	return COREPATH_DROP_FORWARDED;
}

/* What Linux itself looks through: ipv6_ext_hdr() in net/ipv6/exthdrs_core.c, less NONE. */
static __always_inline bool is_exthdr(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_AH || proto == IPPROTO_DSTOPTS;
}

/*
 * Walks the extension headers. Moves l4_proto and l4_off to the upper layer header and sets
 * frag. The walk ends at a later fragment (what follows is payload), at ESP (what follows is
 * encrypted) and at any protocol Linux does not look through.
 *
 * Unrolled because check_cfg() of 5.10 and 6.1 takes a loop only if the edge back to its head is
 * a jump; where clang lays the body out before the head that edge is a fall-through, and the
 * program is refused ("back-edge"). 6.12 takes both.
 */
static __always_inline enum corepath_drop parse_ip6_ext(struct packet *p)
{
	struct wire_ip6_ext *h;
	__u16 frag_off;
	__u32 len;
	int i;

#pragma unroll
	for (i = 0; i < LIMIT_EXTHDRS; i++) {
		if (!is_exthdr(p->l4_proto))
			return COREPATH_DROP_FORWARDED;
		h = p->next;
		if ((void *)(h + 1) > p->data_end)
			return COREPATH_DROP_EXTHDR_TRUNCATED;

		len = (h->len + 1) * 8; /* RFC 8200 section 4.2: in units of 8 bytes, less one */
		if (p->l4_proto == IPPROTO_FRAGMENT)
			len = sizeof(*h);
		else if (p->l4_proto == IPPROTO_AH)
			len = (h->len + 2) * 4; /* RFC 4302 section 2.2: 4 bytes, less two */

		if (p->l4_off + len > p->l3_end)
			return COREPATH_DROP_EXTHDR_TRUNCATED;
		p->l4_off += len;

		if (p->l4_proto == IPPROTO_FRAGMENT) {
			frag_off = bpf_ntohs(h->frag_off);
			p->frag_id = h->frag_id;
			/* both clear is an atomic fragment, which is whole (RFC 6946) */
			if (frag_off & (IP6_MF | IP6_OFFSET))
				p->frag |= PACKET_FRAG;
			if (frag_off & IP6_OFFSET) {
				p->frag |= PACKET_FRAG_LATER;
				p->l4_proto = h->nexthdr;
				return COREPATH_DROP_FORWARDED;
			}
		}
		p->l4_proto = h->nexthdr;
		p->next = (void *)h + len;
	}
	return is_exthdr(p->l4_proto) ? COREPATH_DROP_EXTHDR_TOO_LONG : COREPATH_DROP_FORWARDED;
}

static __always_inline bool parse_is_ip(const struct packet *p)
{
	return p->l3_proto == ETH_P_IP || p->l3_proto == ETH_P_IPV6;
}

/* All steps, for programs that decide nothing between them. What is not IP has no l4_proto of
 * interest. */
static __always_inline enum corepath_drop parse_all(struct packet *p)
{
	struct wire_ip4 *ip4;
	struct wire_ip6 *ip6;
	enum corepath_drop reason;

	reason = parse_l2(p);
	if (reason)
		return reason;
	switch (p->l3_proto) {
	case ETH_P_IP:
		return parse_ip4(p, &ip4);
	case ETH_P_IPV6:
		return parse_ip6(p, &ip6) ?: parse_ip6_ext(p);
	default:
		p->l4_proto = IPPROTO_RAW;
		return COREPATH_DROP_FORWARDED;
	}
}

#endif
