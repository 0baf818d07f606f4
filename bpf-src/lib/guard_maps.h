/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the guard. User space writes the first group, the datapath the second. */
#ifndef COREPATH_GUARD_MAPS_H
#define COREPATH_GUARD_MAPS_H

#include "maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_guard_config);
} guard_config SEC(".maps");

/* All signatures are one value of a map of its own, replaced by replacing the map: one pointer, so
 * a packet meets the old signatures or the new ones. Sizes, not types: as lb_maglev_table. */
struct guard_signatures {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct corepath_signatures));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct guard_signatures);
} guard_table SEC(".maps");

/* ---- written by the datapath ---- */

/* What matched, by corepath_signature.slot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COREPATH_SIGNATURES_MAX);
	__type(key, __u32);
	__type(value, struct corepath_counter);
} guard_hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_GUARD_SOURCES);
	__type(key, struct corepath_guard_source);
	__type(value, struct corepath_bucket);
} guard_sources SEC(".maps");

/* Each CPU's own bucket: how many sources it may take into guard_sources. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_bucket);
} guard_new SEC(".maps");

#endif
