/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of abi.h, which includes it: signatures of packets, and rates of sources. */
#include <corepath/abi.h> /* before the guard: alone, this comes at its place in there */

#ifndef COREPATH_ABI_GUARD_H
#define COREPATH_ABI_GUARD_H

/* The bits of a packet: its protocol in the lowest byte, and what else it is. */
enum corepath_sig_bits {
	COREPATH_SIG_PROTO = 0xff,
	COREPATH_SIG_V6 = 1 << 8,
	COREPATH_SIG_PORTS = 1 << 9,	   /* TCP or UDP, and the ports are there */
	COREPATH_SIG_PAYLOAD = 1 << 10,	   /* a TCP header, or the 8 bytes of another */
	COREPATH_SIG_FRAG = 1 << 11,	   /* a fragment */
	COREPATH_SIG_FRAG_LATER = 1 << 12, /* not the first one */
	COREPATH_SIG_FLAGS = 0xff << 16,   /* of TCP */
};
#define COREPATH_SIG_FLAGS_SHIFT 16

enum corepath_sig_action {
	COREPATH_SIG_DROP = 1,
	COREPATH_SIG_COUNT = 2, /* and on to the next signature */
};

/* Where the bytes are counted from. */
enum corepath_sig_from {
	COREPATH_SIG_FROM_IP = 1,
	COREPATH_SIG_FROM_L4 = 2,
	COREPATH_SIG_FROM_PAYLOAD = 3,
};

#define COREPATH_SIGNATURES_MAX 32
#define COREPATH_SIG_BYTES_MAX	16
#define COREPATH_SIG_OFFSET_MAX 2048

/* Both ends included, host order. */
struct corepath_range {
	__u16 min;
	__u16 max;
};

/* All of it must match. */
struct corepath_signature {
	__u32 id;   /* the operator's */
	__u32 slot; /* of guard_hits */
	__u32 bits; /* enum corepath_sig_bits */
	__u32 bits_mask;
	struct corepath_range len; /* of the IP packet, bytes */
	struct corepath_range ttl; /* or hop limit */
	struct corepath_range sport, dport;
	__u16 offset;
	__u8 from;    /* enum corepath_sig_from */
	__u8 n_bytes; /* 0: none are compared */
	__u8 action;  /* enum corepath_sig_action */
	__u8 pad[3];
	/* the first byte of the packet is the lowest of the first word; 0 where the mask is */
	__u64 value[COREPATH_SIG_BYTES_MAX / 8];
	__u64 mask[COREPATH_SIG_BYTES_MAX / 8];
};

/* The only value of the map that guard_table has. */
struct corepath_signatures {
	__u32 n;
	struct corepath_signature list[COREPATH_SIGNATURES_MAX];
};

/* What one source may do. interval_ns 0: as much as it likes. */
struct corepath_guard_limit {
	__u64 interval_ns;
	__u64 window_ns;
	struct corepath_addr mask4; /* what of an address is one source, network order */
	struct corepath_addr mask6;
};

struct corepath_guard_config {
	struct corepath_guard_limit packets;
	struct corepath_guard_limit conns; /* TCP SYNs */
};

enum corepath_guard_what {
	COREPATH_GUARD_PACKETS = 1,
	COREPATH_GUARD_CONNS = 2,
};

/* Key of guard_sources. */
struct corepath_guard_source {
	struct corepath_addr addr;
	__u32 what; /* enum corepath_guard_what */
};

#endif
