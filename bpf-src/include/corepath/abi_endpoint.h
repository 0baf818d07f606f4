/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of abi.h, which includes it: connections, the policies that judge them, and endpoints. */
#include <corepath/abi.h> /* before the guard: alone, this comes at its place in there */

#ifndef COREPATH_ABI_ENDPOINT_H
#define COREPATH_ABI_ENDPOINT_H

/* ---- connection tracking ---- */

/* What a connection is, and so how long it is remembered without a packet. */
enum corepath_ct_state {
	COREPATH_CT_SYN = 0,	     /* TCP, the other side has not answered */
	COREPATH_CT_ESTABLISHED = 1, /* TCP */
	COREPATH_CT_CLOSED = 2,	     /* TCP, both sides have sent FIN */
	COREPATH_CT_RESET = 3,	     /* TCP, a side has sent RST and nothing since */
	COREPATH_CT_UDP = 4,	     /* not answered */
	COREPATH_CT_UDP_ANSWERED = 5,
	COREPATH_CT_ICMP = 6,  /* echo and other messages */
	COREPATH_CT_OTHER = 7, /* any other protocol */
	COREPATH_CT_STATES,
};

/* The only value of ct_config. */
struct corepath_ct_config {
	__u64 timeout_ns[COREPATH_CT_STATES];
	__u32 pickup; /* not 0: TCP connections may be taken up in their middle */
	__u32 pad;
};

enum corepath_ct_flags {
	COREPATH_CT_HIGH = 1 << 0, /* the one who began it is key.dst */
	COREPATH_CT_PICKED_UP = 1 << 1,
	COREPATH_CT_COUNTED = 1 << 2, /* among the connections of ifindex[0]; << 1: of ifindex[1] */
	COREPATH_CT_HAIRPIN = 1 << 4, /* of an endpoint with itself, by a service */
};

/* What a side of a TCP connection has sent. */
enum corepath_ct_seen {
	COREPATH_CT_SEEN_SYN = 1 << 0,
	COREPATH_CT_SEEN_ACK = 1 << 1, /* anything but a first SYN or a RST */
	COREPATH_CT_SEEN_FIN = 1 << 2,
	COREPATH_CT_SEEN_RST = 1 << 3,
};

/*
 * Who an endpoint believes to be asked by when it reaches itself by a service: a stack takes no
 * packet from its own address. 192.0.0.8 is the IPv4 dummy address (RFC 7600 section 4.8), 100::/64
 * is for what nobody answers from (RFC 6666). Host order; the last word is the same in both.
 */
#define COREPATH_HAIRPIN4 0xc0000008 /* 192.0.0.8 */
#define COREPATH_HAIRPIN6 0x01000000 /* 100::192.0.0.8: its first word */

/*
 * A connection: value of ct_flows and ct_new. Their key is a corepath_flow whose two ends are in
 * the order of their addresses, so both directions have the same one; an echo's identifier is the
 * port of who asks. Arrays are by side: 0 began it, 1 answers.
 */
struct corepath_ct {
	__u64 expires_ns; /* CLOCK_MONOTONIC; a connection past it is none */
	__u64 created_ns;
	__u64 packets[2]; /* sent by the side */
	__u64 bytes[2];
	__u32 ifindex[2];  /* of the side's endpoint; 0: it has none here */
	__u32 approved[2]; /* by the side's endpoint, under this generation of its policy; 0: not */
	__u8 seen[2];	   /* enum corepath_ct_seen */
	__u8 state;	   /* enum corepath_ct_state */
	__u8 flags;	   /* enum corepath_ct_flags */
	__u16 proxy;	   /* network order; not 0: side 0's endpoint hands it to this port's */
	__u16 service_port; /* network order; not 0: side 0 believes to talk to this service */
	struct corepath_addr service;
};

/* ---- policy ---- */

/* Which way a packet goes, seen from whom the policy is of. */
enum corepath_direction {
	COREPATH_IN = 0,
	COREPATH_OUT = 1,
};

enum corepath_scope {
	COREPATH_SCOPE_HOST = 0, /* the host itself; others are the index of an endpoint's device */
};

/*
 * The one policy key of all hooks. A rule that leaves something out has 0 there.
 *
 * Of the rules that match a packet one that denies wins. Among those, and else among those that
 * allow, the first of this list does, and counts the packet: identity, protocol and port; protocol
 * and port; identity and protocol; protocol; identity; none of them.
 */
struct corepath_policy_key {
	__u64 scope;
	__u32 identity; /* of the other side */
	__u16 port;	/* where the connection goes to; network order */
	__u8 proto;
	__u8 direction; /* enum corepath_direction */
};

/* Value of policy_rules. Allowed packets count when their connection begins or the policy has
 * changed since, denied ones always. */
struct corepath_policy_rule {
	__u64 packets;
	__u64 bytes;
	__u32 verdict; /* COREPATH_DENY or COREPATH_ALLOW */
	__u32 proxy;   /* a port, network order; not 0: what is allowed goes to its listener */
};

/*
 * Packets for a proxy have this bit in their mark (others stay as they are), and the route rule of
 * this priority sends what has it to a table where every address is the host's own. Without, the
 * kernel would forward them, and drops them there, as they have a socket (ip_forward() in
 * net/ipv4/ip_forward.c, ip6_forward() in net/ipv6/ip6_output.c).
 */
#define COREPATH_PROXY_MARK	0x01000000
#define COREPATH_PROXY_TABLE	2053
#define COREPATH_PROXY_PRIORITY 53

/* Key of identities, a trie: who is behind an address. */
struct corepath_identity_key {
	__u32 prefixlen; /* 0..128; IPv4 lengths are 96 more */
	struct corepath_addr addr;
};

/* ---- endpoints: workloads behind a device of their own ---- */

/* Who is behind an address. Numbers from 2 on are the operator's. */
enum corepath_identity {
	COREPATH_IDENTITY_ANY = 0,   /* in rules only */
	COREPATH_IDENTITY_WORLD = 1, /* nobody we know */
};

enum corepath_endpoint_flags {
	COREPATH_ENDPOINT_PEER = 1 << 0,   /* a veth or netkit pair whose other end is elsewhere */
	COREPATH_ENDPOINT_AUDIT = 1 << 1,  /* what policy denies passes, and is counted */
	COREPATH_ENDPOINT_POLICY = 1 << 2, /* has rules inwards, denies the rest; << 1: outwards */
};

/* Value of endpoints; the key is the index of the device on the host's side, or
 * COREPATH_SCOPE_HOST, of whom only flags and generation are used. */
struct corepath_endpoint {
	struct corepath_addr addr[2]; /* the workload's: IPv4, IPv6; all 0: none */
	__u8 mac[6];		      /* the workload's; all 0: not known, and not checked */
	__u8 host_mac[6];	      /* the device's */
	__u32 identity;
	__u32 flags;
	__u32 generation; /* of its policy, not 0 */
	__u32 limit[2];	  /* TCP connections, by enum corepath_direction; 0: any number */
};

/* Value of ep_conns: TCP connections that are open, by enum corepath_direction. */
struct corepath_endpoint_conns {
	__u64 open[2];
};

#endif
