/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps every program has. Names are at most 15 bytes (BPF_OBJ_NAME_LEN less the NUL). */
#ifndef COREPATH_MAPS_H
#define COREPATH_MAPS_H

#include <bpf/bpf_helpers.h>
#include <corepath/abi.h>
#include "limits.h"

/* include/uapi/linux/bpf.h; tries refuse to be made without it (kernel/bpf/lpm_trie.c) */
#define BPF_F_NO_PREALLOC (1U << 0)

/* include/uapi/linux/bpf.h: can be mapped by user space (5.5), and inner maps may differ in size
 * (5.10: 4a8f87e60f6d) */
#define BPF_F_MMAPABLE	(1U << 10)
#define BPF_F_INNER_MAP (1U << 12)

/* include/uapi/linux/bpf.h: an LRU list for each CPU, so that CPUs do not fight for one lock. A
 * flow stays on its CPU (RSS); if it moves, its entry is still found. */
#define BPF_F_NO_COMMON_LRU (1U << 1)

/* Packets and bytes by enum corepath_drop. The datapath writes, user space reads. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COREPATH_DROP_COUNT);
	__type(key, __u32);
	__type(value, struct corepath_counter);
} drop_counters SEC(".maps");

#endif
