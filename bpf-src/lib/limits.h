/* SPDX-License-Identifier: GPL-2.0-only */
/* Every limit of the datapath and why it is what it is. */
#ifndef COREPATH_LIMITS_H
#define COREPATH_LIMITS_H

/*
 * VLAN tags looked through. IEEE 802.1ad defines one service tag over one customer tag. A deeper
 * stack is dropped, not passed: the stack would be peeled by VLAN devices above us, so a third
 * tag would carry a denied source past the filter.
 */
#define LIMIT_VLAN_TAGS 2

/*
 * IPv6 extension headers looked through. RFC 8200 section 4.1 gives the order hop-by-hop,
 * destination options, routing, fragment, authentication, (ESP, where the walk ends), destination
 * options: six can be read in the clear. A longer chain is dropped; RFC 8883 has an ICMPv6 error
 * for nodes that limit the number ("too many extension headers"), which a prefilter does not send.
 */
#define LIMIT_EXTHDRS 6

/*
 * Default entries of each source prefix trie; `corepath up --max-prefixes` changes it. The tries
 * are made with BPF_F_NO_PREALLOC (the kernel takes no other), so the number costs memory only
 * when used: each prefix and each inner node is one allocation of 64 to 96 bytes (struct
 * lpm_trie_node is 40 bytes before key and value). 65536 holds the large public deny lists (tens
 * of thousands of prefixes).
 */
#define LIMIT_PREFIXES 65536

#endif
