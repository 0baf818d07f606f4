// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `corepath metrics` writes, and the rates of `corepath top`, of samples made by hand.
 *
 * `metrics_test --print text|openmetrics` prints a sample that has every family, with label values
 * that are hard to write: what the alert rules and the dashboard are held against
 * (scripts/tests/test_prometheus.py).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../cmd/rates.h"
#include "../lib/metrics_text.h"
#include "../../harness/tests/runner.h"

static struct corepath_service_info service(const char *proto, const char *text,
					    const struct corepath_backend_spec *backends, size_t n,
					    struct corepath_served served)
{
	struct corepath_service_info s = {.spec = {.mode = COREPATH_LB_NAT},
					  .backends = (struct corepath_backend_spec *)backends,
					  .n_backends = n,
					  .served = served};

	if (corepath_service_parse(proto, text, &s.spec.id))
		abort(); /* --print is no test of Check's */
	return s;
}

/* ---- a sample of everything ---- */

static const struct corepath_backend_spec backends[] = {
	{.state = COREPATH_BACKEND_ACTIVE},
	{.state = COREPATH_BACKEND_ACTIVE},
	{.state = COREPATH_BACKEND_DRAINING},
};

static const struct corepath_rule_info rules[] = {
	{.name = "tools", .action = COREPATH_ACTION_DENY, .hits = 2},
	{.name = "tools", .action = COREPATH_ACTION_DENY, .hits = 3},
	{.name = "a \"quoted\" \\ name\nof two lines, and \xff\xc3\xa9",
	 .action = COREPATH_ACTION_LOG},
};

static const struct corepath_hooked hooks[] = {
	{COREPATH_HOOK_XDP, "prefilter", "eth0", "native", COREPATH_ATTACHED},
	{COREPATH_HOOK_XDP, "prefilter", "eth9", "", COREPATH_GONE},
	{COREPATH_HOOK_XDP, "prefilter", "eth9", "", COREPATH_GONE},
	{COREPATH_HOOK_TC_INGRESS, "uplink", "eth0", "tcx", COREPATH_ATTACHED},
	{COREPATH_HOOK_TC_EGRESS, "endpoint", "veth7", "clsact", COREPATH_ATTACHED},
};

/* As sample.c names them. */
static const struct corepath_table_usage tables[] = {
	{"prefilter_src4", {3, 65536}}, {"prefilter_src6", {0, 65536}},
	{"lb_services", {2, 8192}},	{"lb_conns", {7, 65536}},
	{"sock_peers", {1, 65536}},	{"ct_flows", {9, 65536}},
	{"ct_new", {0, 65536}},		{"endpoints", {1, 4096}},
	{"policy_rules", {1, 16384}},	{"identities", {2, 65536}},
	{"nat_out", {5, 65536}},
};

#define N(array) (sizeof(array) / sizeof(*(array)))

static struct corepath_service_info services[2];
static struct corepath_endpoint_info endpoints[1] = {
	{.spec = {.dev = "veth7"}, .state = COREPATH_ATTACHED, .open = {4, 6}}};
static struct corepath_policy_info policies[] = {
	{.spec = {.dev = "veth7",
		  .direction = COREPATH_IN,
		  .verdict = COREPATH_ALLOW,
		  .identity = 200,
		  .proto = 6,
		  .port = 443},
	 .packets = 11,
	 .bytes = 660},
	{.spec = {.dev = "host", .direction = COREPATH_OUT, .verdict = COREPATH_DENY},
	 .packets = 1},
};

static void fill(struct corepath_sample *s)
{
	services[0] = service("tcp", "203.0.113.9:80", backends, N(backends),
			      (struct corepath_served){12, 3456, 5});
	services[1] = service("udp", "[2001:db8::9]:53", NULL, 0, (struct corepath_served){});
	*s = (struct corepath_sample){
		.up = true,
		.running = {.layout = 1, .version = "0.0.9"},
		.has_counters = true,
		.services = services,
		.n_services = N(services),
		.signatures = {{.signature = {.id = 7, .action = COREPATH_SIG_DROP},
				.hits = {21, 2100}}},
		.n_signatures = 1,
		.hooks = (struct corepath_hooked *)hooks,
		.n_hooks = N(hooks),
		.n_cgroups = {[COREPATH_CGROUP_ATTACHED] = 1},
		.tables = (struct corepath_table_usage *)tables,
		.n_tables = N(tables),
		.endpoints = endpoints,
		.n_endpoints = N(endpoints),
		.policies = policies,
		.n_policies = N(policies),
		.has_uplink = true,
		.has_security = true,
		.security = {.how = COREPATH_PREVENTS,
			     .means = COREPATH_MEANS_LSM,
			     .rules = (struct corepath_rule_info *)rules,
			     .n = N(rules)},
	};
	s->counters[COREPATH_DROP_FORWARDED] = (struct corepath_counter){1000, 64000};
	s->counters[COREPATH_DROP_DENIED_SRC4] = (struct corepath_counter){3, 180};
	s->lost[1] = 8;
	s->uplink[COREPATH_UPLINK_EXPIRED] = 2;
}

static char *written(const struct corepath_sample *s, enum corepath_metrics_format format)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	corepath_metrics_write(s, format, to);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	char *whole;

	ck_assert_int_gt(asprintf(&whole, "\n%s\n", line), 0);
	if (!strstr(text, whole))
		ck_abort_msg("there is no line\n%s\nin\n%s", line, text);
	free(whole);
}

/* ---- lines ---- */

static const char *const lines[] = {
	"corepath_up 1",
	"corepath_datapath_info{version=\"0.0.9\",layout=\"1\"} 1",
	"corepath_packets_total{reason=\"forwarded\",verdict=\"passed\"} 1000",
	"corepath_bytes_total{reason=\"denied_src4\",verdict=\"dropped\"} 180",
	"corepath_events_lost_total{watcher=\"1\"} 8",
	"corepath_service_info{proto=\"tcp\",service=\"203.0.113.9:80\",mode=\"nat\"} 1",
	"corepath_service_packets_total{proto=\"tcp\",service=\"203.0.113.9:80\"} 12",
	"corepath_service_bytes_total{proto=\"tcp\",service=\"203.0.113.9:80\"} 3456",
	"corepath_service_connections_total{proto=\"tcp\",service=\"203.0.113.9:80\"} 5",
	"corepath_service_packets_total{proto=\"udp\",service=\"[2001:db8::9]:53\"} 0",
	"corepath_service_backends{proto=\"tcp\",service=\"203.0.113.9:80\",state=\"active\"} 2",
	"corepath_service_backends{proto=\"tcp\",service=\"203.0.113.9:80\",state=\"draining\"} 1",
	"corepath_service_backends{proto=\"tcp\",service=\"203.0.113.9:80\",state=\"down\"} 0",
	"corepath_service_backends{proto=\"udp\",service=\"[2001:db8::9]:53\",state=\"active\"} 0",
	"corepath_signature_packets_total{signature=\"7\",action=\"drop\"} 21",
	"corepath_signature_bytes_total{signature=\"7\",action=\"drop\"} 2100",
	"corepath_table_entries{table=\"ct_flows\"} 9",
	"corepath_table_max_entries{table=\"lb_services\"} 8192",
	"corepath_endpoint_connections{dev=\"veth7\",direction=\"in\"} 4",
	"corepath_endpoint_connections{dev=\"veth7\",direction=\"out\"} 6",
	"corepath_policy_packets_total{dev=\"veth7\",direction=\"in\",verdict=\"allow\",identity=\"200\","
	"proto=\"tcp\",port=\"443\"} 11",
	"corepath_policy_bytes_total{dev=\"veth7\",direction=\"in\",verdict=\"allow\",identity=\"200\","
	"proto=\"tcp\",port=\"443\"} 660",
	"corepath_policy_packets_total{dev=\"host\",direction=\"out\",verdict=\"deny\",identity=\"any\","
	"proto=\"any\",port=\"any\"} 1",
	"corepath_uplink_events_total{event=\"expired\"} 2",
	"corepath_attachments{role=\"prefilter\",hook=\"xdp\",dev=\"eth0\",mode=\"native\",state="
	"\"attached\"} 1",
	/* two devices of one name, both gone */
	"corepath_attachments{role=\"prefilter\",hook=\"xdp\",dev=\"eth9\",mode=\"\",state=\"gone\"} 2",
	"corepath_attachments{role=\"uplink\",hook=\"tc-ingress\",dev=\"eth0\",mode=\"tcx\",state="
	"\"attached\"} 1",
	"corepath_cgroups{state=\"attached\"} 1",
	"corepath_security_info{enforcement=\"prevents\",means=\"lsm\"} 1",
	/* of one name: `any` of one rule */
	"corepath_security_rule_matches_total{rule=\"tools\",action=\"deny\"} 5",
	"corepath_security_rule_matches_total{rule=\"a \\\"quoted\\\" \\\\ name\\nof two lines, and "
	"?\xc3\xa9\",action=\"log\"} 0",
};

START_TEST(writes)
{
	struct corepath_sample s;
	char *text;

	fill(&s);
	text = written(&s, COREPATH_METRICS_TEXT);
	expect_line(text, lines[_i]);
	free(text);
	text = written(&s, COREPATH_METRICS_OPENMETRICS);
	expect_line(text, lines[_i]);
	free(text);
}
END_TEST

/* The two formats call a counter by two names where they describe it. */
START_TEST(describes)
{
	struct corepath_sample s;
	char *text, *end;

	fill(&s);
	text = written(&s, COREPATH_METRICS_TEXT);
	expect_line(text, "# TYPE corepath_packets_total counter");
	expect_line(text, "# TYPE corepath_datapath_info gauge");
	ck_assert_ptr_null(strstr(text, "# EOF"));
	free(text);
	text = written(&s, COREPATH_METRICS_OPENMETRICS);
	expect_line(text, "# TYPE corepath_packets counter");
	expect_line(text, "# TYPE corepath_datapath info");
	end = strstr(text, "# EOF\n");
	ck_assert_ptr_nonnull(end);
	ck_assert_str_eq(end, "# EOF\n");
	free(text);
}
END_TEST

/* Nothing is up: that is an answer, and not zeros of what is not there. */
START_TEST(says_nothing_is_up)
{
	struct corepath_sample s = {};
	char *text = written(&s, COREPATH_METRICS_TEXT);

	expect_line(text, "corepath_up 0");
	ck_assert_ptr_null(strstr(text, "corepath_packets"));
	free(text);
}
END_TEST

/* ---- labels ---- */

static const struct {
	const char *value, *written;
} labels[] = {
	{"eth0", "eth0"},
	{"a\\b\"c\nd", "a\\\\b\\\"c\\nd"},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"},
	{"\xff\x80x", "??x"},
	{"\xc0\xaf", "??"},	      /* a slash in too many bytes */
	{"\xed\xa0\x80", "???"},      /* half of a pair of UTF-16 */
	{"\xf4\x90\x80\x80", "????"}, /* beyond the last character */
	{"\xe2\x82", "??"},	      /* cut short */
	{"a\tb\x1b", "a?b?"},
};

START_TEST(escapes)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	cp_metrics_label(to, labels[_i].value);
	fclose(to);
	ck_assert_str_eq(text, labels[_i].written);
	free(text);
}
END_TEST

/* ---- rates ---- */

/* Two seconds: 300 packets more are 150 a second, 15000 bytes more 60000 bits a second. The second
 * service was deleted and added again, and counts from 0; the third is new; who has gone is gone.
 */
START_TEST(rates_of_a_while)
{
	struct corepath_service_info old[] = {
		service("tcp", "203.0.113.9:80", NULL, 0, (struct corepath_served){100, 5000, 7}),
		service("udp", "203.0.113.9:80", NULL, 0, (struct corepath_served){900, 90000, 0}),
		service("tcp", "192.0.2.1:1", NULL, 0, (struct corepath_served){5, 5, 5}),
	};
	struct corepath_service_info new[] = {
		service("udp", "203.0.113.9:80", NULL, 0, (struct corepath_served){20, 2000, 0}),
		service("tcp", "[2001:db8::9]:443", NULL, 0, (struct corepath_served){0, 0, 3}),
		service("tcp", "203.0.113.9:80", backends, N(backends),
			(struct corepath_served){400, 20000, 8}),
	};
	struct corepath_sample before = {.services = old, .n_services = N(old)};
	struct corepath_sample now = {.services = new, .n_services = N(new)};
	struct rate *r;
	size_t n;

	ck_assert_int_eq(rates_of_services(&before, &now, 2, &r, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(r[0].name, "tcp 203.0.113.9:80");
	ck_assert_double_eq(r[0].packets, 150);
	ck_assert_double_eq(r[0].bits, 60000);
	ck_assert_double_eq(r[0].connections, 0.5);
	ck_assert_uint_eq(r[0].active, 2);
	ck_assert_uint_eq(r[0].backends, 3);
	ck_assert_str_eq(r[1].name, "udp 203.0.113.9:80");
	ck_assert_double_eq(r[1].packets, 10);
	ck_assert_double_eq(r[1].bits, 8000);
	ck_assert_str_eq(r[2].name, "tcp [2001:db8::9]:443");
	ck_assert_double_eq(r[2].packets, 0);
	ck_assert_double_eq(r[2].connections, 1.5);
	free(r);
}
END_TEST

START_TEST(rates_of_what_came)
{
	struct corepath_sample before = {}, now = {};
	struct rate *r;
	size_t n;

	before.counters[COREPATH_DROP_FORWARDED] = (struct corepath_counter){10, 600};
	now.counters[COREPATH_DROP_FORWARDED] = (struct corepath_counter){20, 1600};
	before.counters[COREPATH_DROP_LB_ECHOED] = (struct corepath_counter){5, 500};
	now.counters[COREPATH_DROP_LB_ECHOED] = (struct corepath_counter){5, 500};
	now.counters[COREPATH_DROP_SIGNATURE] = (struct corepath_counter){40, 4000};
	ck_assert_int_eq(rates_of_reasons(&before, &now, 4, &r, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(r[0].name, "signature");
	ck_assert_double_eq(r[0].packets, 10);
	ck_assert_double_eq(r[0].bits, 8000);
	ck_assert(r[0].dropped);
	ck_assert_str_eq(r[1].name, "forwarded");
	ck_assert_double_eq(r[1].packets, 2.5);
	ck_assert_double_eq(r[1].bits, 2000);
	ck_assert(!r[1].dropped);
	free(r);
}
END_TEST

/* A window of eight lines: two headings and what is between them leave five. */
START_TEST(rates_fit_the_window)
{
	const struct rate_style style = {.human = true, .end = "|", .lines = 8};
	struct corepath_service_info many[9];
	struct corepath_sample before = {}, now = {.services = many, .n_services = N(many)};
	char address[32], *text = NULL, *line;
	size_t size, i, n = 0;
	FILE *to;

	for (i = 0; i < N(many); i++) {
		snprintf(address, sizeof(address), "203.0.113.%zu:80", i);
		many[i] =
			service("tcp", address, NULL, 0, (struct corepath_served){12345 * i, 0, 0});
	}
	now.counters[COREPATH_DROP_FORWARDED].packets = 1;
	to = open_memstream(&text, &size);
	ck_assert_int_eq(rates_write(&before, &now, 1, &style, to), 0);
	fclose(to);
	for (line = text; (line = strstr(line, "|\n")); line++)
		n++;
	ck_assert_uint_eq(n, 8);
	/* the busiest: 12345 x 8 */
	ck_assert_ptr_nonnull(strstr(text, "203.0.113.8:80"));
	ck_assert_ptr_nonnull(strstr(text, "98.8k"));
	ck_assert_ptr_null(strstr(text, "203.0.113.4:80"));
	ck_assert_ptr_nonnull(strstr(text, "forwarded"));
	free(text);
}
END_TEST

static int print(const char *format)
{
	struct corepath_sample s;

	fill(&s);
	corepath_metrics_write(
		&s, strcmp(format, "text") ? COREPATH_METRICS_OPENMETRICS : COREPATH_METRICS_TEXT,
		stdout);
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct test tests[] = {FOR_EACH(writes, lines),	ONCE(describes),
				     ONCE(says_nothing_is_up),	FOR_EACH(escapes, labels),
				     ONCE(rates_of_a_while),	ONCE(rates_of_what_came),
				     ONCE(rates_fit_the_window)};

	if (argc == 3 && !strcmp(argv[1], "--print"))
		return print(argv[2]);
	return RUN("metrics", tests);
}
