/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From one device straight to another, past the stack: where the kernel's own routes say, to the
 * neighbour they name, a hop less. What is not as simple as that is for the stack, which fragments,
 * resolves neighbours and tells senders; uplink_counters says why.
 */
#ifndef COREPATH_FORWARD_H
#define COREPATH_FORWARD_H

#include "rewrite.h"
#include "snat.h"

/* include/linux/socket.h */
#define AF_INET	 2
#define AF_INET6 10

/* include/uapi/linux/if_packet.h: the frame is to this device's address */
#define PACKET_HOST 0

/* struct bpf_fib_lookup of include/uapi/linux/bpf.h, as far as it is asked. Not vmlinux.h's, whose
 * members would be looked for in the running kernel's: they have moved between unions. */
struct fib_question {
	__u8 family;
	__u8 l4_proto;
	__be16 sport, dport;
	__u16 tot_len; /* 0: of the skb, which may stand for several packets */
	__u32 ifindex; /* in: where it came in; out: where it leaves */
	__be32 tos;    /* IPv4: the first byte; IPv6: the flow information */
	__be32 src[4];
	__be32 dst[4];
	__u8 out[16];
};

_Static_assert(sizeof(struct fib_question) == 64, "bpf_fib_lookup() takes no other size");

static __always_inline bool fib_ask(const struct place *at, struct fib_question *q, __u8 *hops)
{
	struct wire_ip6 *ip6 = place_ip6(at);
	struct wire_ip4 *ip4 = at->l3;

	if (!at->v6) {
		q->family = AF_INET;
		*(__u8 *)&q->tos = ip4->tos;
		q->src[0] = ip4->saddr;
		q->dst[0] = ip4->daddr;
		*hops = ip4->ttl;
		return true;
	}
	if (!ip6)
		return false;
	q->family = AF_INET6;
	q->tos = ip6->version_class_flow & bpf_htonl(0x0fffffff);
	__builtin_memcpy(q->src, ip6->saddr, sizeof(q->src));
	__builtin_memcpy(q->dst, ip6->daddr, sizeof(q->dst));
	*hops = ip6->hop_limit;
	return true;
}

/* One hop less. The TTL is the high byte of a half word that the header's checksum is over. */
static __always_inline long forward_hop(struct __sk_buff *skb, const struct place *at, __u8 hops)
{
	__u32 off = at->l3_off + (at->v6 ? offsetof(struct wire_ip6, hop_limit)
					 : offsetof(struct wire_ip4, ttl));
	long err = 0;

	if (!at->v6)
		err = bpf_l3_csum_replace(skb, at->l3_off + offsetof(struct wire_ip4, check),
					  bpf_htons(hops << 8), bpf_htons((hops - 1) << 8), 2);
	hops--;
	return err
		       ?: bpf_skb_store_bytes(skb, off, &hops, sizeof(hops),
					      at->v6 ? BPF_F_RECOMPUTE_CSUM : 0);
}

/* Whether the way past the stack is open to the packet; if so, `ifindex` is where it leaves. */
static __always_inline enum corepath_uplink_counter
forward_ask(struct __sk_buff *skb, const struct place *at, __u8 *hops, __u32 *ifindex)
{
	struct fib_question q = {.ifindex = skb->ifindex, .l4_proto = at->l4_proto};
	__u32 plain = sizeof(struct wire_eth);
	long answer;

	if (skb->pkt_type != PACKET_HOST || skb->vlan_present || at->l3_off != plain)
		return COREPATH_UPLINK_FWD_NOT_OURS;
	plain += at->v6 ? sizeof(struct wire_ip6) : sizeof(struct wire_ip4);
	if (at->l4_off != plain && !(at->v6 && at->frag))
		return COREPATH_UPLINK_FWD_OPTIONS;
	if (!fib_ask(at, &q, hops))
		return COREPATH_UPLINK_FWD_REFUSED;
	if (*hops <= 1)
		return COREPATH_UPLINK_FWD_HOPS;
	answer = bpf_fib_lookup(skb, (void *)&q, sizeof(q), 0);
	*ifindex = q.ifindex;
	if (answer < 0 || answer > COREPATH_UPLINK_FWD_NO_SOURCE - COREPATH_UPLINK_FWD_DIRECT)
		return COREPATH_UPLINK_FWD_REFUSED;
	return COREPATH_UPLINK_FWD_DIRECT + answer;
}

#endif
