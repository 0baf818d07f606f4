// SPDX-License-Identifier: GPL-2.0-only
/* Counters that each CPU has for itself: the values of a per-CPU map's entry are rows of u64. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "internal.h"

/* A row for every CPU that may come, as the kernel reads and writes them. Fails with -ENOMEM or
 * what libbpf says of the CPUs. */
static int rows(size_t words, __u64 **out, int *cpus)
{
	*cpus = libbpf_num_possible_cpus();
	*out = *cpus > 0 ? calloc(*cpus, words * sizeof(**out)) : NULL;
	return *cpus < 0 ? *cpus : *out ? 0 : -ENOMEM;
}

int cp_percpu_add(int map, __u32 key, void *sum, size_t words)
{
	__u64 *each, *into = sum;
	int cpus, err = rows(words, &each, &cpus);
	size_t i;

	if (!err)
		err = bpf_map_lookup_elem(map, &key, each);
	for (i = 0; i < cpus * words && !err; i++)
		into[i % words] += each[i];
	free(each);
	return err;
}

int cp_percpu_clear(int map, __u32 key, size_t words)
{
	__u64 *zeros;
	int cpus, err = rows(words, &zeros, &cpus);

	if (!err)
		err = bpf_map_update_elem(map, &key, zeros, BPF_ANY);
	free(zeros);
	return err;
}
