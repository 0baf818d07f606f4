/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place where what a service does is counted. */
#ifndef COREPATH_SERVED_H
#define COREPATH_SERVED_H

#include "lb_maps.h"

/* A packet of `bytes` bytes to the service. No atomics, for the reasons of lib/drop.h. */
static __always_inline void served_packet(__u32 service, __u64 bytes)
{
	struct corepath_served *s = bpf_map_lookup_elem(&lb_served, &service);

	if (s) {
		s->packets++;
		s->bytes += bytes;
	}
}

/* A socket that was given a backend of the service. Atomic: a program of a cgroup can be preempted,
 * and another task of its CPU come here. */
static __always_inline void served_connection(__u32 service)
{
	struct corepath_served *s = bpf_map_lookup_elem(&lb_served, &service);

	if (s)
		__sync_fetch_and_add(&s->connections, 1);
}

#endif
