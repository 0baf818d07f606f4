// SPDX-License-Identifier: GPL-2.0-only
/* perf.guard.*: signatures and rates, behind the prefilter; a packet that passes has no service. */
#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/result.h"
#include "calls.h"

#define PIN_DIR "/sys/fs/bpf/perf-guard"

/* The packets have UDP port 30840 at both ends and 'x' in the payload: perf/packets.c. */
static const struct guard_case {
	const char *test;
	enum perf_packet packet;
	unsigned int verdict;
	unsigned int
		signatures; /* that do not match by their header, before the one that has words */
	const char *words[3];
	const char *rate;
	bool fresh; /* each packet of another source */
} cases[] = {
	{"perf.guard.v4_1_other_header", PERF_V4_MISS, XDP_PASS, 1, {}, NULL, false},
	{"perf.guard.v4_32_other_header", PERF_V4_MISS, XDP_PASS, 32, {}, NULL, false},
	{"perf.guard.v4_other_bytes",
	 PERF_V4_MISS,
	 XDP_PASS,
	 0,
	 {"proto=udp", "dport=30840", "bytes=4d2d534541524348"},
	 NULL,
	 false},
	{"perf.guard.v4_match",
	 PERF_V4_MISS,
	 XDP_DROP,
	 0,
	 {"proto=udp", "dport=30840", "bytes=7878787878787878"},
	 NULL,
	 false},
	{"perf.guard.v6_match",
	 PERF_V6_MISS,
	 XDP_DROP,
	 0,
	 {"proto=udp", "dport=30840", "bytes=7878787878787878"},
	 NULL,
	 false},
	{"perf.guard.v4_rate_known", PERF_V4_MISS, XDP_PASS, 0, {}, "packets=100000000", false},
	{"perf.guard.v6_rate_known", PERF_V6_MISS, XDP_PASS, 0, {}, "packets=100000000", false},
	{"perf.guard.v4_rate_new", PERF_V4_MISS, XDP_PASS, 0, {}, "packets=100000000", true},
};

static int add_signature(unsigned int number, const char *const *words)
{
	struct corepath_signature s;
	char text[16];
	int err;

	snprintf(text, sizeof(text), "%u", number);
	err = corepath_signature_parse(text, &s);
	for (int i = 0; !err && i < 3 && words[i]; i++)
		err = corepath_signature_option(words[i], &s);
	return err ? err : corepath_signature_add(PIN_DIR, &s);
}

static int set_rate(const char *word)
{
	struct corepath_rates rates;
	int err = corepath_rates_get(PIN_DIR, &rates);

	if (!err)
		err = corepath_rates_option(word, &rates);
	return err ? err : corepath_rates_set(PIN_DIR, &rates);
}

static int set_up(const struct guard_case *c)
{
	static const char *const other[3] = {"proto=tcp", "dport=80", NULL};
	int err = 0;

	for (unsigned int i = 0; i < c->signatures && !err; i++)
		err = add_signature(1 + i, other);
	if (!err && c->words[0])
		err = add_signature(1, c->words);
	if (!err && c->rate)
		err = set_rate(c->rate);
	return err;
}

static void tear_down(const struct guard_case *c)
{
	unsigned int n = c->words[0] ? 1 : c->signatures;
	int err = c->rate ? set_rate("packets=0") : 0;

	for (unsigned int i = 0; i < n && !err; i++)
		err = corepath_signature_del(PIN_DIR, 1 + i);
	if (err)
		result_die("perf: %s", corepath_error());
}

static void run_case(const struct guard_case *c, int program, double floor)
{
	unsigned char packet[PERF_PACKET_MAX];
	struct perf_call call = {.program = program, .packet = packet, .verdict = c->verdict};
	double runs[PERF_RUNS];

	result_start(c->test);
	call.len = perf_packet(c->packet, packet);
	/* the last two bytes of IPv4's source */
	call.fresh_at = c->fresh ? 14 + 14 : 0;
	if (set_up(c)) {
		result_report(c->test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	if (perf_calls(c->test, &call, runs))
		perf_report(c->test, "packet", runs, &floor);
	tear_down(c);
}

void perf_guard(void)
{
	double floor = perf_calls_floor("perf.guard.floor", PERF_XDP);
	int program = floor < 0 ? -1 : perf_up("perf.guard.up", PIN_DIR);

	if (program < 0)
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i], program, floor);
	close(program);
	corepath_down(PIN_DIR, NULL, 0);
}
