/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the events. User space makes the rings, one for each watcher, while it watches. */
#ifndef COREPATH_EVENT_MAPS_H
#define COREPATH_EVENT_MAPS_H

#include "maps.h"

/* In a section, and so a map, of its own, which all objects share. Read as a variable: what nobody
 * watches costs a load and a jump. */
struct corepath_event_config event_config SEC(".data.events");

struct event_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* a form for those that watchers bring, of any size */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, COREPATH_WATCHERS);
	__type(key, __u32);
	__array(values, struct event_ring);
} event_rings SEC(".maps");

/* Events that found a watcher's ring full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COREPATH_WATCHERS);
	__type(key, __u32);
	__type(value, __u64);
} event_lost SEC(".maps");

#endif
