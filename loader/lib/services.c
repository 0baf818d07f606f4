// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services: add, delete, list. A service is written after all it needs and deleted before it, which
 * keeps a packet from seeing half of one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "internal.h"

#define NSEC_PER_SEC 1000000000ull

static __u32 free_service(const struct cp_lb *lb)
{
	__u32 id;
	size_t i;

	for (id = 1; id < lb->max_services; id++) {
		for (i = 0; i < lb->n_services && lb->service[i].value.id != id; i++)
			;
		if (i == lb->n_services)
			return id;
	}
	return 0;
}

static __u32 free_vip(const struct cp_lb *lb)
{
	__u32 id = 1;
	size_t i;

	for (i = 0; i < lb->n_vips; i++)
		if (lb->vip[i].id >= id)
			id = lb->vip[i].id + 1;
	return id;
}

static struct corepath_source_key source_key(__u32 service, const struct corepath_prefix *p)
{
	struct corepath_source_key key = {.service = service};

	if (p->family == AF_INET) {
		key.addr.w[2] = htonl(0xffff);
		memcpy(&key.addr.w[3], p->addr, 4);
		key.prefixlen = 32 + 96 + p->len;
	} else {
		memcpy(&key.addr, p->addr, 16);
		key.prefixlen = 32 + p->len;
	}
	return key;
}

/* All sources of a service, or only those up to n of `out`. Returns how many there are. */
static size_t read_sources(const struct cp_lb *lb, __u32 service, struct corepath_source_key *out,
			   size_t room)
{
	struct corepath_source_key key, *prev = NULL;
	size_t n = 0;

	for (; !bpf_map_get_next_key(lb->sources, prev, &key); prev = &key) {
		if (key.service != service)
			continue;
		if (n < room)
			out[n] = key;
		n++;
	}
	return n;
}

static void delete_sources(const struct cp_lb *lb, __u32 service)
{
	struct corepath_source_key key;

	/* a trie's next key after one that is gone is its first, so begin anew each time */
	while (read_sources(lb, service, &key, 1))
		if (bpf_map_delete_elem(lb->sources, &key))
			return;
}

static int add_sources(const struct cp_lb *lb, __u32 service,
		       const struct corepath_service_spec *spec)
{
	__u32 one = 1;
	size_t i;
	int err = 0;

	for (i = 0; i < spec->n_sources && !err; i++) {
		struct corepath_source_key key = source_key(service, &spec->sources[i]);

		err = bpf_map_update_elem(lb->sources, &key, &one, BPF_ANY);
	}
	return err ? cp_lb_fail(lb, CP_MAP_LB_SOURCES, err) : 0;
}

static void delete_vip_if_unused(struct cp_lb *lb, __u32 vip)
{
	size_t i;

	for (i = 0; i < lb->n_services; i++)
		if (lb->service[i].key.vip == vip)
			return;
	for (i = 0; i < lb->n_vips; i++)
		if (lb->vip[i].id == vip)
			bpf_map_delete_elem(lb->vips, &lb->vip[i].key);
}

static int write_vip(struct cp_lb *lb, const struct corepath_service_id *id, __u32 *out)
{
	struct corepath_vip_key key = {.prefixlen = id->len, .addr = id->addr};
	struct cp_vip *old = cp_lb_find_vip(lb, id);
	struct corepath_vip value;
	int err;

	value.id = old ? old->id : free_vip(lb);
	*out = value.id;
	if (old)
		return 0;
	err = bpf_map_update_elem(lb->vips, &key, &value, BPF_ANY);
	return err ? cp_lb_fail(lb, CP_MAP_LB_VIPS, err) : 0;
}

/* Deleting waits for an RCU grace period whether there is something or not, so look first. */
static void drop_table(const struct cp_lb *lb, __u32 service)
{
	__u32 id;

	if (!bpf_map_lookup_elem(lb->maglev, &service, &id))
		bpf_map_delete_elem(lb->maglev, &service);
}

bool cp_serves_sockets(const struct corepath_service_spec *spec)
{
	return spec->sockets == COREPATH_SOCKETS_YES ||
	       (spec->sockets == COREPATH_SOCKETS_DEFAULT && spec->mode == COREPATH_LB_NAT);
}

static __u8 service_flags(const struct corepath_service_spec *spec)
{
	return (spec->n_sources ? COREPATH_SERVICE_SOURCES : 0) |
	       (cp_serves_sockets(spec) ? COREPATH_SERVICE_SOCKETS : 0);
}

static struct corepath_service service_value(__u32 id, const struct corepath_service_spec *spec)
{
	struct corepath_service value = {
		.id = id,
		.mode = spec->mode,
		.flags = service_flags(spec),
		.affinity_ns = spec->affinity_s * NSEC_PER_SEC,
	};

	if (spec->rate) {
		value.rate_window_ns = spec->rate_s * NSEC_PER_SEC;
		value.rate_interval_ns = value.rate_window_ns / spec->rate;
	}
	return value;
}

static int add_service(struct cp_lb *lb, const struct corepath_service_spec *spec)
{
	struct cp_service s = {
		.key = {.port = htons(spec->id.port), .proto = spec->id.proto},
		.value = service_value(free_service(lb), spec),
	};
	char text[COREPATH_SERVICE_STRLEN];
	int err;

	if (cp_lb_lookup(lb, &spec->id))
		return cp_fail(EEXIST,
			       "%s: the service is there already; 'corepath service del' it first",
			       corepath_service_format(&spec->id, text));
	if (!s.value.id)
		return cp_fail(ENOSPC, "%s: there are %u services, which is all there is room for",
			       corepath_service_format(&spec->id, text), lb->max_services - 1);
	drop_table(lb, s.value.id); /* these two: what a killed command left */
	delete_sources(lb, s.value.id);
	err = add_sources(lb, s.value.id, spec);
	if (!err)
		err = write_vip(lb, &spec->id, &s.key.vip);
	if (err)
		return err;
	err = bpf_map_update_elem(lb->services, &s.key, &s.value, BPF_NOEXIST);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_SERVICES, err);
	lb->service[lb->n_services++] = s;
	return cp_lb_commit(lb);
}

int corepath_service_add(const char *pin_dir, const struct corepath_service_spec *spec)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = add_service(&lb, spec);
	cp_lb_close(&lb);
	return err;
}

static bool has_source(const struct corepath_service_spec *spec, __u32 service,
		       const struct corepath_source_key *key)
{
	size_t i;

	for (i = 0; i < spec->n_sources; i++) {
		struct corepath_source_key want = source_key(service, &spec->sources[i]);

		if (!memcmp(&want, key, sizeof(want)))
			return true;
	}
	return false;
}

/* Takes away the sources that the service no longer has. */
static int trim_sources(const struct cp_lb *lb, __u32 service,
			const struct corepath_service_spec *spec)
{
	size_t i, n = read_sources(lb, service, NULL, 0);
	struct corepath_source_key *keys = calloc(n + 1, sizeof(*keys));
	int err = 0;

	if (!keys)
		return cp_fail(ENOMEM, "sources of a service: out of memory; free some");
	n = read_sources(lb, service, keys, n);
	for (i = 0; i < n && !err; i++)
		if (!has_source(spec, service, &keys[i]))
			err = bpf_map_delete_elem(lb->sources, &keys[i]);
	free(keys);
	return err ? cp_lb_fail(lb, CP_MAP_LB_SOURCES, err) : 0;
}

/* Sources that are new come first and those that go last, so that a client of both the old service
 * and the new one is never refused. */
static int set_service(struct cp_lb *lb, const struct corepath_service_spec *spec)
{
	struct cp_service *s = cp_lb_find(lb, &spec->id);
	char text[COREPATH_SERVICE_STRLEN];
	int err;

	if (!s)
		return -ENOENT;
	if ((spec->mode == COREPATH_LB_NAT) != (s->value.mode == COREPATH_LB_NAT))
		return cp_fail(
			EINVAL,
			"%s: backends of mode=nat are other ones than a tunnel's; delete the "
			"service and add it anew",
			corepath_service_format(&spec->id, text));
	err = add_sources(lb, s->value.id, spec);
	if (err)
		return err;
	s->value = service_value(s->value.id, spec);
	err = bpf_map_update_elem(lb->services, &s->key, &s->value, BPF_EXIST);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_SERVICES, err);
	return trim_sources(lb, s->value.id, spec);
}

int corepath_service_set(const char *pin_dir, const struct corepath_service_spec *spec)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	err = set_service(&lb, spec);
	cp_lb_close(&lb);
	return err;
}

static int del_service(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct cp_service *s = cp_lb_find(lb, id), gone;
	__u32 i;
	int err;

	if (!s)
		return -ENOENT;
	err = bpf_map_delete_elem(lb->services, &s->key);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_SERVICES, err);
	gone = *s;
	*s = lb->service[--lb->n_services];
	delete_vip_if_unused(lb, gone.key.vip);
	drop_table(lb, gone.value.id);
	delete_sources(lb, gone.value.id);
	for (i = 1; i < lb->max_backends && !err; i++)
		if (lb->backend[i].state && lb->backend[i].service == gone.value.id)
			err = cp_lb_free_backend(lb, i);
	return err ? err : cp_lb_commit(lb);
}

int corepath_service_del(const char *pin_dir, const struct corepath_service_id *id)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	err = del_service(&lb, id);
	cp_lb_close(&lb);
	return err;
}

/* ---- list ---- */

static int list_sources(const struct cp_lb *lb, __u32 service, struct corepath_service_spec *spec)
{
	size_t i, n = read_sources(lb, service, NULL, 0);
	struct corepath_source_key *keys = calloc(n + 1, sizeof(*keys));

	spec->sources = calloc(n + 1, sizeof(*spec->sources));
	if (!keys || !spec->sources) {
		free(keys);
		return -ENOMEM;
	}
	spec->n_sources = read_sources(lb, service, keys, n);
	for (i = 0; i < spec->n_sources; i++) {
		struct corepath_prefix *p = &spec->sources[i];
		bool v4 = cp_is4(&keys[i].addr) && keys[i].prefixlen >= 128;

		p->family = v4 ? AF_INET : AF_INET6;
		p->len = keys[i].prefixlen - (v4 ? 128 : 32);
		memcpy(p->addr, v4 ? &keys[i].addr.w[3] : keys[i].addr.w, v4 ? 4 : 16);
	}
	free(keys);
	return 0;
}

static int list_one(struct cp_lb *lb, const struct cp_service *s, struct corepath_service_info *out)
{
	struct corepath_service_spec *spec = &out->spec;
	__u32 i;
	size_t v;

	for (v = 0; v < lb->n_vips && lb->vip[v].id != s->key.vip; v++)
		;
	if (v < lb->n_vips) {
		spec->id.addr = lb->vip[v].key.addr;
		spec->id.len = lb->vip[v].key.prefixlen;
	}
	spec->id.port = ntohs(s->key.port);
	spec->id.proto = s->key.proto;
	spec->mode = s->value.mode;
	spec->sockets = s->value.flags & COREPATH_SERVICE_SOCKETS ? COREPATH_SOCKETS_YES
								  : COREPATH_SOCKETS_NO;
	spec->affinity_s = s->value.affinity_ns / NSEC_PER_SEC;
	if (s->value.rate_interval_ns) {
		spec->rate_s = s->value.rate_window_ns / NSEC_PER_SEC;
		spec->rate = s->value.rate_window_ns / s->value.rate_interval_ns;
	}
	if (s->value.flags & COREPATH_SERVICE_SOURCES && list_sources(lb, s->value.id, spec))
		return -ENOMEM;
	out->backends = calloc(lb->max_backends, sizeof(*out->backends));
	if (!out->backends)
		return -ENOMEM;
	for (i = 1; i < lb->max_backends; i++) {
		const struct corepath_backend *b = &lb->backend[i];
		struct corepath_backend_spec *to = &out->backends[out->n_backends];

		if (!b->state || b->service != s->value.id)
			continue;
		*to = (struct corepath_backend_spec){.addr = b->addr,
						     .port = ntohs(b->port),
						     .weight = b->weight,
						     .state = b->state};
		memcpy(to->mac, b->mac, sizeof(to->mac));
		out->n_backends++;
	}
	return 0;
}

int corepath_service_list(const char *pin_dir, struct corepath_service_info **list, size_t *n)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_READ, false);
	if (err)
		return err;
	*list = calloc(lb.n_services + 1, sizeof(**list));
	err = *list ? 0 : -ENOMEM;
	for (*n = 0; *n < lb.n_services && !err; (*n)++)
		err = list_one(&lb, &lb.service[*n], &(*list)[*n]);
	if (err) {
		corepath_service_free(*list, *n);
		err = cp_fail(ENOMEM, "list of services: out of memory; free some");
	}
	cp_lb_close(&lb);
	return err;
}

void corepath_service_free(struct corepath_service_info *list, size_t n)
{
	size_t i;

	for (i = 0; list && i < n; i++) {
		free(list[i].spec.sources);
		free(list[i].backends);
	}
	free(list);
}
