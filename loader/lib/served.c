// SPDX-License-Identifier: GPL-2.0-only
/* What services have served: counters of the datapath, by the service's number. */
#include <errno.h>
#include "lb_state.h"

int cp_served_open(const struct cp_dir *dir)
{
	return cp_pin_get(dir, CP_MAP_LB_SERVED);
}

int cp_served_clear(int fd, __u32 service)
{
	return fd == -ENOENT ? 0 : cp_percpu_clear(fd, service, CP_WORDS(struct corepath_served));
}

int cp_served_add(int fd, __u32 service, struct corepath_served *sum)
{
	return fd == -ENOENT ? 0 : cp_percpu_add(fd, service, sum, CP_WORDS(*sum));
}
