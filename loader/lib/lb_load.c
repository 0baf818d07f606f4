// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading the load balancer: when there is first work for it, not by `up`. Who only filters pays
 * neither its memory nor the time of its verification.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "compat.h"
#include "internal.h"
#include "xdp_lb.skel.h"

static const char *const map_names[] = {
	CP_MAP_LB_CONFIG, CP_MAP_LB_VIPS,    CP_MAP_LB_SERVICES, CP_MAP_LB_BACKENDS,
	CP_MAP_LB_MAGLEV, CP_MAP_LB_SOURCES, "lb_conns",	 "lb_replies",
	"lb_affinity",	  "lb_rates",	     "lb_frags",	 "lb_guards",
};
#define N_MAPS (sizeof(map_names) / sizeof(map_names[0]))

static int unpin(const struct cp_dir *dir, const char *name)
{
	if (unlinkat(dir->fd, name, 0) && errno != ENOENT)
		return cp_fail(errno, "unpin %s/%s: %s; run as root", dir->path, name,
			       strerror(errno));
	return 0;
}

int cp_lb_unpin(const struct cp_dir *dir)
{
	int err = unpin(dir, CP_PROG_LB);
	size_t i;

	for (i = 0; i < N_MAPS && !err; i++)
		err = unpin(dir, map_names[i]);
	return err;
}

static int pin_all(const struct cp_dir *dir, struct xdp_lb *skel)
{
	int err = 0;
	size_t i;

	for (i = 0; i < N_MAPS && !err; i++)
		err = cp_pin_put(dir, map_names[i],
				 bpf_object__find_map_fd_by_name(skel->obj, map_names[i]));
	/* last: it says that all is there */
	return err ? err : cp_pin_put(dir, CP_PROG_LB, bpf_program__fd(skel->progs.xdp_lb));
}

static int load(const struct cp_dir *dir, struct xdp_lb *skel, int counters)
{
	/* both programs count in the same map */
	int err = bpf_map__reuse_fd(skel->maps.drop_counters, counters);

	if (!err)
		err = xdp_lb__load(skel);
	if (!err)
		err = cp_lb_defaults(bpf_map__fd(skel->maps.lb_config));
	if (!err)
		err = pin_all(dir, skel);
	return err;
}

int cp_lb_load(const struct cp_dir *dir)
{
	struct xdp_lb *skel;
	int err, counters;

	counters = cp_map_get(dir, CP_MAP_COUNTERS);
	if (counters < 0)
		return counters;
	err = cp_lb_unpin(dir); /* what a killed command left */
	if (err)
		goto out;
	cp_log_start();
	skel = xdp_lb__open();
	err = skel ? load(dir, skel, counters) : -errno;
	if (err) {
		cp_lb_unpin(dir);
		err = cp_fail(-err,
			      "load the balancer: %s; run as root; --verbose shows what the kernel "
			      "says",
			      strerror(-err));
	}
	xdp_lb__destroy(skel);
out:
	close(counters);
	return err;
}
