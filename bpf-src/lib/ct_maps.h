/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps of connection tracking.
 *
 * One entry for both directions: half the memory of two, one lookup, and never one half without the
 * other. Two tables, as a flood must neither fill the memory that connections need nor push them
 * out: what was not answered is in an LRU hash, where a new one always finds room, at the expense
 * of others not answered; what was answered moves to a hash nobody is pushed out of. When that is
 * full, answered connections stay in the LRU and work, for as long as it has room for them; user
 * space sweeps out those that ended. Kernels before 5.13 cannot walk a map from a program, so
 * nothing that evicts by state could be done at the moment of need.
 */
#ifndef COREPATH_CT_MAPS_H
#define COREPATH_CT_MAPS_H

#include "maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_ct_config);
} ct_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_CT);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_ct);
} ct_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_CT);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_ct);
} ct_new SEC(".maps");

/* Ports of fragmented packets (lib/frag.h). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_FRAGS);
	__type(key, struct corepath_frag_key);
	__type(value, struct corepath_frag);
} ct_frags SEC(".maps");

/* By the index of the endpoint's device: user space makes an entry with the endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct corepath_endpoint_conns);
} ep_conns SEC(".maps");

/* Where a new connection is put together: too large for the stack beside all else. Programs of
 * packets run with softirqs off, so none meets another here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_ct);
} ct_scratch SEC(".maps");

#endif
