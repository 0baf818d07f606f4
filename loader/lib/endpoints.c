// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints: add, delete, list.
 *
 * What an endpoint is, is in the maps before the first packet is looked at, and stays until after
 * the last: programs are attached last and detached first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "internal.h"
#include "tc_endpoint.skel.h"

#define KIND "ep"

static const struct corepath_addr no_addr;

/* ---- the object ---- */

/* NULL after an error text. */
static struct tc_endpoint *open_object(void)
{
	struct tc_endpoint *skel = tc_endpoint__open();

	if (!skel)
		cp_fail(errno, "open the built-in endpoint programs: %s; this build is broken",
			strerror(errno));
	return skel;
}

int cp_ep_unpin(const struct cp_dir *dir)
{
	struct tc_endpoint *skel = open_object();
	int err = skel ? cp_object_unpin(dir, skel->obj, CP_PROG_EP_TO) : -errno;

	tc_endpoint__destroy(skel);
	return err;
}

static int load(const struct cp_dir *dir)
{
	struct tc_endpoint *skel;
	int err;

	if (cp_pin_there(dir, CP_PROG_EP_TO))
		return 0;
	cp_log_start();
	skel = open_object();
	err = skel ? cp_object_load(dir, skel->obj, CP_PROG_EP_TO, NULL) : -errno;
	tc_endpoint__destroy(skel);
	return err;
}

/* ---- the maps ---- */

struct ep_maps {
	struct cp_dir dir;
	int endpoints, addrs;
};

static void close_maps(struct ep_maps *m)
{
	if (m->endpoints >= 0)
		close(m->endpoints);
	if (m->addrs >= 0)
		close(m->addrs);
	cp_dir_close(&m->dir);
}

/* Without `make` there may be no maps: no endpoint was ever added. */
static int open_maps(struct ep_maps *m, const char *pin_dir, enum cp_access access, bool make)
{
	int err;

	m->endpoints = m->addrs = -1;
	err = cp_dir_open(&m->dir, pin_dir, access);
	if (err)
		return err;
	if (make)
		err = load(&m->dir);
	if (!err && cp_pin_there(&m->dir, CP_PROG_EP_TO)) {
		m->endpoints = err = cp_map_get(&m->dir, CP_MAP_ENDPOINTS);
		if (err >= 0)
			m->addrs = err = cp_map_get(&m->dir, CP_MAP_EP_ADDRS);
	}
	if (err >= 0)
		return 0;
	close_maps(m);
	return err;
}

static int fail_map(const struct ep_maps *m, const char *map, int err)
{
	if (err == -E2BIG || err == -ENOSPC)
		return cp_fail(ENOSPC, "map %s/%s: full; delete endpoints first", m->dir.path, map);
	return cp_fail(-err, "map %s/%s: %s; run as root", m->dir.path, map, strerror(-err));
}

/* The programs of all endpoints; both of one have its device's index. */
static struct cp_tc *find_tc(struct cp_tc *list, size_t n, const char *dev)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].dev, dev))
			return &list[i];
	return NULL;
}

static void forget(const struct ep_maps *m, __u32 ifindex)
{
	struct corepath_endpoint e;
	__u32 owner;
	int f;

	if (bpf_map_lookup_elem(m->endpoints, &ifindex, &e))
		return;
	for (f = 0; f < 2; f++)
		if (!bpf_map_lookup_elem(m->addrs, &e.addr[f], &owner) && owner == ifindex)
			bpf_map_delete_elem(m->addrs, &e.addr[f]);
	bpf_map_delete_elem(m->endpoints, &ifindex);
}

/* ---- add ---- */

static int check_spec(const struct ep_maps *m, const struct corepath_endpoint_spec *spec)
{
	char text[COREPATH_SERVICE_STRLEN];
	__u32 owner;
	int f;

	if (!memcmp(&spec->addr[0], &no_addr, sizeof(no_addr)) &&
	    !memcmp(&spec->addr[1], &no_addr, sizeof(no_addr)))
		return cp_fail(EINVAL,
			       "%s: an endpoint has an address at least; write: corepath "
			       "endpoint add %s 10.0.0.2",
			       spec->dev, spec->dev);
	for (f = 0; f < 2; f++)
		if (!bpf_map_lookup_elem(m->addrs, &spec->addr[f], &owner))
			return cp_fail(EEXIST,
				       "%s: the endpoint at device index %u has this address; "
				       "'corepath endpoint list' shows them",
				       corepath_endpoint_format(&spec->addr[f], 0, text), owner);
	return 0;
}

static int write_maps(const struct ep_maps *m, const struct corepath_endpoint_spec *spec,
		      __u32 ifindex, const struct cp_device *dev)
{
	struct corepath_endpoint e = {
		.addr = {spec->addr[0], spec->addr[1]},
		.identity = spec->identity,
	};
	int f, err;

	if ((!strcmp(dev->kind, "veth") || !strcmp(dev->kind, "netkit")) && dev->other_netns)
		e.flags |= COREPATH_ENDPOINT_PEER;
	memcpy(e.mac, spec->mac, sizeof(e.mac));
	memcpy(e.host_mac, dev->mac, sizeof(e.host_mac));
	err = bpf_map_update_elem(m->endpoints, &ifindex, &e, BPF_ANY);
	if (err)
		return fail_map(m, CP_MAP_ENDPOINTS, err);
	for (f = 0; f < 2; f++) {
		if (!memcmp(&e.addr[f], &no_addr, sizeof(no_addr)))
			continue;
		err = bpf_map_update_elem(m->addrs, &e.addr[f], &ifindex, BPF_ANY);
		if (err)
			return fail_map(m, CP_MAP_EP_ADDRS, err);
	}
	return 0;
}

static int attach(const struct ep_maps *m, const char *dev, __u32 ifindex,
		  enum corepath_tc_mode mode, struct cp_tc *to)
{
	struct cp_tc from = {.kind = KIND, .ifindex = ifindex};
	int prog, err;

	*to = (struct cp_tc){.kind = KIND, .ifindex = ifindex, .egress = true};
	strcpy(from.dev, dev);
	strcpy(to->dev, dev);
	prog = cp_map_get(&m->dir, CP_PROG_EP_TO);
	if (prog < 0)
		return prog;
	err = cp_tc_attach(&m->dir, to, prog, mode);
	close(prog);
	if (err)
		return err;
	prog = cp_map_get(&m->dir, CP_PROG_EP_FROM);
	err = prog < 0 ? prog : cp_tc_attach(&m->dir, &from, prog, mode);
	if (prog >= 0)
		close(prog);
	if (err)
		cp_tc_detach(&m->dir, to);
	return err;
}

static int add(struct ep_maps *m, const struct corepath_endpoint_spec *spec,
	       enum corepath_tc_mode mode, struct corepath_endpoint_info *out)
{
	__u32 ifindex = if_nametoindex(spec->dev);
	struct cp_tc *list, *old, to = {};
	struct cp_device dev;
	size_t n;
	int err;

	if (!ifindex)
		return cp_fail(ENODEV,
			       "%s: no such device in this network namespace; 'ip link' lists them",
			       spec->dev);
	err = cp_tc_read(&m->dir, KIND, &list, &n);
	if (err)
		return err;
	old = find_tc(list, n, spec->dev);
	if (old && old->state == COREPATH_ATTACHED)
		err = cp_fail(EEXIST,
			      "%s: an endpoint is on it already; 'corepath endpoint del %s' it "
			      "first",
			      spec->dev, spec->dev);
	free(list);
	if (err)
		return err;
	forget(m, ifindex); /* of a device that is gone and whose index this one got */
	err = check_spec(m, spec);
	if (err)
		return err;
	err = cp_device_read(ifindex, &dev);
	if (err)
		return cp_fail(-err, "%s: reading what it is: %s; run as root", spec->dev,
			       strerror(-err));
	err = write_maps(m, spec, ifindex, &dev);
	if (!err)
		err = attach(m, spec->dev, ifindex, mode, &to);
	if (err)
		forget(m, ifindex);
	else if (out)
		*out = (struct corepath_endpoint_info){
			.spec = *spec, .ifindex = ifindex, .state = to.state, .mode = to.mode};
	return err;
}

int corepath_endpoint_add(const char *pin_dir, const struct corepath_endpoint_spec *spec,
			  enum corepath_tc_mode mode, struct corepath_endpoint_info *out)
{
	struct ep_maps m;
	int err;

	err = open_maps(&m, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = add(&m, spec, mode, out);
	close_maps(&m);
	return err;
}

/* ---- delete ---- */

static int del(struct ep_maps *m, const char *dev)
{
	struct cp_tc *list, *found;
	__u32 ifindex = 0;
	size_t i, n;
	int err;

	err = cp_tc_read(&m->dir, KIND, &list, &n);
	if (err)
		return err;
	found = find_tc(list, n, dev);
	if (!found)
		err = cp_fail(ENOENT,
			      "%s: no endpoint is on it; 'corepath endpoint list' shows them", dev);
	else
		ifindex = found->ifindex;
	for (i = 0; i < n && !err; i++)
		if (list[i].ifindex == ifindex && !strcmp(list[i].dev, dev))
			err = cp_tc_detach(&m->dir, &list[i]);
	free(list);
	if (!err)
		forget(m, ifindex);
	return err;
}

int corepath_endpoint_del(const char *pin_dir, const char *dev)
{
	struct ep_maps m;
	int err;

	err = open_maps(&m, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	err = del(&m, dev);
	close_maps(&m);
	return err;
}

/* ---- list ---- */

static int by_ifindex(const void *a, const void *b)
{
	const struct corepath_endpoint_info *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static void fill(const struct ep_maps *m, const struct cp_tc *tc,
		 struct corepath_endpoint_info *out)
{
	struct corepath_endpoint e = {};

	*out = (struct corepath_endpoint_info){
		.ifindex = tc->ifindex, .state = tc->state, .mode = tc->mode};
	strcpy(out->spec.dev, tc->dev);
	if (bpf_map_lookup_elem(m->endpoints, &tc->ifindex, &e))
		return;
	memcpy(out->spec.addr, e.addr, sizeof(e.addr));
	memcpy(out->spec.mac, e.mac, sizeof(e.mac));
	out->spec.identity = e.identity;
	out->peer = e.flags & COREPATH_ENDPOINT_PEER;
}

static int list_all(const struct ep_maps *m, struct corepath_endpoint_info **out, size_t *n)
{
	struct cp_tc *list;
	size_t i, n_tc;
	int err;

	*n = 0;
	err = cp_tc_read(&m->dir, KIND, &list, &n_tc);
	if (err)
		return err;
	*out = calloc(n_tc + 1, sizeof(**out));
	/* one of the two programs of each; the other is attached first and detached with it */
	for (i = 0; i < n_tc && *out; i++)
		if (list[i].egress && m->endpoints >= 0)
			fill(m, &list[i], &(*out)[(*n)++]);
	free(list);
	if (!*out)
		return cp_fail(ENOMEM, "list of endpoints: out of memory; free some");
	qsort(*out, *n, sizeof(**out), by_ifindex);
	return 0;
}

int corepath_endpoint_list(const char *pin_dir, struct corepath_endpoint_info **list, size_t *n)
{
	struct ep_maps m;
	int err;

	err = open_maps(&m, pin_dir, CP_READ, false);
	if (err)
		return err;
	err = list_all(&m, list, n);
	close_maps(&m);
	return err;
}
