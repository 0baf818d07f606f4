// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maglev tables, and the order in which what a command has changed is put in force.
 *
 * A table is a map of its own, as large as the service's backends need. The kernel waits for a
 * grace period of RCU, some milliseconds, whenever a map of maps is written
 * (maybe_wait_bpf_programs() in kernel/bpf/syscall.c), and only from 6.8 on once for a batch. So
 * tables are put in place by as many threads, which wait for the same one.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "lb_state.h"
#include "maglev.h"
#include "sockets.h"

/* Of a thread that makes one system call. */
#define STACK (64 << 10)

/* A table that takes its place, or a place that is to be empty (-1). */
struct job {
	pthread_t thread;
	int outer, table;
	__u32 service;
	int err;
};

static void *run(void *arg)
{
	struct job *j = arg;

	j->err = j->table >= 0 ? bpf_map_update_elem(j->outer, &j->service, &j->table, BPF_ANY)
			       : bpf_map_delete_elem(j->outer, &j->service);
	return NULL;
}

static int run_all(struct job *jobs, size_t n)
{
	size_t i, started = 0;
	pthread_attr_t attr;
	int err = 0;

	/* stacks so small are kept for the next */
	if (pthread_attr_init(&attr))
		return -ENOMEM;
	pthread_attr_setstacksize(&attr, STACK);
	/* the first is done here; where there can be no thread, all are */
	for (i = 1; i < n; i++, started++)
		if (pthread_create(&jobs[i].thread, &attr, run, &jobs[i]))
			break;
	pthread_attr_destroy(&attr);
	for (i = n; i-- > started + 1;)
		run(&jobs[i]);
	if (n)
		run(&jobs[0]);
	for (i = 1; i <= started; i++)
		pthread_join(jobs[i].thread, NULL);
	for (i = 0; i < n && !err; i++)
		err = jobs[i].err;
	return err;
}

static size_t collect(const struct cp_lb *lb, const struct cp_service *s,
		      struct cp_maglev_node *nodes, __u32 *lines)
{
	const struct corepath_backend *b;
	size_t n = 0;
	__u32 i;

	/* the size is by all of them, so that none moves a flow of others by going down */
	for (i = s->backends; i; i = lb->next[i], n++) {
		b = &lb->backend[i];
		nodes[n] = (struct cp_maglev_node){b->addr, ntohs(b->port), i, b->weight};
	}
	*lines = cp_maglev_lines(nodes, n);
	for (n = 0, i = s->backends; i; i = lb->next[i]) {
		b = &lb->backend[i];
		if (b->state == COREPATH_BACKEND_ACTIVE)
			nodes[n++] = (struct cp_maglev_node){b->addr, ntohs(b->port), i, b->weight};
	}
	return n;
}

/* A new map with the service's table, or -1 and *err if there can be none. */
static int make_table(const struct cp_lb *lb, const struct cp_service *s, int *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	struct corepath_maglev_line *table = NULL;
	struct cp_maglev_node *nodes;
	__u32 i, n = 0, lines = 0, *keys = NULL;
	int fd = -1;

	for (i = s->backends; i; i = lb->next[i])
		n++;
	nodes = calloc(n + 1, sizeof(*nodes));
	*err = nodes ? 0 : -ENOMEM;
	if (nodes) {
		n = collect(lb, s, nodes, &lines);
		table = calloc(lines, sizeof(*table));
		keys = calloc(lines, sizeof(*keys));
	}
	if (!table || !keys)
		*err = -ENOMEM;
	if (!*err)
		*err = cp_maglev_fill(nodes, n, (__u32 *)table, corepath_maglev_slots(lines));
	for (i = 0; i < lines && !*err; i++)
		keys[i] = i;
	if (!*err) {
		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lb_table", sizeof(i), sizeof(*table),
				    lines, &opts);
		*err = fd < 0 ? fd : bpf_map_update_batch(fd, keys, table, &lines, NULL);
	}
	if (*err && fd >= 0)
		close(fd);
	free(nodes);
	free(table);
	free(keys);
	return *err ? -1 : fd;
}

static int put_tables(struct cp_lb *lb)
{
	struct job jobs[CP_LB_PENDING];
	size_t n = 0, i;
	int err = 0;

	for (i = 0; i < lb->n_pending && !err; i++) {
		__u32 id = lb->pending[i], old;
		const struct cp_service *s = &lb->service[id];

		jobs[n] = (struct job){.outer = lb->maglev, .service = id, .table = -1};
		if (s->value.id && s->backends)
			jobs[n].table = make_table(lb, s, &err);
		/* deleting waits whether there is something or not, so look first */
		n += jobs[n].table >= 0 || !bpf_map_lookup_elem(lb->maglev, &id, &old);
	}
	if (!err)
		err = run_all(jobs, n);
	for (i = 0; i < n; i++)
		if (jobs[i].table >= 0)
			close(jobs[i].table);
	return err ? cp_lb_fail(lb, CP_MAP_LB_MAGLEV, err) : 0;
}

/* The datapath looks for answers if any service translates, and for prefixes if there are any:
 * those that wait to be written count, and those that go have gone. */
static int write_config(struct cp_lb *lb)
{
	struct corepath_lb_config cfg;
	__u32 zero = 0;
	int err;

	err = bpf_map_lookup_elem(lb->config, &zero, &cfg);
	if (!err && (cfg.nat_services != lb->n_nat || cfg.hosts_only != !lb->n_in_trie)) {
		cfg.nat_services = lb->n_nat;
		cfg.hosts_only = !lb->n_in_trie;
		err = bpf_map_update_elem(lb->config, &zero, &cfg, BPF_ANY);
	}
	return err ? cp_lb_fail(lb, CP_MAP_LB_CONFIG, err) : 0;
}

/* The address last before the service: one without services hides answers to it. */
static int write_service(struct cp_lb *lb, struct cp_service *s)
{
	struct cp_vip *vip = &lb->vip[s->key.vip];
	int err = 0;

	if (vip->unwritten && !cp_lb_seat_vip(lb, vip))
		err = write_config(lb);
	if (err)
		return err;
	if (vip->unwritten)
		err = cp_lb_write_vip(lb, vip);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_VIPS, err);
	vip->unwritten = false;
	err = bpf_map_update_elem(lb->services, &s->key, &s->value, BPF_NOEXIST);
	if (err)
		return cp_lb_fail(lb, CP_MAP_LB_SERVICES, err);
	s->unwritten = false;
	return 0;
}

static int write_services(struct cp_lb *lb)
{
	size_t i;
	int err = 0;

	for (i = 0; i < lb->n_pending && !err; i++) {
		struct cp_service *s = &lb->service[lb->pending[i]];

		if (s->unwritten)
			err = write_service(lb, s);
	}
	return err;
}

/* Addresses that layout 1 had among the prefixes: they are in the other map before they leave. */
static int move_vips(struct cp_lb *lb)
{
	__u32 id;
	int err = 0;

	for (id = 1; lb->n_in_trie && id < lb->max_vips && !err; id++)
		if (lb->vip[id].id && lb->vip[id].in_trie && cp_vip_is_whole(&lb->vip[id].key))
			err = cp_lb_write_vip(lb, &lb->vip[id]);
	return err ? cp_lb_fail(lb, CP_MAP_LB_HOSTS, err) : 0;
}

/* Nobody is sent to them: their numbers may go to others, and their sockets are closed. */
static int let_go(struct cp_lb *lb)
{
	size_t i;
	int err = 0;

	for (i = 0; i < lb->n_leaving && !err; i++) {
		const struct cp_leaving *l = &lb->leaving[i];

		if (l->free)
			err = cp_lb_free_backend(lb, l->backend);
		if (!err)
			cp_sockets_close(&lb->dir, l->backend, l->generation);
	}
	lb->n_leaving = 0;
	return err;
}

int cp_lb_settle(struct cp_lb *lb)
{
	int err = put_tables(lb);

	if (!err)
		err = move_vips(lb);
	if (!err)
		err = write_config(lb);
	if (!err)
		err = write_services(lb);
	/* with no service left the prefilter is alone again, and costs what it costs alone */
	if (!err)
		err = cp_lb_set_stage(&lb->dir, lb->n_services);
	if (err)
		return err;
	while (lb->n_pending)
		lb->service[lb->pending[--lb->n_pending]].stale = false;
	return let_go(lb);
}

int cp_lb_set_stale(struct cp_lb *lb, __u32 service)
{
	int err = 0;

	if (lb->service[service].stale)
		return 0;
	if (lb->n_pending == CP_LB_PENDING)
		err = cp_lb_settle(lb);
	if (err)
		return err;
	lb->service[service].stale = true;
	lb->pending[lb->n_pending++] = service;
	return 0;
}

int cp_lb_set_leaving(struct cp_lb *lb, const struct cp_leaving *leaving)
{
	if (lb->n_leaving == CP_LB_PENDING) {
		int err = cp_lb_settle(lb);

		if (err)
			return err;
	}
	lb->leaving[lb->n_leaving++] = *leaving;
	return 0;
}

int cp_lb_finish(struct cp_lb *lb, int err)
{
	if (!err && (lb->n_pending || lb->n_leaving))
		err = cp_lb_settle(lb);
	if (err)
		cp_services_undo(lb);
	cp_lb_close(lb);
	return err;
}
