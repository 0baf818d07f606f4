/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of abi.h that is masquerading's. Included by it, after the types of all parts. */
#ifndef COREPATH_ABI_NAT_H
#define COREPATH_ABI_NAT_H

/* Key of nat_sources and nat_excludes; IPv4 lengths are 96 more. */
struct corepath_nat_prefix {
	__u32 prefixlen; /* 0..128 */
	struct corepath_addr addr;
};

/* The only value of nat_config. */
struct corepath_nat_config {
	struct corepath_addr masquerade4; /* the uplink's address; all 0: IPv4 is left alone */
	struct corepath_addr masquerade6;
	__u16 port_min, port_max; /* host order, inclusive; identifiers of echoes as well */
	__u32 pad;
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

/* What happened while ports were sought: indices of nat_counters. */
enum corepath_nat_counter {
	COREPATH_NAT_COLLISIONS,  /* a port was another flow's, and the next one was tried */
	COREPATH_NAT_EXPIRED,	  /* a port was taken from a flow past its time */
	COREPATH_NAT_ROLLED_BACK, /* a port was given back: the flow's other entry was refused */
	COREPATH_NAT_COUNTERS,
};

#endif
