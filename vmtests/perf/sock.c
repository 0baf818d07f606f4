// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf.sock.*: what connect() of a UDP socket costs, as a whole system call, with and without the
 * programs of the cgroup. The kernel has no BPF_PROG_TEST_RUN for them.
 */
#include <corepath.h>
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "calls.h"

#define PIN_DIR "/sys/fs/bpf/perf-sock"
#define CGROUP	"/sys/fs/cgroup"
#define PORT	30840

static const struct sock_case {
	const char *test;
	const char *address; /* of no service: the floor's own; else what becomes it */
	bool fresh;	     /* each call by a socket of its own */
} cases[] = {
	{"perf.sock.connect4_no_service", "127.0.0.1", false},
	{"perf.sock.connect4_known", "203.0.113.9", false},
	{"perf.sock.connect4_new", "203.0.113.9", true},
};

static bool measure(const char *test, const char *address, bool fresh, double *runs)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	double durations[PERF_CALLS];
	int fd = -1;

	inet_pton(AF_INET, address, &to.sin_addr);
	for (int i = 0; i < PERF_RUNS; i++) {
		for (int n = 0; n < PERF_CALLS; n++) {
			double start;
			int err;

			if (fd >= 0 && fresh)
				close(fd);
			if (fd < 0 || fresh)
				fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
			start = perf_now();
			err = connect(fd, (struct sockaddr *)&to, sizeof(to));
			durations[n] = perf_now() - start;
			if (err) {
				result_report(test, RESULT_ERROR, "connect to %s: %s", address,
					      strerror(errno));
				close(fd);
				return false;
			}
		}
		runs[i] = perf_median_of(durations, PERF_CALLS);
	}
	close(fd);
	return true;
}

static int set_up(void)
{
	struct corepath_service_spec service = {};
	struct corepath_backend_spec backend;
	int err;

	err = corepath_service_parse("udp", "203.0.113.9:30840", &service.id);
	if (!err)
		err = corepath_service_option("mode=nat", &service);
	if (!err)
		err = corepath_backend_parse("127.0.0.1", &backend);
	if (!err)
		err = corepath_socket_up(PIN_DIR, CGROUP);
	if (!err)
		err = corepath_service_add(PIN_DIR, &service);
	return err ? err : corepath_backend_add(PIN_DIR, &service.id, &backend);
}

/* What it costs without programs; negative after an ERROR line. */
static double measure_floor(const char *test, bool fresh)
{
	double runs[PERF_RUNS];

	result_start(test);
	if (!measure(test, "127.0.0.1", fresh, runs))
		return -1;
	perf_report(test, "call", runs, NULL);
	return perf_median(runs);
}

void perf_sock(void)
{
	static const char test[] = "perf.sock.up";
	double runs[PERF_RUNS], floors[2];

	/* 203.0.113.9 has no route: who comes there was not sent to the backend */
	if (net_unshare() < 0 || net_up("lo")) {
		result_start(test);
		result_report(test, RESULT_ERROR, "%s", net_error());
		return;
	}
	floors[0] = measure_floor("perf.sock.floor", false);
	floors[1] = measure_floor("perf.sock.floor_new", true);
	if (floors[0] < 0 || floors[1] < 0)
		return;
	if (set_up()) {
		result_start(test);
		result_report(test, RESULT_FAIL, "%s", corepath_error());
		return;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		result_start(cases[i].test);
		if (measure(cases[i].test, cases[i].address, cases[i].fresh, runs))
			perf_report(cases[i].test, "call", runs, &floors[cases[i].fresh]);
	}
	corepath_down(PIN_DIR, NULL, 0);
}
