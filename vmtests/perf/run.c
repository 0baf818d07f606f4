// SPDX-License-Identifier: GPL-2.0-only
/* perf.run.*: the program alone, by BPF_PROG_TEST_RUN. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <string.h>

#include "../lib/result.h"
#include "perf.h"

/* Enough that the integer nanoseconds of the average are exact under icount; a run is under a
 * second in a slow VM. */
#define REPEAT 100000

/* How full the tries are. */
enum filling { NOTHING, ONE, MANY };

static const struct run_case {
	const char *test;
	enum perf_packet packet;
	enum filling filling;
	unsigned int verdict;
} cases[] = {
	{"perf.run.v4_miss_empty", PERF_V4_MISS, NOTHING, XDP_PASS},
	{"perf.run.v6_miss_empty", PERF_V6_MISS, NOTHING, XDP_PASS},
	{"perf.run.v4_hit_1", PERF_V4_HIT, ONE, XDP_DROP},
	{"perf.run.v6_hit_1", PERF_V6_HIT, ONE, XDP_DROP},
	{"perf.run.qinq_v4_hit_1", PERF_QINQ_V4_HIT, ONE, XDP_DROP},
	{"perf.run.v4_miss_10000", PERF_V4_MISS, MANY, XDP_PASS},
	{"perf.run.v4_hit_10000", PERF_V4_HIT, MANY, XDP_DROP},
	{"perf.run.v6_miss_10000", PERF_V6_MISS, MANY, XDP_PASS},
	{"perf.run.v6_hit_10000", PERF_V6_HIT, MANY, XDP_DROP},
	{"perf.run.qinq_v4_hit_10000", PERF_QINQ_V4_HIT, MANY, XDP_DROP},
};

/*
 * Kernels with lazy preemption (6.18, 7.2) can be preempted inside the timed loop; first in, first
 * out at the top priority keeps the loop alone on its CPU. Only around the run: it would starve
 * ksoftirqd elsewhere. A kernel that refuses is one the caller must know of.
 */
static int set_fifo(bool on)
{
	struct sched_param param = {.sched_priority = on ? 99 : 0};

	return sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param) ? -errno : 0;
}

/* PERF_RUNS runs of @program into @runs. False after an ERROR line. */
static bool measure(const char *test, int program, enum perf_packet packet, unsigned int verdict,
		    double *runs)
{
	unsigned char in[PERF_PACKET_MAX];
	size_t len = perf_packet(packet, in);

	for (int i = 0; i < PERF_RUNS; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = len,
			    .repeat = REPEAT);
		int err = set_fifo(true), back;

		if (!err)
			err = bpf_prog_test_run_opts(program, &run);
		back = set_fifo(false);
		if (err || back) {
			result_report(test, RESULT_ERROR, "run %d of %d: %s", i + 1, PERF_RUNS,
				      strerror(err ? -err : -back));
			return false;
		}
		if (run.retval != verdict) {
			result_report(test, RESULT_ERROR,
				      "the packet's verdict is %u, not %u: another path than the "
				      "one named would be measured",
				      run.retval, verdict);
			return false;
		}
		runs[i] = run.duration;
	}
	return true;
}

static int fill(struct datapath *datapath, enum filling filling)
{
	int err = datapath_clear(datapath);

	if (!err && filling == ONE)
		err = perf_add_prefix(datapath, PERF_PREFIX_HIT);
	for (unsigned int i = 0; !err && filling == MANY && i < PERF_PREFIXES; i++)
		err = perf_add_prefix(datapath, i);
	return err;
}

static void run_case(const struct run_case *this, struct datapath *datapath, enum filling *now,
		     double floor)
{
	double runs[PERF_RUNS];

	result_start(this->test);
	if (!datapath->object) {
		int err = datapath_open(datapath, PERF_OBJECT, PERF_PREFIXES);

		if (err) {
			result_report(this->test, err == -ENOENT ? RESULT_ERROR : RESULT_FAIL, "%s",
				      datapath_error());
			datapath_close(datapath);
			return;
		}
	}
	if (*now != this->filling && fill(datapath, this->filling)) {
		result_report(this->test, RESULT_ERROR, "%s", datapath_error());
		return;
	}
	*now = this->filling;
	if (measure(this->test, datapath->program, this->packet, this->verdict, runs))
		perf_report(this->test, "packet", runs, &floor);
}

void perf_run(void)
{
	static const char floor_test[] = "perf.run.floor";
	enum filling now = NOTHING;
	struct datapath datapath = {};
	double runs[PERF_RUNS];
	int floor;

	result_start(floor_test);
	floor = perf_load_floor(floor_test);
	if (floor < 0 || !measure(floor_test, floor, PERF_V4_MISS, XDP_DROP, runs))
		return;
	perf_report(floor_test, "packet", runs, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i], &datapath, &now, perf_median(runs));
	if (datapath.object)
		datapath_close(&datapath);
}
