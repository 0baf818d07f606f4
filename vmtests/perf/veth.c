// SPDX-License-Identifier: GPL-2.0-only
/* perf.pktgen.*: pktgen into a veth whose far end runs the program natively and drops all. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath/abi.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "perf.h"
#include "pktgen.h"

/* Packets per repeat: a microsecond, the resolution of pktgen's clock, is 0.05 ns of one. */
#define COUNT 20000

/* Seconds for the receiver to see the last packets after the sender is done. */
#define DRAIN 10

/* What says that a packet was seen: the device's counters and, of the prefilter, its own. */
struct seen {
	struct net_stats device;
	unsigned long long denied;
};

static int read_seen(struct datapath *datapath, struct seen *seen)
{
	struct datapath_count counts[COREPATH_DROP_COUNT] = {};

	if (net_read_stats(PERF_RECEIVER, &seen->device))
		return -1;
	if (datapath && datapath_counts(datapath, counts))
		return -1;
	seen->denied = counts[COREPATH_DROP_DENIED_SRC4].packets;
	return 0;
}

/* The device counts what its receive loop took, which can be a moment after the send: waits for
 * COUNT packets more than @before, no longer than DRAIN. */
static int wait_for_packets(struct datapath *datapath, const struct seen *before,
			    struct seen *after)
{
	time_t end = time(NULL) + DRAIN;

	do {
		if (read_seen(datapath, after))
			return -1;
		if (after->device.rx_packets - before->device.rx_packets >= COUNT)
			return 0;
		sched_yield();
	} while (time(NULL) < end);
	return 0;
}

/* One repeat into @value, per packet. False after an ERROR line. */
static bool repeat(const char *test, struct datapath *datapath, double *value)
{
	static const struct pktgen_flow flow = {
		.device = PERF_SENDER,
		.dst_mac = PERF_RECEIVER_MAC,
		.source = PERF_HIT4,
		.destination = "203.0.113.9",
		.count = COUNT,
	};
	unsigned long long received, dropped, denied;
	struct pktgen_result result;
	struct seen before, after;

	if (read_seen(datapath, &before)) {
		result_report(test, RESULT_ERROR, "%s", net_error());
		return false;
	}
	if (pktgen_send(&flow, &result)) {
		result_report(test, RESULT_ERROR, "%s", pktgen_error());
		return false;
	}
	if (wait_for_packets(datapath, &before, &after)) {
		result_report(test, RESULT_ERROR, "%s", net_error());
		return false;
	}
	received = after.device.rx_packets - before.device.rx_packets;
	dropped = after.device.rx_dropped - before.device.rx_dropped;
	denied = after.denied - before.denied;
	if (result.sent != COUNT || result.errors || received != COUNT || dropped ||
	    (datapath && denied != COUNT)) {
		result_report(test, RESULT_ERROR,
			      "not every packet was seen by the program: of %d, pktgen sent %llu "
			      "with %llu errors, %s received %llu and lost %llu, the prefilter "
			      "denied %llu",
			      COUNT, result.sent, result.errors, PERF_RECEIVER, received, dropped,
			      datapath ? denied : 0);
		return false;
	}
	*value = result.usec * 1000.0 / COUNT;
	return true;
}

/* Attaches @program natively, measures, detaches. False after a line that says why not. */
static bool measure(const char *test, int program, struct datapath *datapath, double *runs)
{
	int ifindex = if_nametoindex(PERF_RECEIVER);
	int err = bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);
	bool good;

	if (err) {
		result_report(test, RESULT_ERROR, "native XDP on %s: %s", PERF_RECEIVER,
			      strerror(-err));
		return false;
	}
	/* The first repeat pays for cold caches of the kernel's allocators. */
	good = repeat(test, datapath, &runs[0]);
	for (int i = 0; good && i < PERF_RUNS; i++)
		good = repeat(test, datapath, &runs[i]);
	bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, NULL);
	return good;
}

void perf_pktgen(void)
{
	static const char floor_test[] = "perf.pktgen.veth_floor", test[] = "perf.pktgen.veth_drop";
	double floor_runs[PERF_RUNS], runs[PERF_RUNS], floor_value;
	struct datapath datapath;
	int floor;

	result_start(floor_test);
	if (perf_make_pair()) {
		result_report(floor_test, RESULT_ERROR, "%s", net_error());
		return;
	}
	floor = perf_load_floor(floor_test);
	if (floor < 0 || !measure(floor_test, floor, NULL, floor_runs))
		return;
	perf_report(floor_test, "packet", floor_runs, NULL);

	result_start(test);
	if (datapath_open(&datapath, PERF_OBJECT, PERF_PREFIXES))
		result_report(test, RESULT_FAIL, "%s", datapath_error());
	else if (perf_add_prefix(&datapath, PERF_PREFIX_HIT))
		result_report(test, RESULT_ERROR, "%s", datapath_error());
	else if (measure(test, datapath.program, &datapath, runs)) {
		floor_value = perf_median(floor_runs);
		perf_report(test, "packet", runs, &floor_value);
	}
	datapath_close(&datapath);
}
