// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps that look at what packets have left behind, or that let time pass for it: connections are
 * made older in their map, so that nothing waits.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "table_steps.h"

#define LINE 160

static const char *const tables[] = {"ct_flows", "ct_new"};

typedef void (*entry_fn)(int map, const struct corepath_flow *key, struct corepath_ct *ct,
			 long long arg);

/* Reads all keys first: `fn` may delete. */
static void each_entry(const char *name, entry_fn fn, long long arg)
{
	struct corepath_flow *keys = NULL, key, *prev = NULL;
	int fd = table_pin(name);
	struct corepath_ct ct;
	size_t n = 0;

	for (; !bpf_map_get_next_key(fd, prev, &key); prev = &keys[n - 1]) {
		keys = reallocarray(keys, n + 1, sizeof(*keys));
		keys[n++] = key;
	}
	for (size_t i = 0; i < n; i++)
		if (!bpf_map_lookup_elem(fd, &keys[i], &ct))
			fn(fd, &keys[i], &ct, arg);
	free(keys);
	close(fd);
}

static void make_older(int map, const struct corepath_flow *key, struct corepath_ct *ct,
		       long long seconds)
{
	__u64 ns = seconds * 1000000000ll;

	ct->expires_ns = ct->expires_ns > ns ? ct->expires_ns - ns : 1; /* before the boot */
	if (bpf_map_update_elem(map, key, ct, BPF_EXIST))
		checkrun_error("a connection cannot be made older");
}

/* As a full table does it: without a word to anybody. */
static void evict(int map, const struct corepath_flow *key,
		  struct corepath_ct *ct __attribute__((unused)),
		  long long arg __attribute__((unused)))
{
	if (bpf_map_delete_elem(map, key))
		checkrun_error("a connection cannot be evicted");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static const char *compare(json_t *want, char (*got)[LINE], size_t n, const char *what,
			   size_t index)
{
	char all[16 * LINE] = "";
	bool same = json_array_size(want) == n;

	qsort(got, n, LINE, by_text);
	for (size_t i = 0; i < n; i++) {
		const char *line = json_string_value(json_array_get(want, i));

		same = same && line && !strcmp(line, got[i]);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\n", got[i]);
	}
	if (same)
		return NULL;
	ck_abort_msg("step %zu: %s: expected\n%s\ngot\n%s", index, what,
		     json_dumps(want, JSON_INDENT(1)), all);
}

static void expect_flows(json_t *want, size_t index)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN], proto[8];
	struct corepath_ct_info *list;
	char(*lines)[LINE];
	size_t n;

	table_must(corepath_ct_list(TABLE_PIN_DIR, &list, &n));
	lines = calloc(n + 1, LINE);
	for (size_t i = 0; i < n; i++) {
		const struct corepath_flow *f = &list[i].flow;

		snprintf(lines[i], LINE, "%s %s %s %s", corepath_proto_format(f->proto, proto),
			 corepath_endpoint_format(&f->src, ntohs(f->sport), src),
			 corepath_endpoint_format(&f->dst, ntohs(f->dport), dst),
			 list[i].left_ms <= 0 ? "ended" : corepath_ct_state_name(list[i].ct.state));
	}
	compare(want, lines, n, "connections", index);
	free(lines);
	free(list);
}

static void expect_rules(json_t *want, size_t index)
{
	struct corepath_policy_info *list;
	char(*lines)[LINE];
	size_t n;

	table_must(corepath_policy_list(TABLE_PIN_DIR, &list, &n));
	lines = calloc(n + 1, LINE);
	for (size_t i = 0; i < n; i++) {
		const struct corepath_policy_spec *s = &list[i].spec;

		snprintf(lines[i], LINE, "%s %s %s %u/%u/%u %llu", s->dev,
			 s->direction == COREPATH_IN ? "in" : "out",
			 s->verdict == COREPATH_ALLOW ? "allow" : "deny", s->identity, s->proto,
			 s->port, list[i].packets);
	}
	compare(want, lines, n, "rules (identity/protocol/port packets)", index);
	free(lines);
	free(list);
}

static void expect_open(json_t *want, size_t index)
{
	struct corepath_endpoint_info *list;
	char(*lines)[LINE];
	size_t n;

	table_must(corepath_endpoint_list(TABLE_PIN_DIR, &list, &n));
	lines = calloc(n + 1, LINE);
	for (size_t i = 0; i < n; i++)
		snprintf(lines[i], LINE, "%s in %llu out %llu", list[i].spec.dev,
			 list[i].open[COREPATH_IN], list[i].open[COREPATH_OUT]);
	compare(want, lines, n, "open connections", index);
	free(lines);
	free(list);
}

static void sweep(json_t *want, size_t index)
{
	struct corepath_ct_sweep out;
	char text[LINE];

	table_must(corepath_ct_gc(TABLE_PIN_DIR, &out));
	snprintf(text, sizeof(text), "removed %zu kept %zu recounted %zu", out.removed, out.kept,
		 out.recounted);
	if (strcmp(text, json_string_value(want)))
		ck_abort_msg("step %zu: sweep: expected %s, got %s", index, json_string_value(want),
			     text);
}

/* ---- addresses with services ---- */

#define BUCKETS (1 << COREPATH_HOST_BUCKET_BITS)

/* How many addresses there are; with `to` they all go there, as the whole prefixes they are. */
static size_t walk_hosts(int hosts, int to)
{
	struct corepath_host_bucket *buckets = mmap(NULL, BUCKETS * sizeof(*buckets),
						    PROT_READ | PROT_WRITE, MAP_SHARED, hosts, 0);
	size_t n = 0;

	if (buckets == MAP_FAILED)
		checkrun_error("lb_hosts cannot be mapped: %s", strerror(errno));
	for (size_t i = 0; i < BUCKETS * COREPATH_HOST_WAYS; i++) {
		struct corepath_host *host =
			&buckets[i / COREPATH_HOST_WAYS].way[i % COREPATH_HOST_WAYS];
		struct corepath_vip_key key = {.prefixlen = 128, .addr = host->addr};
		struct corepath_vip vip = {.id = host->id};

		if (!host->id)
			continue;
		n++;
		if (to < 0)
			continue;
		if (bpf_map_update_elem(to, &key, &vip, BPF_ANY))
			checkrun_error("an address cannot be moved among the prefixes");
		host->id = 0;
	}
	munmap(buckets, BUCKETS * sizeof(*buckets));
	return n;
}

/* What an upgrade finds that layout 1 had: all among the prefixes, and a setting of zeros. */
static void to_layout1(json_t *value __attribute__((unused)), size_t index __attribute__((unused)))
{
	int hosts = table_pin("lb_hosts"), prefixes = table_pin("lb_vips"),
	    config = table_pin("lb_config");
	struct corepath_lb_config cfg;
	__u32 zero = 0;

	walk_hosts(hosts, prefixes);
	if (bpf_map_lookup_elem(config, &zero, &cfg))
		checkrun_error("the balancer's settings cannot be read");
	cfg.hosts_only = 0;
	if (bpf_map_update_elem(config, &zero, &cfg, BPF_ANY))
		checkrun_error("the balancer's settings cannot be written");
	close(hosts);
	close(prefixes);
	close(config);
}

static void expect_vips(json_t *want, size_t index)
{
	int hosts = table_pin("lb_hosts"), prefixes = table_pin("lb_vips");
	struct corepath_vip_key key, *prev = NULL;
	char text[LINE];
	size_t n = 0;

	for (; !bpf_map_get_next_key(prefixes, prev, &key); prev = &key)
		n++;
	snprintf(text, sizeof(text), "hosts %zu prefixes %zu", walk_hosts(hosts, -1), n);
	close(hosts);
	close(prefixes);
	if (strcmp(text, json_string_value(want)))
		ck_abort_msg("step %zu: addresses with services: expected %s, got %s", index,
			     json_string_value(want), text);
}

bool table_state(json_t *step, size_t index)
{
	static const struct {
		const char *key;
		void (*run)(json_t *value, size_t index);
	} steps[] = {{"flows", expect_flows}, {"rules", expect_rules}, {"open", expect_open},
		     {"sweep", sweep},	      {"layout1", to_layout1}, {"vips", expect_vips}};
	json_t *age = json_object_get(step, "age");

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		json_t *value = json_object_get(step, steps[i].key);

		if (value) {
			steps[i].run(value, index);
			return true;
		}
	}
	if (!age && !json_object_get(step, "evict"))
		return false;
	for (size_t i = 0; i < 2; i++)
		each_entry(tables[i], age ? make_older : evict, json_integer_value(age));
	return true;
}
