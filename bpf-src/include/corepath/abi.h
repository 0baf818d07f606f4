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
	  "an IPv6 extension header ends beyond the packet")

enum corepath_drop {
#define COREPATH_X(sym, num, name, text) COREPATH_DROP_##sym = num,
	COREPATH_DROP_REASONS(COREPATH_X)
#undef COREPATH_X
};

/* How many reasons there are: the entries of the drop_counters map. */
#define COREPATH_X(sym, num, name, text) +1
enum { COREPATH_DROP_COUNT = 0 COREPATH_DROP_REASONS(COREPATH_X) };
#undef COREPATH_X

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

#endif
