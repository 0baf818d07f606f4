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
#include "lb_state.h"

static int write_backend(struct cp_lb *lb, __u32 i)
{
	int err = bpf_map_update_elem(lb->backends, &i, &lb->backend[i], BPF_ANY);

	return err ? cp_lb_fail(lb, CP_MAP_LB_BACKENDS, err) : 0;
}

/* The number may go to another backend; flows that remember this one must not follow. */
int cp_lb_free_backend(struct cp_lb *lb, __u32 i)
{
	lb->backend[i] = (struct corepath_backend){.generation = lb->backend[i].generation + 1};
	if (i < lb->backend_hint)
		lb->backend_hint = i;
	return write_backend(lb, i);
}

static __u32 find_backend(const struct cp_lb *lb, const struct cp_service *s,
			  const struct corepath_addr *addr, __u16 port)
{
	__u32 i;

	for (i = s->backends; i; i = lb->next[i]) {
		const struct corepath_backend *b = &lb->backend[i];

		if (b->port == htons(port) && !memcmp(&b->addr, addr, sizeof(*addr)))
			break;
	}
	return i;
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

int cp_backend_add(struct cp_lb *lb, const struct corepath_service_id *id,
		   const struct corepath_backend_spec *spec)
{
	struct cp_service *s = cp_lb_find(lb, id);
	__u32 i;
	int err;

	if (!s)
		return -ENOENT;
	err = check_backend(lb, s, id, spec);
	if (err)
		return err;
	i = cp_lb_free_number(lb);
	if (!i)
		return cp_fail(ENOSPC, "there are %u backends, which is all there is room for",
			       lb->max_backends - 1);
	lb->backend[i] = (struct corepath_backend){
		.addr = spec->addr,
		.port = htons(spec->port),
		.state = spec->state,
		.generation = lb->backend[i].generation + 1,
		.service = s->value.id,
		.weight = spec->weight,
	};
	memcpy(lb->backend[i].mac, spec->mac, sizeof(spec->mac));
	cp_lb_link_backend(lb, i);
	err = write_backend(lb, i);
	return err ? err : cp_lb_set_stale(lb, s->value.id);
}

int corepath_backend_add(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec)
{
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	return err ? err : cp_lb_finish(&lb, cp_backend_add(&lb, id, spec));
}

/* Finds a backend of a service: its number, or 0 after an error text. */
static __u32 must_find(struct cp_lb *lb, const struct corepath_service_id *id,
		       const struct corepath_backend_spec *spec)
{
	struct cp_service *s = cp_lb_find(lb, id);
	__u32 i = s ? find_backend(lb, s, &spec->addr, spec->port) : 0;
	char text[COREPATH_SERVICE_STRLEN];

	if (s && !i)
		cp_fail(ENOENT,
			"backend %s: the service has no such backend; 'corepath service list' "
			"shows them",
			corepath_endpoint_format(&spec->addr, spec->port, text));
	return i;
}

/* What was changed of lb->backend[i] is written; what follows of its state is done by settling. */
static int store_backend(struct cp_lb *lb, __u32 i)
{
	const struct corepath_backend *b = &lb->backend[i];
	struct cp_leaving leaving = {.backend = i, .generation = b->generation};
	int err = write_backend(lb, i);

	if (!err)
		err = cp_lb_set_stale(lb, b->service);
	if (!err && b->state == COREPATH_BACKEND_DOWN)
		err = cp_lb_set_leaving(lb, &leaving);
	return err;
}

static int set_state(struct cp_lb *lb, const struct corepath_service_id *id,
		     const struct corepath_backend_spec *spec)
{
	__u32 i = must_find(lb, id, spec);

	if (!i)
		return -ENOENT;
	lb->backend[i].state = spec->state;
	return store_backend(lb, i);
}

int cp_backend_set(struct cp_lb *lb, const struct corepath_service_id *id,
		   const struct corepath_backend_spec *spec)
{
	__u32 i = must_find(lb, id, spec);

	if (!i)
		return -ENOENT;
	lb->backend[i].state = spec->state;
	lb->backend[i].weight = spec->weight;
	memcpy(lb->backend[i].mac, spec->mac, sizeof(spec->mac));
	return store_backend(lb, i);
}

/* Out of the table first, so that no new flow gets a backend that is going: its entry stays until
 * then. */
int cp_backend_del(struct cp_lb *lb, const struct corepath_service_id *id,
		   const struct corepath_backend_spec *spec)
{
	__u32 i = must_find(lb, id, spec);
	struct cp_leaving leaving = {.backend = i, .free = true};
	int err;

	if (!i)
		return -ENOENT;
	leaving.generation = lb->backend[i].generation;
	cp_lb_unlink_backend(lb, i);
	err = cp_lb_set_stale(lb, lb->backend[i].service);
	return err ? err : cp_lb_set_leaving(lb, &leaving);
}

/* One of the three above, as a call of its own. */
static int change(const char *pin_dir, const struct corepath_service_id *id,
		  const struct corepath_backend_spec *spec,
		  int (*how)(struct cp_lb *lb, const struct corepath_service_id *id,
			     const struct corepath_backend_spec *spec))
{
	struct cp_lb lb;
	int err;

	cp_note("%s", "");
	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, false);
	return err ? err : cp_lb_finish(&lb, how(&lb, id, spec));
}

int corepath_backend_set_state(const char *pin_dir, const struct corepath_service_id *id,
			       const struct corepath_addr *addr, __u16 port,
			       enum corepath_backend_state state)
{
	struct corepath_backend_spec spec = {.addr = *addr, .port = port, .state = state};

	return change(pin_dir, id, &spec,
		      state == COREPATH_BACKEND_FREE ? cp_backend_del : set_state);
}

int corepath_backend_set(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec)
{
	return change(pin_dir, id, spec, cp_backend_set);
}

int corepath_backend_del(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_addr *addr, __u16 port)
{
	return corepath_backend_set_state(pin_dir, id, addr, port, COREPATH_BACKEND_FREE);
}
