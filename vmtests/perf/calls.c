// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program by one packet per call: a repeated run would get the frame as the last one left it, in
 * one more tunnel each time. What a call of one packet costs by itself is in a floor of its own.
 */
#include "calls.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/net.h"
#include "../lib/result.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double perf_median_of(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

bool perf_calls(const char *test, const struct perf_call *call, double *runs)
{
	unsigned char in[PERF_PACKET_MAX], out[2 * PERF_PACKET_MAX];
	struct __sk_buff ctx = {.ifindex = call->ifindex};
	double durations[PERF_CALLS];
	static unsigned short number = 1024; /* never the same twice */

	memcpy(in, call->packet, call->len);
	for (int i = 0; i < PERF_RUNS; i++) {
		for (int n = 0; n < PERF_CALLS; n++) {
			if (call->fresh_at)
				memcpy(in + call->fresh_at, &(unsigned short){number++}, 2);
			LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in,
				    .data_size_in = call->len, .data_out = out,
				    .data_size_out = sizeof(out), .repeat = 1);
			if (call->ifindex) {
				run.ctx_in = &ctx;
				run.ctx_size_in = sizeof(ctx);
			}
			int err = bpf_prog_test_run_opts(call->program, &run);

			if (err || run.retval != call->verdict) {
				result_report(test, RESULT_ERROR,
					      "call %d: %s; the verdict is %d, not %d", n,
					      strerror(-err), (int)run.retval, (int)call->verdict);
				return false;
			}
			durations[n] = run.duration;
		}
		runs[i] = perf_median_of(durations, PERF_CALLS);
	}
	return true;
}

double perf_calls_floor(const char *test, enum perf_hook hook)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};
	unsigned char packet[PERF_PACKET_MAX];
	struct perf_call call = {.packet = packet, .verdict = XDP_DROP};
	double runs[PERF_RUNS];

	result_start(test);
	call.len = perf_packet(PERF_V4_MISS, packet);
	call.program = bpf_prog_load(hook == PERF_TC ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP,
				     "floor", "GPL", code, 2, NULL);
	if (call.program < 0)
		result_report(test, RESULT_ERROR, "the floor's program cannot be loaded: %s",
			      strerror(-call.program));
	if (call.program < 0 || !perf_calls(test, &call, runs))
		return -1;
	perf_report(test, "packet", runs, NULL);
	return perf_median(runs);
}

int perf_up(const char *test, const char *pin_dir)
{
	const char *const devs[] = {"lo"};
	struct corepath_up_request request = {
		.pin_dir = pin_dir, .devs = devs, .n_devs = 1, .mode = COREPATH_XDP_GENERIC};
	struct corepath_attachment at;

	if (net_unshare() < 0 || corepath_up(&request, &at)) {
		result_start(test);
		result_report(test, RESULT_FAIL, "%s", corepath_error());
		return -1;
	}
	return bpf_prog_get_fd_by_id(at.prog_id);
}

double perf_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}
