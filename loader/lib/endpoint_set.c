// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing endpoints that are there. What is new is written before what was is deleted, so that no
 * address that both have is ever nobody's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "internal.h"

/* What one was, and its device. */
struct old {
	__u32 ifindex;
	struct corepath_endpoint ep;
};

static bool is_among(const struct old *old, size_t n, __u32 ifindex)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (old[i].ifindex == ifindex)
			return true;
	return false;
}

static int find_all(const struct cp_eps *m, const struct cp_endpoint_change *list, struct old *old,
		    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		old[i].ifindex = cp_eps_find(m, list[i].spec.dev);
		if (!old[i].ifindex)
			return -ENOENT;
		if (bpf_map_lookup_elem(m->endpoints, &old[i].ifindex, &old[i].ep))
			return cp_eps_fail(m, CP_MAP_ENDPOINTS, -errno);
	}
	return 0;
}

/* Before anything is written: no address is of an endpoint that keeps its own. */
static int check_addresses(const struct cp_eps *m, const struct cp_endpoint_change *list,
			   const struct old *old, size_t n)
{
	char text[COREPATH_SERVICE_STRLEN];
	__u32 owner;
	size_t i;
	int f;

	for (i = 0; i < n; i++)
		for (f = 0; f < 2; f++)
			if (cp_is_set(&list[i].spec.addr[f]) &&
			    !bpf_map_lookup_elem(m->addrs, &list[i].spec.addr[f], &owner) &&
			    !is_among(old, n, owner))
				return cp_fail(
					EEXIST,
					"%s: the endpoint at device index %u has this address; "
					"'corepath endpoint list' shows them",
					corepath_endpoint_format(&list[i].spec.addr[f], 0, text),
					owner);
	return 0;
}

static int write_one(const struct cp_eps *m, const struct corepath_endpoint_spec *spec,
		     const struct old *old)
{
	struct corepath_endpoint e = old->ep;
	int f, err;

	memcpy(e.addr, spec->addr, sizeof(e.addr));
	memcpy(e.mac, spec->mac, sizeof(e.mac));
	memcpy(e.limit, spec->limit, sizeof(e.limit));
	e.identity = spec->identity;
	e.flags &= ~COREPATH_ENDPOINT_AUDIT;
	if (spec->audit)
		e.flags |= COREPATH_ENDPOINT_AUDIT;
	err = bpf_map_update_elem(m->endpoints, &old->ifindex, &e, BPF_EXIST);
	if (err)
		return cp_eps_fail(m, CP_MAP_ENDPOINTS, err);
	for (f = 0; f < 2 && !err; f++)
		err = cp_ep_write_address(m, &e.addr[f], old->ifindex, e.identity);
	return err;
}

/* The addresses it had and that nobody has now. */
static void drop_addresses(const struct cp_eps *m, const struct corepath_endpoint_spec *spec,
			   const struct old *old)
{
	struct corepath_identity_key key;
	__u32 owner;
	int f;

	for (f = 0; f < 2; f++) {
		const struct corepath_addr *was = &old->ep.addr[f];

		if (!memcmp(was, &spec->addr[f], sizeof(*was)) ||
		    bpf_map_lookup_elem(m->addrs, was, &owner) || owner != old->ifindex)
			continue;
		bpf_map_delete_elem(m->addrs, was);
		key = cp_own_identity(was);
		bpf_map_delete_elem(m->identities, &key);
	}
}

/* Another way to be attached: it goes and comes, and lets everything pass in between. */
static int reattach(const struct cp_eps *m, const struct cp_endpoint_change *c, __u32 ifindex)
{
	struct cp_tc *list, to;
	bool went = false;
	size_t i, n;
	int err;

	if (c->mode == COREPATH_TC_AUTO)
		return 0;
	err = cp_tc_read(&m->dir, CP_TC_ENDPOINT, &list, &n);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		if (list[i].ifindex == ifindex && list[i].mode != c->mode) {
			err = cp_tc_detach(&m->dir, &list[i]);
			went = true;
		}
	free(list);
	return err || !went ? err : cp_ep_attach(m, c->spec.dev, ifindex, c->mode, &to);
}

static int set(const struct cp_eps *m, const struct cp_endpoint_change *list, const struct old *old,
	       size_t n)
{
	int err = check_addresses(m, list, old, n);
	size_t i;

	for (i = 0; i < n && !err; i++)
		err = write_one(m, &list[i].spec, &old[i]);
	for (i = 0; i < n && !err; i++) {
		drop_addresses(m, &list[i].spec, &old[i]);
		err = reattach(m, &list[i], old[i].ifindex);
	}
	return err;
}

int cp_endpoints_set(const struct cp_eps *m, const struct cp_endpoint_change *list, size_t n)
{
	struct old *old = calloc(n + 1, sizeof(*old));
	int err;

	if (!old)
		return cp_fail(ENOMEM, "endpoints: out of memory; free some");
	err = find_all(m, list, old, n);
	if (!err)
		err = set(m, list, old, n);
	free(old);
	return err;
}
