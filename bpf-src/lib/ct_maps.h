/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps of connection tracking.
 *
 * One entry for both directions: half the memory of two, one lookup, and never one half without the
 * other. Two tables, as a flood must neither fill the memory that connections need nor push them
 * out: what was not answered is in one where a new one always finds room, at the expense of others
 * not answered; what was answered moves to the other, where it only makes room once it has ended.
 * When that is full, answered connections stay in the first and work, for as long as it has room
 * for them. How entries leave: lib/ct_gc.h.
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
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIMIT_CT);
	__type(key, struct corepath_flow);
	__type(value, struct corepath_ct);
} ct_new SEC(".maps");

/* An entry of a table, or one that was there. */
struct ct_mark {
	struct corepath_flow key;
	__u32 created; /* the low half of created_ns */
};

/* Twice as long as the tables: a mark stays when its entry goes early. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2 * LIMIT_CT);
	__type(value, struct ct_mark);
} ct_flow_marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2 * LIMIT_CT);
	__type(value, struct ct_mark);
} ct_new_marks SEC(".maps");

/* Where a mark is put together: for the stack's sake. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ct_mark);
} ct_marks SEC(".maps");

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
