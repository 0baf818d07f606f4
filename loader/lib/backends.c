// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends of a service: add, delete, change. A backend is written before the table that names it
 * and deleted after, so that no packet sees half of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "internal.h"

static int write_backend(struct cp_lb *lb, __u32 i)
{
	int err = bpf_map_update_elem(lb->backends, &i, &lb->backend[i], BPF_ANY);

	return err ? cp_lb_fail(lb, CP_MAP_LB_BACKENDS, err) : 0;
}

/* The number may go to another backend; flows that remember this one must not follow. */
int cp_lb_free_backend(struct cp_lb *lb, __u32 i)
{
	lb->backend[i] = (struct corepath_backend){.generation = lb->backend[i].generation + 1};
	return write_backend(lb, i);
}

static __u32 find_backend(const struct cp_lb *lb, const struct cp_service *s,
			  const struct corepath_addr *addr, __u16 port)
{
	__u32 i;

	for (i = 1; i < lb->max_backends; i++) {
		const struct corepath_backend *b = &lb->backend[i];

		if (b->state && b->service == s->value.id && b->port == htons(port) &&
		    !memcmp(&b->addr, addr, sizeof(*addr)))
			return i;
	}
	return 0;
}

static int check_backend(const struct cp_lb *lb, const struct cp_service *s,
			 const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec)
{
	char text[COREPATH_SERVICE_STRLEN];

	corepath_endpoint_format(&spec->addr, spec->port, text);
	if (find_backend(lb, s, &spec->addr, spec->port))
		return cp_fail(EEXIST,
			       "backend %s: the service has it already; 'corepath backend "
			       "set-state' changes its state",
			       text);
	if (s->value.mode != COREPATH_LB_NAT && spec->port)
		return cp_fail(EINVAL,
			       "backend %s: a tunnel leaves the port as it is; leave it "
			       "out, or make the service with mode=nat",
			       text);
	if (s->value.mode == COREPATH_LB_NAT && cp_is4(&spec->addr) != cp_is4(&id->addr))
		return cp_fail(EINVAL,
			       "backend %s: mode=nat keeps the address family; use one of "
			       "the service's, or mode=tunnel",
			       text);
	return 0;
}

static int add_backend(struct cp_lb *lb, const struct corepath_service_id *id,
		       const struct corepath_backend_spec *spec)
{
	struct cp_service *s = cp_lb_find(lb, id);
	__u32 i = 1;
	int err;

	if (!s)
		return -ENOENT;
	err = check_backend(lb, s, id, spec);
	if (err)
		return err;
	while (i < lb->max_backends && lb->backend[i].state)
		i++;
	if (i == lb->max_backends)
		return cp_fail(ENOSPC, "there are %u backends, which is all there is room for",
			       i - 1);
	lb->backend[i] = (struct corepath_backend){
		.addr = spec->addr,
		.port = htons(spec->port),
		.state = spec->state,
		.generation = lb->backend[i].generation + 1,
		.service = s->value.id,
		.weight = spec->weight,
	};
	memcpy(lb->backend[i].mac, spec->mac, sizeof(spec->mac));
	err = write_backend(lb, i);
	return err ? err : cp_lb_rebuild(lb, s->value.id);
}

int corepath_backend_add(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	err = add_backend(&lb, id, spec);
	cp_lb_close(&lb);
	return err;
}

/* Finds a backend of a service: its number, or 0 after an error text. */
static __u32 must_find(struct cp_lb *lb, const struct corepath_service_id *id,
		       const struct corepath_addr *addr, __u16 port)
{
	struct cp_service *s = cp_lb_find(lb, id);
	__u32 i = s ? find_backend(lb, s, addr, port) : 0;
	char text[COREPATH_SERVICE_STRLEN];

	if (s && !i)
		cp_fail(ENOENT,
			"backend %s: the service has no such backend; 'corepath service list' "
			"shows them",
			corepath_endpoint_format(addr, port, text));
	return i;
}

/* Puts what was changed of lb->backend[i] in force. A state of FREE deletes. */
static int store_backend(struct cp_lb *lb, __u32 i)
{
	__u32 service = lb->backend[i].service, generation = lb->backend[i].generation;
	enum corepath_backend_state state = lb->backend[i].state;
	int err;

	if (state == COREPATH_BACKEND_FREE) {
		/* out of the table first, so that no new flow gets a backend that is going */
		err = cp_lb_rebuild(lb, service);
		if (!err)
			err = cp_lb_free_backend(lb, i);
	} else {
		err = write_backend(lb, i);
		if (!err)
			err = cp_lb_rebuild(lb, service);
	}
	if (!err && (state == COREPATH_BACKEND_FREE || state == COREPATH_BACKEND_DOWN))
		cp_sockets_close(&lb->dir, i, generation);
	return err;
}

/* Changes the backend of the spec's address and port: its state, and with `all` the rest, too. */
static int change(const char *pin_dir, const struct corepath_service_id *id,
		  const struct corepath_backend_spec *spec, bool all)
{
	struct cp_lb lb;
	__u32 i;
	int err;

	cp_note("%s", "");
	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	i = must_find(&lb, id, &spec->addr, spec->port);
	if (i) {
		lb.backend[i].state = spec->state;
		if (all) {
			lb.backend[i].weight = spec->weight;
			memcpy(lb.backend[i].mac, spec->mac, sizeof(spec->mac));
		}
	}
	err = i ? store_backend(&lb, i) : -ENOENT;
	cp_lb_close(&lb);
	return err;
}

int corepath_backend_set_state(const char *pin_dir, const struct corepath_service_id *id,
			       const struct corepath_addr *addr, __u16 port,
			       enum corepath_backend_state state)
{
	struct corepath_backend_spec spec = {.addr = *addr, .port = port, .state = state};

	return change(pin_dir, id, &spec, false);
}

int corepath_backend_set(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec)
{
	return change(pin_dir, id, spec, true);
}

int corepath_backend_del(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_addr *addr, __u16 port)
{
	return corepath_backend_set_state(pin_dir, id, addr, port, COREPATH_BACKEND_FREE);
}
