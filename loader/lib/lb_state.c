// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the load balancer's maps, and finding things in what was read. The lock of the pin
 * directory keeps two commands apart.
 *
 * A command that was killed half-way leaves entries that nothing refers to: addresses without
 * services and backends of services that are not there. Both are taken for free here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "lb_state.h"

int cp_lb_fail(const struct cp_lb *lb, const char *map, int err)
{
	if (err == -E2BIG || err == -ENOSPC)
		return cp_fail(ENOSPC, "map %s/%s: full; delete services first", lb->dir.path, map);
	return cp_fail(-err, "map %s/%s: write: %s; run as root", lb->dir.path, map,
		       strerror(-err));
}

/* ---- by key ---- */

static int compare_vips(const void *va, const void *vb)
{
	const struct cp_vip *a = va, *b = vb;

	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int compare_services(const void *va, const void *vb)
{
	const struct cp_service *a = va, *b = vb;

	return memcmp(&a->key, &b->key, sizeof(a->key));
}

struct cp_vip *cp_lb_find_vip(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct cp_vip want = {.key = {.prefixlen = id->len, .addr = id->addr}}, **found;

	found = tfind(&want, &lb->vip_tree, compare_vips);
	return found ? *found : NULL;
}

struct cp_service *cp_lb_lookup(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct cp_vip *vip = cp_lb_find_vip(lb, id);
	struct cp_service want = {.key = {.port = htons(id->port), .proto = id->proto}}, **found;

	if (!vip)
		return NULL;
	want.key.vip = vip->id;
	found = tfind(&want, &lb->service_tree, compare_services);
	return found ? *found : NULL;
}

struct cp_service *cp_lb_find(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct cp_service *s = cp_lb_lookup(lb, id);
	char text[COREPATH_SERVICE_STRLEN];

	if (!s)
		cp_fail(ENOENT, "%s: no such service; 'corepath service list' shows them",
			corepath_service_format(id, text));
	return s;
}

/* ---- places ---- */

static struct cp_vip *enter_vip(struct cp_lb *lb, const struct corepath_vip_key *key, __u32 id,
				bool in_trie)
{
	struct cp_vip *vip = &lb->vip[id];

	*vip = (struct cp_vip){.key = *key, .id = id, .in_trie = in_trie};
	if (tsearch(vip, &lb->vip_tree, compare_vips)) {
		lb->n_in_trie += in_trie;
		return vip;
	}
	vip->id = 0;
	return NULL;
}

struct cp_vip *cp_lb_enter_vip(struct cp_lb *lb, const struct corepath_vip_key *key)
{
	while (lb->vip_hint < lb->max_vips && lb->vip[lb->vip_hint].id)
		lb->vip_hint++;
	return lb->vip_hint < lb->max_vips ? enter_vip(lb, key, lb->vip_hint, !cp_vip_is_whole(key))
					   : NULL;
}

void cp_lb_forget_vip(struct cp_lb *lb, struct cp_vip *vip)
{
	tdelete(vip, &lb->vip_tree, compare_vips);
	if (vip->id < lb->vip_hint)
		lb->vip_hint = vip->id;
	lb->n_in_trie -= vip->in_trie;
	vip->id = 0;
	vip->services = 0;
}

static struct corepath_host_bucket *bucket_of(struct cp_lb *lb, const struct corepath_addr *a)
{
	__u64 first = (__u64)a->w[1] << 32 | a->w[0], last = (__u64)a->w[3] << 32 | a->w[2];

	return &lb->host[corepath_host_hash(first, last)];
}

/* The place of the address, or one that is free; NULL if there is none. */
static struct corepath_host *host_of(struct cp_lb *lb, const struct corepath_addr *a, bool there)
{
	struct corepath_host_bucket *bucket = bucket_of(lb, a);
	int i;

	for (i = 0; i < COREPATH_HOST_WAYS; i++)
		if (there ? bucket->way[i].id && !memcmp(&bucket->way[i].addr, a, sizeof(*a))
			  : !bucket->way[i].id)
			return &bucket->way[i];
	return NULL;
}

bool cp_lb_seat_vip(struct cp_lb *lb, struct cp_vip *vip)
{
	if (vip->in_trie || host_of(lb, &vip->key.addr, false))
		return true;
	vip->in_trie = true;
	lb->n_in_trie++;
	return false;
}

/* The address is whole before it has a number: a packet sees all of it or nothing. One that was
 * among the prefixes is found in both maps on its way out of there. */
int cp_lb_write_vip(struct cp_lb *lb, struct cp_vip *vip)
{
	bool whole = cp_vip_is_whole(&vip->key);
	struct corepath_host *host = whole ? host_of(lb, &vip->key.addr, false) : NULL;
	struct corepath_vip value = {.id = vip->id};
	int err = 0;

	if (!host)
		return cp_trie_put(lb->vips, &vip->key, &value);
	host->addr = vip->key.addr;
	__atomic_store_n(&host->id, vip->id, __ATOMIC_RELEASE);
	if (!vip->in_trie)
		return 0;
	err = bpf_map_delete_elem(lb->vips, &vip->key);
	vip->in_trie = false;
	lb->n_in_trie--;
	return err == -ENOENT ? 0 : err;
}

void cp_lb_erase_vip(struct cp_lb *lb, const struct cp_vip *vip)
{
	struct corepath_host *host = host_of(lb, &vip->key.addr, true);

	if (vip->in_trie)
		bpf_map_delete_elem(lb->vips, &vip->key);
	if (host && cp_vip_is_whole(&vip->key))
		__atomic_store_n(&host->id, 0, __ATOMIC_RELEASE);
}

__u32 cp_lb_vip_of(struct cp_lb *lb, const struct corepath_addr *addr)
{
	struct corepath_vip_key key = {.prefixlen = 128, .addr = *addr};
	const struct corepath_host *host = host_of(lb, addr, true);
	struct corepath_vip vip;

	if (host)
		return host->id;
	return bpf_map_lookup_elem(lb->vips, &key, &vip) ? 0 : vip.id;
}

/* The service's id says where. */
static struct cp_service *enter_service(struct cp_lb *lb, const struct corepath_service_key *key,
					const struct corepath_service *value)
{
	struct cp_service *s = &lb->service[value->id];

	s->key = *key;
	s->value = *value;
	s->backends = 0;
	if (!tsearch(s, &lb->service_tree, compare_services)) {
		s->value.id = 0;
		return NULL;
	}
	lb->n_services++;
	lb->n_nat += value->mode == COREPATH_LB_NAT;
	lb->vip[key->vip].services++;
	return s;
}

struct cp_service *cp_lb_enter_service(struct cp_lb *lb, const struct corepath_service_key *key,
				       const struct corepath_service *value)
{
	struct corepath_service with_id = *value;

	while (lb->service_hint < lb->max_services && lb->service[lb->service_hint].value.id)
		lb->service_hint++;
	with_id.id = lb->service_hint;
	return with_id.id < lb->max_services ? enter_service(lb, key, &with_id) : NULL;
}

void cp_lb_forget_service(struct cp_lb *lb, struct cp_service *s)
{
	tdelete(s, &lb->service_tree, compare_services);
	lb->n_services--;
	lb->n_nat -= s->value.mode == COREPATH_LB_NAT;
	lb->vip[s->key.vip].services--;
	if (s->value.id < lb->service_hint)
		lb->service_hint = s->value.id;
	s->value.id = 0;
	s->unwritten = false;
}

__u32 cp_lb_free_number(struct cp_lb *lb)
{
	while (lb->backend_hint < lb->max_backends && lb->backend[lb->backend_hint].state)
		lb->backend_hint++;
	return lb->backend_hint < lb->max_backends ? lb->backend_hint : 0;
}

void cp_lb_link_backend(struct cp_lb *lb, __u32 i)
{
	struct cp_service *s = &lb->service[lb->backend[i].service];

	lb->next[i] = s->backends;
	s->backends = i;
}

void cp_lb_unlink_backend(struct cp_lb *lb, __u32 i)
{
	__u32 *at = &lb->service[lb->backend[i].service].backends;

	while (*at && *at != i)
		at = &lb->next[*at];
	if (*at)
		*at = lb->next[i];
}

/* ---- reading ---- */

/* Zeros, of which only what is written takes memory: tables have room for far more than they have.
 * calloc() writes all of what was in use before. NULL: no memory. */
static void *make_room(size_t n, size_t each)
{
	void *room = mmap(NULL, n * each, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return room == MAP_FAILED ? NULL : room;
}

static void drop_room(void *room, size_t n, size_t each)
{
	if (room)
		munmap(room, n * each);
}

/* An entry that this version did not write. */
static int strange(const struct cp_lb *lb, const char *map)
{
	return cp_fail(EINVAL,
		       "map %s/%s: made by another version of corepath; 'corepath down', then up "
		       "again",
		       lb->dir.path, map);
}

static int read_vip(struct cp_lb *lb, const struct corepath_vip_key *key, __u32 id, bool in_trie)
{
	struct cp_vip *there;

	if (!id || id >= lb->max_vips)
		return strange(lb, in_trie ? CP_MAP_LB_VIPS : CP_MAP_LB_HOSTS);
	there = &lb->vip[id];
	if (!there->id)
		return enter_vip(lb, key, id, in_trie) ? 0 : -ENOMEM;
	/* half-way from the one map to the other */
	if (!in_trie || there->in_trie || memcmp(&there->key, key, sizeof(*key)))
		return strange(lb, CP_MAP_LB_VIPS);
	there->in_trie = true;
	lb->n_in_trie++;
	return 0;
}

static int read_hosts(struct cp_lb *lb)
{
	struct corepath_vip_key key = {.prefixlen = 128};
	__u32 i, way;
	int err;

	err = cp_map_size(lb->hosts, &lb->max_hosts);
	if (!err)
		err = cp_map_size(lb->vips, &lb->max_vips);
	if (err)
		return err;
	if (lb->max_hosts != 1 << COREPATH_HOST_BUCKET_BITS)
		return strange(lb, CP_MAP_LB_HOSTS);
	lb->vip = make_room(lb->max_vips, sizeof(*lb->vip));
	if (!lb->vip)
		return -ENOMEM;
	lb->host = mmap(NULL, lb->max_hosts * sizeof(*lb->host), PROT_READ | PROT_WRITE, MAP_SHARED,
			lb->hosts, 0);
	if (lb->host == MAP_FAILED) {
		lb->host = NULL;
		return -errno;
	}
	for (i = 0; i < lb->max_hosts && !err; i++)
		for (way = 0; way < COREPATH_HOST_WAYS && !err; way++) {
			const struct corepath_host *host = &lb->host[i].way[way];

			if (!host->id)
				continue;
			key.addr = host->addr;
			err = read_vip(lb, &key, host->id, false);
		}
	return err;
}

static int read_prefixes(struct cp_lb *lb)
{
	struct corepath_vip_key *keys;
	struct corepath_vip *values;
	__u32 n = 0, i, max;
	int err;

	err = cp_map_read(lb->vips, (void **)&keys, (void **)&values, &n, &max);
	for (i = 0; i < n && !err; i++)
		err = read_vip(lb, &keys[i], values[i].id, true);
	free(keys);
	free(values);
	return err;
}

static int read_services(struct cp_lb *lb)
{
	struct corepath_service_key *keys;
	struct corepath_service *values;
	__u32 n, i;
	int err;

	err = cp_map_read(lb->services, (void **)&keys, (void **)&values, &n, &lb->max_services);
	if (err)
		return err;
	lb->service = make_room(lb->max_services, sizeof(*lb->service));
	err = lb->service ? 0 : -ENOMEM;
	for (i = 0; i < n && !err; i++) {
		__u32 id = values[i].id, vip = keys[i].vip;

		if (!id || id >= lb->max_services || lb->service[id].value.id ||
		    vip >= lb->max_vips || !lb->vip[vip].id)
			err = strange(lb, CP_MAP_LB_SERVICES);
		else if (!enter_service(lb, &keys[i], &values[i]))
			err = -ENOMEM;
	}
	free(keys);
	free(values);
	return err;
}

/* An array that can be mapped: there are tens of thousands. */
static int read_backends(struct cp_lb *lb)
{
	struct corepath_backend *there;
	size_t size;
	__u32 i;
	int err;

	err = cp_map_size(lb->backends, &lb->max_backends);
	if (err)
		return err;
	size = lb->max_backends * sizeof(*there);
	lb->backend = make_room(lb->max_backends, sizeof(*lb->backend));
	lb->next = make_room(lb->max_backends, sizeof(*lb->next));
	if (!lb->backend || !lb->next)
		return -ENOMEM;
	there = mmap(NULL, size, PROT_READ, MAP_SHARED, lb->backends, 0);
	if (there == MAP_FAILED)
		return -errno;
	for (i = lb->max_backends; --i > 0;) {
		struct corepath_backend *b = &lb->backend[i];

		/* who had the number before is told from who has it by its generation */
		if (!there[i].state && !there[i].generation)
			continue;
		*b = there[i];
		if (!b->state)
			continue;
		if (b->service < lb->max_services && lb->service[b->service].value.id)
			cp_lb_link_backend(lb, i);
		else
			b->state = COREPATH_BACKEND_FREE;
	}
	munmap(there, size);
	return 0;
}

static int open_maps(struct cp_lb *lb)
{
	struct {
		int *fd;
		const char *name;
	} maps[] = {
		{&lb->config, CP_MAP_LB_CONFIG},     {&lb->hosts, CP_MAP_LB_HOSTS},
		{&lb->vips, CP_MAP_LB_VIPS},	     {&lb->services, CP_MAP_LB_SERVICES},
		{&lb->backends, CP_MAP_LB_BACKENDS}, {&lb->maglev, CP_MAP_LB_MAGLEV},
		{&lb->sources, CP_MAP_LB_SOURCES},
	};
	size_t i, n = sizeof(maps) / sizeof(maps[0]);

	for (i = 0; i < n; i++) {
		*maps[i].fd = cp_map_get(&lb->dir, maps[i].name);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	lb->served = cp_served_open(&lb->dir);
	return lb->served < 0 && lb->served != -ENOENT
		       ? cp_lb_fail(lb, CP_MAP_LB_SERVED, lb->served)
		       : 0;
}

static int read_maps(struct cp_lb *lb)
{
	int err = read_hosts(lb);

	if (!err)
		err = read_prefixes(lb);
	if (!err)
		err = read_services(lb);
	if (!err)
		err = read_backends(lb);
	if (err && err != -EINVAL) /* which strange() has said */
		err = cp_fail(-err, "read the services: %s; run as root", strerror(-err));
	return err;
}

int cp_lb_open(struct cp_lb *lb, const char *pin_dir, enum cp_access access, bool load)
{
	int err;

	memset(lb, 0, sizeof(*lb));
	lb->config = lb->hosts = lb->vips = lb->services = lb->backends = lb->maglev = lb->sources =
		-1;
	lb->served = -ENOENT;
	/* 0 is no number, everywhere */
	lb->vip_hint = lb->service_hint = lb->backend_hint = 1;
	err = cp_dir_open(&lb->dir, pin_dir, access);
	if (err)
		return err;
	if (!load && !cp_pin_there(&lb->dir, CP_MAP_LB_CONFIG))
		return 0;
	if (load)
		err = cp_lb_make_maps(&lb->dir);
	if (!err)
		err = open_maps(lb);
	if (!err)
		err = read_maps(lb);
	if (err)
		cp_lb_close(lb);
	return err;
}

static void keep(void *node)
{
	(void)node;
}

void cp_lb_close(struct cp_lb *lb)
{
	int fds[] = {lb->config,   lb->hosts,  lb->vips,    lb->services,
		     lb->backends, lb->maglev, lb->sources, lb->served};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	tdestroy(lb->vip_tree, keep);
	tdestroy(lb->service_tree, keep);
	if (lb->host)
		munmap(lb->host, lb->max_hosts * sizeof(*lb->host));
	drop_room(lb->vip, lb->max_vips, sizeof(*lb->vip));
	drop_room(lb->service, lb->max_services, sizeof(*lb->service));
	drop_room(lb->backend, lb->max_backends, sizeof(*lb->backend));
	drop_room(lb->next, lb->max_backends, sizeof(*lb->next));
	free(lb->source);
	cp_dir_close(&lb->dir);
}
