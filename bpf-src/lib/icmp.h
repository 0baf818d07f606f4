/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP we send: echo replies for the services' addresses, and "too big" to senders. */
#ifndef COREPATH_ICMP_H
#define COREPATH_ICMP_H

#include "csum.h"
#include "l2.h"
#include "lb_maps.h"
#include "quote.h"
#include "ratelimit.h"

/* Whether an address is one host's, to which alone ICMP may answer (RFC 1122 section 3.2.2; RFC
 * 4443 section 2.4 e): not none, loopback, multicast, broadcast. */
static __always_inline bool addr_is_host(const struct corepath_addr *addr, bool v6)
{
	__u32 first = bpf_ntohl(v6 ? addr->w[0] : addr->w[3]) >> 24;

	if (v6)
		return first != 0xff && (addr->w[0] | addr->w[1] | addr->w[2] | addr->w[3]);
	return first && first != 127 && first < 224;
}

/* Whether an error may be sent about this packet: besides, not about an ICMP error or a later
 * fragment. */
static __always_inline bool icmp_may_answer(const struct place *at, const struct corepath_addr *src)
{
	const struct wire_icmp *icmp = at->l4;

	if (at->frag & PACKET_FRAG_LATER)
		return false;
	if (at->l4_proto == IPPROTO_ICMP || at->l4_proto == IPPROTO_ICMPV6)
		if (!place_has_l4(at, sizeof(*icmp)) || icmp_is_error(icmp->type, at->v6))
			return false;
	return addr_is_host(src, at->v6);
}

/* Turns an echo request into its reply where it is. */
static __always_inline enum corepath_drop icmp_echo(struct place *at, struct wire_icmp *icmp,
						    const struct corepath_addr *src,
						    const struct corepath_addr *dst)
{
	__u8 reply = at->v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	struct wire_ip6 *ip6 = place_ip6(at);
	struct wire_ip4 *ip4 = at->l3;

	if (at->v6 && !ip6)
		return COREPATH_DROP_MALFORMED_IP6;
	if (!addr_is_host(src, at->v6))
		return COREPATH_DROP_FORWARDED; /* the kernel knows what to do with it */
	/* the type is the high byte of a half word */
	csum_apply(&icmp->check, csum_diff(bpf_htons(icmp->type << 8), bpf_htons(reply << 8)));
	icmp->type = reply;
	/* of a reply that is all zeros the sum is 0, not 0xffff, as that of anything else would be
	 */
	if (!icmp->check)
		icmp->check = 0xffff;
	if (at->v6 && ip6) {
		ip6->hop_limit = LIMIT_TTL;
		__builtin_memcpy(ip6->saddr, dst, sizeof(ip6->saddr));
		__builtin_memcpy(ip6->daddr, src, sizeof(ip6->daddr));
	} else {
		csum_apply(&ip4->check,
			   csum_diff(bpf_htons(ip4->ttl << 8), bpf_htons(LIMIT_TTL << 8)));
		ip4->ttl = LIMIT_TTL;
		ip4->saddr = dst->w[3];
		ip4->daddr = src->w[3];
	}
	eth_turn(at->data, NULL);
	return COREPATH_DROP_LB_ECHOED;
}

#define ICMP_TOO_BIG_LEN (sizeof(struct wire_icmp) + LIMIT_ICMP_QUOTE)

static __always_inline void put_too_big4(struct wire_ip4 *ip, const struct corepath_addr *from,
					 const struct corepath_addr *to, __u32 mtu)
{
	struct wire_icmp *icmp = (void *)(ip + 1);

	*ip = (struct wire_ip4){
		.version_ihl = 0x45,
		.tos = 0xc0, /* RFC 1812 section 4.3.2.5: internetwork control */
		.tot_len = bpf_htons(sizeof(*ip) + ICMP_TOO_BIG_LEN),
		.frag_off = bpf_htons(IP_DF),
		.ttl = LIMIT_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = from->w[3],
		.daddr = to->w[3],
	};
	ip->check = csum_ip4(ip);
	*icmp = (struct wire_icmp){
		.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED, .rest = bpf_htonl(mtu)};
	icmp->check = csum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)icmp, ICMP_TOO_BIG_LEN, 0));
}

static __always_inline void put_too_big6(struct wire_ip6 *ip, const struct corepath_addr *from,
					 const struct corepath_addr *to, __u32 mtu)
{
	struct wire_icmp *icmp = (void *)(ip + 1);
	__u64 sum;

	ip->version_class_flow = bpf_htonl(6u << 28);
	ip->payload_len = bpf_htons(ICMP_TOO_BIG_LEN);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = LIMIT_TTL;
	__builtin_memcpy(ip->saddr, from, sizeof(ip->saddr));
	__builtin_memcpy(ip->daddr, to, sizeof(ip->daddr));
	*icmp = (struct wire_icmp){.type = ICMPV6_PKT_TOOBIG, .rest = bpf_htonl(mtu)};
	sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)icmp, ICMP_TOO_BIG_LEN, 0);
	/* RFC 8200 section 8.1: addresses, length, next header */
	sum += (__u64)from->w[0] + from->w[1] + from->w[2] + from->w[3];
	sum += (__u64)to->w[0] + to->w[1] + to->w[2] + to->w[3];
	sum += bpf_htonl(ICMP_TOO_BIG_LEN) + bpf_htonl(IPPROTO_ICMPV6);
	icmp->check = csum_fold(sum);
}

/*
 * Replaces the packet by "too big, mtu fits" to its sender, from the address it was sent to. IPv4
 * without DF too: nobody here can fragment it, and senders that heed the message do so then.
 */
static __always_inline enum corepath_drop icmp_too_big(struct xdp_md *ctx, __u64 where, __u32 mtu)
{
	struct corepath_addr src, dst;
	struct place at;
	struct l2 l2;
	__u32 head;
	__u64 len;

	if (!place_open(ctx, where, &at) || !read_addrs(&at, &src, &dst))
		return COREPATH_DROP_MALFORMED_L2;
	if (!icmp_may_answer(&at, &src) ||
	    !guard_take(&lb_guards, LB_GUARD_ICMP, 1000000000 / LIMIT_ICMP_RATE))
		return COREPATH_DROP_LB_TOO_BIG_SILENT;

	l2_save(&at, &l2);
	eth_turn(&l2.eth, NULL);
	head = (at.v6 ? sizeof(struct wire_ip6) : sizeof(struct wire_ip4)) +
	       sizeof(struct wire_icmp);
	/* in 64 bits: 32-bit arithmetic on packet pointers is refused */
	len = at.data_end - at.data;
	barrier_var(len);
	if (bpf_xdp_adjust_tail(ctx, at.l3_off + LIMIT_ICMP_QUOTE - (int)len) ||
	    !l2_grow(ctx, where, head, &at))
		return COREPATH_DROP_NO_ROOM;
	l2_put(&at, &l2, at.v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (at.v6) {
		if (at.l3 + sizeof(struct wire_ip6) + ICMP_TOO_BIG_LEN > at.data_end)
			return COREPATH_DROP_NO_ROOM;
		put_too_big6(at.l3, &dst, &src, mtu);
	} else {
		if (at.l3 + sizeof(struct wire_ip4) + ICMP_TOO_BIG_LEN > at.data_end)
			return COREPATH_DROP_NO_ROOM;
		put_too_big4(at.l3, &dst, &src, mtu);
	}
	return COREPATH_DROP_LB_TOO_BIG;
}

#endif
