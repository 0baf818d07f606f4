/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Token buckets as the generic cell rate algorithm (ITU-T I.371): all a bucket keeps is the time
 * its next packet is due, so it is one word, needs no refill, and two CPUs that race for it cost a
 * packet too many and nothing else.
 */
#ifndef COREPATH_RATELIMIT_H
#define COREPATH_RATELIMIT_H

#include <bpf/bpf_helpers.h>
#include <corepath/abi.h>

/* One packet per interval, and up to `window` ahead of that. True if this one may go. */
static __always_inline bool bucket_take(struct corepath_bucket *b, __u64 interval, __u64 window)
{
	__u64 now = bpf_ktime_get_ns(), due = b->due_ns;

	if (due < now)
		due = now;
	if (due + interval > now + window)
		return false;
	b->due_ns = due + interval;
	return true;
}

/* A bucket of a per-CPU array, one second deep. */
static __always_inline bool guard_take(void *map, __u32 key, __u64 interval)
{
	struct corepath_bucket *b = bpf_map_lookup_elem(map, &key);

	return b && bucket_take(b, interval, 1000000000);
}

#endif
