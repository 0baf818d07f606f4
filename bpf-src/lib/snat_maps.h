/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of masquerading. User space writes the first group, the datapath the second. */
#ifndef COREPATH_SNAT_MAPS_H
#define COREPATH_SNAT_MAPS_H

#include "maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_nat_config);
} nat_config SEC(".maps");

/* Whose packets are masqueraded. Value: the prefix's family, 4 or 6. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_NAT_PREFIXES);
	__type(key, struct corepath_nat_prefix);
	__type(value, __u32);
} nat_sources SEC(".maps");

/* Where to they are not. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_NAT_PREFIXES);
	__type(key, struct corepath_nat_prefix);
	__type(value, __u32);
} nat_excludes SEC(".maps");

/* ---- written by the datapath ----
 *
 * One LRU list for all CPUs: a flow's two directions meet different ones, and what is evicted is a
 * connection that breaks, so all the room is for all.
 */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_NAT_FLOWS);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_nat_out);
} nat_out SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_NAT_FLOWS);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_nat_in);
} nat_in SEC(".maps");

/* Flows from outside to an endpoint's own address, by the flow of the endpoint's answers: those
 * must leave with it. Value: when it is forgotten. In a map of its own, as anybody outside can fill
 * it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_NAT_FLOWS);
	__type(key, struct corepath_flow);
	__type(value, __u64);
} nat_direct SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_FRAGS);
	__type(key, struct corepath_frag_key);
	__type(value, struct corepath_frag);
} nat_frags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COREPATH_UPLINK_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} uplink_counters SEC(".maps");

#endif
