/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internet checksums (RFC 1071), whole and updated in place (RFC 1624).
 *
 * Sums are kept in 64 bits and folded once at the end: a 32-bit word counts as its two halves, as
 * 2^16 is 1 in ones' complement.
 */
#ifndef COREPATH_CSUM_H
#define COREPATH_CSUM_H

#include <bpf/bpf_endian.h>
#include <corepath/abi.h>
#include "wire.h"

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* What is added to ~check when `from` becomes `to`. Words or half words, network order. */
static __always_inline __u64 csum_diff(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

/* As csum_diff for an address. IPv4 is mapped: its first three words cancel out. */
static __always_inline __u64 csum_diff_addr(const struct corepath_addr *from,
					    const struct corepath_addr *to)
{
	return csum_diff(from->w[0], to->w[0]) + csum_diff(from->w[1], to->w[1]) +
	       csum_diff(from->w[2], to->w[2]) + csum_diff(from->w[3], to->w[3]);
}

static __always_inline void csum_apply(__be16 *check, __u64 diff)
{
	*check = csum_fold((__u64)(__u16) ~*check + diff);
}

/* As csum_apply for UDP: 0 says "no checksum" and stays; a sum of 0 is sent as all ones. */
static __always_inline void csum_apply_udp(__be16 *check, __u64 diff)
{
	if (!*check)
		return;
	csum_apply(check, diff);
	if (!*check)
		*check = 0xffff;
}

/* The checksum of a header without options whose check field is 0. */
static __always_inline __u16 csum_ip4(const struct wire_ip4 *ip)
{
	const __u16 *half = (const __u16 *)ip;
	__u64 sum = 0;
	int i;

#pragma unroll
	for (i = 0; i < 10; i++)
		sum += half[i];
	return csum_fold(sum);
}

/* Takes one hop off. TTL is the high byte of a half word of the header, in network order. */
static __always_inline void ip4_hop(struct wire_ip4 *ip)
{
	ip->ttl--;
	csum_apply(&ip->check, csum_diff(bpf_htons(0x100), 0));
}

#endif
