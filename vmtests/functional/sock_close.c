// SPDX-License-Identifier: GPL-2.0-only
/* functional.sock_lb.told_*: sockets whose backend goes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "sock_steps.h"

/* Bound of what must happen and is found by waiting for it. */
#define TOLD_MS 60000

/* The socket's user is told, without having done anything. */
static void expect_told(int fd, enum sock_family family, const char *what)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&wait, 1, TOLD_MS) != 1 || !(wait.revents & POLLERR))
		ck_abort_msg("%s, %s: the socket is not told that its backend is gone (events %x)",
			     what, sock_family_name(family), wait.revents);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || error != ECONNABORTED)
		ck_abort_msg("%s, %s: the socket is told '%s', not '%s'", what,
			     sock_family_name(family), strerror(error), strerror(ECONNABORTED));
}

struct sockets {
	int to1, to2, itself;	     /* TCP: to the service and its backends, and to backend 1 */
	int udp1, udp2, unconnected; /* UDP: connected to the service, and to nobody */
};

static int connect_until(enum sock_family f, char server)
{
	char said;

	for (int i = 0; i < SOCK_MANY; i++) {
		int fd = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);

		if (said == server)
			return fd;
		close(fd);
	}
	ck_abort_msg("none of %d connections came to %c", SOCK_MANY, server);
}

static int udp_until(enum sock_family f, char server, bool connected)
{
	struct sockaddr_in6 from;

	for (int i = 0; i < SOCK_MANY; i++) {
		int fd = sock_path_socket(f, SOCK_DGRAM);

		if (connected)
			sock_path_udp_connect(fd, f, SOCK_SERVICE, SOCK_PORT);
		if (sock_path_ask(fd, f, connected ? 0 : SOCK_SERVICE, SOCK_PORT, &from) == server)
			return fd;
		close(fd);
	}
	ck_abort_msg("none of %d UDP sockets came to %c", SOCK_MANY, server);
}

static void open_sockets(struct sockets s[SOCK_FAMILIES])
{
	char said;

	for_each_family(f)
	{
		s[f].to1 = connect_until(f, '1');
		s[f].to2 = connect_until(f, '2');
		s[f].itself = sock_path_connect(f, SOCK_BACKEND1, SOCK_BACKEND_PORT, &said);
		s[f].udp1 = udp_until(f, '1', true);
		s[f].udp2 = udp_until(f, '2', true);
		s[f].unconnected = udp_until(f, '1', false);
	}
}

/* Backend 1 is gone: who was sent to it is told, and nobody else. */
static void expect_closed(struct sockets s[SOCK_FAMILIES], const char *what)
{
	struct sockaddr_in6 from;

	for_each_family(f)
	{
		expect_told(s[f].to1, f, what);
		expect_told(s[f].udp1, f, what);
		lb_path_exchange(s[f].to2);
		lb_path_exchange(s[f].itself);
		ck_assert_int_eq(sock_path_ask(s[f].udp2, f, 0, 0, &from), '2');
		/* it was not connected, so there is nothing to tell: it goes to the other */
		ck_assert_int_eq(sock_path_ask(s[f].unconnected, f, SOCK_SERVICE, SOCK_PORT, &from),
				 '2');
		/* the same socket can go on */
		sock_path_udp_connect(s[f].udp1, f, SOCK_SERVICE, SOCK_PORT);
		ck_assert_int_eq(sock_path_ask(s[f].udp1, f, 0, 0, &from), '2');
		close(s[f].to1), close(s[f].to2), close(s[f].itself);
		close(s[f].udp1), close(s[f].udp2), close(s[f].unconnected);
	}
	if (strstr(command_output, "note"))
		ck_abort_msg("%s: not all was done\n%s", what, command_output);
}

static void start(struct sockets s[SOCK_FAMILIES])
{
	sock_up();
	sock_add_plain("tcp", "12");
	sock_add_plain("udp", "12");
	open_sockets(s);
	/* what drains keeps its sockets */
	sock_set_state("tcp", '1', "draining");
	sock_set_state("udp", '1', "draining");
	for_each_family(f) lb_path_exchange(s[f].to1);
}

static void down(void)
{
	struct sockets s[SOCK_FAMILIES];

	start(s);
	sock_set_state("tcp", '1', "down");
	sock_set_state("udp", '1', "down");
	expect_closed(s, "backend set-state down");
	sock_down();
}

/* And by a command that is in another network namespace than the sockets. */
static void deleted(void)
{
	struct sockets s[SOCK_FAMILIES];
	int here, there;

	start(s);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = net_unshare();
	if (here < 0 || there < 0)
		checkrun_error("another network namespace: %s", net_error());
	for_each_service(f)
	{
		command_good("backend", "del", "tcp", sock_path_service(f),
			     sock_path_backend(f, '1'));
		command_good("backend", "del", "udp", sock_path_service(f),
			     sock_path_backend(f, '1'));
	}
	if (net_enter(here))
		checkrun_error("%s", net_error());
	close(here);
	close(there);
	expect_closed(s, "backend del");
	sock_down();
}

/* On a kernel that may have no way to close sockets: either they are closed, or the command says
 * that they are not. */
static void told_or_said(void)
{
	int fd[SOCK_FAMILIES];
	struct pollfd wait;
	char said;
	bool noted;

	sock_up();
	sock_add_plain("tcp", "1");
	for_each_family(f) fd[f] = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
	for_each_service(f)
	{
		command_good("backend", "del", "tcp", sock_path_service(f),
			     sock_path_backend(f, '1'));
		noted = strstr(command_output, "note: done, but sockets connected");
		for (enum sock_family of = f; of < SOCK_FAMILIES; of += SOCK_MAPPED) {
			if (!noted)
				expect_told(fd[of], of, "a command that says nothing");
			wait = (struct pollfd){.fd = fd[of], .events = POLLIN};
			if (noted && poll(&wait, 1, 0))
				ck_abort_msg("told (events %x), but the command denies it\n%s",
					     wait.revents, command_output);
			if (noted)
				lb_path_exchange(fd[of]);
			close(fd[of]);
		}
	}
	sock_down();
}

static const struct sock_test tests[] = {
	{"functional.sock_lb.told_of_down", down},
	{"functional.sock_lb.told_of_del_elsewhere", deleted},
};

SOCK_RUNS(run_close, tests)

void sock_close_add(Suite *suite, const struct selection *selection)
{
	sock_add_tests(suite, selection, tests, sizeof(tests) / sizeof(*tests), run_close);
}

const struct sock_test sock_said_tests[] = {
	{"functional.sock_lb.told_or_said", told_or_said},
};
const size_t sock_said_count = sizeof(sock_said_tests) / sizeof(*sock_said_tests);
