// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.uplink.host: the host's own policy, between real stacks. The way to the server and the
 * device of endpoint 0 are uplinks, so that packets come in by one that are the node's, and others
 * that it forwards.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "uplink_path.h"

#define ALLOWED 9 /* ports of the node where nobody listens */
#define DENIED	10
#define BYTES	(64 << 10)

static void bring_up(void)
{
	char v4[64], v6[64];

	snprintf(v4, sizeof(v4), "masquerade4=%s", uplink_address[PATH_V4]);
	snprintf(v6, sizeof(v6), "masquerade6=%s", uplink_address[PATH_V6]);
	command_good("up", "--dev", "lo");
	command_good("uplink", "set", v4, v6);
	command_good("uplink", "source", "add", uplink_networks[PATH_V4], uplink_networks[PATH_V6]);
	command_good("uplink", "exclude", "add", uplink_networks[PATH_V4],
		     uplink_networks[PATH_V6]);
	command_good("uplink", "attach", PATH_DEVICE);
	command_good("uplink", "attach", "w0");
	command_good("policy", "add", "host", "in", "allow", "proto=udp", "port=9");
	command_good("policy", "add", "host", "out", "allow", "proto=tcp", "port=80");
}

static void expect_counter(const char *reason, long long before, long long more, const char *what)
{
	long long now = command_counter(reason, "packets");

	if (now != before + more)
		ck_abort_msg("%s: %lld packets are %s, not %lld\n%s", what, now - before, reason,
			     more, command_output);
}

/* What the node sends: a rule's connection with all its answers, and no other. */
static void node(const struct uplink_path *path, enum path_family family)
{
	long long before = command_counter("policy_denied_out", "packets");
	int fd = uplink_path_connect(path, UPLINK_NODE, family, SOCK_STREAM, 0, UPLINK_PORT);

	uplink_path_port(fd, family, SOCK_STREAM);
	lb_path_exchange(fd);
	close(fd);
	fd = uplink_path_connect(path, UPLINK_NODE, family, SOCK_DGRAM, 0, UPLINK_PORT);
	if (send(fd, "", 1, 0) != 1)
		checkrun_error("a datagram of the node");
	close(fd);
	expect_counter("policy_denied_out", before, 1, "the node's datagram");
}

/* What is forwarded, both ways, by UDP, which the node itself could not send. */
static void forwarded(const struct uplink_path *path, enum path_family family)
{
	int fd = uplink_path_connect(path, 1, family, SOCK_DGRAM, 0, UPLINK_PORT);

	uplink_path_port(fd, family, SOCK_DGRAM);
	uplink_path_datagrams(fd, 1400, BYTES);
	close(fd);
	fd = uplink_path_between(path, 0, 1, family, SOCK_DGRAM);
	uplink_path_datagrams(fd, 1400, BYTES);
	close(fd);
}

/* What comes in for the node: one after the other by one wire, so the answer to the second says
 * that the first was seen. */
static void to_node(const struct uplink_path *path, enum path_family family)
{
	long long before = command_counter("policy_denied_in", "packets");
	int denied = uplink_path_to_node(path, 0, family, SOCK_DGRAM, DENIED);
	int allowed = uplink_path_to_node(path, 0, family, SOCK_DGRAM, ALLOWED);

	if (send(denied, "", 1, 0) != 1)
		checkrun_error("a datagram to the node");
	uplink_path_refused(allowed);
	expect_counter("policy_denied_in", before, 1, "a datagram to the node");
	close(denied);
	close(allowed);
}

static void host(int index __attribute__((unused)))
{
	struct uplink_path path;

	uplink_path_open(&path);
	uplink_path_serve(&path, 1);
	bring_up();
	for (int f = 0; f < PATH_FAMILIES; f++) {
		node(&path, f);
		forwarded(&path, f);
		to_node(&path, f);
	}
	command_good("policy", "list");
	if (!strstr(command_output, "host in allow proto=udp port=9 packets=2 ") ||
	    !strstr(command_output, "host out allow proto=tcp port=80 packets=2 "))
		ck_abort_msg("'policy list' does not count a connection of each family\n%s",
			     command_output);
	command_good("uplink", "set", "failsafe=tcp/22,udp/10", "audit=yes");
	command_good("uplink", "show");
	if (!strstr(command_output, "host audit=yes failsafe=tcp/22,udp/10\n"))
		ck_abort_msg("'uplink show' does not say what was set\n%s", command_output);
	command_good("uplink", "show", "--json");
	if (command_run("policy", "del", "host", "in", NULL) != 1)
		ck_abort_msg("no such rule deleted: no failure\n%s", command_output);
	if (command_run("uplink", "set", "failsafe=22", NULL) != 2)
		ck_abort_msg("a port without protocol: not wrong usage\n%s", command_output);
	command_good("down");
	if (access(command_pin_dir(), F_OK) == 0)
		ck_abort_msg("'down' leaves the pin directory");
}

static const struct functional_test tests[] = {{"functional.uplink.host", host, 0}};

void uplink_host_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
