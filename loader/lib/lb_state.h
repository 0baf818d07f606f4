/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The load balancer's state, as the maps have it: read once, changed any number of times, settled,
 * closed. What a change writes at once and what waits for cp_lb_settle() is chosen so that a
 * command which is killed between any two writes leaves every service as it was or as it is to be.
 */
#ifndef COREPATH_LB_STATE_H
#define COREPATH_LB_STATE_H

#include "internal.h"

/* By its id in cp_lb.vip; an id of 0 is a free place. */
struct cp_vip {
	struct corepath_vip_key key;
	__u32 id;
	__u32 services;
	bool unwritten; /* is in no map yet */
	bool in_trie; /* is in lb_vips, or will be: a prefix, or an address that is in no bucket */
};

/* An address of either family, not a prefix around some. */
static inline bool cp_vip_is_whole(const struct corepath_vip_key *key)
{
	return key->prefixlen == 128;
}

/* By its id in cp_lb.service; an id of 0 is a free place. */
struct cp_service {
	struct corepath_service_key key;
	struct corepath_service value;
	__u32 backends; /* the first of them, 0: none; cp_lb.next has the others */
	__u32 sources;	/* the first of them, 1 more than its place in cp_lb.source */
	bool unwritten; /* is not in the map yet */
	bool stale;	/* is among cp_lb.pending */
};

struct cp_source {
	struct corepath_source_key key;
	__u32 next; /* as cp_service.sources */
};

/* Tables that are put in place together. Each is a file descriptor until then, of which a process
 * has 1024 by default, and a thread. */
#define CP_LB_PENDING 128

/* A backend that nobody is sent to any more once the tables are in place. */
struct cp_leaving {
	__u32 backend, generation;
	bool free; /* and its number is given back */
};

struct cp_lb {
	struct cp_dir dir;
	int config, hosts, vips, services, backends, maglev, sources;
	int served; /* -ENOENT: what runs is of a version that did not count */

	struct corepath_host_bucket *host; /* of lb_hosts, as memory */
	struct cp_vip *vip;
	struct cp_service *service;
	struct corepath_backend *backend; /* by number; of no service: FREE */
	__u32 *next;			  /* of the same service, by number */
	__u32 max_hosts, max_vips, max_services, max_backends;
	__u32 n_services, n_nat, n_in_trie;
	/* no place below is free */
	__u32 vip_hint, service_hint, backend_hint;
	void *vip_tree, *service_tree; /* tsearch(3), by key */

	/* read when first asked for: most services have none */
	bool sources_read;
	struct cp_source *source;
	size_t n_sources, room_sources;

	__u32 pending[CP_LB_PENDING]; /* services whose table is to be made anew, or to go */
	size_t n_pending;
	struct cp_leaving leaving[CP_LB_PENDING];
	size_t n_leaving;
};

/* ---- lb_state.c ---- */

/* Opens the maps and reads them; the caller closes on 0. A balancer that is not loaded is, if
 * `load`, and else it has no service and no map. */
int cp_lb_open(struct cp_lb *lb, const char *pin_dir, enum cp_access access, bool load);
void cp_lb_close(struct cp_lb *lb);

/* The service, or NULL after an error text (-ENOENT). */
struct cp_service *cp_lb_find(struct cp_lb *lb, const struct corepath_service_id *id);

/* As cp_lb_find without an error text; cp_lb_find_vip finds its address alone. */
struct cp_service *cp_lb_lookup(struct cp_lb *lb, const struct corepath_service_id *id);
struct cp_vip *cp_lb_find_vip(struct cp_lb *lb, const struct corepath_service_id *id);

/* Takes a free place and fills it, in memory alone. NULL: there is none, or no memory. */
struct cp_vip *cp_lb_enter_vip(struct cp_lb *lb, const struct corepath_vip_key *key);
struct cp_service *cp_lb_enter_service(struct cp_lb *lb, const struct corepath_service_key *key,
				       const struct corepath_service *value);
void cp_lb_forget_vip(struct cp_lb *lb, struct cp_vip *vip);

/* False: the address finds no place of its own any more, and will be among the prefixes, which the
 * settings say there are before it is written. */
bool cp_lb_seat_vip(struct cp_lb *lb, struct cp_vip *vip);

/* Puts the address or prefix into its map; packets are looked for services of it from then on. Or
 * takes it out of all. A negative errno without an error text. */
int cp_lb_write_vip(struct cp_lb *lb, struct cp_vip *vip);
void cp_lb_erase_vip(struct cp_lb *lb, const struct cp_vip *vip);

/* The number of the address, or of the longest prefix around it, that has services in the maps; 0:
 * none has. As vip_of() of bpf-src/lib/lb.h. */
__u32 cp_lb_vip_of(struct cp_lb *lb, const struct corepath_addr *addr);
void cp_lb_forget_service(struct cp_lb *lb, struct cp_service *s);

/* A free number for a backend, 0 if there is none. */
__u32 cp_lb_free_number(struct cp_lb *lb);

/* Puts the backend among those of its service, or takes it from there. */
void cp_lb_link_backend(struct cp_lb *lb, __u32 i);
void cp_lb_unlink_backend(struct cp_lb *lb, __u32 i);

/* Sets the error text for a map that could not be written, and returns err, which is negative. */
int cp_lb_fail(const struct cp_lb *lb, const char *map, int err);

/* ---- lb_tables.c ---- */

/* The service's table no longer is what its backends make it. */
int cp_lb_set_stale(struct cp_lb *lb, __u32 service);

/* New flows do not go to the backend once the tables are in place. */
int cp_lb_set_leaving(struct cp_lb *lb, const struct cp_leaving *leaving);

/* Makes the tables that are to be made and puts them in place, then the services that wait for
 * them, then lets go of the backends that leave. */
int cp_lb_settle(struct cp_lb *lb);

/* Settles, or after an err undoes what is not settled yet, closes, and returns err or what settling
 * returned. */
int cp_lb_finish(struct cp_lb *lb, int err);

/* ---- lb_sources.c: who may use a service ---- */

int cp_sources_read(struct cp_lb *lb);
int cp_sources_add(struct cp_lb *lb, struct cp_service *s,
		   const struct corepath_service_spec *spec);

/* Deletes all of them but those of `keep`, which may be NULL. */
int cp_sources_trim(struct cp_lb *lb, struct cp_service *s,
		    const struct corepath_service_spec *keep);

/* Fills spec->sources, which the caller frees. */
int cp_sources_list(struct cp_lb *lb, const struct cp_service *s,
		    struct corepath_service_spec *spec);

/* ---- served.c. Each returns a negative errno without an error text. ---- */

/* The counters' map; -ENOENT if there is none, with which the others do nothing. */
int cp_served_open(const struct cp_dir *dir);
int cp_served_clear(int fd, __u32 service);

/* Adds what the service served, on all CPUs. */
int cp_served_add(int fd, __u32 service, struct corepath_served *sum);

/* ---- services.c and backends.c: as the library's calls of these names, within one opening ---- */

int cp_service_add(struct cp_lb *lb, const struct corepath_service_spec *spec);
int cp_service_set(struct cp_lb *lb, const struct corepath_service_spec *spec);
int cp_service_del(struct cp_lb *lb, const struct corepath_service_id *id);
int cp_backend_add(struct cp_lb *lb, const struct corepath_service_id *id,
		   const struct corepath_backend_spec *spec);
int cp_backend_set(struct cp_lb *lb, const struct corepath_service_id *id,
		   const struct corepath_backend_spec *spec);
int cp_backend_del(struct cp_lb *lb, const struct corepath_service_id *id,
		   const struct corepath_backend_spec *spec);

/* Takes away the services that wait to be written. */
void cp_services_undo(struct cp_lb *lb);

/* Gives the backend's number back, at once. */
int cp_lb_free_backend(struct cp_lb *lb, __u32 i);

#endif
