// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.malformed.*: a hundred thousand packets that are not as they should be, through the
 * whole chain. Each is sent on only as malformed_check() allows, passes unchanged or is dropped,
 * and is counted once.
 *
 * Counters are read once for many packets, as that costs more than they do: packets and bytes must
 * add up, and each verdict must have as many as its reasons.
 */
#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/checkrun.h"
#include "../lib/jit.h"
#include "functional.h"
#include "malformed.h"

#define SEED	0x636f726570617468ull
#define PACKETS 12500 /* in each of eight tests */
#define BATCH	50

static const struct group {
	const char *test;
	bool v6;
	enum malformed_kind kind;
} groups[] = {
	{"functional.malformed.v4_no_service", false, MALFORMED_NONE},
	{"functional.malformed.v4_tunnel", false, MALFORMED_TUNNEL},
	{"functional.malformed.v4_gue", false, MALFORMED_GUE},
	{"functional.malformed.v4_nat", false, MALFORMED_NAT},
	{"functional.malformed.v6_no_service", true, MALFORMED_NONE},
	{"functional.malformed.v6_tunnel", true, MALFORMED_TUNNEL},
	{"functional.malformed.v6_gue", true, MALFORMED_GUE},
	{"functional.malformed.v6_nat", true, MALFORMED_NAT},
};

/* The guard is a program that cannot be loaded without the JIT. */
static bool needs_guard(const char *command)
{
	return strstr(command, "prefilter rate") || strstr(command, "prefilter signature");
}

/* The addresses are those of malformed_gen.c. */
static const char *const world[] = {
	"balancer set conn-rate=10000000",
	"prefilter add 198.51.100.0/24",
	"prefilter rate set packets=100000000 conns=100000000",
	"prefilter signature add 1 flags=FSR/FSR",
	"prefilter signature add 2 proto=tcp bytes=787878 at=5 action=count",
	"prefilter signature add 3 proto=udp len=0-2000 from=l4 bytes=0000/ff00 action=count",
	"prefilter signature add 4 frag=later ttl=0-20",
	"prefilter signature add 5 from=ip at=40 bytes=ffffffffffffffffffffffff/0101010101010101010101ff",
	"service add tcp 203.0.113.1:80",
	"backend add tcp 203.0.113.1:80 10.0.0.1",
	"backend add tcp 203.0.113.1:80 2001:db8:b::1",
	"service add udp 203.0.113.1:0 affinity=60",
	"backend add udp 203.0.113.1:0 10.0.0.1",
	"backend add udp 203.0.113.1:0 2001:db8:b::1",
	"service add tcp 203.0.113.2:80 mode=gue",
	"backend add tcp 203.0.113.2:80 10.0.0.2",
	"backend add tcp 203.0.113.2:80 2001:db8:b::2",
	"service add udp 203.0.113.2:0 mode=gue",
	"backend add udp 203.0.113.2:0 10.0.0.2 mac=02:00:00:00:00:99",
	"service add tcp 203.0.113.3:80 mode=nat",
	"backend add tcp 203.0.113.3:80 10.0.0.3:8080",
	"service add udp 203.0.113.3:0 mode=nat",
	"backend add udp 203.0.113.3:0 10.0.0.3",
	"service add tcp [2001:db8:2::1]:80",
	"backend add tcp [2001:db8:2::1]:80 10.0.0.1",
	"backend add tcp [2001:db8:2::1]:80 2001:db8:b::1",
	"service add udp [2001:db8:2::1]:0 affinity=60",
	"backend add udp [2001:db8:2::1]:0 10.0.0.1",
	"backend add udp [2001:db8:2::1]:0 2001:db8:b::1",
	"service add tcp [2001:db8:2::2]:80 mode=gue",
	"backend add tcp [2001:db8:2::2]:80 10.0.0.2",
	"backend add tcp [2001:db8:2::2]:80 2001:db8:b::2",
	"service add udp [2001:db8:2::2]:0 mode=gue",
	"backend add udp [2001:db8:2::2]:0 2001:db8:b::2 mac=02:00:00:00:00:99",
	"service add tcp [2001:db8:2::3]:80 mode=nat",
	"backend add tcp [2001:db8:2::3]:80 [2001:db8:b::3]:8080",
	"service add udp [2001:db8:2::3]:0 mode=nat",
	"backend add udp [2001:db8:2::3]:0 2001:db8:b::3",
};

struct totals {
	unsigned long long packets, bytes, verdicts[XDP_REDIRECT + 1];
};

static bool is_sent(unsigned int reason)
{
	switch (reason) {
	case COREPATH_DROP_LB_TUNNELED:
	case COREPATH_DROP_LB_TRANSLATED:
	case COREPATH_DROP_LB_REPLIED:
	case COREPATH_DROP_LB_ECHOED:
	case COREPATH_DROP_LB_TOO_BIG:
		return true;
	default:
		return false;
	}
}

static void compare(const struct totals *want, const struct corepath_counter *before,
		    struct corepath_counter *now, unsigned int number)
{
	unsigned long long packets = 0, bytes = 0, verdicts[XDP_REDIRECT + 1] = {}, n;

	lb_table_counters(now);
	for (int i = 0; i < COREPATH_DROP_COUNT; i++) {
		n = now[i].packets - before[i].packets;
		packets += n;
		bytes += now[i].bytes - before[i].bytes;
		verdicts[i == COREPATH_DROP_FORWARDED ? XDP_PASS
			 : is_sent(i)		      ? XDP_TX
						      : XDP_DROP] += n;
	}
	if (packets != want->packets || bytes != want->bytes ||
	    memcmp(verdicts, want->verdicts, sizeof(verdicts)))
		ck_abort_msg(
			"counters: packets %u to %u were %llu with %llu bytes: %llu passed, "
			"%llu sent, %llu dropped; counted are %llu with %llu: %llu, %llu, %llu",
			number - BATCH, number - 1, want->packets, want->bytes,
			want->verdicts[XDP_PASS], want->verdicts[XDP_TX], want->verdicts[XDP_DROP],
			packets, bytes, verdicts[XDP_PASS], verdicts[XDP_TX], verdicts[XDP_DROP]);
}

static void run_one(int program, const uint8_t *in, size_t len, const char *what,
		    unsigned int number, struct totals *totals)
{
	static uint8_t out[2 * PACKET_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);
	const char *wrong = NULL;

	if (bpf_prog_test_run_opts(program, &run))
		checkrun_error("BPF_PROG_TEST_RUN of packet %u, %zu bytes: %s", number, len,
			       strerror(errno));
	totals->packets++;
	totals->bytes += len;
	if (run.retval == XDP_PASS && (run.data_size_out != len || memcmp(in, out, len)))
		wrong = "it passed, and changed";
	else if (run.retval == XDP_TX)
		wrong = malformed_check(in, len, out, run.data_size_out);
	else if (run.retval != XDP_PASS && run.retval != XDP_DROP)
		wrong = "its verdict is neither pass nor drop nor tx";
	if (wrong)
		ck_abort_msg("packet %u (%s): %s: %s\npacket in:  %s\npacket out: %s", number, what,
			     packets_verdict(run.retval), wrong, packets_hex(in, len),
			     packets_hex(out, run.data_size_out));
	totals->verdicts[run.retval]++;
}

START_TEST(malformed)
{
	const struct group *this = &groups[_i];
	struct corepath_counter counters[2][COREPATH_DROP_COUNT] = {};
	struct totals totals = {}, all = {};
	uint64_t seed = SEED + _i;
	struct malformed_gen gen;
	uint8_t in[PACKET_MAX];
	const char *what;
	int program;

	checkrun_begin(this->test);
	program = lb_table_begin();
	for (size_t i = 0; i < sizeof(world) / sizeof(*world); i++)
		if (jit_is_on() || !needs_guard(world[i]))
			lb_table_command(world[i]);
	malformed_start(&gen, seed, this->v6, this->kind);
	for (unsigned int number = 0; number < PACKETS;) {
		size_t len = malformed_next(&gen, in, &what);

		run_one(program, in, len, what, number, &totals);
		if (++number % BATCH)
			continue;
		compare(&totals, counters[0], counters[1], number);
		memcpy(counters[0], counters[1], sizeof(counters[0]));
		for (int verdict = 0; verdict <= XDP_REDIRECT; verdict++)
			all.verdicts[verdict] += totals.verdicts[verdict];
		totals = (struct totals){};
	}
	/* else the generator tests nothing */
	if (!all.verdicts[XDP_DROP] || !all.verdicts[XDP_PASS] ||
	    (this->kind && all.verdicts[XDP_TX] < PACKETS / 10))
		checkrun_error("of %d packets %llu passed, %llu were sent and %llu dropped",
			       PACKETS, all.verdicts[XDP_PASS], all.verdicts[XDP_TX],
			       all.verdicts[XDP_DROP]);
	checkrun_pass_with("%d packets of seed %#llx: %llu passed, %llu sent, %llu dropped",
			   PACKETS, (unsigned long long)seed, all.verdicts[XDP_PASS],
			   all.verdicts[XDP_TX], all.verdicts[XDP_DROP]);
}
END_TEST

void malformed_add(Suite *suite, const struct selection *selection)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!functional_selected(selection, groups[i].test))
			continue;
		lb_table_open(false);
		functional_add_case(suite, groups[i].test, malformed, i, CHECKRUN_TIMEOUT);
	}
}
