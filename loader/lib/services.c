// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services: add, delete, list. A service is written after all it needs and deleted before it, which
 * keeps a packet from seeing half of one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "lb_state.h"

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
	struct cp_pace pace = cp_pace_of(spec->rate, spec->rate_s);

	return (struct corepath_service){
		.id = id,
		.mode = spec->mode,
		.flags = service_flags(spec),
		.affinity_ns = spec->affinity_s * CP_NSEC_PER_SEC,
		.rate_interval_ns = pace.interval_ns,
		.rate_window_ns = pace.window_ns,
	};
}

static void drop_vip_if_unused(struct cp_lb *lb, __u32 id)
{
	struct cp_vip *vip = &lb->vip[id];

	if (vip->services)
		return;
	if (!vip->unwritten)
		cp_lb_erase_vip(lb, vip);
	cp_lb_forget_vip(lb, vip);
}

/* What a service that is not in the map, or no longer, has: its clients, its backends, its address.
 * The service is gone when it returns, whatever it returns. */
static int drop_rest(struct cp_lb *lb, struct cp_service *s)
{
	int err = cp_sources_trim(lb, s, NULL);

	while (s->backends && !err) {
		__u32 i = s->backends;

		s->backends = lb->next[i];
		err = cp_lb_free_backend(lb, i);
	}
	cp_lb_forget_service(lb, s);
	drop_vip_if_unused(lb, s->key.vip);
	return err;
}

void cp_services_undo(struct cp_lb *lb)
{
	size_t i;

	for (i = 0; i < lb->n_pending; i++) {
		struct cp_service *s = &lb->service[lb->pending[i]];

		if (s->value.id && s->unwritten)
			drop_rest(lb, s);
	}
}

/* The address of a service, which it may share with others. */
static struct cp_vip *enter_vip(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct corepath_vip_key key = {.prefixlen = id->len, .addr = id->addr};
	struct cp_vip *vip = cp_lb_find_vip(lb, id);

	if (vip)
		return vip;
	vip = cp_lb_enter_vip(lb, &key);
	if (vip)
		vip->unwritten = true;
	else
		cp_lb_fail(lb, CP_MAP_LB_VIPS, -ENOSPC);
	return vip;
}

/* The place of a new service, in memory alone. */
static struct cp_service *enter(struct cp_lb *lb, const struct corepath_service_spec *spec)
{
	struct corepath_service_key key = {.port = htons(spec->id.port), .proto = spec->id.proto};
	struct corepath_service value = service_value(0, spec);
	struct cp_vip *vip = enter_vip(lb, &spec->id);
	char text[COREPATH_SERVICE_STRLEN];
	struct cp_service *s;

	if (!vip)
		return NULL;
	key.vip = vip->id;
	s = cp_lb_enter_service(lb, &key, &value);
	if (!s) {
		drop_vip_if_unused(lb, key.vip);
		cp_fail(ENOSPC, "%s: there are %u services, which is all there is room for",
			corepath_service_format(&spec->id, text), lb->n_services);
	}
	return s;
}

int cp_service_add(struct cp_lb *lb, const struct corepath_service_spec *spec)
{
	char text[COREPATH_SERVICE_STRLEN];
	struct cp_service *s;
	int err;

	if (cp_lb_lookup(lb, &spec->id))
		return cp_fail(EEXIST,
			       "%s: the service is there already; 'corepath service del' it first",
			       corepath_service_format(&spec->id, text));
	s = enter(lb, spec);
	if (!s)
		return -ENOSPC;
	s->unwritten = true;
	err = cp_lb_set_stale(lb, s->value.id);
	if (!err) {
		err = cp_served_clear(lb->served, s->value.id);
		if (err)
			cp_lb_fail(lb, CP_MAP_LB_SERVED, err);
	}
	if (!err)
		err = cp_sources_trim(lb, s, NULL); /* what a killed command left */
	return err ? err : cp_sources_add(lb, s, spec);
}

int corepath_service_add(const char *pin_dir, const struct corepath_service_spec *spec)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, true);
	return err ? err : cp_lb_finish(&lb, cp_service_add(&lb, spec));
}

/* Sources that are new come first and those that go last, so that a client of both the old service
 * and the new one is never refused. */
int cp_service_set(struct cp_lb *lb, const struct corepath_service_spec *spec)
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
	err = cp_sources_add(lb, s, spec);
	if (err)
		return err;
	s->value = service_value(s->value.id, spec);
	if (!s->unwritten)
		err = bpf_map_update_elem(lb->services, &s->key, &s->value, BPF_EXIST);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_SERVICES, err);
	return cp_sources_trim(lb, s, spec);
}

int corepath_service_set(const char *pin_dir, const struct corepath_service_spec *spec)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	return err ? err : cp_lb_finish(&lb, cp_service_set(&lb, spec));
}

int cp_service_del(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct cp_service *s = cp_lb_find(lb, id);
	__u32 service;
	int err = 0;

	if (!s)
		return -ENOENT;
	if (!s->unwritten)
		err = bpf_map_delete_elem(lb->services, &s->key);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_SERVICES, err);
	service = s->value.id;
	err = drop_rest(lb, s);
	return err ? err : cp_lb_set_stale(lb, service);
}

int corepath_service_del(const char *pin_dir, const struct corepath_service_id *id)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	return err ? err : cp_lb_finish(&lb, cp_service_del(&lb, id));
}

/* ---- list ---- */

/* As svc_is_ours() of bpf-src/lib/service.h has it. */
int cp_services_count(const struct cp_dir *dir, struct corepath_status *st)
{
	struct corepath_service *values;
	int fd, served, err;
	void *keys, *read;
	__u32 i, n, max;

	if (!cp_pin_there(dir, CP_MAP_LB_CONFIG))
		return 0;
	fd = cp_pin_get(dir, CP_MAP_LB_SERVICES);
	if (fd < 0)
		return fd;
	err = cp_map_read(fd, &keys, &read, &n, &max);
	close(fd);
	if (err)
		return err;
	st->n_services = n;
	served = cp_served_open(dir);
	if (served < 0 && served != -ENOENT)
		err = served;
	for (i = 0, values = read; i < n && !err; i++) {
		st->n_endpoint_services += values[i].mode == COREPATH_LB_NAT ||
					   (values[i].flags & COREPATH_SERVICE_SOCKETS);
		err = cp_served_add(served, values[i].id, &st->served);
	}
	if (served >= 0)
		close(served);
	free(keys);
	free(read);
	return err;
}

static int list_backends(const struct cp_lb *lb, const struct cp_service *s,
			 struct corepath_service_info *out)
{
	__u32 i;

	for (i = s->backends; i; i = lb->next[i])
		out->n_backends++;
	out->backends = calloc(out->n_backends + 1, sizeof(*out->backends));
	if (!out->backends)
		return -ENOMEM;
	for (out->n_backends = 0, i = s->backends; i; i = lb->next[i]) {
		const struct corepath_backend *b = &lb->backend[i];
		struct corepath_backend_spec *to = &out->backends[out->n_backends++];

		*to = (struct corepath_backend_spec){.addr = b->addr,
						     .port = ntohs(b->port),
						     .weight = b->weight,
						     .state = b->state};
		memcpy(to->mac, b->mac, sizeof(to->mac));
	}
	return 0;
}

static int list_one(struct cp_lb *lb, const struct cp_service *s, bool served,
		    struct corepath_service_info *out)
{
	struct corepath_service_spec *spec = &out->spec;
	const struct cp_vip *vip = &lb->vip[s->key.vip];
	struct cp_pace pace = {s->value.rate_interval_ns, s->value.rate_window_ns};

	spec->id.addr = vip->key.addr;
	spec->id.len = vip->key.prefixlen;
	spec->id.port = ntohs(s->key.port);
	spec->id.proto = s->key.proto;
	spec->mode = s->value.mode;
	spec->sockets = s->value.flags & COREPATH_SERVICE_SOCKETS ? COREPATH_SOCKETS_YES
								  : COREPATH_SOCKETS_NO;
	spec->affinity_s = s->value.affinity_ns / CP_NSEC_PER_SEC;
	spec->rate = cp_pace_rate(pace);
	spec->rate_s = cp_pace_seconds(pace);
	if (s->value.flags & COREPATH_SERVICE_SOURCES && cp_sources_list(lb, s, spec))
		return -ENOMEM;
	if (served && cp_served_add(lb->served, s->value.id, &out->served))
		return -EIO;
	return list_backends(lb, s, out);
}

static int list_all(struct cp_lb *lb, bool served, struct corepath_service_info **list, size_t *n)
{
	int err = lb->n_services ? cp_sources_read(lb) : 0;
	__u32 id;

	*n = 0;
	if (err)
		return err;
	*list = calloc(lb->n_services + 1, sizeof(**list));
	err = *list ? 0 : -ENOMEM;
	for (id = 1; id < lb->max_services && !err; id++)
		if (lb->service[id].value.id)
			err = list_one(lb, &lb->service[id], served, &(*list)[(*n)++]);
	if (!err)
		return 0;
	corepath_service_free(*list, *n);
	if (err == -EIO)
		return cp_fail(EIO, "map %s/%s: read; run as root", lb->dir.path, CP_MAP_LB_SERVED);
	return cp_fail(ENOMEM, "list of services: out of memory; free some");
}

static int read_list(const char *pin_dir, bool served, struct corepath_service_info **list,
		     size_t *n)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_READ, false);
	if (err)
		return err;
	err = list_all(&lb, served, list, n);
	cp_lb_close(&lb);
	return err;
}

int corepath_service_list(const char *pin_dir, struct corepath_service_info **list, size_t *n)
{
	return read_list(pin_dir, true, list, n);
}

int cp_services_read(const char *pin_dir, struct corepath_service_info **list, size_t *n)
{
	return read_list(pin_dir, false, list, n);
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
