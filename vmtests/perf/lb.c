// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf.lb.*: the load balancer behind the prefilter, by BPF_PROG_TEST_RUN.
 *
 * One packet per call: a repeated run would get the frame as the last one left it, in one more
 * tunnel each time. What a call of one packet costs by itself is in its own floor.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "perf.h"

#define PIN_DIR "/sys/fs/bpf/perf-lb"

/* Calls per run; their median is the run's value. */
#define CALLS 101

/* The destination of all packets of perf_packet(), with any port of UDP. */
#define SERVICE4 "203.0.113.9:0"
#define SERVICE6 "[2001:db8:ffff::9]:0"

static const struct lb_case {
	const char *test, *service, *mode, *backend;
	unsigned int conn_rate;
	enum perf_packet packet;
	unsigned int verdict;
} cases[] = {
	/* another address has a service: what everything else pays */
	{"perf.lb.v4_no_service", SERVICE6, "mode=tunnel", "2001:db8:b::1", 1000, PERF_V4_MISS,
	 XDP_PASS},
	{"perf.lb.v6_no_service", SERVICE4, "mode=tunnel", "10.0.0.1", 1000, PERF_V6_MISS,
	 XDP_PASS},
	/* the flow is known after the first call */
	{"perf.lb.v4_tunnel", SERVICE4, "mode=tunnel", "10.0.0.1", 1000, PERF_V4_MISS, XDP_TX},
	{"perf.lb.v6_tunnel", SERVICE6, "mode=tunnel", "2001:db8:b::1", 1000, PERF_V6_MISS, XDP_TX},
	{"perf.lb.v4_gue", SERVICE4, "mode=gue", "10.0.0.1", 1000, PERF_V4_MISS, XDP_TX},
	{"perf.lb.v4_nat", SERVICE4, "mode=nat", "10.0.0.1", 1000, PERF_V4_MISS, XDP_TX},
	{"perf.lb.v6_nat", SERVICE6, "mode=nat", "2001:db8:b::1", 1000, PERF_V6_MISS, XDP_TX},
	/* nothing is remembered: the Maglev table alone, as in a flood */
	{"perf.lb.v4_tunnel_flood", SERVICE4, "mode=tunnel", "10.0.0.1", 0, PERF_V4_MISS, XDP_TX},
	{"perf.lb.v6_tunnel_flood", SERVICE6, "mode=tunnel", "2001:db8:b::1", 0, PERF_V6_MISS,
	 XDP_TX},
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* False after an ERROR line. */
static bool measure(const char *test, int program, enum perf_packet packet, unsigned int verdict,
		    double *runs)
{
	unsigned char in[PERF_PACKET_MAX], out[2 * PERF_PACKET_MAX];
	size_t len = perf_packet(packet, in);
	double calls[CALLS];

	for (int i = 0; i < PERF_RUNS; i++) {
		for (int call = 0; call < CALLS; call++) {
			LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = len,
				    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);
			int err = bpf_prog_test_run_opts(program, &run);

			if (err || run.retval != verdict) {
				result_report(test, RESULT_ERROR,
					      "call %d: %s; the verdict is %u, not %u", call,
					      strerror(-err), run.retval, verdict);
				return false;
			}
			calls[call] = run.duration;
		}
		qsort(calls, CALLS, sizeof(*calls), by_value);
		runs[i] = calls[CALLS / 2];
	}
	return true;
}

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
	struct corepath_service_id id;
	double runs[PERF_RUNS];

	result_start(c->test);
	if (set_up(c)) {
		result_report(c->test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	if (measure(c->test, program, c->packet, c->verdict, runs))
		perf_report(c->test, runs, &floor);
	if (corepath_service_parse("udp", c->service, &id) || corepath_service_del(PIN_DIR, &id))
		result_die("perf: %s", corepath_error());
}

void perf_lb(void)
{
	static const char floor_test[] = "perf.lb.floor", test[] = "perf.lb.up";
	const char *const devs[] = {"lo"};
	struct corepath_up_request request = {
		.pin_dir = PIN_DIR, .devs = devs, .n_devs = 1, .mode = COREPATH_XDP_GENERIC};
	struct corepath_attachment at;
	double runs[PERF_RUNS];
	int floor, program;

	result_start(floor_test);
	floor = perf_load_floor(floor_test);
	if (floor < 0 || !measure(floor_test, floor, PERF_V4_MISS, XDP_DROP, runs))
		return;
	perf_report(floor_test, runs, NULL);
	if (net_unshare() < 0 || corepath_up(&request, &at)) {
		result_start(test);
		result_report(test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	program = bpf_prog_get_fd_by_id(at.prog_id);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i], program, perf_median(runs));
	corepath_down(PIN_DIR, NULL, 0);
}
