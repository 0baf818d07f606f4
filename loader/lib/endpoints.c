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
#include <time.h>
#include <unistd.h>
#include "internal.h"

#define KIND CP_TC_ENDPOINT

/* ---- the maps ---- */

void cp_eps_close(struct cp_eps *m)
{
	int fds[] = {m->endpoints, m->addrs, m->conns, m->identities, m->rules};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	cp_dir_close(&m->dir);
}

int cp_eps_open(struct cp_eps *m, const char *pin_dir, enum cp_access access, bool load)
{
	struct {
		int *fd;
		const char *name;
	} maps[] = {
		{&m->endpoints, CP_MAP_ENDPOINTS}, {&m->addrs, CP_MAP_EP_ADDRS},
		{&m->conns, CP_MAP_EP_CONNS},	   {&m->identities, CP_MAP_IDENTITIES},
		{&m->rules, CP_MAP_RULES},
	};
	size_t i;
	int err;

	m->endpoints = m->addrs = m->conns = m->identities = m->rules = -1;
	err = cp_dir_open(&m->dir, pin_dir, access);
	if (err)
		return err;
	if (load)
		err = cp_ep_load(&m->dir, 0);
	if (!err && cp_pin_there(&m->dir, CP_PROG_EP_TO))
		for (i = 0; i < sizeof(maps) / sizeof(maps[0]) && err >= 0; i++)
			*maps[i].fd = err = cp_map_get(&m->dir, maps[i].name);
	if (err >= 0)
		return 0;
	cp_eps_close(m);
	return err;
}

int cp_eps_fail(const struct cp_eps *m, const char *map, int err)
{
	if (err == -E2BIG || err == -ENOSPC)
		return cp_fail(ENOSPC, "map %s/%s: full; delete some first", m->dir.path, map);
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

__u32 cp_eps_find(const struct cp_eps *m, const char *dev)
{
	struct cp_tc *list, *found;
	__u32 ifindex = 0;
	size_t n;

	if (cp_tc_read(&m->dir, KIND, &list, &n))
		return 0;
	found = find_tc(list, n, dev);
	if (found)
		ifindex = found->ifindex;
	else
		cp_fail(ENOENT, "%s: no endpoint is on it; 'corepath endpoint list' shows them",
			dev);
	free(list);
	return ifindex;
}

/* All rules, of which there may be thousands: read once for all endpoints. */
struct rules {
	struct corepath_policy_key *keys;
	__u32 n;
};

static int read_rules(const struct cp_eps *m, struct rules *r)
{
	void *keys, *values;
	__u32 max;
	int err = cp_map_read(m->rules, &keys, &values, &r->n, &max);

	if (err)
		return cp_eps_fail(m, CP_MAP_RULES, err);
	free(values);
	r->keys = keys;
	return 0;
}

static bool has_rules(const struct rules *r, __u32 ifindex, enum corepath_direction direction)
{
	__u32 i;

	for (i = 0; i < r->n; i++)
		if (r->keys[i].scope == ifindex && r->keys[i].direction == direction)
			return true;
	return false;
}

/* Connections outlive endpoints, and must not be taken for judged. */
__u32 cp_next_generation(__u32 old)
{
	struct timespec now;
	__u32 ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = now.tv_sec * 1000u + now.tv_nsec / 1000000;
	return (ms > old ? ms : old + 1) ?: 1;
}

static int judge_anew(const struct cp_eps *m, const struct rules *r, __u32 ifindex)
{
	struct corepath_endpoint e;
	int d, err;

	err = bpf_map_lookup_elem(m->endpoints, &ifindex, &e);
	if (err)
		return cp_eps_fail(m, CP_MAP_ENDPOINTS, err);
	e.generation = cp_next_generation(e.generation);
	for (d = COREPATH_IN; d <= COREPATH_OUT; d++) {
		e.flags &= ~(COREPATH_ENDPOINT_POLICY << d);
		if (has_rules(r, ifindex, d))
			e.flags |= COREPATH_ENDPOINT_POLICY << d;
	}
	err = bpf_map_update_elem(m->endpoints, &ifindex, &e, BPF_EXIST);
	return err ? cp_eps_fail(m, CP_MAP_ENDPOINTS, err) : 0;
}

int cp_eps_judge_anew(const struct cp_eps *m, __u32 ifindex)
{
	struct rules rules;
	__u32 *keys;
	size_t i, n;
	int err = read_rules(m, &rules);

	if (err)
		return err;
	if (ifindex) {
		err = judge_anew(m, &rules, ifindex);
		free(rules.keys);
		return err;
	}
	err = cp_map_keys(m->endpoints, &keys, &n);
	if (!err) {
		for (i = 0; i < n && !err; i++)
			err = judge_anew(m, &rules, keys[i]);
		free(keys);
	}
	free(rules.keys);
	return err;
}

static void forget(const struct cp_eps *m, __u32 ifindex)
{
	struct corepath_identity_key key;
	struct corepath_endpoint e;
	__u32 owner;
	int f;

	if (bpf_map_lookup_elem(m->endpoints, &ifindex, &e))
		return;
	for (f = 0; f < 2; f++) {
		if (bpf_map_lookup_elem(m->addrs, &e.addr[f], &owner) || owner != ifindex)
			continue;
		bpf_map_delete_elem(m->addrs, &e.addr[f]);
		key = cp_own_identity(&e.addr[f]);
		bpf_map_delete_elem(m->identities, &key);
	}
	bpf_map_delete_elem(m->endpoints, &ifindex);
	bpf_map_delete_elem(m->conns, &ifindex);
	cp_policy_forget(m, ifindex);
	cp_eps_judge_anew(m, 0); /* its addresses are the world's again */
}

/* ---- add ---- */

static int check_spec(const struct cp_eps *m, const struct corepath_endpoint_spec *spec)
{
	char text[COREPATH_SERVICE_STRLEN];
	__u32 owner;
	int f;

	if (!strcmp(spec->dev, COREPATH_POLICY_HOST))
		return cp_fail(EINVAL,
			       "'%s' is the host itself in policies; give the device another name",
			       spec->dev);
	if (!cp_is_set(&spec->addr[0]) && !cp_is_set(&spec->addr[1]))
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

int cp_ep_write_address(const struct cp_eps *m, const struct corepath_addr *a, __u32 ifindex,
			__u32 identity)
{
	struct corepath_identity_key key = cp_own_identity(a);
	int err;

	if (!cp_is_set(a))
		return 0;
	err = bpf_map_update_elem(m->addrs, a, &ifindex, BPF_ANY);
	if (err)
		return cp_eps_fail(m, CP_MAP_EP_ADDRS, err);
	err = cp_trie_put(m->identities, &key, &identity);
	return err ? cp_eps_fail(m, CP_MAP_IDENTITIES, err) : 0;
}

static int write_maps(const struct cp_eps *m, const struct corepath_endpoint_spec *spec,
		      __u32 ifindex, const struct cp_device *dev)
{
	struct corepath_endpoint_conns none = {};
	struct corepath_endpoint e = {
		.addr = {spec->addr[0], spec->addr[1]},
		.identity = spec->identity,
		.generation = cp_next_generation(0),
		.limit = {spec->limit[0], spec->limit[1]},
		.flags = spec->audit ? COREPATH_ENDPOINT_AUDIT : 0,
	};
	int f, err;

	if ((!strcmp(dev->kind, "veth") || !strcmp(dev->kind, "netkit")) && dev->other_netns)
		e.flags |= COREPATH_ENDPOINT_PEER;
	memcpy(e.mac, spec->mac, sizeof(e.mac));
	memcpy(e.host_mac, dev->mac, sizeof(e.host_mac));
	err = bpf_map_update_elem(m->conns, &ifindex, &none, BPF_ANY);
	if (err)
		return cp_eps_fail(m, CP_MAP_EP_CONNS, err);
	err = bpf_map_update_elem(m->endpoints, &ifindex, &e, BPF_ANY);
	if (err)
		return cp_eps_fail(m, CP_MAP_ENDPOINTS, err);
	for (f = 0; f < 2 && !err; f++)
		err = cp_ep_write_address(m, &e.addr[f], ifindex, spec->identity);
	return err ? err : cp_eps_judge_anew(m, 0);
}

int cp_ep_attach(const struct cp_eps *m, const char *dev, __u32 ifindex, enum corepath_tc_mode mode,
		 struct cp_tc *to)
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

static int add(struct cp_eps *m, const struct corepath_endpoint_spec *spec,
	       enum corepath_tc_mode mode, const struct corepath_policy_spec *rules, size_t n_rules,
	       struct corepath_endpoint_info *out)
{
	__u32 ifindex = if_nametoindex(spec->dev);
	struct cp_tc *list, *old, to = {};
	struct cp_device dev;
	size_t i, n;
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
	for (i = 0; i < n_rules && !err; i++)
		err = cp_policy_put(m, ifindex, &rules[i]);
	if (!err)
		err = write_maps(m, spec, ifindex, &dev);
	if (!err)
		err = cp_ep_attach(m, spec->dev, ifindex, mode, &to);
	if (err) {
		forget(m, ifindex);
		cp_policy_forget(m, ifindex); /* if it was not in a map yet */
	} else if (out)
		*out = (struct corepath_endpoint_info){
			.spec = *spec, .ifindex = ifindex, .state = to.state, .mode = to.mode};
	return err;
}

int cp_endpoint_add(const char *pin_dir, const struct corepath_endpoint_spec *spec,
		    enum corepath_tc_mode mode, const struct corepath_policy_spec *rules,
		    size_t n_rules, struct corepath_endpoint_info *out)
{
	struct cp_eps m;
	int err;

	err = cp_eps_open(&m, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = add(&m, spec, mode, rules, n_rules, out);
	cp_eps_close(&m);
	return err;
}

int corepath_endpoint_add(const char *pin_dir, const struct corepath_endpoint_spec *spec,
			  enum corepath_tc_mode mode, struct corepath_endpoint_info *out)
{
	return cp_endpoint_add(pin_dir, spec, mode, NULL, 0, out);
}

/* ---- delete ---- */

static int del(struct cp_eps *m, const char *dev)
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
	struct cp_eps m;
	int err;

	err = cp_eps_open(&m, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	err = del(&m, dev);
	cp_eps_close(&m);
	return err;
}

/* ---- list ---- */

static int by_ifindex(const void *a, const void *b)
{
	const struct corepath_endpoint_info *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static void fill(const struct cp_eps *m, const struct cp_tc *tc, struct corepath_endpoint_info *out)
{
	struct corepath_endpoint_conns conns;
	struct corepath_endpoint e = {};

	*out = (struct corepath_endpoint_info){
		.ifindex = tc->ifindex, .state = tc->state, .mode = tc->mode};
	strcpy(out->spec.dev, tc->dev);
	if (bpf_map_lookup_elem(m->endpoints, &tc->ifindex, &e))
		return;
	memcpy(out->spec.addr, e.addr, sizeof(e.addr));
	memcpy(out->spec.mac, e.mac, sizeof(e.mac));
	out->spec.identity = e.identity;
	memcpy(out->spec.limit, e.limit, sizeof(e.limit));
	out->spec.audit = e.flags & COREPATH_ENDPOINT_AUDIT;
	if (!bpf_map_lookup_elem(m->conns, &tc->ifindex, &conns))
		memcpy(out->open, conns.open, sizeof(conns.open));
	out->peer = e.flags & COREPATH_ENDPOINT_PEER;
}

static int list_all(const struct cp_eps *m, struct corepath_endpoint_info **out, size_t *n)
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
	struct cp_eps m;
	int err;

	err = cp_eps_open(&m, pin_dir, CP_READ, false);
	if (err)
		return err;
	err = list_all(&m, list, n);
	cp_eps_close(&m);
	return err;
}
