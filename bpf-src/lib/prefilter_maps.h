/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the prefilter. */
#ifndef COREPATH_PREFILTER_MAPS_H
#define COREPATH_PREFILTER_MAPS_H

#include "maps.h"

/* Longest prefix match on the source address. User space writes, the datapath reads. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_PREFIXES);
	__type(key, struct corepath_prefix4);
	__type(value, struct corepath_prefix_value);
} prefilter_src4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_PREFIXES);
	__type(key, struct corepath_prefix6);
	__type(value, struct corepath_prefix_value);
} prefilter_src6 SEC(".maps");

/* Where a packet goes that the prefilter lets pass. An empty slot ends the chain: XDP_PASS. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, COREPATH_STAGE_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} xdp_stages SEC(".maps");

#endif
