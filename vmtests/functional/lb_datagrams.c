// SPDX-License-Identifier: GPL-2.0-only
/* functional.lb_datagrams.*: UDP through the load balancer, real command, real stacks, which check
 * every checksum and put every fragment together. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "must.h"
#include "uplink_path.h"

#define ANSWER_MS 60000
#define FITS	  1400 /* in GUE over IPv6 as well: 40 and 8, and 40, 8 and 4 outside, are 1500 */
#define FRAGMENTS 4000 /* three of them */

/* With generic XDP where functional.lb_traffic has native, so that each mode runs by both. */
static const struct datagram_case {
	const char *mode, *xdp;
	const char *counter; /* of the packets to the backend */
} cases[] = {
	{"mode=tunnel", "native", "lb_tunneled"},
	{"mode=gue", "generic", "lb_tunneled"},
	{"mode=nat", "generic", "lb_translated"},
};

static socklen_t make_address(enum path_family f, const char *text, struct sockaddr_in6 *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	out->sin6_family = f == PATH_V4 ? AF_INET : AF_INET6;
	out->sin6_port = htons(LB_PORT); /* in the same place in both */
	inet_pton(out->sin6_family, text,
		  f == PATH_V4 ? (void *)&v4->sin_addr : (void *)&out->sin6_addr);
	return f == PATH_V4 ? sizeof(*v4) : sizeof(*out);
}

/* ---- servers: to a single byte they say their number, all else they send back ---- */

static void serve(int fd, char number)
{
	static char datagram[65536];
	struct sockaddr_in6 peer;
	socklen_t len;
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		len = sizeof(peer);
		n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&peer, &len);
		if (n == 1)
			*datagram = number;
		if (n > 0)
			sendto(fd, datagram, n, 0, (struct sockaddr *)&peer, len);
	}
}

/* Bound to one address each, so that answers come from the one that was asked. */
static void start_server(enum path_family f, const char *address, char number)
{
	struct sockaddr_in6 at;
	socklen_t len = make_address(f, address, &at);
	int fd = socket(at.sin6_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len))
		checkrun_error("a server on %s: %s", address, strerror(errno));
	pid = fork();
	if (pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (!pid)
		serve(fd, number);
	close(fd);
}

static void start_servers(const struct lb_path *path)
{
	int here;

	must(here = net_namespace());
	for (int i = 0; i < LB_BACKENDS; i++) {
		must(net_enter(path->backend[i]));
		for (int f = 0; f < PATH_FAMILIES; f++) {
			start_server(f, lb_vip[f], '1' + i);
			start_server(f, lb_backend[i][f], '1' + i);
		}
	}
	must(net_enter(here));
	close(here);
}

/* ---- the client ---- */

static int socket_of_client(const struct lb_path *path, enum path_family f)
{
	struct sockaddr_in6 to;
	socklen_t len = make_address(f, lb_vip[f], &to);
	int fd, here;

	must(here = net_namespace());
	must(net_enter(path->client));
	fd = socket(to.sin6_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(net_enter(here));
	close(here);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, len))
		checkrun_error("a socket to %s: %s", lb_vip[f], strerror(errno));
	return fd;
}

static void expect_backend(int fd, char want, const char *when)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char said = '?';

	if (send(fd, &said, 1, 0) != 1)
		ck_abort_msg("%s: %s", when, strerror(errno));
	if (poll(&wait, 1, ANSWER_MS) != 1 || recv(fd, &said, 1, 0) != 1)
		ck_abort_msg("%s: no answer", when);
	if (said != want)
		ck_abort_msg("%s: the answer is of backend %c, not %c", when, said, want);
}

/* A datagram as long as the client's own network takes does not fit the tunnel: the socket is told
 * so, and its stack makes smaller fragments from then on. */
static void expect_too_big(int fd, enum path_family f)
{
	static const char full[1500];
	struct pollfd wait = {.fd = fd};
	size_t size = sizeof(full) - (f == PATH_V4 ? 20 : 40) - 8;
	char byte;

	if (send(fd, full, size, 0) != (ssize_t)size)
		checkrun_error("a datagram of %zu bytes: %s", size, strerror(errno));
	if (poll(&wait, 1, ANSWER_MS) != 1)
		ck_abort_msg("nobody told the socket that %zu bytes are too many", size);
	if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EMSGSIZE)
		ck_abort_msg("a datagram that does not fit the tunnel: %s", strerror(errno));
}

/* A megabyte there and back in datagrams, half of it after the backend has failed: the same socket
 * goes on with the other one. */
static void fails_in_the_middle(const struct lb_path *path, enum path_family f,
				const struct datagram_case *this)
{
	const char *first = lb_backend[0][f], *second = lb_backend[1][f];
	int fd = socket_of_client(path, f);
	char service[64];

	snprintf(service, sizeof(service), f == PATH_V4 ? "%s:%d" : "[%s]:%d", lb_vip[f], LB_PORT);
	command_good("service", "add", "udp", service, this->mode);
	command_good("backend", "add", "udp", service, first);
	expect_backend(fd, '1', "one backend");
	if (strcmp(this->mode, "mode=nat"))
		expect_too_big(fd, f);
	uplink_path_datagrams(fd, FITS, LB_BYTES / 2);
	command_good("backend", "add", "udp", service, second);
	command_good("backend", "set-state", "udp", service, first, "draining");
	expect_backend(fd, '1', "its backend drains");
	uplink_path_datagrams(fd, FRAGMENTS, 1 << 16);
	command_good("backend", "set-state", "udp", service, first, "down");
	expect_backend(fd, '2', "its backend is down");
	uplink_path_datagrams(fd, FITS, LB_BYTES / 2);
	uplink_path_datagrams(fd, FRAGMENTS, 1 << 16);
	close(fd);
}

static void datagrams(int index)
{
	const struct datagram_case *this = &cases[index];
	struct lb_path path;

	lb_path_open(&path);
	if (!strcmp(this->mode, "mode=gue"))
		lb_path_take_gue(&path);
	start_servers(&path);
	command_good("up", "--dev", PATH_DEVICE, "--xdp-mode", this->xdp);
	for (int f = 0; f < PATH_FAMILIES; f++)
		fails_in_the_middle(&path, f, this);
	if (command_counter(this->counter, "bytes") < PATH_FAMILIES * LB_BYTES)
		ck_abort_msg("counter %s has less than the packets sent\n%s", this->counter,
			     command_output);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.lb_datagrams.tunnel_native", datagrams, 0},
	{"functional.lb_datagrams.gue_generic", datagrams, 1},
	{"functional.lb_datagrams.nat_generic", datagrams, 2},
};

void lb_datagrams_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
