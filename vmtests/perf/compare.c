// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf.compare.*: the same work done by nftables and by corepath, on the same packets, by pktgen
 * into a veth. Each figure is of the whole way, from pktgen to where the packet ends; its floor is
 * the same way without the work:
 *
 *	drop_nft	to the ingress hook (netdev), where a set of prefixes drops; its floor drops
 *all drop_xdp	to native XDP, where the prefilter drops; its floor is a program that only drops
 *	nat_nft		to prerouting, where a map names the new destination, and forwarded to a
 *device that takes all; its floor is forwarded alone, with no conntrack either nat_xdp		to
 *native XDP, where the balancer names it, and back out, where all is dropped; its floor only sends
 *back
 *
 * veth copies each packet for native XDP, which a driver does not, and it is in both XDP floors.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "perf.h"
#include "pktgen.h"

#define COUNT	20000
#define DRAIN	10 /* seconds for the last packets to come through after the sender is done */
#define SINK	"sink0"
#define RULES	"/tmp/rules.nft"
#define CONFIG	"/tmp/compare.yaml"
#define PIN_DIR "/sys/fs/bpf/perf-compare"

/* Service number n is 198.18.0.0 + n, UDP port 80; its backend is 10.1.0.0 + n, which is behind the
 * sink. */
#define NET(n) ((n) >> 8 & 255), ((n) & 255)

/* Where a packet of a case ends, by the counter that says so. */
enum end { AT_RECEIVER, AT_SINK, BACK_AT_SENDER };

struct work {
	const char *destination;
	enum end end;
	bool fresh; /* each packet begins a flow */
};

static bool read_end(enum end end, unsigned long long *packets, unsigned long long *dropped)
{
	static const char *const devices[] = {
		[AT_RECEIVER] = PERF_RECEIVER, [AT_SINK] = SINK, [BACK_AT_SENDER] = PERF_SENDER};
	struct net_stats stats, receiver;

	if (net_read_stats(devices[end], &stats) || net_read_stats(PERF_RECEIVER, &receiver))
		return false;
	*packets = end == AT_SINK ? stats.tx_packets : stats.rx_packets;
	*dropped = receiver.rx_dropped;
	return true;
}

/* One repeat into @value, per packet. False after an ERROR line. */
static bool repeat(const char *test, const struct work *work, double *value)
{
	static unsigned int client;
	char source[32];
	const struct pktgen_flow flow = {
		.device = PERF_SENDER,
		.dst_mac = PERF_RECEIVER_MAC,
		.source = work->end == AT_RECEIVER ? PERF_HIT4 : source,
		.destination = work->destination,
		.sport_first = 10000,
		.sport_last = 10000 + (work->fresh ? COUNT - 1 : 0),
		.dport = 80,
		.count = COUNT,
	};
	unsigned long long before, after, lost, dropped;
	time_t limit = time(NULL) + DRAIN;
	struct pktgen_result result;

	/* of a client that nobody has seen, if flows are to be new */
	client += work->fresh;
	snprintf(source, sizeof(source), "192.0.%u.%u", 2 + client / 250, client % 250 + 1);
	if (!read_end(work->end, &before, &dropped) || pktgen_send(&flow, &result)) {
		result_report(test, RESULT_ERROR, "%s; %s", pktgen_error(), net_error());
		return false;
	}
	do {
		if (!read_end(work->end, &after, &lost)) {
			result_report(test, RESULT_ERROR, "%s", net_error());
			return false;
		}
		if (after - before >= COUNT)
			break;
		sched_yield();
	} while (time(NULL) < limit);
	if (result.sent != COUNT || result.errors || after - before != COUNT || lost != dropped) {
		result_report(test, RESULT_ERROR,
			      "of %d packets pktgen sent %llu with %llu errors, %llu came through, "
			      "and " PERF_RECEIVER " lost %llu",
			      COUNT, result.sent, result.errors, after - before, lost - dropped);
		return false;
	}
	*value = result.usec * 1000.0 / COUNT;
	return true;
}

/* The median; negative after an ERROR line. @floor: NULL for a floor itself. */
static double measure(const char *test, const struct work *work, const double *floor)
{
	double runs[PERF_RUNS];

	/* the first repeat warms allocators, and makes the flow known */
	if (!repeat(test, work, &runs[0]))
		return -1;
	for (int i = 0; i < PERF_RUNS; i++)
		if (!repeat(test, work, &runs[i]))
			return -1;
	perf_report(test, "packet", runs, floor);
	return perf_median(runs);
}

/* ---- nftables ---- */

/* Runs nft with the rules of the file. */
static bool nft(const char *test)
{
	char said[512];
	int out[2], status;
	ssize_t n, used = 0;
	pid_t pid;

	if (pipe(out))
		result_die("perf: pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		execl("/usr/sbin/nft", "nft", "-f", RULES, NULL);
		printf("exec: %s", strerror(errno));
		fflush(stdout);
		_exit(127);
	}
	close(out[1]);
	while ((n = read(out[0], said + used, sizeof(said) - 1 - used)) > 0)
		used += n;
	said[used] = '\0';
	close(out[0]);
	if (waitpid(pid, &status, 0) == pid && !status)
		return true;
	result_report(test, RESULT_ERROR, "nft -f " RULES ": status %d: %.200s", status, said);
	return false;
}

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		result_die("perf: %s: %s", path, strerror(errno));
	return f;
}

/* Ends the file and puts its rules in force. */
static bool load_rules(const char *test, FILE *f)
{
	if (fclose(f))
		result_die("perf: %s: %s", RULES, strerror(errno));
	return nft(test);
}

/* What would pass is forwarded to the sink, which must stay empty. */
static double drop_nft(const char *test, unsigned int prefixes, const double *floor)
{
	const struct work work = {.destination = "10.1.0.1", .end = AT_RECEIVER};
	unsigned long long before = 0, after = 0, dropped;
	double value;
	FILE *f;

	result_start(test);
	f = open_file(RULES);
	fputs("flush ruleset\ntable netdev t {\n", f);
	if (prefixes) {
		fputs("set bad { type ipv4_addr; flags interval; elements = {\n", f);
		for (unsigned int i = 0; i < prefixes; i++)
			fprintf(f, "10.%u.%u.0/24,\n", NET(i));
		fputs("} }\n", f);
	}
	fprintf(f,
		"chain c { type filter hook ingress device \"" PERF_RECEIVER
		"\" priority 0; policy accept; %s drop; }\n}\n",
		prefixes ? "ip saddr @bad" : "");
	if (!load_rules(test, f))
		return -1;
	if (!read_end(AT_SINK, &before, &dropped))
		result_die("perf: %s", net_error());
	value = measure(test, &work, floor);
	if (!read_end(AT_SINK, &after, &dropped) || after != before)
		result_die("perf: nft let %llu packets through", after - before);
	return value;
}

static double nat_nft(const char *test, unsigned int services, bool fresh, const double *floor)
{
	struct work work = {.end = AT_SINK, .fresh = fresh};
	char address[32];
	FILE *f;

	result_start(test);
	f = open_file(RULES);
	fputs("flush ruleset\n", f);
	if (services) {
		fputs("table ip t {\nmap services { type ipv4_addr . inet_proto . inet_service : "
		      "ipv4_addr; elements = {\n",
		      f);
		for (unsigned int i = 0; i < services; i++)
			fprintf(f, "198.18.%u.%u . udp . 80 : 10.1.%u.%u,\n", NET(i), NET(i));
		fputs("} }\nchain c { type nat hook prerouting priority dstnat; "
		      "dnat to ip daddr . meta l4proto . th dport map @services; }\n}\n",
		      f);
	}
	if (!load_rules(test, f))
		return -1;
	/* without rules the backend itself; with them, the last service, which nothing else routes
	 */
	snprintf(address, sizeof(address), services ? "198.18.%u.%u" : "10.1.%u.%u",
		 NET(services ? services - 1 : 0));
	work.destination = address;
	return measure(test, &work, floor);
}

/* ---- corepath ---- */

/* A program that returns @verdict, attached natively to @device. */
static bool attach(const char *test, const char *device, int verdict)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "verdict", "GPL", code, 2, NULL);
	int err =
		fd < 0 ? fd : bpf_xdp_attach(if_nametoindex(device), fd, XDP_FLAGS_DRV_MODE, NULL);

	if (fd >= 0)
		close(fd);
	if (err)
		result_report(test, RESULT_ERROR, "native XDP on %s: %s", device, strerror(-err));
	return !err;
}

static double floor_xdp(const char *test, int verdict)
{
	const struct work work = {.destination = "203.0.113.9",
				  .end = verdict == XDP_TX ? BACK_AT_SENDER : AT_RECEIVER};
	double value;

	result_start(test);
	if (!attach(test, PERF_RECEIVER, verdict))
		return -1;
	value = measure(test, &work, NULL);
	bpf_xdp_detach(if_nametoindex(PERF_RECEIVER), XDP_FLAGS_DRV_MODE, NULL);
	return value;
}

/* Brings up what a configuration says, which has @services, and blocks @prefixes. */
static bool up(const char *test, unsigned int prefixes, unsigned int services)
{
	struct corepath_config *config;
	FILE *f = open_file(CONFIG);
	int err;

	fputs("devices: [{name: " PERF_RECEIVER ", xdp: native}]\n"
	      "balancer: {conn-rate: 10000000}\nprefilter:\n  deny:\n",
	      f);
	/* one there is in any case, for packets of another source */
	fputs("    - 192.168.0.0/24\n", f);
	for (unsigned int i = 0; i < prefixes; i++)
		fprintf(f, "    - 10.%u.%u.0/24\n", NET(i));
	fputs(services ? "services:\n" : "", f);
	for (unsigned int i = 0; i < services; i++)
		fprintf(f,
			"  - service: udp 198.18.%u.%u:80\n    mode: nat\n"
			"    backends: [{address: 10.1.%u.%u}]\n",
			NET(i), NET(i));
	if (fclose(f))
		result_die("perf: %s: %s", CONFIG, strerror(errno));
	err = corepath_config_read(CONFIG, PIN_DIR, &config);
	if (!err) {
		err = corepath_config_up(PIN_DIR, config);
		corepath_config_free(config);
	}
	if (err)
		result_report(test, RESULT_FAIL, "%s", corepath_error());
	return !err;
}

static unsigned long long counted(enum corepath_drop reason)
{
	struct corepath_counter counters[COREPATH_DROP_COUNT];

	if (corepath_counters(PIN_DIR, counters))
		result_die("perf: %s", corepath_error());
	return counters[reason].packets;
}

/* Every packet of all repeats had this fate. */
static void check_all(enum corepath_drop reason, unsigned int repeats)
{
	if (counted(reason) != (unsigned long long)repeats * COUNT)
		result_die("perf: %llu packets were counted as %s, not %u", counted(reason),
			   corepath_drop_name(reason), repeats * COUNT);
}

static void drop_xdp(const char *test, unsigned int prefixes, const double *floor)
{
	const struct work work = {.destination = "203.0.113.9", .end = AT_RECEIVER};

	result_start(test);
	if (up(test, prefixes, 0) && measure(test, &work, floor) >= 0)
		check_all(COREPATH_DROP_DENIED_SRC4, PERF_RUNS + 1);
	corepath_down(PIN_DIR, NULL, 0);
}

static void nat_xdp(unsigned int services, const double *floor)
{
	struct work work = {.end = BACK_AT_SENDER};
	char test[64], address[32];
	unsigned int repeats = 0;
	bool there = false;

	snprintf(address, sizeof(address), "198.18.%u.%u", NET(services - 1));
	work.destination = address;
	for (int fresh = 0; fresh < 2; fresh++) {
		snprintf(test, sizeof(test), "perf.compare.nat_xdp_%u_%s", services,
			 fresh ? "new" : "known");
		result_start(test);
		work.fresh = fresh;
		there = there || up(test, 0, services);
		if (!there)
			continue;
		if (measure(test, &work, floor) >= 0)
			check_all(COREPATH_DROP_LB_TRANSLATED, repeats += PERF_RUNS + 1);
	}
	corepath_down(PIN_DIR, NULL, 0);
}

/* ---- */

/* As many connections as the balancer has room for, and buckets: else chains grow. */
static void size_conntrack(void)
{
	static const char *const files[] = {"/proc/sys/net/netfilter/nf_conntrack_buckets",
					    "/proc/sys/net/netfilter/nf_conntrack_max"};

	for (int i = 0; i < 2; i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, i ? "1000000" : "65536", i ? 7 : 5) < 0)
			result_die("perf: %s: %s", files[i], strerror(errno));
		close(fd);
	}
}

static bool set_up(const char *test)
{
	size_conntrack();
	if (!perf_make_pair() && !net_dummy(SINK) && !net_up(SINK) &&
	    !net_address(SINK, "10.255.255.254/8") && !net_forward())
		return true;
	result_start(test);
	result_report(test, RESULT_ERROR, "%s", net_error());
	return false;
}

void perf_compare_drop(void)
{
	double floor;

	if (!set_up("perf.compare.drop_setup"))
		return;
	floor = drop_nft("perf.compare.drop_nft_floor", 0, NULL);
	if (floor >= 0)
		drop_nft("perf.compare.drop_nft_10000", PERF_PREFIXES, &floor);
	floor = floor_xdp("perf.compare.drop_xdp_floor", XDP_DROP);
	if (floor >= 0)
		drop_xdp("perf.compare.drop_xdp_10000", PERF_PREFIXES, &floor);
}

static const unsigned int services[] = {1, 100, 5000};

void perf_compare_nft(void)
{
	char test[64];
	double floor;

	if (!set_up("perf.compare.nat_nft_setup"))
		return;
	floor = nat_nft("perf.compare.nat_nft_floor", 0, false, NULL);
	for (size_t i = 0; i < 3 && floor >= 0; i++) {
		for (int fresh = 0; fresh < 2; fresh++) {
			snprintf(test, sizeof(test), "perf.compare.nat_nft_%u_%s", services[i],
				 fresh ? "new" : "known");
			nat_nft(test, services[i], fresh, &floor);
		}
	}
}

void perf_compare_xdp(void)
{
	static const char test[] = "perf.compare.nat_xdp_setup";
	double floor;

	/* what XDP sends back has to have an end */
	if (!set_up(test) || !attach(test, PERF_SENDER, XDP_DROP))
		return;
	floor = floor_xdp("perf.compare.nat_xdp_floor", XDP_TX);
	for (size_t i = 0; i < 3 && floor >= 0; i++)
		nat_xdp(services[i], &floor);
}
