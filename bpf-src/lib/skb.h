/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is different in a socket buffer, which tc programs have, from the frame XDP has: only its
 * first bytes can be read directly, it may be larger than a frame (GSO), its VLAN tag is beside it,
 * and checksums may not be made yet.
 */
#ifndef COREPATH_SKB_H
#define COREPATH_SKB_H

#include "place.h"

/* include/uapi/linux/pkt_cls.h. A program that lets a packet pass says "next": the filters and
 * programs of others behind it on the same hook see it as well, on clsact as on tcx. */
#define TC_ACT_UNSPEC	(-1)
#define TC_ACT_OK	0
#define TC_ACT_SHOT	2
#define TC_ACT_REDIRECT 7

/* include/uapi/linux/bpf.h */
#define BPF_F_INGRESS	 (1ULL << 0)
#define BPF_F_PSEUDO_HDR (1ULL << 4)

/*
 * Bytes of a packet that are made readable: all headers of one that is not made to annoy us (two
 * tags, IPv6, 40 bytes of extension headers, TCP with all options is 162). Of a longer chain of
 * extension headers the end is "truncated".
 */
#define SKB_HEADERS 192

/*
 * By hand: where both are read twice, clang keeps the sum of ctx and an offset in a register, and a
 * load through it is refused ("dereference of modified ctx ptr").
 */
#define SKB_LOAD(ctx, field)                                                                       \
	({                                                                                         \
		void *field_;                                                                      \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                              \
			     : "=r"(field_)                                                        \
			     : "r"(ctx), "i"(__builtin_offsetof(struct __sk_buff, field)));        \
		field_;                                                                            \
	})

#define SKB_STORE(ctx, field, value)                                                               \
	asm volatile("*(u32 *)(%0 + %1) = %2"                                                      \
		     :                                                                             \
		     : "r"(ctx), "i"(__builtin_offsetof(struct __sk_buff, field)), "r"(value)      \
		     : "memory")

static __always_inline void *skb_data(struct __sk_buff *ctx)
{
	return SKB_LOAD(ctx, data);
}

static __always_inline void *skb_data_end(struct __sk_buff *ctx)
{
	return SKB_LOAD(ctx, data_end);
}

/* The packet, its headers readable. A program that writes them has them unshared by the kernel. */
static __always_inline void skb_open(struct __sk_buff *ctx, struct packet *p)
{
	void *data = skb_data(ctx), *end = skb_data_end(ctx);
	__u32 len = ctx->len;
	__u64 want = len < SKB_HEADERS ? len : SKB_HEADERS;

	if (data + want > end)
		bpf_skb_pull_data(ctx, want);
	p->data = skb_data(ctx);
	p->data_end = skb_data_end(ctx);
	p->skb = true;
	p->skb_len = len;
}

/* As place_open() of XDP (place.h): after a call that moved the data, such as every checksum's. */
static __always_inline bool place_open_skb(struct __sk_buff *ctx, __u64 where, struct place *at)
{
	place_unpack(skb_data(ctx), skb_data_end(ctx), where, at);
	return at->data + sizeof(struct wire_eth) <= at->data_end &&
	       at->l3 + sizeof(struct wire_ip4) <= at->data_end;
}

#endif
