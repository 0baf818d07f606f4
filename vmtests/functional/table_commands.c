// SPDX-License-Identifier: GPL-2.0-only
/* The commands of a table, by the library that loader/cmd/ calls, with the words it takes. */
#include <stdlib.h>
#include <string.h>

#include "../lib/checkrun.h"
#include "table_steps.h"

static void service_add(const char **words, size_t n)
{
	struct corepath_service_spec spec = {.mode = COREPATH_LB_TUNNEL};

	table_must(corepath_service_parse(words[0], words[1], &spec.id));
	for (size_t i = 2; i < n; i++)
		table_must(corepath_service_option(words[i], &spec));
	table_must(corepath_service_add(TABLE_PIN_DIR, &spec));
	free(spec.sources);
}

static void backend(const char **words, size_t n)
{
	const char *what = *words++;
	struct corepath_service_id id;
	struct corepath_backend_spec b;

	n--;
	table_must(corepath_service_parse(words[0], words[1], &id));
	table_must(corepath_backend_parse(words[2], &b));
	if (!strcmp(what, "add")) {
		for (size_t i = 3; i < n; i++)
			table_must(corepath_backend_option(words[i], &b));
		table_must(corepath_backend_add(TABLE_PIN_DIR, &id, &b));
	} else if (!strcmp(what, "del")) {
		table_must(corepath_backend_del(TABLE_PIN_DIR, &id, &b.addr, b.port));
	} else {
		table_must(corepath_backend_state_parse(words[3], &b.state));
		table_must(
			corepath_backend_set_state(TABLE_PIN_DIR, &id, &b.addr, b.port, b.state));
	}
}

static void balancer_set(const char **words, size_t n)
{
	struct corepath_balancer b;

	table_must(corepath_balancer_get(TABLE_PIN_DIR, &b));
	for (size_t i = 1; i < n; i++) /* after "set" */
		table_must(corepath_balancer_option(words[i], &b));
	table_must(corepath_balancer_set(TABLE_PIN_DIR, &b));
}

static void service(const char **words, size_t n)
{
	struct corepath_service_id id;

	if (!strcmp(words[0], "add"))
		return service_add(words + 1, n - 1);
	table_must(corepath_service_parse(words[1], words[2], &id));
	table_must(corepath_service_del(TABLE_PIN_DIR, &id));
}

/* "add NUMBER WORD...", "del NUMBER"; and "hits NUMBER PACKETS", what it must have matched. */
static void signature(const char **words, size_t n)
{
	struct corepath_signature_info list[COREPATH_SIGNATURES_MAX];
	char text[COREPATH_SIGNATURE_STRLEN];
	struct corepath_signature s;
	size_t count, i;

	table_must(corepath_signature_parse(words[1], &s));
	if (!strcmp(words[0], "del")) {
		table_must(corepath_signature_del(TABLE_PIN_DIR, s.id));
		return;
	}
	if (!strcmp(words[0], "add")) {
		for (i = 2; i < n; i++)
			table_must(corepath_signature_option(words[i], &s));
		table_must(corepath_signature_add(TABLE_PIN_DIR, &s));
		return;
	}
	table_must(corepath_signature_list(TABLE_PIN_DIR, list, &count));
	for (i = 0; i < count && list[i].signature.id != s.id; i++)
		;
	if (i == count)
		ck_abort_msg("signature %s is not in the list", words[1]);
	if (list[i].hits.packets != strtoull(words[2], NULL, 10))
		ck_abort_msg("%s: %s packets expected, got %llu",
			     corepath_signature_format(&list[i].signature, text), words[2],
			     list[i].hits.packets);
}

static void rate_set(const char **words, size_t n)
{
	struct corepath_rates rates;

	table_must(corepath_rates_get(TABLE_PIN_DIR, &rates));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_rates_option(words[i], &rates));
	table_must(corepath_rates_set(TABLE_PIN_DIR, &rates));
}

static void prefilter(const char **words, size_t n)
{
	struct corepath_prefix prefix;

	if (!strcmp(words[0], "signature"))
		return signature(words + 1, n - 1);
	if (!strcmp(words[0], "rate"))
		return rate_set(words + 2, n - 2);
	if (corepath_prefix_parse(words[1], &prefix) < 0)
		checkrun_error("%s", corepath_error());
	table_must(corepath_prefix_add(TABLE_PIN_DIR, &prefix, 1));
}

static void endpoint(const char **words, size_t n)
{
	struct corepath_endpoint_spec spec;

	if (!strcmp(words[0], "del")) {
		table_must(corepath_endpoint_del(TABLE_PIN_DIR, words[1]));
		return;
	}
	table_must(corepath_endpoint_init(words[1], &spec));
	for (size_t i = 2; i < n; i++)
		table_must(corepath_endpoint_word(words[i], &spec));
	table_must(corepath_endpoint_add(TABLE_PIN_DIR, &spec, COREPATH_TC_AUTO, NULL));
}

static void policy(const char **words, size_t n)
{
	bool add = !strcmp(words[0], "add");
	struct corepath_policy_spec spec;

	table_must(corepath_policy_init(words[1], words[2], add ? words[3] : NULL, &spec));
	for (size_t i = add ? 4 : 3; i < n; i++)
		table_must(corepath_policy_word(words[i], &spec));
	table_must(add ? corepath_policy_add(TABLE_PIN_DIR, &spec)
		       : corepath_policy_del(TABLE_PIN_DIR, &spec));
}

static void identity(const char **words, size_t n __attribute__((unused)))
{
	struct corepath_prefix p;

	if (corepath_prefix_parse(words[1], &p) < 0)
		checkrun_error("%s", corepath_error());
	table_must(words[0][0] == 'a' ? corepath_identity_add(TABLE_PIN_DIR, &p, atoi(words[2]))
				      : corepath_identity_del(TABLE_PIN_DIR, &p));
}

static void ct_set(const char **words, size_t n)
{
	struct corepath_ct_settings s;

	table_must(corepath_ct_get(TABLE_PIN_DIR, &s));
	for (size_t i = 1; i < n; i++) /* after "set" */
		table_must(corepath_ct_word(words[i], &s));
	table_must(corepath_ct_set(TABLE_PIN_DIR, &s));
}

static void del_identities(void)
{
	struct corepath_identity_info *list;
	size_t n;

	table_must(corepath_identity_list(TABLE_PIN_DIR, &list, &n));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_identity_del(TABLE_PIN_DIR, &list[i].prefix));
	free(list);
}

static void reset_ct(void)
{
	struct corepath_ct_settings now, defaults;

	table_must(corepath_ct_get(TABLE_PIN_DIR, &now));
	corepath_ct_defaults(&defaults);
	if (now.max) /* there are tables */
		table_must(corepath_ct_set(TABLE_PIN_DIR, &defaults));
}

/* Those of endpoints go with them. */
static void del_host_rules(void)
{
	struct corepath_policy_info *list;
	size_t n;

	table_must(corepath_policy_list(TABLE_PIN_DIR, &list, &n));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_policy_del(TABLE_PIN_DIR, &list[i].spec));
	free(list);
}

static void del_endpoints(void)
{
	struct corepath_endpoint_info *list;
	size_t n;

	table_must(corepath_endpoint_list(TABLE_PIN_DIR, &list, &n));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_endpoint_del(TABLE_PIN_DIR, list[i].spec.dev));
	free(list);
}

static const struct {
	const char *name;
	void (*run)(const char **words, size_t n); /* the words after the name, two at least */
} commands[] = {
	{"service", service},	  {"backend", backend},	  {"balancer", balancer_set},
	{"prefilter", prefilter}, {"endpoint", endpoint}, {"policy", policy},
	{"identity", identity},	  {"ct", ct_set},	  {"uplink", table_uplink},
};

void table_command(const char **words, size_t n)
{
	size_t c;

	if (n < 3)
		checkrun_error("a command of %zu words", n);
	for (c = 0; c < sizeof(commands) / sizeof(*commands); c++)
		if (!strcmp(words[0], commands[c].name))
			return commands[c].run(words + 1, n - 1);
	checkrun_error("no such command: %s %s", words[0], words[1]);
}

/* Only what there is: no row pays for a guard that it does not use. */
static void reset_guard(void)
{
	static const struct corepath_rates none = {{.seconds = 1, .len4 = 32, .len6 = 64},
						   {.seconds = 1, .len4 = 32, .len6 = 64}};
	struct corepath_signature_info list[COREPATH_SIGNATURES_MAX];
	struct corepath_rates rates;
	size_t n;

	table_must(corepath_signature_list(TABLE_PIN_DIR, list, &n));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_signature_del(TABLE_PIN_DIR, list[i].signature.id));
	table_must(corepath_rates_get(TABLE_PIN_DIR, &rates));
	if (memcmp(&rates, &none, sizeof(none)))
		table_must(corepath_rates_set(TABLE_PIN_DIR, &none));
}

void table_commands_reset(void)
{
	static const struct corepath_balancer settings = {
		.source4 = {.family = AF_INET, .addr = {172, 16}, .len = 16},
		.source6 = {.family = AF_INET6, .addr = {1}, .len = 96},
		.mtu = 1500,
		.conn_rate = 1000,
	};
	struct corepath_service_info *services;
	struct corepath_prefix *prefixes;
	size_t n;

	table_must(corepath_service_list(TABLE_PIN_DIR, &services, &n));
	for (size_t i = 0; i < n; i++)
		table_must(corepath_service_del(TABLE_PIN_DIR, &services[i].spec.id));
	corepath_service_free(services, n);
	table_must(corepath_prefix_list(TABLE_PIN_DIR, &prefixes, &n));
	table_must(corepath_prefix_del(TABLE_PIN_DIR, prefixes, n));
	free(prefixes);
	table_must(corepath_balancer_set(TABLE_PIN_DIR, &settings));
	reset_guard();
	del_endpoints();
	del_host_rules();
	del_identities();
	reset_ct();
	table_uplink_reset();
}
