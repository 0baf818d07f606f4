// SPDX-License-Identifier: GPL-2.0-only
/* functional.sock_lb.*: sockets of this host to services, real command, real sockets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "sock_steps.h"

/* A megabyte there and back; the peer is the service, for whoever asks. */
static void tcp(void)
{
	char said;
	int fd;

	sock_up();
	sock_expect_tcp_all("V", "no service");
	sock_add_plain("tcp", "12");
	for_each_family(f)
	{
		sock_expect_tcp(f, "12", "two backends");
		fd = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
		sock_expect_peer(fd, f, SOCK_SERVICE, SOCK_PORT);
		lb_path_exchange(fd);
		close(fd);
	}
	sock_down();
}

/* What is to no service goes where it was sent, and sockets that are not in the cgroup as well. */
static void others_unchanged(void)
{
	struct sockaddr_in6 from;
	char said;
	int fd;

	sock_up();
	sock_add_plain("tcp", "1");
	sock_add_plain("udp", "1");
	for_each_family(f)
	{
		/* another port of the service's address, a backend by its own address */
		fd = sock_path_connect(f, SOCK_SERVICE, SOCK_OTHER_PORT, &said);
		sock_expect_peer(fd, f, SOCK_SERVICE, SOCK_OTHER_PORT);
		ck_assert_int_eq(said, SOCK_SERVICE);
		close(fd);
		fd = sock_path_connect(f, SOCK_BACKEND1, SOCK_BACKEND_PORT, &said);
		sock_expect_peer(fd, f, SOCK_BACKEND1, SOCK_BACKEND_PORT);
		close(fd);
		fd = sock_path_socket(f, SOCK_DGRAM);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_BACKEND1, SOCK_BACKEND_PORT, &from),
				 '1');
		sock_path_expect(&from, f, SOCK_BACKEND1, SOCK_BACKEND_PORT, "the sender");
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_OTHER_PORT, &from), 'V');
		close(fd);

		sock_expect_tcp(f, "1", "in the cgroup");
		sock_path_inside(false);
		sock_expect_tcp(f, "V", "outside of the cgroup");
		fd = sock_path_socket(f, SOCK_DGRAM);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from), 'V');
		/* the cgroup is the socket's, which it was made in, not its user's */
		sock_path_inside(true);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from), 'V');
		close(fd);
	}
	sock_down();
}

/* A client of a service with affinity stays where it is, until that is gone. */
static void affinity(void)
{
	char first, said;

	sock_up();
	sock_add_services("tcp", "affinity=600", "12");
	for_each_service(f)
	{
		char other[2] = {}, same[2] = {};

		close(sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &first));
		*same = first;
		*other = first == '1' ? '2' : '1';
		for (int i = 0; i < SOCK_MANY; i++) {
			close(sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said));
			if (said != first)
				ck_abort_msg("%s: connection %d comes to %c, the first to %c",
					     sock_family_name(f), i + 1, said, first);
		}
		/* a new table, and what is remembered holds all the same */
		command_good("backend", "add", "tcp", sock_path_service(f),
			     sock_path_backend(f, '3'), "weight=100");
		sock_expect_tcp(f, same, "after a third backend came");
		command_good("backend", "del", "tcp", sock_path_service(f),
			     sock_path_backend(f, '3'));
		command_good("backend", "set-state", "tcp", sock_path_service(f),
			     sock_path_backend(f, first), "draining");
		sock_expect_tcp(f, other, "after the client's backend drains");
		command_good("backend", "set-state", "tcp", sock_path_service(f),
			     sock_path_backend(f, first), "active");
		sock_expect_tcp(f, other, "and came back");
	}
	sock_down();
}

/* Connections live on while backends come, drain and go beside them. */
static void states(void)
{
	int old[SOCK_FAMILIES];
	char said;

	sock_up();
	sock_add_plain("tcp", "1");
	for_each_family(f) old[f] = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
	for_each_service(f) command_good("backend", "add", "tcp", sock_path_service(f),
					 sock_path_backend(f, '2'));
	sock_expect_tcp_all("12", "a second backend");
	sock_set_state("tcp", '1', "draining");
	sock_expect_tcp_all("2", "the first drains");
	for_each_family(f) lb_path_exchange(old[f]);
	sock_set_state("tcp", '1', "active");
	sock_set_state("tcp", '2', "down");
	sock_expect_tcp_all("1", "the second is down");
	for_each_service(f) command_good("backend", "del", "tcp", sock_path_service(f),
					 sock_path_backend(f, '2'));
	sock_expect_tcp_all("1", "the second is gone");
	for_each_family(f)
	{
		sock_expect_peer(old[f], f, SOCK_SERVICE, SOCK_PORT);
		lb_path_exchange(old[f]);
		close(old[f]);
	}
	sock_down();
}

/* No usable backend: the address stays, and no call is refused. */
static void no_backend(void)
{
	struct sockaddr_in6 from;
	int fd;

	sock_up();
	sock_add_plain("tcp", "");
	sock_add_plain("udp", "1");
	sock_expect_tcp_all("V", "no backend");
	sock_set_state("udp", '1', "down");
	for_each_family(f)
	{
		fd = sock_path_socket(f, SOCK_DGRAM);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from), 'V');
		sock_path_expect(&from, f, SOCK_SERVICE, SOCK_PORT, "the sender");
		sock_path_udp_connect(fd, f, SOCK_SERVICE, SOCK_PORT);
		ck_assert_int_eq(sock_path_ask(fd, f, 0, 0, &from), 'V');
		close(fd);
	}
	sock_down();
}

/* Half of the backends refuse: the same socket, trying again, comes to another one. */
static void refused_tries_again(void)
{
	char said, nobody[64];

	sock_up();
	sock_add_plain("tcp", "1");
	for_each_service(f)
	{
		snprintf(nobody, sizeof(nobody), f == SOCK_V6 ? "[%s]:9" : "%s:9",
			 sock_path_host(f, '2'));
		command_good("backend", "add", "tcp", sock_path_service(f), nobody);
	}
	for_each_family(f)
	{
		for (int i = 0; i < SOCK_MANY; i++) {
			int fd = sock_path_socket(f, SOCK_STREAM), tries = 0;

			while (sock_path_try(fd, f, SOCK_SERVICE, SOCK_PORT)) {
				if (errno != ECONNREFUSED)
					ck_abort_msg("%s: connect: %s", sock_family_name(f),
						     strerror(errno));
				if (++tries == 2 * SOCK_MANY)
					ck_abort_msg("%s: %d times refused", sock_family_name(f),
						     tries);
			}
			ck_assert_int_eq(recv(fd, &said, 1, 0), 1);
			ck_assert_int_eq(said, '1');
			close(fd);
		}
	}
	sock_down();
}

/* Backends that a socket cannot be sent to, or need not serve what it asks: left to the network. */
static void which_services(void)
{
	const char *service = sock_path_service(SOCK_V4);
	const char *backend = sock_path_host(SOCK_V4, '1');

	sock_up();
	command_good("service", "add", "tcp", service, "mode=tunnel");
	command_good("backend", "add", "tcp", service, backend);
	sock_expect_tcp(SOCK_V4, "V", "a tunnel's backend");
	command_good("service", "del", "tcp", service);

	command_good("service", "add", "tcp", service, "mode=tunnel", "sockets=yes");
	command_good("service", "list");
	if (!strstr(command_output, "sockets=yes"))
		ck_abort_msg("service list does not say sockets=yes\n%s", command_output);
	command_good("backend", "add", "tcp", service, sock_path_host(SOCK_V6, '2'));
	sock_expect_tcp(SOCK_V4, "V", "a backend of the other family");
	command_good("backend", "add", "tcp", service, backend, "weight=100");
	command_good("backend", "del", "tcp", service, sock_path_host(SOCK_V6, '2'));
	sock_expect_tcp(SOCK_V4, "1", "a tunnel's backend with sockets=yes");
	sock_expect_tcp(SOCK_MAPPED, "1", "a tunnel's backend with sockets=yes");
	command_good("service", "del", "tcp", service);

	command_good("service", "add", "tcp", service, "mode=nat", "sockets=no");
	command_good("backend", "add", "tcp", service, sock_path_backend(SOCK_V4, '1'));
	sock_expect_tcp(SOCK_V4, "V", "mode=nat with sockets=no");
	sock_down();
}

/* Sources and rates are for the packets of others. A prefix is a service's address as well, and
 * port 0 any port. */
static void any_address_and_port(void)
{
	char said;
	int fd;

	sock_up();
	command_good("service", "add", "tcp", "203.0.113.0/24:0", "mode=nat",
		     "sources=192.0.2.0/24", "rate=1/60");
	command_good("backend", "add", "tcp", "203.0.113.0/24:0", sock_path_host(SOCK_V4, '1'));
	command_good("service", "add", "tcp", "[2001:db8:2::/48]:0", "mode=nat");
	command_good("backend", "add", "tcp", "[2001:db8:2::/48]:0",
		     sock_path_backend(SOCK_V6, '2'));
	for (int i = 0; i < 3; i++)
		sock_expect_tcp(SOCK_V4, "1", "any port, kept");
	for_each_family(f)
	{
		fd = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
		ck_assert_int_eq(said, f == SOCK_V6 ? '2' : '1');
		sock_expect_peer(fd, f, SOCK_SERVICE, SOCK_PORT);
		close(fd);
	}
	sock_down();
}

/* How many sockets the service was given backends for. */
static long long served(enum sock_family family, const char *proto)
{
	long long found = -1;
	json_t *all, *service;
	char name[64];
	size_t i;

	snprintf(name, sizeof(name), "%s %s", proto, sock_path_service(family));
	command_good("service", "list", "--json");
	all = json_loads(command_output, 0, NULL);
	json_array_foreach (all, i, service) {
		if (strcmp(json_string_value(json_object_get(service, "service")), name))
			continue;
		found = json_integer_value(json_object_get(service, "connections"));
		/* none was seen by XDP */
		ck_assert_int_eq(json_integer_value(json_object_get(service, "packets")), 0);
	}
	json_decref(all);
	return found;
}

/* Three of TCP are three; of UDP two sockets are two, whatever they ask, and so they stay where
 * they are. */
static void counts(void)
{
	struct sockaddr_in6 from;
	char said;

	sock_up();
	sock_add_plain("tcp", "12");
	sock_add_plain("udp", "12");
	for_each_service(f)
	{
		for (int i = 0; i < 3; i++)
			close(sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said));
		for (int i = 0; i < 2; i++) {
			int fd = sock_path_socket(f, SOCK_DGRAM);

			for (int j = 0; j < SOCK_FEW; j++)
				sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from);
			close(fd);
		}
		ck_assert_int_eq(served(f, "tcp"), 3);
		ck_assert_int_eq(served(f, "udp"), 2);
	}
	sock_down();
}

static const struct sock_test tests[] = {
	{"functional.sock_lb.counts", counts},
	{"functional.sock_lb.tcp", tcp},
	{"functional.sock_lb.others_unchanged", others_unchanged},
	{"functional.sock_lb.affinity", affinity},
	{"functional.sock_lb.states", states},
	{"functional.sock_lb.no_backend", no_backend},
	{"functional.sock_lb.refused_tries_again", refused_tries_again},
	{"functional.sock_lb.which_services", which_services},
	{"functional.sock_lb.any_address_and_port", any_address_and_port},
};

SOCK_RUNS(run_tests, tests)
SOCK_RUNS(run_udp, sock_udp_tests)
SOCK_RUNS(run_said, sock_said_tests)
SOCK_RUNS(run_life, sock_life_tests)

void sock_lb_add(Suite *suite, const struct selection *selection)
{
	sock_add_tests(suite, selection, tests, sizeof(tests) / sizeof(*tests), run_tests);
	sock_add_tests(suite, selection, sock_udp_tests, sock_udp_count, run_udp);
	sock_add_tests(suite, selection, sock_said_tests, sock_said_count, run_said);
	sock_add_tests(suite, selection, sock_life_tests, sock_life_count, run_life);
}
