/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rates, as people write them and as the kernel keeps them: the time between two, and how far one
 * may run ahead of that (bpf-src/lib/ratelimit.h). Whole nanoseconds hold not every rate: 700000 a
 * second are kept as 700280. Read back, it is kept as the same again, so rates are compared as they
 * are kept.
 */
#ifndef COREPATH_RATE_H
#define COREPATH_RATE_H

#include <stdbool.h>
#include <linux/types.h>

#define CP_NSEC_PER_SEC 1000000000ull

struct cp_pace {
	__u64 interval_ns; /* 0: no limit */
	__u64 window_ns;
};

/* `rate` (0: no limit, CP_NSEC_PER_SEC at most) in `seconds`. */
static inline struct cp_pace cp_pace_of(__u32 rate, __u32 seconds)
{
	__u64 window = seconds * CP_NSEC_PER_SEC;

	return rate ? (struct cp_pace){window / rate, window} : (struct cp_pace){};
}

static inline __u32 cp_pace_rate(struct cp_pace p)
{
	return p.interval_ns ? p.window_ns / p.interval_ns : 0;
}

static inline __u32 cp_pace_seconds(struct cp_pace p)
{
	return p.window_ns / CP_NSEC_PER_SEC;
}

static inline bool cp_same_pace(struct cp_pace a, struct cp_pace b)
{
	return a.interval_ns == b.interval_ns && a.window_ns == b.window_ns;
}

#endif
