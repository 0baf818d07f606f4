/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place where a packet's fate is counted. */
#ifndef COREPATH_DROP_H
#define COREPATH_DROP_H

#include "maps.h"

/*
 * Counts a packet of `bytes` bytes under `reason`. No atomics: the slot is this CPU's own, and a
 * CPU runs one XDP or tc program at a time.
 */
static __always_inline void count(enum corepath_drop reason, __u64 bytes)
{
	__u32 key = reason;
	struct corepath_counter *c = bpf_map_lookup_elem(&drop_counters, &key);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
}

#endif
