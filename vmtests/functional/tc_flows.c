// SPDX-License-Identifier: GPL-2.0-only
/* functional.tc_flows.*: connections between two endpoints, real command, real stacks. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "uplink_path.h"

static const struct flow_case {
	const char *mode;
	bool mac; /* known: the endpoints are handed each other's packets past the host's stack */
} cases[] = {{"auto", true}, {"clsact", true}, {"auto", false}, {"clsact", false}};

static void add_endpoints(const struct flow_case *this)
{
	const char *mac0 = this->mac ? "mac=02:00:00:00:02:00" : "audit=no";
	const char *mac1 = this->mac ? "mac=02:00:00:00:02:01" : "audit=no";

	command_good("endpoint", "add", "w0", "10.0.1.2", "fd00:10:0:1::2", "identity=100", mac0,
		     "--tc-mode", this->mode);
	command_good("endpoint", "add", "w1", "10.0.2.2", "fd00:10:0:2::2", mac1, "--tc-mode",
		     this->mode);
	command_good("policy", "add", "w1", "in", "allow", "identity=100", "proto=tcp", "port=80");
	command_good("policy", "add", "w1", "in", "allow", "proto=udp", "port=80");
}

static int connect_stream(const struct uplink_path *path, enum path_family family)
{
	int fd = uplink_path_between(path, 0, 1, family, SOCK_STREAM);
	char hello[UPLINK_HELLO];

	if (recv(fd, hello, sizeof(hello), MSG_WAITALL) != sizeof(hello))
		ck_abort_msg("the server says nothing: %s", strerror(errno));
	return fd;
}

/* A megabyte there and back, and again on the same connection after each change around it. */
static int streams(const struct uplink_path *path, enum path_family family)
{
	int fd = connect_stream(path, family);

	lb_path_exchange(fd);
	command_good("policy", "add", "w1", "in", "allow", "identity=7");
	lb_path_exchange(fd);
	command_good("policy", "del", "w1", "in", "identity=7");
	command_good("ct", "gc");
	lb_path_exchange(fd);
	command_good("ct", "list");
	if (!strstr(command_output, "established"))
		ck_abort_msg("'corepath ct list' shows no established connection\n%s",
			     command_output);
	return fd;
}

/* A rule goes, and what it allowed with it. The stream behind the datagram proves that it was lost.
 */
static void denied(int stream, int datagrams)
{
	long long before = command_counter("policy_denied_in", "packets");
	char byte = 0;

	command_good("policy", "del", "w1", "in", "proto=udp", "port=80");
	if (send(datagrams, &byte, 1, 0) != 1)
		checkrun_error("a datagram: %s", strerror(errno));
	lb_path_exchange(stream);
	if (recv(datagrams, &byte, 1, MSG_DONTWAIT) >= 0)
		ck_abort_msg("a datagram that no rule allows any more was answered");
	if (command_counter("policy_denied_in", "packets") != before + 1)
		ck_abort_msg("the denied datagram was not counted\n%s", command_output);
	command_good("policy", "add", "w1", "in", "allow", "proto=udp", "port=80");
}

static void flows(int index)
{
	const struct flow_case *this = &cases[index];
	struct uplink_path path;
	long long bytes;

	uplink_path_open(&path);
	uplink_path_serve(&path, 1);
	command_good("up", "--dev", "lo");
	add_endpoints(this);
	for (int f = 0; f < PATH_FAMILIES; f++) {
		int stream = streams(&path, f);
		int fd = uplink_path_between(&path, 0, 1, f, SOCK_DGRAM);

		/* one that fits, and one that is three fragments */
		uplink_path_datagrams(fd, 1400, 1 << 20);
		uplink_path_datagrams(fd, 4000, 1 << 18);
		denied(stream, fd);
		close(fd);
		close(stream);
	}
	bytes = command_counter("endpoint_delivered", "bytes");
	if (this->mac ? bytes < 12 << 20 : bytes)
		ck_abort_msg("%lld bytes were handed over past the stack", bytes);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.tc_flows.auto", flows, 0},
	{"functional.tc_flows.clsact", flows, 1},
	{"functional.tc_flows.auto_through_the_stack", flows, 2},
	{"functional.tc_flows.clsact_through_the_stack", flows, 3},
};

void tc_flows_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
