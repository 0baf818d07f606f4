/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures of packets: header fields and bytes at an offset, as an operator gives them.
 *
 * What can be compared as bits is packed into one word, once for the packet and once (by user
 * space) for each signature, so that most signatures cost one comparison that fails.
 */
#ifndef COREPATH_SIGNATURE_H
#define COREPATH_SIGNATURE_H

#include "guard_maps.h"
#include "place.h"

/* What signatures are compared with. */
struct traits {
	__u32 bits; /* COREPATH_SIG_* */
	__u16 sport, dport;
	__u16 len; /* of the IP packet */
	__u8 ttl;
	__u64 payload; /* where it begins, if COREPATH_SIG_PAYLOAD */
};

static __always_inline void read_l4_traits(const struct place *at, struct traits *t)
{
	const struct wire_tcp *tcp = at->l4;
	const struct wire_udp *udp = at->l4;

	if (at->frag & PACKET_FRAG_LATER || !place_has_l4(at, sizeof(*udp)))
		return;
	if (at->l4_proto == IPPROTO_TCP || at->l4_proto == IPPROTO_UDP) {
		t->bits |= COREPATH_SIG_PORTS;
		t->sport = bpf_ntohs(udp->sport);
		t->dport = bpf_ntohs(udp->dport);
	}
	if (at->l4_proto != IPPROTO_TCP) {
		t->bits |= COREPATH_SIG_PAYLOAD;
		t->payload = at->l4_off + sizeof(*udp); /* and of ICMP */
	} else if (place_has_l4(at, sizeof(*tcp))) {
		t->bits |= COREPATH_SIG_PAYLOAD | tcp->flags << COREPATH_SIG_FLAGS_SHIFT;
		t->payload = at->l4_off + (tcp->doff >> 4) * 4;
	}
}

static __always_inline void read_traits(const struct place *at, struct traits *t)
{
	const struct wire_ip6 *ip6 = place_ip6(at);
	const struct wire_ip4 *ip4 = at->l3;

	*t = (struct traits){.bits = at->l4_proto, .len = at->l3_end - at->l3_off};
	if (!at->v6)
		t->ttl = ip4->ttl;
	else if (ip6)
		t->ttl = ip6->hop_limit;
	if (at->v6)
		t->bits |= COREPATH_SIG_V6;
	if (at->frag)
		t->bits |= COREPATH_SIG_FRAG;
	if (at->frag & PACKET_FRAG_LATER)
		t->bits |= COREPATH_SIG_FRAG_LATER;
	read_l4_traits(at, t);
}

static __always_inline bool in_range(__u16 value, const struct corepath_range *range)
{
	return value >= range->min && value <= range->max;
}

/*
 * Whether the `n` bytes at `off`, at most 8, are `value` where `mask` has bits; the first is the
 * lowest byte. Byte by byte, as a pattern may end where the packet does. A global function: it is
 * called for each signature, and verified once (lib/place.h).
 */
__attribute__((noinline)) int bytes_are(struct xdp_md *ctx, __u64 off, __u64 n, __u64 value,
					__u64 mask)
{
	const __u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 found = 0;
	__u32 i;

	p += off & LIMIT_SIG_OFF;
#pragma unroll
	for (i = 0; i < 8; i++) {
		if (i >= n)
			break;
		if (p + i + 1 > end)
			return 0;
		found |= (__u64)p[i] << 8 * i;
	}
	return (found & mask) == value;
}

static __always_inline bool has_bytes(struct xdp_md *ctx, const struct place *at,
				      const struct traits *t, const struct corepath_signature *s)
{
	__u64 off = s->from == COREPATH_SIG_FROM_IP   ? at->l3_off
		    : s->from == COREPATH_SIG_FROM_L4 ? at->l4_off
						      : t->payload;

	off += s->offset;
	/* what is behind the packet's own end is padding */
	if (off + s->n_bytes > at->l3_end ||
	    !bytes_are(ctx, off, s->n_bytes, s->value[0], s->mask[0]))
		return false;
	return s->n_bytes <= 8 || bytes_are(ctx, off + 8, s->n_bytes - 8, s->value[1], s->mask[1]);
}

static __always_inline bool matches(struct xdp_md *ctx, const struct place *at,
				    const struct traits *t, const struct corepath_signature *s)
{
	if ((t->bits ^ s->bits) & s->bits_mask)
		return false;
	if (!in_range(t->len, &s->len) || !in_range(t->ttl, &s->ttl) ||
	    !in_range(t->sport, &s->sport) || !in_range(t->dport, &s->dport))
		return false;
	return !s->n_bytes || has_bytes(ctx, at, t, s);
}

static __always_inline void count_hit(const struct corepath_signature *s, __u64 bytes)
{
	__u32 slot = s->slot;
	struct corepath_counter *c = bpf_map_lookup_elem(&guard_hits, &slot);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
}

/* Whether one that drops matches; those before it that only count have counted. */
static __always_inline bool signatures_drop(struct xdp_md *ctx, const struct place *at)
{
	const struct corepath_signatures *table;
	__u32 zero = 0, i;
	struct traits t;
	void *map;

	map = bpf_map_lookup_elem(&guard_table, &zero);
	if (!map)
		return false;
	table = bpf_map_lookup_elem(map, &zero);
	if (!table)
		return false;
	read_traits(at, &t);
#pragma unroll
	for (i = 0; i < COREPATH_SIGNATURES_MAX; i++) {
		const struct corepath_signature *s = &table->list[i];

		if (i >= table->n)
			break;
		if (!matches(ctx, at, &t, s))
			continue;
		count_hit(s, at->data_end - at->data);
		if (s->action == COREPATH_SIG_DROP)
			return true;
	}
	return false;
}

#endif
