// SPDX-License-Identifier: GPL-2.0-only
/* perf.lb.*: the load balancer behind the prefilter, by BPF_PROG_TEST_RUN. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/result.h"
#include "calls.h"

#define PIN_DIR "/sys/fs/bpf/perf-lb"

/* The destination of all packets of perf_packet(), and their port; 0 is any. */
#define ADDR4 "203.0.113.9"
#define ADDR6 "[2001:db8:ffff::9]"
#define PORT  ":30840"
#define ANY   ":0"

#define BACKEND4 "10.0.0.1"
#define BACKEND6 "2001:db8:b::1"

/* Remembered flows each CPU may add a second: as many as it likes, or none. */
#define MANY 10000000

static const struct lb_case {
	const char *test, *service, *mode, *backend;
	enum perf_packet packet;
	unsigned int verdict;
	unsigned int conn_rate;
	bool fresh; /* each call has a flow of its own */
} cases[] = {
	/* another address has a service: what everything else pays */
	{"perf.lb.v4_no_service", ADDR6 PORT, "mode=tunnel", BACKEND6, PERF_V4_MISS, XDP_PASS, MANY,
	 false},
	{"perf.lb.v6_no_service", ADDR4 PORT, "mode=tunnel", BACKEND4, PERF_V6_MISS, XDP_PASS, MANY,
	 false},
	/* the flow is known after the first call */
	{"perf.lb.v4_tunnel", ADDR4 PORT, "mode=tunnel", BACKEND4, PERF_V4_MISS, XDP_TX, MANY,
	 false},
	{"perf.lb.v6_tunnel", ADDR6 PORT, "mode=tunnel", BACKEND6, PERF_V6_MISS, XDP_TX, MANY,
	 false},
	{"perf.lb.v4_gue", ADDR4 PORT, "mode=gue", BACKEND4, PERF_V4_MISS, XDP_TX, MANY, false},
	{"perf.lb.v4_nat", ADDR4 PORT, "mode=nat", BACKEND4, PERF_V4_MISS, XDP_TX, MANY, false},
	{"perf.lb.v6_nat", ADDR6 PORT, "mode=nat", BACKEND6, PERF_V6_MISS, XDP_TX, MANY, false},
	/* the service of any port, the longer search */
	{"perf.lb.v4_tunnel_any_port", ADDR4 ANY, "mode=tunnel", BACKEND4, PERF_V4_MISS, XDP_TX,
	 MANY, false},
	/* each packet is the first of its flow */
	{"perf.lb.v4_tunnel_new", ADDR4 PORT, "mode=tunnel", BACKEND4, PERF_V4_MISS, XDP_TX, MANY,
	 true},
	{"perf.lb.v4_nat_new", ADDR4 PORT, "mode=nat", BACKEND4, PERF_V4_MISS, XDP_TX, MANY, true},
	/* nothing is remembered: the Maglev table alone, as in a flood */
	{"perf.lb.v4_tunnel_flood", ADDR4 PORT, "mode=tunnel", BACKEND4, PERF_V4_MISS, XDP_TX, 0,
	 true},
	{"perf.lb.v6_tunnel_flood", ADDR6 PORT, "mode=tunnel", BACKEND6, PERF_V6_MISS, XDP_TX, 0,
	 true},
};

static int set_up(const struct lb_case *c)
{
	struct corepath_service_spec service = {};
	struct corepath_backend_spec backend;
	struct corepath_balancer balancer;
	int err;

	err = corepath_service_parse("udp", c->service, &service.id);
	if (!err)
		err = corepath_service_option(c->mode, &service);
	if (!err)
		err = corepath_backend_parse(c->backend, &backend);
	if (!err)
		err = corepath_balancer_get(PIN_DIR, &balancer);
	balancer.conn_rate = c->conn_rate;
	if (!err)
		err = corepath_balancer_set(PIN_DIR, &balancer);
	if (!err)
		err = corepath_service_add(PIN_DIR, &service);
	return err ? err : corepath_backend_add(PIN_DIR, &service.id, &backend);
}

static void run_case(const struct lb_case *c, int program, double floor)
{
	unsigned char packet[PERF_PACKET_MAX];
	struct perf_call call = {.program = program, .packet = packet, .verdict = c->verdict};
	struct corepath_service_id id;
	double runs[PERF_RUNS];

	result_start(c->test);
	call.len = perf_packet(c->packet, packet);
	call.fresh_at = c->fresh ? call.len - PERF_PAYLOAD : 0; /* the source port */
	if (set_up(c)) {
		result_report(c->test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	if (perf_calls(c->test, &call, runs))
		perf_report(c->test, "packet", runs, &floor);
	if (corepath_service_parse("udp", c->service, &id) || corepath_service_del(PIN_DIR, &id))
		result_die("perf: %s", corepath_error());
}

void perf_lb(void)
{
	double floor = perf_calls_floor("perf.lb.floor", PERF_XDP);
	int program = floor < 0 ? -1 : perf_up("perf.lb.up", PIN_DIR);

	if (program < 0)
		return;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i], program, floor);
	close(program);
	corepath_down(PIN_DIR, NULL, 0);
}
