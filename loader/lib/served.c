// SPDX-License-Identifier: GPL-2.0-only
/* What services have served: counters of the datapath, by the service's number. */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "lb_state.h"

int cp_served_open(const struct cp_dir *dir)
{
	return cp_pin_get(dir, CP_MAP_LB_SERVED);
}

int cp_served_clear(int fd, __u32 service)
{
	int cpus = libbpf_num_possible_cpus(), err;
	struct corepath_served *zeros;

	if (fd == -ENOENT)
		return 0;
	if (cpus < 0)
		return cpus;
	zeros = calloc(cpus, sizeof(*zeros));
	err = zeros ? bpf_map_update_elem(fd, &service, zeros, BPF_ANY) : -ENOMEM;
	free(zeros);
	return err;
}

int cp_served_add(int fd, __u32 service, struct corepath_served *sum)
{
	int cpus = libbpf_num_possible_cpus(), cpu, err;
	struct corepath_served *each;

	if (fd == -ENOENT)
		return 0;
	if (cpus < 0)
		return cpus;
	each = calloc(cpus, sizeof(*each));
	err = each ? bpf_map_lookup_elem(fd, &service, each) : -ENOMEM;
	for (cpu = 0; cpu < cpus && !err; cpu++) {
		sum->packets += each[cpu].packets;
		sum->bytes += each[cpu].bytes;
		sum->connections += each[cpu].connections;
	}
	free(each);
	return err;
}
