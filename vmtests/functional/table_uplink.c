// SPDX-License-Identifier: GPL-2.0-only
/* The uplink's commands of a table, and what stands for time and for full maps. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "table_steps.h"

static void uplink_prefixes(enum corepath_uplink_list which, const char **words, size_t n)
{
	bool add = !strcmp(*words, "add");

	for (size_t i = 1; i < n; i++) {
		struct corepath_prefix prefix;

		if (corepath_prefix_parse(words[i], &prefix) < 0)
			checkrun_error("%s", corepath_error());
		table_must((add ? corepath_uplink_add : corepath_uplink_del)(TABLE_PIN_DIR, which,
									     &prefix, 1));
	}
}

static void uplink_set(const char **words, size_t n)
{
	struct corepath_uplink u;

	table_must(corepath_uplink_get(TABLE_PIN_DIR, &u));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_uplink_option(words[i], &u));
	table_must(corepath_uplink_set(TABLE_PIN_DIR, &u));
}

/* "left=SECONDS": the time of the one flow there is, less at most a minute for a slow machine. */
static void expect_left(const struct corepath_nat_flow *flows, size_t n, unsigned long long want)
{
	unsigned long long left = n == 1 ? flows->left_ms / 1000 : 0;

	if (n != 1)
		checkrun_error("left= is for one flow, and there are %zu", n);
	if (left > want || left + 60 < want || !flows->left_ms)
		ck_abort_msg("expected %llu s left, got %llu", want, left);
}

/* No command: "flows=N", "left=SECONDS" and "COUNTER=N" that must be so now. */
static void uplink_expect(const char **words, size_t n)
{
	struct corepath_nat_flow *flows;
	__u64 counters[COREPATH_UPLINK_COUNTERS];
	size_t n_flows;

	table_must(corepath_nat_list(TABLE_PIN_DIR, &flows, &n_flows));
	table_must(corepath_uplink_counters(TABLE_PIN_DIR, counters));
	for (size_t i = 0; i < n; i++) {
		size_t key = strcspn(words[i], "="), c = 0;
		unsigned long long want = strtoull(words[i] + key + 1, NULL, 10), got = n_flows;

		while (c < COREPATH_UPLINK_COUNTERS &&
		       (strlen(corepath_uplink_counter_name(c)) != key ||
			strncmp(words[i], corepath_uplink_counter_name(c), key)))
			c++;
		if (!strncmp(words[i], "left=", 5)) {
			expect_left(flows, n_flows, want);
			continue;
		}
		if (c < COREPATH_UPLINK_COUNTERS)
			got = counters[c];
		else if (strncmp(words[i], "flows=", 6))
			checkrun_error("nothing to expect: %s", words[i]);
		if (got != want)
			ck_abort_msg("expected %s, got %llu", words[i], got);
	}
	free(flows);
}

/* No command: what time does (every flow is past its own) and what a full map does. */
static void uplink_age(void)
{
	int map = table_pin("nat_in");
	struct corepath_flow key, *prev = NULL;
	struct corepath_nat_in in;

	for (; !bpf_map_get_next_key(map, prev, &key); prev = &key) {
		if (bpf_map_lookup_elem(map, &key, &in))
			checkrun_error("nat_in changed by itself");
		in.expires_ns = 1;
		if (bpf_map_update_elem(map, &key, &in, BPF_EXIST))
			checkrun_error("nat_in cannot be written");
	}
	close(map);
}

static void uplink_evict(const char *name)
{
	int map = table_pin(name);
	struct corepath_flow key;

	while (!bpf_map_get_next_key(map, NULL, &key))
		if (bpf_map_delete_elem(map, &key))
			checkrun_error("%s cannot be emptied", name);
	close(map);
}

void table_uplink(const char **words, size_t n)
{
	size_t gone;

	if (!strcmp(words[0], "set"))
		uplink_set(words + 1, n - 1);
	else if (!strcmp(words[0], "source"))
		uplink_prefixes(COREPATH_UPLINK_SOURCES, words + 1, n - 1);
	else if (!strcmp(words[0], "exclude"))
		uplink_prefixes(COREPATH_UPLINK_EXCLUDES, words + 1, n - 1);
	else if (!strcmp(words[0], "expect"))
		uplink_expect(words + 1, n - 1);
	else if (!strcmp(words[0], "flows") && !strcmp(words[1], "age"))
		uplink_age();
	else if (!strcmp(words[0], "flows") && !strcmp(words[1], "sweep"))
		table_must(corepath_nat_sweep(TABLE_PIN_DIR, &gone));
	else if (!strcmp(words[0], "evict"))
		uplink_evict(words[1]);
	else
		checkrun_error("no such command: uplink %s", words[0]);
}

void table_uplink_reset(void)
{
	struct corepath_uplink none = {.port_min = 32768, .port_max = 65535};
	struct corepath_prefix *list;
	int program = table_pin_if_there("tc_uplink_out");
	size_t n;

	if (program < 0) /* no row needed it so far: it is not loaded for this one */
		return;
	close(program);
	table_must(corepath_uplink_option("failsafe=tcp/22", &none));
	for (int which = 0; which < 2; which++) {
		table_must(corepath_uplink_prefixes(TABLE_PIN_DIR, which, &list, &n));
		table_must(corepath_uplink_del(TABLE_PIN_DIR, which, list, n));
		free(list);
	}
	table_must(corepath_uplink_set(TABLE_PIN_DIR, &none));
}
