// SPDX-License-Identifier: GPL-2.0-only
/* functional.sock_lb.udp_*: datagrams of this host to services. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "sock_steps.h"

/* Asks the service once, and answers as itself. */
static char ask(int fd, enum sock_family family, bool connected)
{
	struct sockaddr_in6 from;
	char said;

	said = sock_path_ask(fd, family, connected ? 0 : SOCK_SERVICE, SOCK_PORT, &from);
	sock_path_expect(&from, family, SOCK_SERVICE, SOCK_PORT, "the answer's sender");
	return said;
}

/* Every socket has one backend for all it sends, sockets together have both. */
static void share(enum sock_family family, bool connected)
{
	bool met[128] = {};
	char said, again;

	for (int i = 0; i < SOCK_MANY; i++) {
		int fd = sock_path_socket(family, SOCK_DGRAM);

		if (connected) {
			sock_path_udp_connect(fd, family, SOCK_SERVICE, SOCK_PORT);
			sock_expect_peer(fd, family, SOCK_SERVICE, SOCK_PORT);
		}
		said = ask(fd, family, connected);
		met[(int)said] = true;
		for (int j = 0; j < SOCK_FEW; j++) {
			again = ask(fd, family, connected);
			if (again != said)
				ck_abort_msg("%s: a socket's first datagram comes to %c, a later "
					     "one to %c",
					     sock_family_name(family), said, again);
		}
		close(fd);
	}
	if (!met['1'] || !met['2'])
		ck_abort_msg("%s: of %d sockets all came to one backend", sock_family_name(family),
			     SOCK_MANY);
}

static void unconnected(void)
{
	sock_up();
	sock_add_plain("udp", "12");
	for_each_family(f) share(f, false);
	sock_down();
}

static void connected(void)
{
	int fd;

	sock_up();
	sock_add_plain("udp", "12");
	for_each_family(f)
	{
		share(f, true);
		/* one that is connected can send to an address as well, and is one flow still */
		fd = sock_path_socket(f, SOCK_DGRAM);
		sock_path_udp_connect(fd, f, SOCK_SERVICE, SOCK_PORT);
		ck_assert_int_eq(ask(fd, f, true), ask(fd, f, false));
		close(fd);
	}
	sock_down();
}

/* New sockets that ask the service come to @server. */
static void expect_new(enum sock_family family, char server, const char *when)
{
	for (int i = 0; i < SOCK_FEW; i++) {
		int fd = sock_path_socket(family, SOCK_DGRAM);
		char said = ask(fd, family, false);

		if (said != server)
			ck_abort_msg("%s, %s: a new socket comes to %c", sock_family_name(family),
				     when, said);
		close(fd);
	}
}

/* A socket stays with its backend while others come and while it drains, and leaves one that is
 * down. */
static void states(void)
{
	int fd[SOCK_FAMILIES];

	sock_up();
	sock_add_plain("udp", "1");
	for_each_family(f)
	{
		fd[f] = sock_path_socket(f, SOCK_DGRAM);
		ck_assert_int_eq(ask(fd[f], f, false), '1');
	}
	for_each_service(f) command_good("backend", "add", "udp", sock_path_service(f),
					 sock_path_backend(f, '2'), "weight=100");
	for_each_family(f) ck_assert_int_eq(ask(fd[f], f, false), '1');
	sock_set_state("udp", '1', "draining");
	for_each_family(f)
	{
		ck_assert_int_eq(ask(fd[f], f, false), '1');
		expect_new(f, '2', "the first drains");
	}
	sock_set_state("udp", '1', "down");
	for_each_family(f)
	{
		ck_assert_int_eq(ask(fd[f], f, false), '2');
		close(fd[f]);
	}
	sock_down();
}

/* Backends that no two services have in common, so that an answer says whose it is. */
static const struct {
	char backend;
	int port;
} each[] = {{'1', SOCK_PORT},	      {'1', SOCK_BACKEND_PORT}, {'2', SOCK_PORT},
	    {'2', SOCK_BACKEND_PORT}, {'3', SOCK_PORT},		{'3', SOCK_BACKEND_PORT}};
#define SERVICES ((int)(sizeof(each) / sizeof(*each)))

static void add_service(enum sock_family f, int number)
{
	char service[64], backend[64];
	const char *form = f == SOCK_V6 ? "[%s]:%d" : "%s:%d";

	snprintf(service, sizeof(service), form, sock_path_host(f, SOCK_SERVICE), 1000 + number);
	snprintf(backend, sizeof(backend), form, sock_path_host(f, each[number].backend),
		 each[number].port);
	command_good("service", "add", "udp", service, "mode=nat");
	command_good("backend", "add", "udp", service, backend);
}

/* One socket and more services than are remembered of it. */
static void many_services(void)
{
	struct sockaddr_in6 from;
	char said;
	int fd;

	sock_up();
	for (int i = 0; i < SERVICES; i++)
		for_each_service(f) add_service(f, i);
	for_each_family(f)
	{
		fd = sock_path_socket(f, SOCK_DGRAM);
		for (int i = 0; i < 2 * SERVICES; i++) {
			said = sock_path_ask(fd, f, SOCK_SERVICE, 1000 + i % SERVICES, &from);
			ck_assert_int_eq(said, each[i % SERVICES].backend);
			sock_path_expect(&from, f, SOCK_SERVICE, 1000 + i % SERVICES,
					 "the answer's sender");
		}
		close(fd);
	}
	sock_down();
}

/* What is remembered of a socket goes when the socket goes, and not before. */
static void forgotten(void)
{
	int fd[SOCK_FAMILIES][2];
	char said;

	sock_up();
	sock_add_plain("tcp", "12");
	sock_add_plain("udp", "12");
	for_each_family(f)
	{
		fd[f][0] = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
		fd[f][1] = sock_path_socket(f, SOCK_DGRAM);
		ask(fd[f][1], f, false);
	}
	ck_assert_int_eq(sock_peers(), 2 * SOCK_FAMILIES);
	for_each_family(f)
	{
		close(fd[f][0]);
		ck_assert_int_eq(sock_peers(), 2 * (SOCK_FAMILIES - f) - 1);
		ask(fd[f][1], f, false);
		close(fd[f][1]);
		ck_assert_int_eq(sock_peers(), 2 * (SOCK_FAMILIES - f) - 2);
	}
	sock_down();
}

const struct sock_test sock_udp_tests[] = {
	{"functional.sock_lb.udp_unconnected", unconnected},
	{"functional.sock_lb.udp_connected", connected},
	{"functional.sock_lb.udp_states", states},
	{"functional.sock_lb.udp_many_services", many_services},
	{"functional.sock_lb.forgotten_when_closed", forgotten},
};
const size_t sock_udp_count = sizeof(sock_udp_tests) / sizeof(*sock_udp_tests);
