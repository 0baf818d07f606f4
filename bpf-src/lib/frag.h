/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports of packets and of their fragments. Only the first fragment has them, so it is remembered
 * by what all fragments share (RFC 791 section 3.2, RFC 8200 section 4.5) and the others follow.
 * Each program gives its own map, an LRU hash: what one saw another did not.
 */
#ifndef COREPATH_FRAG_H
#define COREPATH_FRAG_H

#include <bpf/bpf_helpers.h>
#include "place.h"

static __always_inline void frag_key(const struct place *at, const struct corepath_flow *f,
				     __u32 id, struct corepath_frag_key *key)
{
	*key = (struct corepath_frag_key){
		.src = f->src, .dst = f->dst, .id = id, .proto = at->l4_proto};
}

/*
 * Whether the TCP or UDP header is there and says of itself what can be (RFC 9293 section 3.1, RFC
 * 768). Receivers drop what does not, so nothing is lost, and no backend is sent it.
 */
static __always_inline bool l4_is_whole(const struct place *at)
{
	__u32 room = at->l3_end - at->l4_off, len;
	const struct wire_tcp *tcp = at->l4;
	const struct wire_udp *udp = at->l4;

	if (at->l4_proto == IPPROTO_TCP) {
		if (!place_has_l4(at, sizeof(*tcp)))
			return false;
		len = (tcp->doff >> 4) * 4;
		return len >= sizeof(*tcp) && (len <= room || at->frag);
	}
	if (!place_has_l4(at, sizeof(*udp)))
		return false;
	len = bpf_ntohs(udp->len);
	return len >= sizeof(*udp) && (len <= room || at->frag);
}

/*
 * Sets the flow's ports. Not in the packet, and not remembered: COREPATH_DROP_LB_FRAG_UNKNOWN. A
 * first fragment that does not hold the whole TCP or UDP header is refused (RFC 1858).
 */
static __always_inline enum corepath_drop read_ports(void *map, const struct place *at, __u32 id,
						     struct corepath_flow *f)
{
	const struct wire_udp *udp = at->l4;
	struct corepath_frag_key key;
	struct corepath_frag *seen;

	if (at->frag & PACKET_FRAG_LATER) {
		frag_key(at, f, id, &key);
		seen = bpf_map_lookup_elem(map, &key);
		if (!seen)
			return COREPATH_DROP_LB_FRAG_UNKNOWN;
		f->sport = seen->sport;
		f->dport = seen->dport;
		return COREPATH_DROP_FORWARDED;
	}
	if (!l4_is_whole(at))
		return COREPATH_DROP_MALFORMED_L4;
	f->sport = udp->sport;
	f->dport = udp->dport;
	return COREPATH_DROP_FORWARDED;
}

/* After the packet was found to be one of ours: for its later fragments. */
static __always_inline void frag_remember(void *map, const struct place *at,
					  const struct corepath_flow *f, __u32 id)
{
	struct corepath_frag ports = {.sport = f->sport, .dport = f->dport};
	struct corepath_frag_key key;

	if (at->frag != PACKET_FRAG)
		return;
	frag_key(at, f, id, &key);
	bpf_map_update_elem(map, &key, &ports, BPF_ANY);
}

#endif
