/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the load balancer. User space writes the first group, the datapath the second. */
#ifndef COREPATH_LB_MAPS_H
#define COREPATH_LB_MAPS_H

#include "maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_lb_config);
} lb_config SEC(".maps");

/* Whole addresses with services, as nearly all are. The loader reads it as memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << COREPATH_HOST_BUCKET_BITS);
	__type(key, __u32);
	__type(value, struct corepath_host_bucket);
} lb_hosts SEC(".maps");

/* Prefixes with services; a path through the trie for each packet that is to no such address. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_VIPS);
	__type(key, struct corepath_vip_key);
	__type(value, struct corepath_vip);
} lb_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, struct corepath_service_key);
	__type(value, struct corepath_service);
} lb_services SEC(".maps");

/* The loader reads it as memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LIMIT_BACKENDS);
	__type(key, __u32);
	__type(value, struct corepath_backend);
} lb_backends SEC(".maps");

/* One table per service, by its id. A table is replaced by replacing its map: one pointer, so a
 * packet sees the old table or the new one, and of either the size that it has. Sizes, not types:
 * of a type that only an inner map has, clang emits no more than a declaration. */
struct lb_maglev_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct corepath_maglev_line));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__array(values, struct lb_maglev_table);
} lb_maglev SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_SOURCES);
	__type(key, struct corepath_source_key);
	__type(value, __u32);
} lb_sources SEC(".maps");

/* ---- written by the datapath ---- */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_CONNS);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_conn);
} lb_conns SEC(".maps");

/* The key is the answer as it comes from the backend. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_CONNS);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_reply);
} lb_replies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_CLIENTS);
	__type(key, struct corepath_client);
	__type(value, struct corepath_conn);
} lb_affinity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_CLIENTS);
	__type(key, struct corepath_client);
	__type(value, struct corepath_bucket);
} lb_rates SEC(".maps");

/* By corepath_service.id. User space clears an entry before it is a service's. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LIMIT_SERVICES);
	__type(key, __u32);
	__type(value, struct corepath_served);
} lb_served SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
	__uint(max_entries, LIMIT_FRAGS);
	__type(key, struct corepath_frag_key);
	__type(value, struct corepath_frag);
} lb_frags SEC(".maps");

/* Each CPU's own buckets: no flood on one CPU takes from another, and no atomics. */
enum lb_guard { LB_GUARD_CONNS, LB_GUARD_ICMP, LB_GUARD_COUNT };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LB_GUARD_COUNT);
	__type(key, __u32);
	__type(value, struct corepath_bucket);
} lb_guards SEC(".maps");

#endif
