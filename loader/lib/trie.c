// SPDX-License-Identifier: GPL-2.0-only
/* Putting elements into maps whose elements are allocated one by one. */
#include <errno.h>
#include <time.h>
#include <bpf/bpf.h>
#include "internal.h"

/* Milliseconds to wait for an element: what refills the caches needs one moment of a CPU. */
#define REFILL_MS 100

/* Tries take their elements from a cache since 6.13 and in stable series since (3d8dc43eb2a3 "bpf:
 * Switch to bpf mem allocator for LPM trie"), which begins with one element if they are large and
 * is refilled by irq_work, which PREEMPT_RT gives to a thread (kernel/bpf/memalloc.c:
 * prefill_mem_cache(), irq_work_raise()). So the second element in a row may find it empty, with no
 * want of memory. */
int cp_trie_put(int fd, const void *key, const void *value)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int err = bpf_map_update_elem(fd, key, value, BPF_ANY), ms;

	for (ms = 0; err == -ENOMEM && ms < REFILL_MS; ms++) {
		nanosleep(&moment, NULL);
		err = bpf_map_update_elem(fd, key, value, BPF_ANY);
	}
	return err;
}
