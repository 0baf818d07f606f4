/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of endpoints: workloads behind a device of their own. */
#ifndef COREPATH_EP_MAPS_H
#define COREPATH_EP_MAPS_H

#include "maps.h"

/* By the index of the endpoint's device. User space writes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct corepath_endpoint);
} endpoints SEC(".maps");

/* Which endpoint has an address. User space writes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * LIMIT_ENDPOINTS);
	__type(key, struct corepath_addr);
	__type(value, __u32);
} ep_addrs SEC(".maps");

/* Who is behind an address: the longest prefix. User space writes, an endpoint's own too. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_IDENTITIES);
	__type(key, struct corepath_identity_key);
	__type(value, __u32);
} identities SEC(".maps");

/* User space writes; the datapath counts. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LIMIT_RULES);
	__type(key, struct corepath_policy_key);
	__type(value, struct corepath_policy_rule);
} policy_rules SEC(".maps");

#endif
