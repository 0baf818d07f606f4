// SPDX-License-Identifier: GPL-2.0-only
/* perf.tc.*: the programs at an endpoint's device and at the uplink, by BPF_PROG_TEST_RUN. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "calls.h"

#define PIN_DIR "/sys/fs/bpf/perf-tc"

/* The host's ends of two veth pairs. The frames are perf_packet()'s: what the endpoint sends. */
#define ENDPOINT     "ep0"
#define UPLINK	     "up0"
#define ENDPOINT_MAC "02:00:00:00:00:01"
#define HOST_MAC     "02:00:00:00:00:02"
#define SOURCE	     "192.0.2.0/24"
#define MASQUERADE   "198.51.100.1"

enum {
	OUT = 0,      /* as it is sent */
	BACK = 1,     /* its answer */
	BACK_NAT = 2, /* its answer, to the uplink's address */
};

/* In order: what one case leaves is there for the next. */
static const struct tc_case {
	const char *test, *program, *device;
	int way;
	unsigned int verdict;
	bool fresh;	  /* each packet is the first of its flow */
	const char *rule; /* of the endpoint, out, from this case on */
} cases[] = {
	{"perf.tc.endpoint_out_new", "tc_from_endpoint", ENDPOINT, OUT, TC_ACT_UNSPEC, true, NULL},
	{"perf.tc.endpoint_out_known", "tc_from_endpoint", ENDPOINT, OUT, TC_ACT_UNSPEC, false,
	 NULL},
	{"perf.tc.endpoint_in_known", "tc_to_endpoint", ENDPOINT, BACK, TC_ACT_UNSPEC, false, NULL},
	{"perf.tc.endpoint_out_answered", "tc_from_endpoint", ENDPOINT, OUT, TC_ACT_UNSPEC, false,
	 NULL},
	{"perf.tc.endpoint_in_new", "tc_to_endpoint", ENDPOINT, BACK, TC_ACT_UNSPEC, true, NULL},
	{"perf.tc.endpoint_out_new_allowed", "tc_from_endpoint", ENDPOINT, OUT, TC_ACT_UNSPEC, true,
	 "proto=udp"},
	{"perf.tc.endpoint_out_denied", "tc_from_endpoint", ENDPOINT, OUT, TC_ACT_SHOT, true,
	 "proto=tcp"},
	{"perf.tc.uplink_out_not_masqueraded", "tc_uplink_out", UPLINK, BACK, TC_ACT_UNSPEC, false,
	 NULL},
	{"perf.tc.uplink_out_new", "tc_uplink_out", UPLINK, OUT, TC_ACT_UNSPEC, true, NULL},
	{"perf.tc.uplink_out_known", "tc_uplink_out", UPLINK, OUT, TC_ACT_UNSPEC, false, NULL},
	{"perf.tc.uplink_in_known", "tc_uplink_in", UPLINK, BACK_NAT, TC_ACT_UNSPEC, false, NULL},
	{"perf.tc.uplink_in_unknown", "tc_uplink_in", UPLINK, BACK, TC_ACT_UNSPEC, false, NULL},
};

static void swap(unsigned char *a, unsigned char *b, size_t n)
{
	unsigned char old[16];

	memcpy(old, a, n);
	memcpy(a, b, n);
	memcpy(b, old, n);
}

/* The frame of a case, IPv4 without options: Ethernet, 20 bytes of IP, UDP. */
static size_t frame(int way, unsigned char *out)
{
	size_t len = perf_packet(PERF_V4_MISS, out);

	if (way == OUT)
		return len;
	swap(out, out + 6, 6);
	swap(out + 14 + 12, out + 14 + 16, 4);
	swap(out + 34, out + 36, 2);
	if (way == BACK_NAT)
		inet_pton(AF_INET, MASQUERADE, out + 14 + 16);
	return len;
}

static int set_rule(const char *word)
{
	static const char *there;
	struct corepath_policy_spec spec;
	int err = 0;

	if (there) {
		err = corepath_policy_init(ENDPOINT, "out", NULL, &spec);
		if (!err)
			err = corepath_policy_word(there, &spec);
		if (!err)
			err = corepath_policy_del(PIN_DIR, &spec);
	}
	there = word;
	if (!err)
		err = corepath_policy_init(ENDPOINT, "out", "allow", &spec);
	if (!err)
		err = corepath_policy_word(word, &spec);
	return err ? err : corepath_policy_add(PIN_DIR, &spec);
}

static void run_case(const struct tc_case *c, double floor)
{
	unsigned char packet[PERF_PACKET_MAX];
	struct perf_call call = {
		.packet = packet, .verdict = c->verdict, .ifindex = if_nametoindex(c->device)};
	double runs[PERF_RUNS];
	char path[128];

	result_start(c->test);
	if (c->rule && set_rule(c->rule)) {
		result_report(c->test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	call.len = frame(c->way, packet);
	/* the endpoint's port */
	call.fresh_at = c->fresh ? (c->way == OUT ? 34 : 36) : 0;
	snprintf(path, sizeof(path), PIN_DIR "/%s", c->program);
	call.program = bpf_obj_get(path);
	if (call.program < 0) {
		result_report(c->test, RESULT_ERROR, "%s: %s", path, strerror(errno));
		return;
	}
	if (perf_calls(c->test, &call, runs))
		perf_report(c->test, "packet", runs, &floor);
	close(call.program);
}

static int add_devices(void)
{
	int here = net_unshare();

	if (here < 0 || net_veth(ENDPOINT, HOST_MAC, "w0", ENDPOINT_MAC, here) ||
	    net_veth(UPLINK, "02:00:00:00:00:03", "w1", "02:00:00:00:00:04", here) ||
	    net_up(ENDPOINT) || net_up(UPLINK))
		return -1;
	return close(here);
}

static int set_up(void)
{
	static const char *const devs[] = {"lo"};
	struct corepath_up_request request = {
		.pin_dir = PIN_DIR, .devs = devs, .n_devs = 1, .mode = COREPATH_XDP_GENERIC};
	struct corepath_endpoint_spec endpoint;
	struct corepath_attachment at;
	struct corepath_uplink uplink;
	struct corepath_prefix source;
	int err;

	err = corepath_up(&request, &at);
	if (!err)
		err = corepath_endpoint_init(ENDPOINT, &endpoint);
	if (!err)
		err = corepath_endpoint_word("192.0.2.1", &endpoint);
	if (!err)
		err = corepath_endpoint_word("mac=" ENDPOINT_MAC, &endpoint);
	if (!err)
		err = corepath_endpoint_word("identity=100", &endpoint);
	if (!err)
		err = corepath_endpoint_add(PIN_DIR, &endpoint, COREPATH_TC_AUTO, NULL);
	if (!err)
		err = corepath_uplink_get(PIN_DIR, &uplink);
	if (!err)
		err = corepath_uplink_option("masquerade4=" MASQUERADE, &uplink);
	if (!err) /* the frame's own port is among them */
		err = corepath_uplink_option("ports=1024-65535", &uplink);
	if (!err)
		err = corepath_uplink_set(PIN_DIR, &uplink);
	if (!err && corepath_prefix_parse(SOURCE, &source) < 0)
		err = -EINVAL;
	if (!err)
		err = corepath_uplink_add(PIN_DIR, COREPATH_UPLINK_SOURCES, &source, 1);
	return err ? err : corepath_uplink_attach(PIN_DIR, UPLINK, COREPATH_TC_AUTO, NULL);
}

void perf_tc(void)
{
	static const char test[] = "perf.tc.up";
	double floor = perf_calls_floor("perf.tc.floor", PERF_TC);

	if (floor < 0)
		return;
	if (add_devices()) {
		result_start(test);
		result_report(test, RESULT_ERROR, "%s", net_error());
		return;
	}
	if (set_up()) {
		result_start(test);
		result_report(test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i], floor);
	corepath_down(PIN_DIR, NULL, 0);
}
