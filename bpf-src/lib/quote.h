/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors and the packets they quote. */
#ifndef COREPATH_QUOTE_H
#define COREPATH_QUOTE_H

#include "place.h"

/* Errors; all other types are messages (RFC 792; RFC 4443 section 2.1). */
static __always_inline bool icmp_is_error(__u8 type, bool v6)
{
	if (v6)
		return type < 128;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

static __always_inline bool is_icmp(__u8 proto, bool v6)
{
	return proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/*
 * An echo's identifier in the place of a port (RFC 5508 section 3): of its sender, as a client's
 * port is, so a request has it as source and a reply as destination. False for other messages.
 */
static __always_inline bool read_echo(const struct wire_icmp *icmp, bool v6, __be16 *sport,
				      __be16 *dport)
{
	bool request = icmp->type == (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO);

	if (!request && icmp->type != (v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY))
		return false;
	*sport = request ? icmp->id : 0;
	*dport = request ? 0 : icmp->id;
	return true;
}

/*
 * The flow of the packets that would answer the one quoted: it was sent to f->src. False if it is
 * no TCP, UDP or echo, or is not quoted up to its ports.
 */
static __always_inline bool read_quoted(const struct place *at, struct place *quote,
					struct corepath_flow *f)
{
	struct wire_udp *udp;
	struct wire_ip4 *ip4;
	struct wire_ip6 *ip6;

	*quote = *at;
	quote->l3 = at->l4 + sizeof(struct wire_icmp);
	quote->l3_off = at->l4_off + sizeof(struct wire_icmp);
	ip4 = quote->l3;
	if ((void *)(ip4 + 1) > at->data_end || !read_addrs(quote, &f->dst, &f->src))
		return false;
	if (at->v6) {
		ip6 = place_ip6(quote);
		if (!ip6)
			return false;
		f->proto = ip6->nexthdr;
		quote->l4_off = quote->l3_off + sizeof(*ip6);
		udp = (void *)(ip6 + 1);
	} else {
		if (bpf_ntohs(ip4->frag_off) & IP_OFFSET)
			return false;
		f->proto = ip4->protocol;
		quote->l4_off = quote->l3_off + (ip4->version_ihl & 0xf) * 4;
		udp = quote->l3 + (ip4->version_ihl & 0xf) * 4;
	}
	/* what is behind the packet's own end is padding, and nobody's quote */
	if ((void *)(udp + 1) > at->data_end || quote->l4_off + sizeof(*udp) > at->l3_end)
		return false;
	quote->l4 = udp;
	quote->l4_proto = f->proto;
	if (is_icmp(f->proto, at->v6))
		return read_echo(quote->l4, at->v6, &f->dport, &f->sport);
	f->sport = udp->dport;
	f->dport = udp->sport;
	return f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP;
}

#endif
