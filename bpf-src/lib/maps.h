/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, one definition each. Names are at most 15 bytes (BPF_OBJ_NAME_LEN less the NUL). */
#ifndef COREPATH_MAPS_H
#define COREPATH_MAPS_H

#include <bpf/bpf_helpers.h>
#include <corepath/abi.h>
#include "limits.h"

/* include/uapi/linux/bpf.h; tries refuse to be made without it (kernel/bpf/lpm_trie.c) */
#define BPF_F_NO_PREALLOC (1U << 0)

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

/* Packets and bytes by enum corepath_drop. The datapath writes, user space reads. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COREPATH_DROP_COUNT);
	__type(key, __u32);
	__type(value, struct corepath_counter);
} drop_counters SEC(".maps");

#endif
