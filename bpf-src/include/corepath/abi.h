/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF programs and user space share: drop reasons, map keys and map values.
 *
 * BPF C includes vmlinux.h first; user space needs nothing before it. Numbers and layouts here
 * are an interface: pinned maps outlive the process that wrote them, so a number is never reused
 * and a struct is never reshaped in place.
 */
#ifndef COREPATH_ABI_H
#define COREPATH_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/*
 * The layout of what is pinned: it goes up by one with every change by which a loader of before or
 * after would misread a pinned map, an event or a program's name. A map whose values only grew at
 * their ends, or an array that grew, is carried over by `corepath upgrade`; any other change of a
 * map needs code there.
 */
#define COREPATH_LAYOUT 2

/* Who made what is pinned: the one value of the map that is pinned as "version". */
struct corepath_running {
	__u32 layout;
	char version[28];
};

/*
 * Every reason a packet can leave the datapath by, in one table for all hooks.
 * X(symbol, number, short name, text). The short name is the key in JSON and in counters;
 * the text says what an operator should read into it. Numbers are dense from 0, so that they
 * index the per-CPU counters. 0 is "not dropped" and is counted too: without it a rate of drops
 * cannot be told from a rate of traffic.
 */
#define COREPATH_DROP_REASONS(X)                                                                   \
	X(FORWARDED, 0, "forwarded", "passed on to the next hook, not dropped")                    \
	X(DENIED_SRC4, 1, "denied_src4", "IPv4 source address is in a denied prefix")              \
	X(DENIED_SRC6, 2, "denied_src6", "IPv6 source address is in a denied prefix")              \
	X(MALFORMED_L2, 3, "malformed_l2", "frame ends inside its Ethernet header or a VLAN tag")  \
	X(MALFORMED_IP4, 4, "malformed_ip4",                                                       \
	  "IPv4 header is cut short, or its version, header length or total length lies")          \
	X(MALFORMED_IP6, 5, "malformed_ip6",                                                       \
	  "IPv6 header is cut short, or its version or payload length lies")                       \
	X(VLAN_TOO_DEEP, 6, "vlan_too_deep", "more VLAN tags than the datapath looks through")     \
	X(EXTHDR_TOO_LONG, 7, "exthdr_too_long",                                                   \
	  "more IPv6 extension headers than the datapath looks through")                           \
	X(EXTHDR_TRUNCATED, 8, "exthdr_truncated",                                                 \
	  "an IPv6 extension header ends beyond the packet")                                       \
	X(LB_TUNNELED, 9, "lb_tunneled", "not dropped: sent to a backend inside a tunnel")         \
	X(LB_TRANSLATED, 10, "lb_translated",                                                      \
	  "not dropped: sent to a backend, its destination rewritten")                             \
	X(LB_REPLIED, 11, "lb_replied",                                                            \
	  "not dropped: a backend's answer, its source rewritten to the service's")                \
	X(LB_ECHOED, 12, "lb_echoed", "echo request to a service's address, answered here")        \
	X(LB_TOO_BIG, 13, "lb_too_big",                                                            \
	  "packet does not fit the tunnel's MTU; its sender was told by ICMP")                     \
	X(LB_TOO_BIG_SILENT, 14, "lb_too_big_silent",                                              \
	  "packet does not fit the tunnel's MTU, and its sender could not be told")                \
	X(LB_NO_BACKEND, 15, "lb_no_backend", "the service has no backend that takes it")          \
	X(LB_SOURCE_DENIED, 16, "lb_source_denied", "source is in none of the service's sources")  \
	X(LB_RATE_LIMITED, 17, "lb_rate_limited", "source sends more than the service's rate")     \
	X(LB_CONN_RATE, 18, "lb_conn_rate",                                                        \
	  "new connection to translate, beyond the rate of new connections")                       \
	X(LB_NAT_COLLISION, 19, "lb_nat_collision",                                                \
	  "another service has a connection of the same client and ports to the backend")          \
	X(LB_FRAG_UNKNOWN, 20, "lb_frag_unknown",                                                  \
	  "fragment to a service, and the first fragment was not seen")                            \
	X(TTL_EXCEEDED, 21, "ttl_exceeded", "TTL or hop limit would reach zero")                   \
	X(MALFORMED_L4, 22, "malformed_l4", "TCP, UDP or ICMP header is cut short")                \
	X(NO_ROOM, 23, "no_room", "the driver left no room to grow or shrink the frame")           \
	X(SIGNATURE, 24, "signature", "a signature of the prefilter matches")                      \
	X(SOURCE_RATE, 25, "source_rate", "source sends more packets than the prefilter's rate")   \
	X(SOURCE_CONN_RATE, 26, "source_conn_rate",                                                \
	  "source opens more TCP connections than the prefilter's rate")                           \
	X(NAT_MASQUERADED, 27, "nat_masqueraded",                                                  \
	  "not dropped: sent by the uplink with its address as source")                            \
	X(NAT_RETURNED, 28, "nat_returned",                                                        \
	  "not dropped: an answer to what was masqueraded, back to its endpoint")                  \
	X(NAT_NO_PORT, 29, "nat_no_port",                                                          \
	  "to masquerade, and no port towards this destination was found free")                    \
	X(NAT_FULL, 30, "nat_full", "to masquerade, and the table of flows took no entry")         \
	X(NAT_FRAG_UNKNOWN, 31, "nat_frag_unknown",                                                \
	  "fragment to masquerade, and the first fragment was not seen")                           \
	X(NAT_UNSUPPORTED, 32, "nat_unsupported", "to masquerade, and neither TCP, UDP nor ICMP")  \
	X(UNWRITABLE, 33, "unwritable", "the kernel had no memory to make the packet writable")    \
	X(CT_INVALID, 34, "ct_invalid",                                                            \
	  "belongs to no connection that is known, and cannot begin one")                          \
	X(CT_FAILED, 35, "ct_failed", "no memory to remember a new connection by")                 \
	X(ENDPOINT_SPOOFED, 36, "endpoint_spoofed",                                                \
	  "an endpoint sent it from an address or a MAC that is not its own")                      \
	X(ENDPOINT_TAGGED, 37, "endpoint_tagged", "an endpoint sent it with a VLAN tag")           \
	X(ENDPOINT_DELIVERED, 38, "endpoint_delivered",                                            \
	  "not dropped: handed to an endpoint of this host, past its stack")                       \
	X(POLICY_DENIED_OUT, 39, "policy_denied_out",                                              \
	  "the policy of the endpoint or host that sent it does not allow it")                     \
	X(POLICY_DENIED_IN, 40, "policy_denied_in",                                                \
	  "the policy of the endpoint or host it is for does not allow it")                        \
	X(POLICY_AUDITED, 41, "policy_audited",                                                    \
	  "not dropped: the policy does not allow it, and only audits")                            \
	X(CONN_LIMIT, 42, "conn_limit", "the endpoint has as many connections as it may")          \
	X(POLICY_PROXIED, 43, "policy_proxied",                                                    \
	  "not dropped: handed to the proxy that its endpoint's policy names")                     \
	X(POLICY_NO_PROXY, 44, "policy_no_proxy",                                                  \
	  "its endpoint's policy hands it to a proxy, and none listens that can take it")

enum corepath_drop {
#define COREPATH_X(sym, num, name, text) COREPATH_DROP_##sym = num,
	COREPATH_DROP_REASONS(COREPATH_X)
#undef COREPATH_X
};

/* How many reasons there are: the entries of the drop_counters map. */
#define COREPATH_X(sym, num, name, text) +1
enum { COREPATH_DROP_COUNT = 0 COREPATH_DROP_REASONS(COREPATH_X) };
#undef COREPATH_X

/* The reasons that are none: the packet went on, or was answered. */
static inline int corepath_is_drop(enum corepath_drop reason)
{
	switch (reason) {
	case COREPATH_DROP_FORWARDED:
	case COREPATH_DROP_LB_TUNNELED:
	case COREPATH_DROP_LB_TRANSLATED:
	case COREPATH_DROP_LB_REPLIED:
	case COREPATH_DROP_LB_ECHOED:
	case COREPATH_DROP_NAT_MASQUERADED:
	case COREPATH_DROP_NAT_RETURNED:
	case COREPATH_DROP_ENDPOINT_DELIVERED:
	case COREPATH_DROP_POLICY_AUDITED:
	case COREPATH_DROP_POLICY_PROXIED:
		return 0;
	default:
		return 1;
	}
}

/* Value of drop_counters, one per CPU. Bytes are those of the frame as XDP sees it, L2 included. */
struct corepath_counter {
	__u64 packets;
	__u64 bytes;
};

/*
 * Keys of the source prefix tries. The layout is the kernel's struct bpf_lpm_trie_key: the
 * prefix length in bits in host order, then the address in network order
 * (include/uapi/linux/bpf.h).
 */
struct corepath_prefix4 {
	__u32 prefixlen; /* 0..32 */
	__u8 addr[4];
};

struct corepath_prefix6 {
	__u32 prefixlen; /* 0..128 */
	__u8 addr[16];
};

/* Value of the source prefix tries. The longest matching prefix decides. 0 is never written. */
enum corepath_verdict {
	COREPATH_DENY = 1,
	COREPATH_ALLOW = 2, /* excepts a part of a shorter denied prefix */
};

struct corepath_prefix_value {
	__u32 verdict; /* enum corepath_verdict */
};

/* ---- the load balancer ---- */

/* An address of either family, network order. IPv4 is IPv4-mapped (RFC 4291 section 2.5.5.2), so
 * that one key and one code serve both. */
struct corepath_addr {
	__u32 w[4];
};

/* A packet's flow as it is on the wire, ports in network order. Key of lb_conns and lb_replies. */
struct corepath_flow {
	struct corepath_addr src;
	struct corepath_addr dst;
	__u16 sport;
	__u16 dport;
	__u8 proto;
	__u8 pad[3];
};

/*
 * Addresses that have services: prefixes of which the longest decides (lb_vips; IPv4 lengths are 96
 * more), and whole addresses, which are looked for first (lb_hosts). One that finds no place there
 * is among the prefixes, and so are, until services change, those that an upgrade from layout 1
 * found.
 */
struct corepath_vip_key {
	__u32 prefixlen; /* 0..128 */
	struct corepath_addr addr;
};

struct corepath_vip {
	__u32 id; /* not 0 */
};

/*
 * Whole addresses: a hash table in an array, as kernels put the lookup of an array into the program
 * itself and call a function for that of a hash. An address is in the bucket that is its own. It is
 * written before its number is, and its number is taken away first.
 */
#define COREPATH_HOST_WAYS	  4
#define COREPATH_HOST_BUCKET_BITS 14

struct corepath_host {
	struct corepath_addr addr;
	__u32 id; /* as corepath_vip's; 0: the place is free */
};

struct corepath_host_bucket {
	struct corepath_host way[COREPATH_HOST_WAYS];
};

/* By the address's half words, as they lie in memory: the high bits of products, of which each
 * depends on all bits below (Knuth, The Art of Computer Programming, volume 3, section 6.4). */
static inline __u32 corepath_host_hash(__u64 first, __u64 last)
{
	__u64 x = (first * 0x9e3779b97f4a7c15ull) ^ last;

	x ^= x >> 32;
	return (x * 0x9e3779b97f4a7c15ull) >> (64 - COREPATH_HOST_BUCKET_BITS);
}

/* A service: what of an address is balanced. */
struct corepath_service_key {
	__u32 vip;  /* corepath_vip.id */
	__u16 port; /* network order; 0 is any port that has no service of its own */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad;
};

enum corepath_lb_mode {
	COREPATH_LB_TUNNEL = 1, /* IP in IP (RFC 2003, 2473, 4213); the backend answers itself */
	COREPATH_LB_GUE = 2,	/* the same inside UDP: GUE variant 1 */
	COREPATH_LB_NAT = 3,	/* destination rewritten, answers come back through us */
};

enum corepath_service_flags {
	COREPATH_SERVICE_SOURCES = 1 << 0, /* only clients in lb_sources */
	COREPATH_SERVICE_SOCKETS = 1
				   << 1, /* sockets of this host go to its backends by themselves */
};

struct corepath_service {
	__u32 id; /* index of lb_maglev, not 0 */
	__u8 mode;
	__u8 flags;
	__u8 pad[2];
	__u64 affinity_ns;	/* 0: none */
	__u64 rate_interval_ns; /* per source: one packet per interval; 0: no limit */
	__u64 rate_window_ns;	/* how far a source may run ahead of that */
};

/*
 * A Maglev table is a map of its own, an array of lines of slots, and is replaced as a whole, by
 * replacing the map. How many lines it has is by the service's backends, and the number of slots
 * is prime: of the last line only the first is one.
 */
#define COREPATH_MAGLEV_LINE 16

struct corepath_maglev_line {
	__u32 backend[COREPATH_MAGLEV_LINE]; /* 0 for none */
};

static inline __u32 corepath_maglev_slots(__u32 lines)
{
	return (lines - 1) * COREPATH_MAGLEV_LINE + 1;
}

enum corepath_backend_state {
	COREPATH_BACKEND_FREE = 0,
	COREPATH_BACKEND_ACTIVE = 1,
	COREPATH_BACKEND_DRAINING = 2, /* keeps its connections, gets no new ones */
	COREPATH_BACKEND_DOWN = 3,     /* its connections go to others */
};

/* A backend of one service. lb_backends has them by number; 0 is none. */
struct corepath_backend {
	struct corepath_addr addr;
	__u16 port; /* network order; 0 keeps the packet's. NAT only */
	__u8 state;
	__u8 pad;
	__u32 generation; /* changes when the number is given to another backend */
	__u32 service;
	__u32 weight;
	__u8 mac[6]; /* of the next hop; all 0: the one the packet came from */
	__u8 pad2[2];
};

/* Which backend a flow or a client has. */
struct corepath_conn {
	__u32 backend;
	__u32 generation;
	union {
		__u64 used_ns; /* of a client: CLOCK_MONOTONIC */
		__u32 hash;    /* of a flow */
	};
};

/* Key of lb_affinity and lb_rates: a client of a service. */
struct corepath_client {
	struct corepath_addr addr;
	__u32 service;
};

/* Key of lb_sources: the clients a service takes. */
struct corepath_source_key {
	__u32 prefixlen; /* 32 for the service, and the address's */
	__u32 service;
	struct corepath_addr addr;
};

/* What a backend's answer gets back: value of lb_replies. */
struct corepath_reply {
	struct corepath_addr addr;
	__u16 port;
	__u8 mac[6]; /* the frame's source when the client's packet came */
};

/* The ports of a fragmented packet, by what all its fragments share. */
struct corepath_frag_key {
	struct corepath_addr src;
	struct corepath_addr dst;
	__u32 id;
	__u8 proto;
	__u8 pad[3];
};

struct corepath_frag {
	__u16 sport;
	__u16 dport;
};

/* When the next packet is due: all a token bucket has to keep (GCRA, ITU-T I.371). */
struct corepath_bucket {
	__u64 due_ns;
};

/*
 * What a service's backends were sent: value of lb_served, one per CPU, by corepath_service.id.
 * Packets count once each, when they are on their way to a backend; bytes are those of the frame as
 * it came, as in struct corepath_counter. Of a socket of this host packets are not seen: it counts
 * when it is given a backend, with TCP for each connect(), with UDP once for each service.
 */
struct corepath_served {
	__u64 packets;
	__u64 bytes;
	__u64 connections;
};

/* The only value of lb_config. */
struct corepath_lb_config {
	struct corepath_addr source4; /* of tunnels to IPv4 backends */
	struct corepath_addr source6;
	__u32 source4_vary; /* bits of the last word taken from the flow's hash, network order: */
	__u32 source6_vary; /* what lets the backend's queues share the tunnels */
	__u32 mtu;	    /* of the way to the backends, bytes of IP */
	__u32 nat_services; /* answers are looked for if there are any */
	__u64 conn_interval_ns; /* per CPU: one new connection per interval; 0: none */
	__u32 hosts_only;	/* not 0: lb_vips is empty, and is not asked */
	__u32 pad;
};

/* ---- sockets of this host ---- */

/* Key of sock_peers: where a socket was sent. A cookie is never given to a second socket. */
struct corepath_sock_key {
	__u64 cookie;
	struct corepath_addr addr; /* the backend's */
	__u16 port;		   /* network order */
	__u8 pad[6];
};

/* Where it believes to be, and which backend (corepath_conn) that is. */
struct corepath_sock_peer {
	struct corepath_addr addr; /* the service's */
	__u16 port;		   /* network order */
	__u8 proto;
	__u8 pad;
	__u32 backend;
	__u32 generation;
};

/* ---- events ---- */

/* Where the datapath looked at what an event is about. */
enum corepath_hook {
	COREPATH_HOOK_XDP = 1,
	COREPATH_HOOK_TC_INGRESS = 2,
	COREPATH_HOOK_TC_EGRESS = 3,
	COREPATH_HOOK_TRACEPOINT = 4,
	COREPATH_HOOK_LSM = 5,
	COREPATH_HOOK_FENTRY = 6,
	COREPATH_HOOK_FMOD_RET = 7,
	COREPATH_HOOK_ITERATOR = 8, /* of processes that ran already */
};

enum corepath_event_kind {
	COREPATH_EVENT_PACKET = 1, /* struct corepath_packet_event */
	COREPATH_EVENT_EXEC = 2,   /* struct corepath_exec_event */
	COREPATH_EVENT_FORK = 3,   /* struct corepath_fork_event */
	COREPATH_EVENT_EXIT = 4,   /* struct corepath_exit_event */
	COREPATH_EVENT_RULE = 5,   /* struct corepath_rule_event */
	COREPATH_EVENT_KINDS,
};

/* What every event begins with. */
struct corepath_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u16 size;    /* of the whole event, bytes */
	__u8 kind;     /* enum corepath_event_kind */
	__u8 hook;     /* enum corepath_hook */
	__u32 cpu;
};

/* What became of a packet. The flow is as it was then: of a packet put into a tunnel, the tunnel's.
 */
struct corepath_packet_event {
	struct corepath_event head;
	struct corepath_flow flow; /* 0 what could not be read; of a later fragment, the ports */
	__u32 ifindex;
	__u32 bytes;	/* of the frame, as in struct corepath_counter */
	__u16 reason;	/* enum corepath_drop */
	__u16 l3_proto; /* EtherType after VLAN tags, host order; 0 if the frame ends before */
	__u32 pad;
};

/* How many can watch at once: a ring each in event_rings, a bit each in `wanted`. */
#define COREPATH_WATCHERS 8

/* The only value of event_config: for each reason, the watchers that want its packets, and for each
 * kind of other events those that want it. */
#define COREPATH_REASONS_MAX 256
#define COREPATH_KINDS_MAX   32
struct corepath_event_config {
	__u8 wanted[COREPATH_REASONS_MAX];
	__u8 kinds[COREPATH_KINDS_MAX];
};

#include <corepath/abi_sec.h>

/* ---- connections, policies, endpoints ---- */
#include <corepath/abi_endpoint.h>

/* ---- masquerading at the uplink ---- */
#include <corepath/abi_nat.h>

/* ---- the guard: signatures and rates of sources ---- */

#include <corepath/abi_guard.h>

/*
 * Slots of xdp_stages. The prefilter hands a packet to the first, the guard to the balancer; the
 * first is whichever of the two comes first of those that are there.
 */
enum corepath_stage {
	COREPATH_STAGE_LB = 0,
	COREPATH_STAGE_GUARD = 1,
	COREPATH_STAGE_FIRST = 2,
	COREPATH_STAGE_EVENT = 3,
	COREPATH_STAGE_COUNT,
};

#endif
