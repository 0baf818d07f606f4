// SPDX-License-Identifier: GPL-2.0-only
/*
 * The load balancer's state: all of it is in the maps, and is read into memory by each call that
 * changes it. The lock of the pin directory keeps two of them apart.
 *
 * A command that was killed half-way leaves entries that nothing refers to: addresses without
 * services and backends of services that are not there. Both are taken for free here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "internal.h"

#define NSEC_PER_SEC 1000000000ull

/* As Katran has it (MAX_CONN_RATE); measured there on one core. */
#define DEFAULT_CONN_RATE 125000

static int fail_read(const struct cp_lb *lb, const char *map, int err)
{
	return cp_fail(-err, "map %s/%s: read: %s; run as root", lb->dir.path, map, strerror(-err));
}

int cp_lb_fail(const struct cp_lb *lb, const char *map, int err)
{
	if (err == -E2BIG || err == -ENOSPC)
		return cp_fail(ENOSPC, "map %s/%s: full; delete services first", lb->dir.path, map);
	return cp_fail(-err, "map %s/%s: write: %s; run as root", lb->dir.path, map,
		       strerror(-err));
}

static int map_size(int fd, __u32 *n)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_map_get_info_by_fd(fd, &info, &len);

	*n = info.max_entries;
	return err;
}

static int read_vips(struct cp_lb *lb)
{
	struct corepath_vip_key key, *prev = NULL;
	struct corepath_vip value;
	__u32 max;
	int err;

	err = map_size(lb->vips, &max);
	if (err)
		return err;
	lb->vip = calloc(max + 1, sizeof(*lb->vip));
	if (!lb->vip)
		return -ENOMEM;
	while (lb->n_vips < max && !(err = bpf_map_get_next_key(lb->vips, prev, &key))) {
		err = bpf_map_lookup_elem(lb->vips, &key, &value);
		if (err)
			return err;
		lb->vip[lb->n_vips++] = (struct cp_vip){key, value.id};
		prev = &key;
	}
	return err == -ENOENT ? 0 : err;
}

static int read_services(struct cp_lb *lb)
{
	struct corepath_service_key key, *prev = NULL;
	int err;

	err = map_size(lb->services, &lb->max_services);
	if (err)
		return err;
	lb->service = calloc(lb->max_services + 1, sizeof(*lb->service));
	if (!lb->service)
		return -ENOMEM;
	while (lb->n_services < lb->max_services &&
	       !(err = bpf_map_get_next_key(lb->services, prev, &key))) {
		struct cp_service *s = &lb->service[lb->n_services++];

		s->key = key;
		err = bpf_map_lookup_elem(lb->services, &key, &s->value);
		if (err)
			return err;
		prev = &key;
	}
	return err == -ENOENT ? 0 : err;
}

static bool has_service(const struct cp_lb *lb, __u32 id)
{
	size_t i;

	for (i = 0; i < lb->n_services; i++)
		if (lb->service[i].value.id == id)
			return true;
	return false;
}

/* One call for all of them (5.6: aa2e93b8e58e): there are thousands. */
static int read_backends(struct cp_lb *lb)
{
	__u32 *numbers, next, i, n;
	int err;

	err = map_size(lb->backends, &lb->max_backends);
	if (err)
		return err;
	lb->backend = calloc(lb->max_backends, sizeof(*lb->backend));
	if (!lb->backend)
		return -ENOMEM;
	numbers = calloc(lb->max_backends, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	n = lb->max_backends;
	err = bpf_map_lookup_batch(lb->backends, NULL, &next, numbers, lb->backend, &n, NULL);
	free(numbers);
	if (err && err != -ENOENT) /* "no more after these" */
		return err;
	for (i = 0; i < lb->max_backends; i++)
		if (lb->backend[i].state && !has_service(lb, lb->backend[i].service))
			lb->backend[i].state = COREPATH_BACKEND_FREE;
	return 0;
}

static int open_maps(struct cp_lb *lb)
{
	struct {
		int *fd;
		const char *name;
	} maps[] = {
		{&lb->config, CP_MAP_LB_CONFIG},     {&lb->vips, CP_MAP_LB_VIPS},
		{&lb->services, CP_MAP_LB_SERVICES}, {&lb->backends, CP_MAP_LB_BACKENDS},
		{&lb->maglev, CP_MAP_LB_MAGLEV},     {&lb->sources, CP_MAP_LB_SOURCES},
	};
	size_t i, n = sizeof(maps) / sizeof(maps[0]);

	for (i = 0; i < n; i++) {
		*maps[i].fd = cp_map_get(&lb->dir, maps[i].name);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	return 0;
}

int cp_lb_open(struct cp_lb *lb, const char *pin_dir, enum cp_access access, bool load)
{
	int err;

	memset(lb, 0, sizeof(*lb));
	lb->config = lb->vips = lb->services = lb->backends = lb->maglev = lb->sources = -1;
	err = cp_dir_open(&lb->dir, pin_dir, access);
	if (err)
		return err;
	if (!load && !cp_pin_there(&lb->dir, CP_MAP_LB_CONFIG))
		return 0;
	if (load)
		err = cp_lb_make_maps(&lb->dir);
	if (!err)
		err = open_maps(lb);
	if (!err) {
		err = read_vips(lb);
		if (!err)
			err = read_services(lb);
		if (!err)
			err = read_backends(lb);
		if (err)
			err = cp_fail(-err, "read the services: %s; run as root", strerror(-err));
	}
	if (err)
		cp_lb_close(lb);
	return err;
}

void cp_lb_close(struct cp_lb *lb)
{
	int fds[] = {lb->config, lb->vips, lb->services, lb->backends, lb->maglev, lb->sources};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(lb->vip);
	free(lb->service);
	free(lb->backend);
	cp_dir_close(&lb->dir);
}

struct cp_vip *cp_lb_find_vip(struct cp_lb *lb, const struct corepath_service_id *id)
{
	size_t i;

	for (i = 0; i < lb->n_vips; i++)
		if (lb->vip[i].key.prefixlen == id->len &&
		    !memcmp(&lb->vip[i].key.addr, &id->addr, sizeof(id->addr)))
			return &lb->vip[i];
	return NULL;
}

struct cp_service *cp_lb_lookup(struct cp_lb *lb, const struct corepath_service_id *id)
{
	struct cp_vip *vip = cp_lb_find_vip(lb, id);
	size_t i;

	for (i = 0; vip && i < lb->n_services; i++) {
		const struct corepath_service_key *k = &lb->service[i].key;

		if (k->vip == vip->id && k->port == htons(id->port) && k->proto == id->proto)
			return &lb->service[i];
	}
	return NULL;
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

static size_t collect(const struct cp_lb *lb, __u32 service, struct cp_maglev_node *nodes)
{
	size_t n = 0;
	__u32 i;

	for (i = 1; i < lb->max_backends; i++) {
		const struct corepath_backend *b = &lb->backend[i];

		if (b->state == COREPATH_BACKEND_ACTIVE && b->service == service)
			nodes[n++] = (struct cp_maglev_node){b->addr, ntohs(b->port), i, b->weight};
	}
	return n;
}

int cp_lb_rebuild(struct cp_lb *lb, __u32 service)
{
	struct cp_maglev_node *nodes = calloc(lb->max_backends, sizeof(*nodes));
	struct corepath_maglev *table = malloc(sizeof(*table));
	int fd = -1, err = -ENOMEM;
	__u32 zero = 0;

	if (nodes && table)
		err = cp_maglev_fill(nodes, collect(lb, service, nodes), table->backend,
				     COREPATH_MAGLEV_SLOTS);
	if (!err) {
		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lb_table", sizeof(zero), sizeof(*table), 1,
				    NULL);
		err = fd < 0 ? fd : bpf_map_update_elem(fd, &zero, table, BPF_ANY);
	}
	/* filled first, then put in place: one pointer changes */
	if (!err)
		err = bpf_map_update_elem(lb->maglev, &service, &fd, BPF_ANY);
	if (fd >= 0)
		close(fd);
	free(nodes);
	free(table);
	return err ? cp_lb_fail(lb, CP_MAP_LB_MAGLEV, err) : 0;
}

static int read_config(const struct cp_lb *lb, struct corepath_lb_config *cfg)
{
	__u32 zero = 0;
	int err = bpf_map_lookup_elem(lb->config, &zero, cfg);

	return err ? fail_read(lb, CP_MAP_LB_CONFIG, err) : 0;
}

static int write_config(const struct cp_lb *lb, const struct corepath_lb_config *cfg)
{
	__u32 zero = 0;
	int err = bpf_map_update_elem(lb->config, &zero, cfg, BPF_ANY);

	return err ? cp_lb_fail(lb, CP_MAP_LB_CONFIG, err) : 0;
}

int cp_lb_commit(struct cp_lb *lb)
{
	struct corepath_lb_config cfg;
	size_t i;
	int err;

	err = read_config(lb, &cfg);
	if (err)
		return err;
	for (cfg.nat_services = 0, i = 0; i < lb->n_services; i++)
		cfg.nat_services += lb->service[i].value.mode == COREPATH_LB_NAT;
	err = write_config(lb, &cfg);
	/* with no service left the prefilter is alone again, and costs what it costs alone */
	return err ? err : cp_lb_set_stage(&lb->dir, lb->n_services);
}

/* The last 32 bits a prefix leaves free, in network order. */
static __u32 host_bits(const struct corepath_prefix *p)
{
	__u32 bits = p->family == AF_INET ? 32 - p->len : 128 - p->len;

	return htonl(bits >= 32 ? 0xffffffff : (1u << bits) - 1);
}

static void to_config(const struct corepath_balancer *b, struct corepath_lb_config *cfg)
{
	memset(&cfg->source4, 0, sizeof(cfg->source4));
	cfg->source4.w[2] = htonl(0xffff);
	memcpy(&cfg->source4.w[3], b->source4.addr, 4);
	memcpy(&cfg->source6, b->source6.addr, 16);
	cfg->source4_vary = host_bits(&b->source4);
	cfg->source6_vary = host_bits(&b->source6);
	cfg->mtu = b->mtu;
	cfg->conn_interval_ns = b->conn_rate ? NSEC_PER_SEC / b->conn_rate : 0;
}

/* RFC 1918, and RFC 6666: addresses nobody answers from */
static const struct corepath_balancer defaults = {
	.source4 = {.family = AF_INET, .addr = {172, 16}, .len = 16},
	.source6 = {.family = AF_INET6, .addr = {1}, .len = 96},
	.mtu = 1500,
	.conn_rate = DEFAULT_CONN_RATE,
};

void cp_lb_default_settings(struct corepath_balancer *b)
{
	*b = defaults;
}

int cp_lb_defaults(int config_fd)
{
	struct corepath_lb_config cfg = {};
	__u32 zero = 0;

	to_config(&defaults, &cfg);
	return bpf_map_update_elem(config_fd, &zero, &cfg, BPF_ANY);
}

int corepath_balancer_get(const char *pin_dir, struct corepath_balancer *b)
{
	struct corepath_lb_config cfg;
	struct cp_lb lb;
	int err;

	*b = defaults;
	err = cp_lb_open(&lb, pin_dir, CP_READ, false);
	if (err)
		return err;
	if (lb.config >= 0)
		err = read_config(&lb, &cfg);
	if (!err && lb.config >= 0) {
		b->source4.family = AF_INET;
		b->source6.family = AF_INET6;
		memcpy(b->source4.addr, &cfg.source4.w[3], 4);
		memcpy(b->source6.addr, &cfg.source6, 16);
		b->source4.len = 32 - __builtin_popcount(cfg.source4_vary);
		b->source6.len = 128 - __builtin_popcount(cfg.source6_vary);
		b->mtu = cfg.mtu;
		b->conn_rate = cfg.conn_interval_ns ? NSEC_PER_SEC / cfg.conn_interval_ns : 0;
	}
	cp_lb_close(&lb);
	return err;
}

int corepath_balancer_set(const char *pin_dir, const struct corepath_balancer *b)
{
	struct corepath_lb_config cfg;
	struct cp_lb lb;
	int err;

	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = read_config(&lb, &cfg);
	if (!err) {
		to_config(b, &cfg);
		err = write_config(&lb, &cfg);
	}
	cp_lb_close(&lb);
	return err;
}
