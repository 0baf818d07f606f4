/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a flow to a slot of its service's Maglev table to a backend. The hash is Jenkins' lookup3
 * as the kernel has it (include/linux/jhash.h); the table is made by loader/lib/maglev.c.
 */
#ifndef COREPATH_MAGLEV_H
#define COREPATH_MAGLEV_H

#include "lb_maps.h"

#define JHASH_INITVAL 0xdeadbeef

static __always_inline __u32 rol32(__u32 x, int n)
{
	return x << n | x >> (32 - n);
}

static __always_inline void jhash_mix(__u32 *a, __u32 *b, __u32 *c)
{
	*a -= *c, *a ^= rol32(*c, 4), *c += *b;
	*b -= *a, *b ^= rol32(*a, 6), *a += *c;
	*c -= *b, *c ^= rol32(*b, 8), *b += *a;
	*a -= *c, *a ^= rol32(*c, 16), *c += *b;
	*b -= *a, *b ^= rol32(*a, 19), *a += *c;
	*c -= *b, *c ^= rol32(*b, 4), *b += *a;
}

static __always_inline __u32 jhash_final(__u32 a, __u32 b, __u32 c)
{
	c ^= b, c -= rol32(b, 14);
	a ^= c, a -= rol32(c, 11);
	b ^= a, b -= rol32(a, 25);
	c ^= b, c -= rol32(b, 16);
	a ^= c, a -= rol32(c, 4);
	b ^= a, b -= rol32(a, 14);
	c ^= b, c -= rol32(b, 24);
	return c;
}

/* jhash2() of the nine words source, destination, ports; the last is sport, dport as on the wire */
static __always_inline __u32 flow_hash(const struct corepath_flow *f)
{
	__u32 a = JHASH_INITVAL + (9 << 2), b = a, c = a;

	a += f->src.w[0], b += f->src.w[1], c += f->src.w[2];
	jhash_mix(&a, &b, &c);
	a += f->src.w[3], b += f->dst.w[0], c += f->dst.w[1];
	jhash_mix(&a, &b, &c);
	a += f->dst.w[2], b += f->dst.w[3], c += (__u32)f->dport << 16 | f->sport;
	return jhash_final(a, b, c);
}

/* jhash2() of a client's address alone: the same for all its flows */
static __always_inline __u32 client_hash(const struct corepath_addr *addr)
{
	__u32 a = JHASH_INITVAL + (4 << 2), b = a, c = a;

	a += addr->w[0], b += addr->w[1], c += addr->w[2];
	jhash_mix(&a, &b, &c);
	a += addr->w[3];
	return jhash_final(a, b, c);
}

/* jhash2() of a socket's cookie */
static __always_inline __u32 cookie_hash(__u64 cookie)
{
	__u32 start = JHASH_INITVAL + (2 << 2);

	return jhash_final(start + (__u32)cookie, start + (__u32)(cookie >> 32), start);
}

/* The backend's number, 0 if there is none. The hash is scaled to a slot: cheaper than modulo. The
 * table's own size is read (5.9: 41c48f3a9823), as a size kept elsewhere may be another table's. */
static __always_inline __u32 maglev_lookup(__u32 service, __u32 hash)
{
	struct bpf_map *table = bpf_map_lookup_elem(&lb_maglev, &service);
	struct corepath_maglev_line *line;
	__u32 slot, number;

	if (!table)
		return 0;
	slot = (__u64)hash * corepath_maglev_slots(table->max_entries) >> 32;
	number = slot / COREPATH_MAGLEV_LINE;
	line = bpf_map_lookup_elem(table, &number);
	return line ? line->backend[slot % COREPATH_MAGLEV_LINE] : 0;
}

#endif
