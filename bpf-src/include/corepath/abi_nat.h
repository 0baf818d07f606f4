/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of abi.h that is masquerading's. Included by it, after the types of all parts. */
#include <corepath/abi.h> /* before the guard: alone, this comes at its place in there */

#ifndef COREPATH_ABI_NAT_H
#define COREPATH_ABI_NAT_H

/* Key of nat_sources and nat_excludes; IPv4 lengths are 96 more. */
struct corepath_nat_prefix {
	__u32 prefixlen; /* 0..128 */
	struct corepath_addr addr;
};

/* A port of the host that its policy never closes. */
struct corepath_failsafe {
	__u16 port; /* network order; 0: none */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad;
};

#define COREPATH_FAILSAFES 8

/* The only value of nat_config. */
struct corepath_nat_config {
	struct corepath_addr masquerade4; /* the uplink's address; all 0: IPv4 is left alone */
	struct corepath_addr masquerade6;
	__u16 port_min, port_max; /* host order, inclusive; identifiers of echoes as well */
	__u32 flags;		  /* enum corepath_uplink_flags */
	struct corepath_failsafe failsafe[COREPATH_FAILSAFES];
};

enum corepath_uplink_flags {
	COREPATH_UPLINK_DIRECT = 1 << 0, /* what comes in and goes on passes by the stack */
	COREPATH_UPLINK_HOST = 1 << 1,	 /* the host has rules of its own */
};

/* Value of nat_out, whose key is a flow as its endpoint sends it: what its source becomes. */
struct corepath_nat_out {
	struct corepath_addr addr;
	__u16 port; /* network order; of an echo the identifier */
	__u8 pad[2];
};

enum corepath_nat_flags {
	COREPATH_NAT_REPLIED = 1 << 0, /* there was an answer */
	COREPATH_NAT_CLOSING = 1 << 1, /* TCP: FIN or RST, of either side */
};

/*
 * Value of nat_in, whose key is the answers' flow as it comes in: what its destination becomes. A
 * flow of the host itself is here as well, so that nobody else gets its port.
 */
struct corepath_nat_in {
	struct corepath_addr addr;
	__u16 port; /* network order */
	__u8 flags; /* enum corepath_nat_flags */
	__u8 pad;
	__u32 pad2;
	__u64 expires_ns; /* CLOCK_MONOTONIC */
};

/*
 * What happened at the uplink besides a packet's fate. X(symbol, number, name in JSON).
 *
 * FWD: what became of a packet that was to pass by the stack; all but the first went to the stack,
 * which knows what to do. 3 to 12 are the answers of bpf_fib_lookup() plus 3 (include/uapi/linux/
 * bpf.h, BPF_FIB_LKUP_RET_*).
 */
#define COREPATH_UPLINK_COUNTS(X)                                                                  \
	X(COLLISIONS, 0, "collisions")	     /* a port was another flow's: the next one */         \
	X(EXPIRED, 1, "expired")	     /* a port was taken from a flow past its time */      \
	X(ROLLED_BACK, 2, "rolled_back")     /* given back: the flow's other entry was refused */  \
	X(FWD_DIRECT, 3, "fwd_direct")	     /* straight to the device it leaves by */             \
	X(FWD_BLACKHOLE, 4, "fwd_blackhole") /* the route says so; these three */                  \
	X(FWD_UNREACHABLE, 5, "fwd_unreachable")                                                   \
	X(FWD_PROHIBIT, 6, "fwd_prohibit")                                                         \
	X(FWD_LOCAL, 7, "fwd_local")	   /* for this host, or not to be forwarded */             \
	X(FWD_DISABLED, 8, "fwd_disabled") /* forwarding is off on this device */                  \
	X(FWD_TUNNEL, 9, "fwd_tunnel")	   /* the route has a tunnel */                            \
	X(FWD_NO_NEIGHBOUR, 10, "fwd_no_neighbour")                                                \
	X(FWD_TOO_BIG, 11, "fwd_too_big") /* for the device it leaves by */                        \
	X(FWD_NO_SOURCE, 12, "fwd_no_source")                                                      \
	X(FWD_HOPS, 13, "fwd_hops")	    /* its last hop: the stack tells its sender */         \
	X(FWD_OPTIONS, 14, "fwd_options")   /* IPv4 options or IPv6 extension headers */           \
	X(FWD_NOT_OURS, 15, "fwd_not_ours") /* tagged, or not to this device's address */          \
	X(FWD_REFUSED, 16, "fwd_refused")   /* the kernel took no such question, or no packet */

enum corepath_uplink_counter {
#define COREPATH_X(sym, num, name) COREPATH_UPLINK_##sym = num,
	COREPATH_UPLINK_COUNTS(COREPATH_X)
#undef COREPATH_X
};

#define COREPATH_X(sym, num, name) +1
enum { COREPATH_UPLINK_COUNTERS = 0 COREPATH_UPLINK_COUNTS(COREPATH_X) };
#undef COREPATH_X

#endif
