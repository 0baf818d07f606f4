// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading the load balancer: when there is first work for it, not by `up`. Who only filters pays
 * neither its memory nor the time of its verification.
 *
 * Its maps and its program are two steps: sockets are balanced by the same maps without any XDP.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "compat.h"
#include "internal.h"
#include "refusal.h"
#include "xdp_lb.skel.h"
#include "upgrade.h"

const void *cp_elf_lb(size_t *size)
{
	return xdp_lb__elf_bytes(size);
}

/* The settings are pinned last and unpinned first: they say that all is there. */
static const char *const map_names[] = {
	CP_MAP_LB_CONFIG,   CP_MAP_LB_HOSTS,  CP_MAP_LB_VIPS,	 CP_MAP_LB_SERVICES,
	CP_MAP_LB_BACKENDS, CP_MAP_LB_MAGLEV, CP_MAP_LB_SOURCES, CP_MAP_LB_SERVED,
	"lb_conns",	    "lb_replies",     "lb_affinity",	 "lb_rates",
	"lb_frags",	    "lb_guards",
};
#define N_MAPS (sizeof(map_names) / sizeof(map_names[0]))

int cp_lb_unpin(const struct cp_dir *dir)
{
	int err = cp_pin_remove(dir, CP_PROG_LB);
	size_t i;

	for (i = 0; i < N_MAPS && !err; i++)
		err = cp_pin_remove(dir, map_names[i]);
	return err;
}

static int make_maps(const struct cp_dir *dir, struct xdp_lb *skel)
{
	int err = bpf_program__set_autoload(skel->progs.xdp_lb, false);
	size_t i;

	if (!err) /* the prefilter's, which there may be none of */
		err = bpf_map__set_autocreate(skel->maps.drop_counters, false);
	if (!err)
		err = xdp_lb__load(skel);
	if (!err)
		err = cp_lb_defaults(bpf_map__fd(skel->maps.lb_config));
	for (i = N_MAPS; i-- && !err;)
		err = cp_pin_put(dir, map_names[i],
				 bpf_object__find_map_fd_by_name(skel->obj, map_names[i]));
	return err;
}

int cp_lb_make_maps(const struct cp_dir *dir)
{
	struct xdp_lb *skel;
	int err;

	if (cp_pin_there(dir, CP_MAP_LB_CONFIG))
		return 0;
	err = cp_lb_unpin(dir); /* what a killed command left */
	if (err)
		return err;
	cp_log_start();
	skel = xdp_lb__open();
	err = skel ? make_maps(dir, skel) : -errno;
	if (err) {
		cp_lb_unpin(dir);
		err = cp_fail_load(err, "load the balancer");
	}
	xdp_lb__destroy(skel);
	return err;
}

static int load_program(const struct cp_dir *dir)
{
	int err = cp_stage_needs_jit("the balancer");
	struct xdp_lb *skel;

	if (err)
		return err;
	cp_log_start();
	skel = xdp_lb__open();
	err = skel ? cp_maps_share(dir, skel->obj) : -errno;
	if (!err)
		err = xdp_lb__load(skel);
	if (!err) /* what the maps' own maker, an older version, did not have */
		err = cp_maps_pin(dir, skel->obj);
	if (!err)
		err = cp_pin_put(dir, CP_PROG_LB, bpf_program__fd(skel->progs.xdp_lb));
	xdp_lb__destroy(skel);
	return err ? cp_fail_load(err, "load the balancer") : 0;
}

int cp_lb_set_stage(const struct cp_dir *dir, bool on)
{
	int err;

	if (!cp_pin_there(dir, CP_MAP_STAGES))
		return 0; /* no XDP; corepath_up() does it when there is */
	if (on && !cp_pin_there(dir, CP_PROG_LB)) {
		err = load_program(dir);
		if (err)
			return err;
	}
	return cp_stage_set(dir, COREPATH_STAGE_LB, on);
}

int cp_lb_resume(const struct cp_dir *dir)
{
	struct corepath_service_key key;
	int err, services;

	if (!cp_pin_there(dir, CP_MAP_LB_CONFIG))
		return 0;
	services = cp_map_get(dir, CP_MAP_LB_SERVICES);
	if (services < 0)
		return services;
	err = bpf_map_get_next_key(services, NULL, &key);
	close(services);
	return cp_lb_set_stage(dir, !err);
}
