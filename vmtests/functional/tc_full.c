// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.tc_full.*: what becomes of connections when their table is full. The table is made
 * small; packets go through the pinned programs by BPF_PROG_RUN.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <corepath/abi.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"

#define ROOM  16
#define FLOOD 3000 /* unanswered ones have room for 1024 at least */

#define FIN 0x01
#define SYN 0x02
#define ACK 0x10

/* RFC 791, RFC 9293. The programs check no checksum of what they do not change. */
struct segment {
	__u8 dst_mac[6], src_mac[6];
	__be16 type;
	__u8 version_ihl, tos;
	__be16 len, id, frag;
	__u8 ttl, proto;
	__be16 check;
	__be32 src, dst;
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 doff, flags;
	__be16 window, sum, urgent;
} __attribute__((packed));

static int open_pin(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", command_pin_dir(), name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		checkrun_error("%s: %s", path, strerror(errno));
	return fd;
}

/* One segment of connection `n` between the workload and a server; `out`: the workload sends it.
 * Returns the verdict. */
static int give(int program, unsigned int n, bool out, __u8 flags)
{
	struct segment s = {
		.type = htons(0x0800),
		.version_ihl = 0x45,
		.len = htons(40),
		.ttl = 64,
		.proto = IPPROTO_TCP,
		.src = out ? inet_addr("10.0.0.2") : inet_addr("198.51.100.1"),
		.dst = out ? inet_addr("198.51.100.1") : inet_addr("10.0.0.2"),
		.sport = out ? htons(1024 + n) : htons(80),
		.dport = out ? htons(80) : htons(1024 + n),
		.doff = 5 << 4,
		.flags = flags,
	};
	struct __sk_buff ctx = {.ifindex = if_nametoindex("w0")};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &s, .data_size_in = sizeof(s),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &run))
		checkrun_error("BPF_PROG_TEST_RUN: %s", strerror(errno));
	return run.retval;
}

static void pass(int program, unsigned int n, bool out, __u8 flags, const char *when)
{
	int verdict = give(program, n, out, flags);

	if (verdict != TC_ACT_UNSPEC)
		ck_abort_msg("%s: a segment of connection %u was dropped (verdict %d)", when, n,
			     verdict);
}

static void establish(int from, int to, unsigned int n, const char *when)
{
	pass(from, n, true, SYN, when);
	pass(to, n, false, SYN | ACK, when);
	pass(from, n, true, ACK, when);
}

/* How many connections the table of answered ones has; with `end`, they all end now. */
static unsigned int count(bool end)
{
	struct corepath_flow keys[2 * ROOM];
	int fd = open_pin("ct_flows");
	struct corepath_ct ct;
	unsigned int n = 0;

	while (n < 2 * ROOM && !bpf_map_get_next_key(fd, n ? &keys[n - 1] : NULL, &keys[n]))
		n++;
	/* not while walking: what is written changes its place */
	for (unsigned int i = 0; i < n && end; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], &ct))
			checkrun_error("a connection cannot be read");
		ct.expires_ns = 1;
		if (bpf_map_update_elem(fd, &keys[i], &ct, BPF_EXIST))
			checkrun_error("a connection cannot be ended");
	}
	close(fd);
	return n;
}

/* Whether connection `n` is among the answered. */
static bool is_there(unsigned int n)
{
	struct corepath_flow key, *prev = NULL;
	int fd = open_pin("ct_flows");
	bool found = false;

	for (; !found && !bpf_map_get_next_key(fd, prev, &key); prev = &key)
		found = key.sport == htons(1024 + n) || key.dport == htons(1024 + n);
	close(fd);
	return found;
}

static unsigned int count_ended(void)
{
	struct corepath_flow key, *prev = NULL;
	int fd = open_pin("ct_flows");
	struct corepath_ct ct;
	unsigned int n = 0;

	for (; !bpf_map_get_next_key(fd, prev, &key); prev = &key)
		n += !bpf_map_lookup_elem(fd, &key, &ct) && ct.expires_ns == 1;
	close(fd);
	return n;
}

static void open_device(void)
{
	if (net_unshare() < 0 ||
	    net_veth("w0", "02:00:00:00:10:00", "w0p", "02:00:00:00:20:00", net_namespace()))
		checkrun_error("%s", net_error());
	command_good("up", "--dev", "lo");
	command_good("ct", "set", "max=16");
	command_good("endpoint", "add", "w0", "10.0.0.2");
}

static void full(int index __attribute__((unused)))
{
	unsigned int n;
	int from, to;

	open_device();
	from = open_pin("tc_from_endpoint");
	to = open_pin("tc_to_endpoint");
	for (n = 0; n < ROOM; n++)
		establish(from, to, n, "filling the table");
	if (count(false) != ROOM)
		ck_abort_msg("the table has %u connections, not %d", count(false), ROOM);
	establish(from, to, ROOM, "the table is full");
	for (n = 0; n < FLOOD; n++)
		pass(from, 100 + n, true, SYN, "a flood of what nobody answers");
	for (n = 0; n < ROOM; n++)
		pass(to, n, false, ACK, "an answered connection after the flood");
	establish(from, to, ROOM + 1, "a new connection after the flood");
	if (is_there(ROOM) || is_there(ROOM + 1))
		ck_abort_msg("a connection that lives was pushed out of the table");
	/* one closes: it goes before its time, and to a new one at once */
	pass(from, 3, true, FIN | ACK, "a side closes");
	pass(to, 3, false, FIN | ACK, "the other closes");
	establish(from, to, ROOM + 2, "after one has closed");
	if (is_there(3) || !is_there(ROOM + 2))
		ck_abort_msg("a connection that closed was not replaced by a new one");
	/* all of them end, and leave with packets that are of others */
	count(true);
	for (n = 0; n < ROOM; n++)
		pass(from, 5000 + n, true, SYN, "after all have ended");
	if (count_ended())
		ck_abort_msg("%u connections that ended are there after %d new ones", count_ended(),
			     ROOM);
	establish(from, to, ROOM + 3, "room for all");
	if (!is_there(ROOM + 3))
		ck_abort_msg("a connection answered after the others ended is not in the table");
	/* and with packets that begin nothing: some each millisecond, so it takes a few of them */
	for (n = 0; n < ROOM / 2; n++)
		establish(from, to, 100 + n, "again");
	count(true);
	for (n = 0; n < 100 * FLOOD && count_ended(); n++)
		pass(from, 5000, true, SYN, "a SYN that comes again");
	if (count_ended())
		ck_abort_msg("%u connections that ended stay for ever", count_ended());
	establish(from, to, 200, "at the end");
	command_good("ct", "gc");
	if (count(false) != 1)
		ck_abort_msg("%u connections after a sweep, not the one that lives", count(false));
	if (!command_run("ct", "set", "max=17", NULL))
		ck_abort_msg("the table took another size while it is there\n%s", command_output);
	command_good("down");
}

/* ---- limits ---- */

/* ct_new with nothing in it but ROOM + 1 connections that were answered, of which ROOM have moved
 * on: so many SYNs fit beside the one that has not. */
#define NEW_ROOM 1024
#define ANSWERED (ROOM + 1)
#define MOST	 (ROOM + NEW_ROOM)

/*
 * A SYN takes its slot before the oldest unanswered one gives its place, and its slot, away: with a
 * limit above what both tables hold nobody is refused, and with that very number everybody is whom
 * there is no place for.
 */
static const struct flood_case {
	const char *limit;
	unsigned int open, refused;
} floods[] = {
	{"limit-out=1041", MOST, 0},
	{"limit-out=1040", MOST, FLOOD - (MOST - ANSWERED)},
	{"limit-out=20", 20, FLOOD - (20 - ANSWERED)},
};

static void expect_open(unsigned int want, const char *when)
{
	char text[32];

	snprintf(text, sizeof(text), "open-out=%u ", want);
	command_good("endpoint", "list");
	if (!strstr(command_output, text))
		ck_abort_msg("%s: not %s\n%s", when, text, command_output);
}

/* Of those that nobody answered; returns how many there are. With `end` they end now. */
static unsigned int count_syns(bool end)
{
	static struct corepath_flow keys[NEW_ROOM + 1];
	unsigned int n = 0, syns = 0;
	int fd = open_pin("ct_new");
	struct corepath_ct ct;

	while (n < NEW_ROOM && !bpf_map_get_next_key(fd, n ? &keys[n - 1] : NULL, &keys[n]))
		n++;
	for (unsigned int i = 0; i < n; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], &ct))
			checkrun_error("a connection cannot be read");
		if (ct.state != COREPATH_CT_SYN)
			continue;
		syns++;
		ct.expires_ns = 1;
		if (end && bpf_map_update_elem(fd, &keys[i], &ct, BPF_EXIST))
			checkrun_error("a connection cannot be ended");
	}
	close(fd);
	return syns;
}

/* What was answered before the flood goes on, and what the flood took comes back by itself. */
static void limited(int index)
{
	const struct flood_case *this = &floods[index];
	unsigned int n, refused = 0;
	int from, to;

	open_device();
	command_good("endpoint", "del", "w0");
	command_good("endpoint", "add", "w0", "10.0.0.2", this->limit);
	from = open_pin("tc_from_endpoint");
	to = open_pin("tc_to_endpoint");
	for (n = 0; n < ANSWERED; n++)
		establish(from, to, n, "before the flood");
	expect_open(ANSWERED, "before the flood");
	for (n = 0; n < FLOOD; n++)
		refused += give(from, 100 + n, true, SYN) != TC_ACT_UNSPEC;
	if (refused != this->refused || command_counter("conn_limit", "packets") != refused)
		ck_abort_msg("%u of the flood were refused, not %u\n%s", refused, this->refused,
			     command_output);
	expect_open(this->open, "after the flood");
	if (count_syns(false) != this->open - ANSWERED)
		ck_abort_msg("%u connections that nobody answered", count_syns(false));
	for (n = 0; n < ANSWERED; n++) {
		pass(to, n, false, ACK, "an answered connection after the flood");
		pass(from, n, true, ACK, "an answered connection after the flood");
	}
	/* a place and a slot for each that ended, with packets that begin nothing */
	count_syns(true);
	for (n = 0; n < 100 * FLOOD && (n % 256 || count_syns(false)); n++)
		pass(from, 0, true, ACK, "a connection that lives");
	expect_open(ANSWERED, "after all of the flood has ended");
	for (n = 0; n < 20 - ANSWERED; n++)
		establish(from, to, 5000 + n, "after the flood");
	expect_open(20, "after the flood");
	command_good("ct", "gc");
	expect_open(20, "counted anew");
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.tc_full.table", full, 0},
	{"functional.tc_full.flood_below_the_limit", limited, 0},
	{"functional.tc_full.flood_to_the_limit", limited, 1},
	{"functional.tc_full.flood_beyond_the_limit", limited, 2},
};

void tc_full_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
