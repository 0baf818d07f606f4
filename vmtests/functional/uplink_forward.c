// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.uplink.routes: what passes by the stack and what does not, by the kernel's real routes
 * and neighbours. The packets are given to the program alone, so that each has one verdict.
 * functional.uplink.whose: which of them the host's own policy is asked about.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
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
#include "uplink_path.h"

#define FRAME_MAX 2048

static const struct way {
	const char *to[PATH_FAMILIES];
	size_t payload;
	int hops;
	const char *counter;
} ways[] = {
	{{"10.0.1.2", "fd00:10:0:1::2"}, 8, 64, "fwd_direct"},
	{{"10.0.1.2", "fd00:10:0:1::2"}, 1400, 2, "fwd_direct"},
	{{"10.0.1.2", "fd00:10:0:1::2"}, 8, 1, "fwd_hops"},
	{{"10.0.1.2", "fd00:10:0:1::2"}, 1600, 64, "fwd_too_big"},
	{{"10.0.1.9", "fd00:10:0:1::9"}, 8, 64, "fwd_no_neighbour"},
	{{"203.0.113.1", "2001:db8:f::1"}, 8, 64, "fwd_local"},
	{{"198.18.0.1", "2001:db8:ffff::1"}, 8, 64, "fwd_local"}, /* there is no route */
};

static unsigned int sum16(const unsigned char *bytes, size_t len)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A datagram of the server's without UDP checksum, to the uplink's MAC (RFC 791, RFC 8200). */
static size_t build(const struct way *way, enum path_family family, unsigned char *frame)
{
	static const unsigned char eth[] = {2, 0, 0, 0, 0, 0x0a, 2, 0, 0, 0, 0, 0x0b};
	size_t len = 8 + way->payload, head = family == PATH_V4 ? 20 : 40;
	unsigned char *ip = frame + 14, *udp = ip + head;
	unsigned int check;

	memset(frame, 0, 14 + head + len);
	memcpy(frame, eth, sizeof(eth));
	if (family == PATH_V4) {
		frame[12] = 0x08;
		memcpy(ip,
		       (unsigned char[]){0x45, 0, (head + len) >> 8, head + len, 0, 1, 0x40, 0,
					 way->hops, 17},
		       10);
		inet_pton(AF_INET, "203.0.113.7", ip + 12);
		inet_pton(AF_INET, way->to[family], ip + 16);
		check = ~sum16(ip, head);
		ip[10] = check >> 8;
		ip[11] = check;
	} else {
		frame[12] = 0x86;
		frame[13] = 0xdd;
		memcpy(ip, (unsigned char[]){0x60, 0, 0, 0, len >> 8, len, 17, way->hops}, 8);
		inet_pton(AF_INET6, "2001:db8:f::7", ip + 8);
		inet_pton(AF_INET6, way->to[family], ip + 24);
	}
	memcpy(udp, (unsigned char[]){0, 53, 0, 99, len >> 8, len}, 6);
	return 14 + head + len;
}

static void run_one(int program, const struct way *way, enum path_family family)
{
	unsigned char frame[FRAME_MAX], out[FRAME_MAX];
	struct __sk_buff ctx = {.ifindex = if_nametoindex(PATH_DEVICE)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = 1);
	bool direct = !strcmp(way->counter, "fwd_direct");
	unsigned long long before = uplink_path_counter(way->counter);
	size_t hop = family == PATH_V4 ? 14 + 8 : 14 + 7;

	opts.data_size_in = build(way, family, frame);
	if (bpf_prog_test_run_opts(program, &opts))
		checkrun_error("BPF_PROG_TEST_RUN: %s", strerror(errno));
	if ((int)opts.retval != (direct ? TC_ACT_REDIRECT : TC_ACT_UNSPEC))
		ck_abort_msg("to %s, %zu bytes, %d hops: verdict %d, not %s", way->to[family],
			     way->payload, way->hops, (int)opts.retval, way->counter);
	if (uplink_path_counter(way->counter) != before + 1)
		ck_abort_msg("to %s, %zu bytes, %d hops: not counted as %s\n%s", way->to[family],
			     way->payload, way->hops, way->counter, command_output);
	if (direct && family == PATH_V4 && sum16(out + 14, 20) != 0xffff)
		ck_abort_msg("to %s: the header's checksum is wrong", way->to[family]);
	frame[hop] -= direct;
	if (direct && family == PATH_V4)
		memcpy(frame + 14 + 10, out + 14 + 10, 2); /* right, as was just seen */
	if (opts.data_size_out != opts.data_size_in || memcmp(frame, out, opts.data_size_in))
		ck_abort_msg("to %s, %zu bytes, %d hops: another packet came out", way->to[family],
			     way->payload, way->hops);
}

static void routes(int index __attribute__((unused)))
{
	struct uplink_path path;
	char pin[128];
	int program;

	uplink_path_open(&path);
	for (int f = 0; f < PATH_FAMILIES; f++)
		if (net_neighbour("w0", ways[0].to[f], "02:00:00:00:02:00"))
			checkrun_error("%s", net_error());
	command_good("up", "--dev", "lo");
	command_good("uplink", "set", "masquerade4=203.0.113.1", "masquerade6=2001:db8:f::1",
		     "forward=direct");
	command_good("uplink", "attach", PATH_DEVICE);
	snprintf(pin, sizeof(pin), "%s/tc_uplink_in", command_pin_dir());
	program = bpf_obj_get(pin);
	if (program < 0)
		checkrun_error("%s: %s", pin, strerror(errno));
	for (int f = 0; f < PATH_FAMILIES; f++)
		for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
			run_one(program, &ways[i], f);
	close(program);
	command_good("down");
}

/* The node has a way to everywhere, so what a program asks about a group is answered as well. */
static const struct {
	const char *to[PATH_FAMILIES];
	bool host;
} ends[] = {
	{{"203.0.113.1", "2001:db8:f::1"}, true},
	{{"10.0.1.1", "fd00:10:0:1::1"}, true},
	{{"224.0.0.251", "ff02::fb"}, true},
	{{"255.255.255.255", "ff0e::1"}, true},
	{{"10.0.1.2", "fd00:10:0:1::2"}, false},
	{{"10.0.1.9", "fd00:10:0:1::9"}, false}, /* no neighbour */
	{{"198.18.0.1", "2001:db8:ffff::1"}, false},
};

static void whose(int index __attribute__((unused)))
{
	static const char *const router[] = {"203.0.113.7", "2001:db8:f::7"};
	struct __sk_buff ctx = {};
	struct uplink_path path;
	unsigned char frame[FRAME_MAX];
	char pin[128];
	int program;

	uplink_path_open(&path);
	for (int f = 0; f < PATH_FAMILIES; f++)
		if (net_route(NULL, router[f], PATH_DEVICE, 0))
			checkrun_error("%s", net_error());
	command_good("up", "--dev", "lo");
	/* the programs are told of it when they are loaded */
	command_good("policy", "add", "host", "in", "deny");
	command_good("uplink", "attach", PATH_DEVICE);
	snprintf(pin, sizeof(pin), "%s/tc_uplink_in", command_pin_dir());
	program = bpf_obj_get(pin);
	if (program < 0)
		checkrun_error("%s: %s", pin, strerror(errno));
	ctx.ifindex = if_nametoindex(PATH_DEVICE);
	for (size_t i = 0; i < PATH_FAMILIES * sizeof(ends) / sizeof(*ends); i++) {
		const char *to = ends[i / PATH_FAMILIES].to[i % PATH_FAMILIES];
		struct way way = {.to = {to, to}, .payload = 8, .hops = 64};
		bool host = ends[i / PATH_FAMILIES].host;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = 1);

		opts.data_size_in = build(&way, i % PATH_FAMILIES, frame);
		if (bpf_prog_test_run_opts(program, &opts))
			checkrun_error("BPF_PROG_TEST_RUN: %s", strerror(errno));
		if ((int)opts.retval != (host ? TC_ACT_SHOT : TC_ACT_UNSPEC))
			ck_abort_msg("to %s: verdict %d, though it %s the host's", to,
				     (int)opts.retval, host ? "is" : "is not");
	}
	close(program);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.uplink.routes", routes, 0},
	{"functional.uplink.whose", whose, 0},
};

void uplink_forward_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
