// SPDX-License-Identifier: GPL-2.0-only
/* functional.uplink.*: connections and datagrams through the uplink, real command, real stacks. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "uplink_path.h"

#define SPORT 40000 /* of everybody alike, so that only one can keep it */
#define MANY  (UPLINK_ENDPOINTS + 1)

static void bring_up(const char *mode, const char *forward)
{
	char v4[64], v6[64];

	snprintf(v4, sizeof(v4), "masquerade4=%s", uplink_address[PATH_V4]);
	snprintf(v6, sizeof(v6), "masquerade6=%s", uplink_address[PATH_V6]);
	command_good("up", "--dev", "lo");
	command_good("uplink", "set", v4, v6, "ports=32768-65535", forward);
	command_good("uplink", "source", "add", uplink_networks[PATH_V4], uplink_networks[PATH_V6]);
	command_good("uplink", "attach", PATH_DEVICE, "--tc-mode", mode);
}

/* Every one has a port of its own, at the server. */
static void expect_apart(const int *ports, int n, const char *what)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (ports[i] == ports[j])
				ck_abort_msg("%s: two flows with port %d", what, ports[i]);
	if (ports[0] != SPORT)
		ck_abort_msg("%s: port %d, though the flow's own %d was free", what, ports[0],
			     SPORT);
}

static void streams(const struct uplink_path *path, enum path_family family)
{
	int fd[MANY], port[MANY];

	for (int i = 0; i < MANY; i++) {
		fd[i] = uplink_path_connect(path, i, family, SOCK_STREAM, SPORT, UPLINK_PORT);
		port[i] = uplink_path_port(fd[i], family, SOCK_STREAM);
	}
	expect_apart(port, MANY, "TCP");
	for (int i = 0; i < MANY; i++)
		lb_path_exchange(fd[i]);
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
}

/* A megabyte of each size: one that fits, and one that is three fragments. */
static void datagrams(const struct uplink_path *path, enum path_family family)
{
	int fd[MANY], port[MANY];

	for (int i = 0; i < MANY; i++) {
		fd[i] = uplink_path_connect(path, i, family, SOCK_DGRAM, SPORT, UPLINK_PORT);
		port[i] = uplink_path_port(fd[i], family, SOCK_DGRAM);
	}
	expect_apart(port, MANY, "UDP");
	for (int i = 0; i < MANY; i++) {
		int hops = uplink_path_hops(fd[i], family), want = i == UPLINK_NODE ? 64 : 63;

		if (hops != want)
			ck_abort_msg("an answer comes with %d hops left, not %d", hops, want);
		uplink_path_datagrams(fd[i], 1400, 1 << 20);
		uplink_path_datagrams(fd[i], 4000, 1 << 18);
		close(fd[i]);
	}
	/* the ICMP error finds the socket that the quoted datagram is of */
	for (int i = 0; i < MANY; i++) {
		fd[i] = uplink_path_connect(path, i, family, SOCK_DGRAM, SPORT + 1, UPLINK_CLOSED);
		uplink_path_refused(fd[i]);
		close(fd[i]);
	}
}

/* Answers to the endpoints, 700 and more packets each way of either family, do not see the stack;
 * those to the node do. */
static void expect_direct(bool direct)
{
	unsigned long long past = uplink_path_counter("fwd_direct"),
			   here = uplink_path_counter("fwd_local");

	if (direct ? past < 2800 || here < 1400 : past || here)
		ck_abort_msg("%llu packets passed by the stack, and %llu were the node's\n%s", past,
			     here, command_output);
}

static const struct masquerade_case {
	const char *mode, *forward;
} cases[] = {
	{"clsact", "forward=stack"},
	{"auto", "forward=direct"},
};

static void masquerades(int index)
{
	struct uplink_path path;

	uplink_path_open(&path);
	bring_up(cases[index].mode, cases[index].forward);
	for (int f = 0; f < PATH_FAMILIES; f++) {
		streams(&path, f);
		datagrams(&path, f);
	}
	/* two endpoints, two families, a megabyte each by TCP and more than one by UDP */
	if (command_counter("nat_masqueraded", "bytes") < 8 << 20 ||
	    command_counter("nat_returned", "bytes") < 8 << 20)
		ck_abort_msg("the packets sent did not go through the uplink's programs\n%s",
			     command_output);
	command_good("uplink", "flows");
	if (!strstr(command_output, "udp 10.0.2.2:40000 to 203.0.113.7:80 as 203.0.113.1:"))
		ck_abort_msg("'uplink flows' does not have the second endpoint's flow\n%s",
			     command_output);
	expect_direct(strstr(cases[index].forward, "direct"));
	command_good("uplink", "detach", PATH_DEVICE);
	command_good("down");
	if (access(command_pin_dir(), F_OK) == 0)
		ck_abort_msg("'down' leaves the pin directory");
}

/* What the commands say of themselves, and refuse. */
static void commands(int index __attribute__((unused)))
{
	struct uplink_path path;

	uplink_path_open(&path);
	bring_up("auto", "forward=direct");
	command_good("uplink", "exclude", "add", "198.51.100.0/24", "2001:db8::/32");
	command_good("uplink", "show");
	if (!strstr(command_output, "device cp0 state=attached") ||
	    !strstr(command_output,
		    "masquerade4=203.0.113.1 masquerade6=2001:db8:f::1 ports=32768-65535 "
		    "forward=direct") ||
	    !strstr(command_output, "source 10.0.0.0/16\nsource fd00:10::/32\n"
				    "exclude 198.51.100.0/24\nexclude 2001:db8::/32\n"))
		ck_abort_msg("'uplink show' does not say what was set\n%s", command_output);
	command_good("uplink", "show", "--json");
	command_good("uplink", "exclude", "del", "2001:db8::/32");
	if (command_run("uplink", "exclude", "del", "2001:db8::/32", NULL) != 1)
		ck_abort_msg("a network deleted twice: no failure\n%s", command_output);
	if (command_run("uplink", "attach", PATH_DEVICE, NULL) != 1)
		ck_abort_msg("an uplink attached twice: no failure\n%s", command_output);
	if (command_run("uplink", "attach", "nosuch", NULL) != 1)
		ck_abort_msg("no device: no failure\n%s", command_output);
	if (command_run("uplink", "detach", "lo", NULL) != 1)
		ck_abort_msg("what is no uplink detached: no failure\n%s", command_output);
	if (command_run("uplink", "source", "sub", "10.0.0.0/8", NULL) != 2)
		ck_abort_msg("neither add nor del: not wrong usage\n%s", command_output);
	if (command_run("uplink", "set", "ports=1", NULL) != 2)
		ck_abort_msg("no range of ports: not wrong usage\n%s", command_output);
	command_good("uplink", "sweep");
	/* with the device attached: down takes everything */
	command_good("down");
	if (access(command_pin_dir(), F_OK) == 0)
		ck_abort_msg("'down' leaves the pin directory");
}

static const struct functional_test tests[] = {
	{"functional.uplink.masquerades", masquerades, 0},
	{"functional.uplink.direct", masquerades, 1},
	{"functional.uplink.commands", commands, 0},
};

void uplink_traffic_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
