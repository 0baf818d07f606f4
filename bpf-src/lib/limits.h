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

/*
 * Services and backends: 10,000 services of ten backends each, a large cluster's, and room for what
 * comes and goes. Taken when the maps are made: backends are 48 bytes each, 6 MiB, and what
 * services count 24 bytes on each CPU, 384 KiB. All else is taken when used: a service is 100
 * bytes, and its Maglev table some 2 KiB for up to 4 backends of the same weight, 8 KiB for up to
 * 18, 68 KiB for more (loader/lib/maglev.c).
 */
#define LIMIT_SERVICES 16384
#define LIMIT_BACKENDS 131072

/* Addresses with services, and clients that services take, of both families. Whole addresses have a
 * table of 1.25 MiB (COREPATH_HOST_BUCKET_BITS); of 8192 there, 3 find no place on average, of
 * 16384 71. */
#define LIMIT_VIPS    16384
#define LIMIT_SOURCES 65536

/*
 * Flows, clients and fragmented packets remembered; the oldest make room. A lost flow goes to the
 * backend the Maglev table names, which is the same one unless backends have changed; a lost
 * answer is not rewritten, and the client resets. Memory is taken when the maps are made: about
 * 128 bytes each.
 */
#define LIMIT_CONNS   65536
#define LIMIT_CLIENTS 16384
#define LIMIT_FRAGS   4096

/*
 * Connections tracked: those that were answered, and those that were not (yet). Memory is taken
 * when the maps are made, about 300 bytes each with their marks; `corepath ct set max=N` changes it
 * before.
 */
#define LIMIT_CT 65536

/* How many of its oldest entries a full table of unanswered connections looks at for one that is
 * new; that of answered ones, a quarter of them. */
#define LIMIT_CT_ROOM 64

/* Rules of all endpoints and of the host, and prefixes with an identity. */
#define LIMIT_RULES	 16384
#define LIMIT_IDENTITIES 65536

/* Workloads of one host. 112 bytes each. */
#define LIMIT_ENDPOINTS 4096

/*
 * Sockets whose real peer is remembered, and the services one socket's backends are remembered of.
 * A socket beyond the first is given its backend's address for the service's; one that talks to
 * more services than the second, by one UDP socket, follows the Maglev table to the oldest of them.
 * 160 bytes each, and as much again for a socket.
 */
#define LIMIT_SOCKS	 65536
#define LIMIT_SOCK_FLOWS 4

/*
 * Sources whose rates the guard keeps, and how many each CPU takes up a second: updating an LRU map
 * costs as much as several packets, and what a flood of made-up sources must not do is make every
 * packet an update. Memory is taken when the guard is loaded: about 100 bytes each.
 */
#define LIMIT_GUARD_SOURCES 65536
#define LIMIT_GUARD_NEW	    100000

/*
 * Flows masqueraded, and prefixes that are or are not. A flow is 250 bytes in two entries, taken
 * when the maps are made. What makes room for a new flow is the one unused for longest.
 */
#define LIMIT_NAT_FLOWS	   65536
#define LIMIT_NAT_PREFIXES 4096

/*
 * Ports tried for a new flow before it is refused: its own, one at random, and those after that.
 * Each is verified as often as it is unrolled. With half of the ports taken towards one
 * destination, one flow of 32768 finds none.
 */
#define LIMIT_NAT_TRIES 16

/*
 * Bytes of the packet that an ICMP "too big" quotes. RFC 1812 section 4.3.2.3 asks for as many as
 * fit in 576, RFC 4443 section 3.2 in 1280; bpf_csum_diff() sums 512 at a time (MAX_BPF_STACK in
 * kernel/bpf, net/core/filter.c), and 8 of them are the ICMP header. The MTU is never below 1280
 * (RFC 8200 section 5), so a packet that does not fit always has them.
 */
#define LIMIT_ICMP_QUOTE 504

/* ICMP errors each CPU sends, per second (RFC 4443 section 2.4 f asks for a limit; Linux has the
 * same, net.ipv4.icmp_msgs_per_sec). */
#define LIMIT_ICMP_RATE 1000

/* TTL and hop limit of what we send ourselves: RFC 1700's default, and Linux's. */
#define LIMIT_TTL 64

/* The furthest an L4 header starts: two tags, IPv6 and LIMIT_EXTHDRS headers of at most 2048
 * bytes are 12350. A mask, which every verifier follows. */
#define LIMIT_L4_OFF 0x3fff

/* The furthest byte of a signature: an L4 header there, 60 bytes of TCP, COREPATH_SIG_OFFSET_MAX
 * and 8 more. A mask. */
#define LIMIT_SIG_OFF 0x7fff

#endif
