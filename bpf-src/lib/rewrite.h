/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another address and port in a packet at tc. By the kernel's calls, not in place: they know
 * whether a checksum is made already, will be by the device (CHECKSUM_PARTIAL), or was summed up by
 * it (CHECKSUM_COMPLETE), and take a packet of which others have a copy apart. Every call moves
 * packet pointers, so what is needed of the packet is read before.
 */
#ifndef COREPATH_REWRITE_H
#define COREPATH_REWRITE_H

#include "csum.h"
#include "quote.h"
#include "skb.h"

/* include/uapi/linux/bpf.h */
#define BPF_F_RECOMPUTE_CSUM (1ULL << 0)
#define BPF_F_MARK_MANGLED_0 (1ULL << 5)

/* One side of a flow: which, what it was and what it becomes. */
struct side {
	bool dst;
	const struct corepath_addr *was, *addr;
	__be16 was_port, port; /* of an echo the identifier */
};

/* Sums of csum_diff() as the calls take them. */
static __always_inline __u32 diff32(__u64 diff)
{
	diff = (diff & 0xffffffff) + (diff >> 32);
	return (diff & 0xffffffff) + (diff >> 32);
}

/* Bytes from the L4 header to its checksum. */
static __always_inline __u32 check_off(__u8 proto)
{
	if (proto == IPPROTO_TCP)
		return offsetof(struct wire_tcp, check);
	if (proto == IPPROTO_UDP)
		return offsetof(struct wire_udp, check);
	return offsetof(struct wire_icmp, check);
}

/* Bytes from the L4 header to the port, or to an echo's identifier. */
static __always_inline __u32 port_off(__u8 proto, bool dst)
{
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return offsetof(struct wire_icmp, id);
	return dst ? offsetof(struct wire_udp, dport) : offsetof(struct wire_udp, sport);
}

static __always_inline __u32 addr_off(bool v6, bool dst)
{
	if (v6)
		return dst ? offsetof(struct wire_ip6, daddr) : offsetof(struct wire_ip6, saddr);
	return dst ? offsetof(struct wire_ip4, daddr) : offsetof(struct wire_ip4, saddr);
}

/*
 * The IP header's address. A sum of the whole packet (CHECKSUM_COMPLETE) stays right: in IPv4 the
 * header's checksum makes up for the address; IPv6 has none, and bpf_skb_store_bytes() is told.
 */
static __always_inline long rewrite_l3(struct __sk_buff *skb, const struct place *at,
				       const struct side *side)
{
	__u32 off = at->l3_off + addr_off(at->v6, side->dst);
	long err;

	if (at->v6)
		return bpf_skb_store_bytes(skb, off, side->addr, sizeof(*side->addr),
					   BPF_F_RECOMPUTE_CSUM);
	err = bpf_l3_csum_replace(skb, at->l3_off + offsetof(struct wire_ip4, check), 0,
				  diff32(csum_diff(side->was->w[3], side->addr->w[3])), 0);
	return err ?: bpf_skb_store_bytes(skb, off, &side->addr->w[3], sizeof(side->addr->w[3]), 0);
}

/* The L4 header: its port, and its checksum, which covers the address too (not ICMP's in IPv4). */
static __always_inline long rewrite_l4(struct __sk_buff *skb, const struct place *at,
				       const struct side *side)
{
	__u32 check = at->l4_off + check_off(at->l4_proto);
	__u64 mark = at->l4_proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	long err = 0;

	if (at->l4_proto != IPPROTO_ICMP)
		err = bpf_l4_csum_replace(skb, check, 0,
					  diff32(csum_diff_addr(side->was, side->addr)),
					  mark | BPF_F_PSEUDO_HDR);
	if (err || side->was_port == side->port)
		return err;
	err = bpf_l4_csum_replace(skb, check, side->was_port, side->port,
				  mark | sizeof(side->port));
	return err
		       ?: bpf_skb_store_bytes(skb, at->l4_off + port_off(at->l4_proto, side->dst),
					      &side->port, sizeof(side->port), 0);
}

/* A packet of the flow. Only the first fragment has an L4 header, whose checksum is of them all. */
static __always_inline long rewrite(struct __sk_buff *skb, const struct place *at,
				    const struct side *side)
{
	long err = rewrite_l3(skb, at, side);

	if (err || at->frag & PACKET_FRAG_LATER)
		return err;
	return rewrite_l4(skb, at, side);
}

/* What the quoted packet's headers have, read before anything is written. */
struct quoted {
	__be16 ip_check; /* IPv4 */
	__be16 l4_check;
	bool has_l4_check; /* a quote may end before TCP's */
};

static __always_inline void read_quoted_checks(const struct place *quote, struct quoted *q)
{
	const struct wire_ip4 *ip4 = quote->l3;
	const struct wire_tcp *tcp = quote->l4;
	const struct wire_udp *udp = quote->l4;
	const struct wire_icmp *icmp = quote->l4;

	/* read_quoted() has seen to 8 bytes after the IP header */
	q->ip_check = ip4->check;
	q->has_l4_check = true;
	if (quote->l4_proto == IPPROTO_UDP) {
		q->l4_check = udp->check;
		q->has_l4_check = udp->check; /* 0: it has none */
	} else if (quote->l4_proto != IPPROTO_TCP) {
		q->l4_check = icmp->check;
	} else if (place_has_l4(quote, offsetof(struct wire_tcp, urgent))) {
		q->l4_check = tcp->check;
	} else {
		q->has_l4_check = false;
	}
}

/*
 * An ICMP error: `outer` is the side of its own that changes, `inner` the one of what it quotes,
 * which becomes what its sender sent (RFC 5508 section 4.2): address, port and both checksums.
 */
static __always_inline long rewrite_error(struct __sk_buff *skb, const struct place *at,
					  const struct place *quote, const struct quoted *q,
					  const struct side *outer, const struct side *inner)
{
	__u64 addr = csum_diff_addr(inner->was, inner->addr);
	__u64 port = csum_diff(inner->was_port, inner->port);
	__u32 icmp_check = at->l4_off + offsetof(struct wire_icmp, check);
	/* what changes in the quote, which ICMP's own checksum is over */
	__u64 diff = addr + port;
	__be16 check = q->ip_check;
	long err = 0;

	if (at->v6) {
		err |= bpf_skb_store_bytes(skb, quote->l3_off + addr_off(true, inner->dst),
					   inner->addr, sizeof(*inner->addr), 0);
		err |= bpf_l4_csum_replace(skb, icmp_check, 0,
					   diff32(csum_diff_addr(outer->was, outer->addr)),
					   BPF_F_PSEUDO_HDR);
	} else {
		csum_apply(&check, addr);
		diff += csum_diff(q->ip_check, check);
		err |= bpf_skb_store_bytes(skb, quote->l3_off + offsetof(struct wire_ip4, check),
					   &check, sizeof(check), 0);
		err |= bpf_skb_store_bytes(skb, quote->l3_off + addr_off(false, inner->dst),
					   &inner->addr->w[3], sizeof(inner->addr->w[3]), 0);
	}
	err |= bpf_skb_store_bytes(skb, quote->l4_off + port_off(quote->l4_proto, inner->dst),
				   &inner->port, sizeof(inner->port), 0);
	if (q->has_l4_check) {
		check = q->l4_check;
		csum_apply(&check, port + (quote->l4_proto == IPPROTO_ICMP ? 0 : addr));
		if (quote->l4_proto == IPPROTO_UDP && !check)
			check = 0xffff;
		diff += csum_diff(q->l4_check, check);
		err |= bpf_skb_store_bytes(skb, quote->l4_off + check_off(quote->l4_proto), &check,
					   sizeof(check), 0);
	}
	err |= bpf_l4_csum_replace(skb, icmp_check, 0, diff32(diff), 0);
	return err ?: rewrite_l3(skb, at, outer);
}

#endif
