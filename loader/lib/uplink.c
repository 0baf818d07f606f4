// SPDX-License-Identifier: GPL-2.0-only
/*
 * The uplink: its programs and its devices. They are loaded when there is first a setting, a
 * network or a device for them.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "internal.h"
#include "tc_uplink.skel.h"
#include "upgrade.h"

const void *cp_elf_uplink(size_t *size)
{
	return tc_uplink__elf_bytes(size);
}

#define KIND "uplink"

/* ---- the object ---- */

/* NULL after an error text. */
static struct tc_uplink *open_object(void)
{
	struct tc_uplink *skel = tc_uplink__open();

	if (!skel)
		cp_fail(errno, "open the built-in uplink programs: %s; this build is broken",
			strerror(errno));
	return skel;
}

int cp_uplink_unpin(const struct cp_dir *dir)
{
	struct tc_uplink *skel = open_object();
	int err = skel ? cp_object_unpin(dir, skel->obj, CP_PROG_UPLINK_OUT) : -errno;

	tc_uplink__destroy(skel);
	return err;
}

static int init(struct bpf_object *obj)
{
	struct corepath_nat_config cfg = {};
	struct corepath_uplink u;
	int fd = bpf_object__find_map_fd_by_name(obj, CP_MAP_NAT_CONFIG);
	__u32 zero = 0;
	int err;

	cp_uplink_default_settings(&u);
	cfg.port_min = u.port_min;
	cfg.port_max = u.port_max;
	memcpy(cfg.failsafe, u.failsafe, sizeof(cfg.failsafe));
	/* a policy of the host may be there before */
	if (cp_host_has_rules(bpf_object__find_map_fd_by_name(obj, CP_MAP_ENDPOINTS)))
		cfg.flags |= COREPATH_UPLINK_HOST;
	err = bpf_map_update_elem(fd, &zero, &cfg, BPF_ANY);
	return err ? err : cp_ct_init(obj);
}

static int load(const struct cp_dir *dir)
{
	struct tc_uplink *skel;
	int err;

	cp_log_start();
	skel = open_object();
	err = skel ? cp_object_load(dir, skel->obj, CP_PROG_UPLINK_OUT, init) : -errno;
	tc_uplink__destroy(skel);
	return err;
}

static int open_maps(struct cp_uplink *u)
{
	struct {
		int *fd;
		const char *name;
	} maps[] = {
		{&u->config, CP_MAP_NAT_CONFIG},
		{&u->sources, CP_MAP_NAT_SOURCES},
		{&u->excludes, CP_MAP_NAT_EXCLUDES},
		{&u->out, CP_MAP_NAT_OUT},
		{&u->in, CP_MAP_NAT_IN},
		{&u->direct, CP_MAP_NAT_DIRECT},
		{&u->counters, CP_MAP_UPLINK_COUNTERS},
		{&u->endpoints, CP_MAP_ENDPOINTS},
	};
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		*maps[i].fd = cp_map_get(&u->dir, maps[i].name);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	u->loaded = true;
	return 0;
}

int cp_uplink_open(struct cp_uplink *u, const char *pin_dir, enum cp_access access, bool make)
{
	bool there;
	int err;

	u->loaded = false;
	u->config = u->sources = u->excludes = u->out = u->in = u->direct = u->counters = -1;
	u->endpoints = -1;
	err = cp_dir_open(&u->dir, pin_dir, access);
	if (err)
		return err;
	there = cp_pin_there(&u->dir, CP_PROG_UPLINK_OUT);
	if (!there && make) {
		err = load(&u->dir);
		there = !err;
	}
	if (there)
		err = open_maps(u);
	if (err)
		cp_uplink_close(u);
	return err;
}

void cp_uplink_close(struct cp_uplink *u)
{
	int fds[] = {u->config, u->sources, u->excludes, u->out,
		     u->in,	u->direct,  u->counters, u->endpoints};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	cp_dir_close(&u->dir);
}

/* ---- devices ---- */

/* Loopback has an Ethernet header as well (drivers/net/loopback.c). */
static int check_ethernet(const char *dev)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct ifreq request = {};

	if (fd < 0)
		return cp_fail(errno, "%s: a socket to ask what it is: %s", dev, strerror(errno));
	strcpy(request.ifr_name, dev);
	err = ioctl(fd, SIOCGIFHWADDR, &request) ? errno : 0;
	close(fd);
	if (err)
		return cp_fail(err, "%s: its kind: %s", dev, strerror(err));
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
	    request.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return cp_fail(EINVAL,
			       "%s: its frames have no Ethernet header, which the datapath reads; "
			       "name an Ethernet device",
			       dev);
	return 0;
}

static int attach_one(const struct cp_dir *dir, const char *dev, unsigned int ifindex, bool egress,
		      enum corepath_tc_mode mode, struct cp_tc *t)
{
	int prog, err;

	*t = (struct cp_tc){.kind = KIND, .ifindex = ifindex, .egress = egress};
	strcpy(t->dev, dev); /* if_nametoindex() refused a name that would not fit */
	prog = cp_map_get(dir, egress ? CP_PROG_UPLINK_OUT : CP_PROG_UPLINK_IN);
	if (prog < 0)
		return prog;
	err = cp_tc_attach(dir, t, prog, mode);
	close(prog);
	return err;
}

static void describe(const struct cp_tc *t, struct corepath_uplink_device *out)
{
	*out = (struct corepath_uplink_device){
		.ifindex = t->ifindex, .state = t->state, .mode = t->mode};
	strcpy(out->dev, t->dev);
}

/* Answers first: what leaves under another address must find its way back. */
static int attach(struct cp_uplink *u, const char *dev, enum corepath_tc_mode mode,
		  struct corepath_uplink_device *out)
{
	unsigned int ifindex = if_nametoindex(dev);
	struct cp_tc in, egress;
	int err;

	if (!ifindex)
		return cp_fail(ENODEV,
			       "%s: no such device in this network namespace; 'ip link' lists them",
			       dev);
	err = check_ethernet(dev);
	if (!err)
		err = attach_one(&u->dir, dev, ifindex, false, mode, &in);
	if (err)
		return err;
	err = attach_one(&u->dir, dev, ifindex, true, mode, &egress);
	if (err)
		cp_tc_detach(&u->dir, &in);
	else if (out)
		describe(&egress, out);
	return err;
}

int corepath_uplink_attach(const char *pin_dir, const char *dev, enum corepath_tc_mode mode,
			   struct corepath_uplink_device *out)
{
	struct cp_uplink u;
	int err;

	err = cp_uplink_open(&u, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = attach(&u, dev, mode, out);
	cp_uplink_close(&u);
	return err;
}

int corepath_uplink_detach(const char *pin_dir, const char *dev)
{
	struct cp_tc *list;
	struct cp_dir dir;
	bool found = false;
	size_t i, n;
	int err;

	err = cp_dir_open(&dir, pin_dir, CP_CHANGE);
	if (err)
		return err;
	err = cp_tc_read(&dir, KIND, &list, &n);
	if (!err) {
		for (i = 0; i < n && !err; i++) {
			if (strcmp(list[i].dev, dev))
				continue;
			found = true;
			err = cp_tc_detach(&dir, &list[i]);
		}
		free(list);
		if (!found)
			err = cp_fail(ENOENT,
				      "%s: no uplink; 'corepath uplink show' says which are", dev);
	}
	cp_dir_close(&dir);
	return err;
}

int corepath_uplink_devices(const char *pin_dir, struct corepath_uplink_device **list, size_t *n)
{
	struct cp_dir dir;
	struct cp_tc *tc;
	size_t i, n_tc;
	int err;

	*n = 0;
	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	err = cp_tc_read(&dir, KIND, &tc, &n_tc);
	cp_dir_close(&dir);
	if (err)
		return err;
	*list = calloc(n_tc + 1, sizeof(**list));
	/* one of the two programs of each */
	for (i = 0; i < n_tc && *list; i++)
		if (tc[i].egress)
			describe(&tc[i], &(*list)[(*n)++]);
	free(tc);
	return *list ? 0 : cp_fail(ENOMEM, "list of uplinks: out of memory; free some");
}
