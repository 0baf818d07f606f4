/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which backend a packet goes to: the one its flow has, else the one its client has, else the one
 * the Maglev table names.
 *
 * Remembering is an optimisation that a flood must not turn against us: each CPU takes a limited
 * number of new entries a second (lb_config), and flows beyond it follow the Maglev table alone,
 * which gives every packet of a flow the same backend for as long as the backends stay. So a SYN
 * flood neither evicts the flows that are there nor costs map updates.
 */
#ifndef COREPATH_CONN_H
#define COREPATH_CONN_H

#include "maglev.h"
#include "ratelimit.h"

struct pick {
	__u32 id; /* of the backend, 0 if there is none */
	__u32 hash;
	bool known; /* the flow had it already */
	bool moved; /* it had another, which takes it no more */
};

/* The backend an entry means, if it still is that one and takes packets. */
static __always_inline struct corepath_backend *conn_backend(const struct corepath_conn *c,
							     bool opens)
{
	struct corepath_backend *b;
	__u32 id = c->backend;

	b = bpf_map_lookup_elem(&lb_backends, &id);
	if (!b || b->generation != c->generation)
		return NULL;
	/* a connection that opens on a draining backend is a new one on old ports */
	if (b->state == COREPATH_BACKEND_ACTIVE ||
	    (b->state == COREPATH_BACKEND_DRAINING && !opens))
		return b;
	return NULL;
}

static __always_inline bool conn_may_add(const struct corepath_lb_config *cfg)
{
	return cfg->conn_interval_ns &&
	       guard_take(&lb_guards, LB_GUARD_CONNS, cfg->conn_interval_ns);
}

/* The client's backend if it was seen within the service's time, and that time begins anew. */
static __always_inline __u32 affinity_get(const struct corepath_client *client,
					  const struct corepath_service *svc, __u64 now)
{
	struct corepath_conn *c = bpf_map_lookup_elem(&lb_affinity, client);

	if (!c || now - c->used_ns > svc->affinity_ns || !conn_backend(c, true))
		return 0;
	c->used_ns = now;
	return c->backend;
}

static __always_inline __u32 pick_by_client(const struct corepath_addr *src,
					    const struct corepath_service *svc)
{
	struct corepath_client client = {.addr = *src, .service = svc->id};

	return affinity_get(&client, svc, bpf_ktime_get_ns())
		       ?: maglev_lookup(svc->id, client_hash(src));
}

/* `opens` says that the packet opens a connection (a TCP SYN). Remembers nothing. */
static __always_inline void conn_find(const struct corepath_flow *f,
				      const struct corepath_service *svc, bool opens,
				      struct pick *out)
{
	struct corepath_conn *c = bpf_map_lookup_elem(&lb_conns, f);

	out->known = c && conn_backend(c, opens);
	out->moved = c && !out->known;
	if (out->known) {
		out->id = c->backend;
		out->hash = c->hash;
		return;
	}
	out->hash = flow_hash(f);
	if (!svc->affinity_ns)
		out->id = maglev_lookup(svc->id, out->hash);
	else
		out->id = pick_by_client(&f->src, svc);
}

static __always_inline void conn_remember(const struct corepath_flow *f,
					  const struct corepath_service *svc,
					  const struct pick *pick, const struct corepath_backend *b)
{
	struct corepath_client client = {.addr = f->src, .service = svc->id};
	struct corepath_conn c = {
		.backend = pick->id, .generation = b->generation, .hash = pick->hash};

	bpf_map_update_elem(&lb_conns, f, &c, BPF_ANY);
	if (svc->affinity_ns) {
		c.used_ns = bpf_ktime_get_ns();
		bpf_map_update_elem(&lb_affinity, &client, &c, BPF_ANY);
	}
}

#endif
