// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.malformed_tc.*: packets that are not as they should be, through each of the programs
 * on tc hooks. Each passes, is sent on or is dropped; is counted once, as what it was; and leaves
 * as long as it came, and unchanged where nothing is to be translated.
 */
#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "functional.h"
#include "malformed.h"
#include "table_steps.h"

#define SEED	0x7463206873616221ull
#define PACKETS 2500 /* in each of ten tests */
#define BATCH	50

/* The kernel makes no socket buffer of less (bpf_prog_test_run_skb() in net/bpf/test_run.c). */
#define ETH_LEN	  14
#define IPV4_LEN  20
#define IPV6_LEN  40
#define ETH_TYPE  12
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd

/* By malformed_gen.c most packets go from the client to the address of the kind, with answers of
 * the kind's backend to the client among them. */
static const struct group {
	const char *test, *program, *dev;
	bool v6, translates;
	enum malformed_kind kind;
} groups[] = {
	{"functional.malformed_tc.v4_sent_to_service", "tc_from_endpoint", "ep0", false, true,
	 MALFORMED_NAT},
	{"functional.malformed_tc.v4_sent_to_endpoint", "tc_from_endpoint", "ep0", false, false,
	 MALFORMED_NONE},
	{"functional.malformed_tc.v4_received", "tc_to_endpoint", "ep1", false, false,
	 MALFORMED_NONE},
	{"functional.malformed_tc.v4_leaving", "tc_uplink_out", "lo", false, true,
	 MALFORMED_TUNNEL},
	{"functional.malformed_tc.v4_arriving", "tc_uplink_in", "lo", false, true, MALFORMED_GUE},
	{"functional.malformed_tc.v6_sent_to_service", "tc_from_endpoint", "ep0", true, true,
	 MALFORMED_NAT},
	{"functional.malformed_tc.v6_sent_to_endpoint", "tc_from_endpoint", "ep0", true, false,
	 MALFORMED_NONE},
	{"functional.malformed_tc.v6_received", "tc_to_endpoint", "ep1", true, false,
	 MALFORMED_NONE},
	{"functional.malformed_tc.v6_leaving", "tc_uplink_out", "lo", true, true, MALFORMED_TUNNEL},
	{"functional.malformed_tc.v6_arriving", "tc_uplink_in", "lo", true, true, MALFORMED_GUE},
};

/* The client is an endpoint, the address that is no service's another one, and that of GUE the
 * uplink's. */
static const char *const world[] = {
	"service add tcp 203.0.113.3:80 mode=nat",
	"backend add tcp 203.0.113.3:80 10.0.0.3:8080",
	"service add udp 203.0.113.3:0 mode=nat",
	"backend add udp 203.0.113.3:0 10.0.0.3",
	"service add tcp [2001:db8:2::3]:80 mode=nat",
	"backend add tcp [2001:db8:2::3]:80 [2001:db8:b::3]:8080",
	"service add udp [2001:db8:2::3]:0 mode=nat",
	"backend add udp [2001:db8:2::3]:0 2001:db8:b::3",
	"endpoint add ep0 192.0.2.1 2001:db8:1::1 identity=100",
	"endpoint add ep1 203.0.113.9 2001:db8:2::9 identity=200",
	"policy add ep0 out allow",
	"policy add ep1 in allow proto=tcp port=80",
	"policy add ep1 in allow proto=udp",
	"uplink set masquerade4=203.0.113.2 masquerade6=2001:db8:2::2",
	"uplink source add 192.0.2.0/24 2001:db8:1::/64",
	"policy add host in allow proto=tcp port=80",
	"policy add host in allow proto=udp",
};

struct totals {
	unsigned long long packets, bytes, dropped;
};

/* Whether the kernel takes the frame. */
static bool is_taken(const uint8_t *in, size_t len)
{
	unsigned int type = in[ETH_TYPE] << 8 | in[ETH_TYPE + 1];

	return !(type == TYPE_IPV4 && len < ETH_LEN + IPV4_LEN) &&
	       !(type == TYPE_IPV6 && len < ETH_LEN + IPV6_LEN) && len > ETH_LEN;
}

static void compare(const struct totals *want, struct corepath_counter *before, unsigned int number)
{
	struct corepath_counter now[COREPATH_DROP_COUNT];
	struct totals got = {};

	lb_table_counters(now);
	for (int i = 0; i < COREPATH_DROP_COUNT; i++) {
		unsigned long long n = now[i].packets - before[i].packets;

		got.packets += n;
		got.bytes += now[i].bytes - before[i].bytes;
		got.dropped += corepath_is_drop(i) ? n : 0;
	}
	memcpy(before, now, sizeof(now));
	if (memcmp(&got, want, sizeof(got)))
		ck_abort_msg("counters: packets up to %u were %llu with %llu bytes, %llu dropped; "
			     "counted are %llu with %llu, %llu dropped",
			     number, want->packets, want->bytes, want->dropped, got.packets,
			     got.bytes, got.dropped);
}

static void run_one(const struct group *this, int program, const uint8_t *in, size_t len,
		    const char *what, struct totals *totals)
{
	static uint8_t out[2 * PACKET_MAX];
	struct __sk_buff ctx = {.ifindex = if_nametoindex(this->dev)};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .ctx_out = &ctx, .ctx_size_out = sizeof(ctx), .repeat = 1);
	const char *wrong = NULL;
	int verdict;

	if (bpf_prog_test_run_opts(program, &run))
		checkrun_error("BPF_PROG_TEST_RUN of %zu bytes (%s): %s", len, what,
			       strerror(errno));
	verdict = (int)run.retval;
	totals->packets++;
	totals->bytes += len;
	totals->dropped += verdict == TC_ACT_SHOT;
	if (verdict != TC_ACT_UNSPEC && verdict != TC_ACT_OK && verdict != TC_ACT_SHOT &&
	    verdict != TC_ACT_REDIRECT)
		wrong = "its verdict is none of next, ok, shot and redirect";
	else if (verdict != TC_ACT_SHOT && run.data_size_out != len)
		wrong = "it leaves with another length";
	else if ((verdict == TC_ACT_UNSPEC || verdict == TC_ACT_OK) && !this->translates &&
		 memcmp(in, out, len))
		wrong = "it passed, and changed";
	if (wrong)
		ck_abort_msg("%s (%s): %s\npacket in:  %s\npacket out: %s", what,
			     packets_tc_verdict(run.retval), wrong, packets_hex(in, len),
			     packets_hex(out, run.data_size_out));
}

START_TEST(malformed)
{
	const struct group *this = &groups[_i];
	struct corepath_counter before[COREPATH_DROP_COUNT];
	struct totals totals = {}, all = {};
	struct malformed_gen gen;
	uint8_t in[PACKET_MAX];
	const char *what;
	int program;

	checkrun_begin(this->test);
	lb_table_begin();
	for (size_t i = 0; i < sizeof(world) / sizeof(*world); i++)
		lb_table_command(world[i]);
	program = table_pin(this->program);
	lb_table_counters(before);
	malformed_start(&gen, SEED + _i, this->v6, this->kind);
	for (unsigned int number = 0; number < PACKETS;) {
		size_t len = malformed_next(&gen, in, &what);

		if (!is_taken(in, len))
			continue;
		run_one(this, program, in, len, what, &totals);
		if (++number % BATCH)
			continue;
		compare(&totals, before, number);
		all.packets += totals.packets;
		all.dropped += totals.dropped;
		totals = (struct totals){};
	}
	close(program);
	/* else the generator tests nothing */
	if (all.dropped < PACKETS / 10 || all.packets - all.dropped < PACKETS / 10)
		checkrun_error("of %llu packets %llu were dropped", all.packets, all.dropped);
	checkrun_pass_with("%llu packets of seed %#llx: %llu dropped", all.packets, SEED + _i,
			   all.dropped);
}
END_TEST

void malformed_tc_add(Suite *suite, const struct selection *selection)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!functional_selected(selection, groups[i].test))
			continue;
		lb_table_open(true);
		functional_add_case(suite, groups[i].test, malformed, i, CHECKRUN_TIMEOUT);
	}
}
