/* SPDX-License-Identifier: GPL-2.0-only */
/* Giving an event of any kind to a watcher, or counting it as lost for that watcher. */
#ifndef COREPATH_EVENT_RING_H
#define COREPATH_EVENT_RING_H

#include "event_maps.h"

/* Atomic, as some hooks can be preempted by others on their CPU. */
static __always_inline void event_lose(__u32 watcher)
{
	__u64 *lost = bpf_map_lookup_elem(&event_lost, &watcher);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

static __always_inline void event_put(__u32 watcher, void *event, __u32 size)
{
	void *ring = bpf_map_lookup_elem(&event_rings, &watcher);

	if (ring && bpf_ringbuf_output(ring, event, size, 0))
		event_lose(watcher);
}

#endif
