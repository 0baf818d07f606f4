/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether an endpoint is who it says: its frames' source, and what it says of itself by ARP and ND.
 */
#ifndef COREPATH_SPOOF_H
#define COREPATH_SPOOF_H

#include "quote.h"

static __always_inline bool mac_is_set(const __u8 *mac)
{
	return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] &&
	       a[5] == b[5];
}

static __always_inline bool addr_is_unset(const struct corepath_addr *a)
{
	return !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

/*
 * Neighbour and router discovery, and multicast listeners' reports (RFC 4861, RFC 3810): between
 * the two ends of the wire, from link-local addresses or none, and no connections.
 */
static __always_inline bool is_discovery(const struct place *at)
{
	const struct wire_icmp *icmp = at->l4;

	if (!at->v6 || at->l4_proto != IPPROTO_ICMPV6 || at->frag ||
	    !place_has_l4(at, sizeof(*icmp)))
		return false;
	return (icmp->type >= 130 && icmp->type <= 137) || icmp->type == 143;
}

/* RFC 4291 section 2.5.6: fe80::/10 */
static __always_inline bool addr_is_link_local(const struct corepath_addr *a)
{
	return (a->w[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

static __always_inline bool source_is_own(const struct place *at,
					  const struct corepath_endpoint *ep,
					  const struct corepath_addr *src)
{
	const struct wire_eth *eth = at->data;

	if (mac_is_set(ep->mac) && !mac_equal(eth->src, ep->mac))
		return false;
	if (!addr_is_unset(src) && addr_equal(src, &ep->addr[at->v6]))
		return true;
	return is_discovery(at) && (addr_is_link_local(src) || addr_is_unset(src));
}

/* RFC 826 for Ethernet and IPv4 */
struct wire_arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_len;
	__u8 protocol_len;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender[4];
	__u8 target_mac[6];
	__u8 target[4];
} __attribute__((packed));

/* An ARP packet that speaks for the endpoint, or for nobody (a probe, RFC 5227 section 2.1.1). */
static __always_inline bool arp_is_own(const struct packet *p, const struct corepath_endpoint *ep)
{
	const struct wire_eth *eth = p->data;
	const struct wire_arp *arp = (void *)(eth + 1);
	__be32 sender;

	if ((void *)(arp + 1) > p->data_end)
		return false;
	if (mac_is_set(ep->mac) &&
	    (!mac_equal(eth->src, ep->mac) || !mac_equal(arp->sender_mac, ep->mac)))
		return false;
	__builtin_memcpy(&sender, arp->sender, sizeof(sender));
	return !sender || (addr_is4(&ep->addr[0]) && sender == ep->addr[0].w[3]);
}

#endif
