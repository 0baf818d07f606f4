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
#include "sock_path.h"

/* Connections or sockets that must have met both of two equal backends: chance alone fails one run
 * in 2^31 by TCP; UDP sockets go by a hash of numbers that follow each other. */
#define MANY 32
/* And those that all must come to the same. */
#define FEW 4

static const char *const family_names[] = {"IPv4", "IPv6", "IPv4 by an IPv6 socket"};

static void up(void)
{
	sock_path_open();
	command_good("socket-lb", "up", "--cgroup", sock_path_cgroup());
	sock_path_inside(true);
}

static void down(void)
{
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left its pin directory %s behind", command_pin_dir());
	sock_path_close();
}

/* The families whose services are apart: IPv4-mapped addresses are IPv4's. */
#define for_each_service(f) for (enum sock_family f = SOCK_V4; f <= SOCK_V6; f++)
#define for_each_family(f)  for (enum sock_family f = SOCK_V4; f < SOCK_FAMILIES; f++)

static void add_services(const char *proto, const char *option, const char *backends)
{
	for_each_service(f)
	{
		command_good("service", "add", proto, sock_path_service(f), "mode=nat", option);
		for (const char *b = backends; *b; b++)
			command_good("backend", "add", proto, sock_path_service(f),
				     sock_path_backend(f, *b));
	}
}

/* As add_services() with nothing special of the service. */
static void add_plain(const char *proto, const char *backends)
{
	add_services(proto, "affinity=0", backends);
}

static void set_state(const char *proto, char server, const char *state)
{
	for_each_service(f) command_good("backend", "set-state", proto, sock_path_service(f),
					 sock_path_backend(f, server), state);
}

static void expect_peer(int fd, enum sock_family family, char server, int port)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &len))
		ck_abort_msg("getpeername: %s", strerror(errno));
	sock_path_expect(&peer, family, server, port, "the peer's name");
}

/* New connections to the service come to these servers: all of them, and no other. */
static void expect_tcp(enum sock_family family, const char *servers, const char *when)
{
	bool met[128] = {};
	char said;

	for (int i = 0; i < (servers[1] ? MANY : FEW); i++) {
		close(sock_path_connect(family, SOCK_SERVICE, SOCK_PORT, &said));
		if (!strchr(servers, said))
			ck_abort_msg("%s, %s: a connection to the service comes to %c, not to one "
				     "of %s",
				     when, family_names[family], said, servers);
		met[(int)said] = true;
	}
	for (const char *s = servers; *s; s++)
		if (!met[(int)*s])
			ck_abort_msg("%s, %s: none of %d connections came to %c", when,
				     family_names[family], MANY, *s);
}

static void expect_tcp_all(const char *servers, const char *when)
{
	for_each_family(f) expect_tcp(f, servers, when);
}

/* ---- TCP ---- */

/* A megabyte there and back; the peer is the service, for whoever asks. */
static void tcp(void)
{
	char said;
	int fd;

	up();
	expect_tcp_all("V", "no service");
	add_plain("tcp", "12");
	for_each_family(f)
	{
		expect_tcp(f, "12", "two backends");
		fd = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
		expect_peer(fd, f, SOCK_SERVICE, SOCK_PORT);
		lb_path_exchange(fd);
		close(fd);
	}
	down();
}

/* What is to no service goes where it was sent, and sockets that are not in the cgroup as well. */
static void others_unchanged(void)
{
	struct sockaddr_in6 from;
	char said;
	int fd;

	up();
	add_plain("tcp", "1");
	add_plain("udp", "1");
	for_each_family(f)
	{
		/* another port of the service's address, a backend by its own address */
		fd = sock_path_connect(f, SOCK_SERVICE, SOCK_OTHER_PORT, &said);
		expect_peer(fd, f, SOCK_SERVICE, SOCK_OTHER_PORT);
		ck_assert_int_eq(said, SOCK_SERVICE);
		close(fd);
		fd = sock_path_connect(f, SOCK_BACKEND1, SOCK_BACKEND_PORT, &said);
		expect_peer(fd, f, SOCK_BACKEND1, SOCK_BACKEND_PORT);
		close(fd);
		fd = sock_path_udp(f);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_BACKEND1, SOCK_BACKEND_PORT, &from),
				 '1');
		sock_path_expect(&from, f, SOCK_BACKEND1, SOCK_BACKEND_PORT, "the sender");
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_OTHER_PORT, &from), 'V');
		close(fd);

		expect_tcp(f, "1", "in the cgroup");
		sock_path_inside(false);
		expect_tcp(f, "V", "outside of the cgroup");
		fd = sock_path_udp(f);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from), 'V');
		/* the cgroup is the socket's, which it was made in, not its user's */
		sock_path_inside(true);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from), 'V');
		close(fd);
	}
	down();
}

/* A client of a service with affinity stays where it is, until that is gone. */
static void affinity(void)
{
	char first, said;

	up();
	add_services("tcp", "affinity=600", "12");
	for_each_service(f)
	{
		char other[2] = {}, same[2] = {};

		close(sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &first));
		*same = first;
		*other = first == '1' ? '2' : '1';
		for (int i = 0; i < MANY; i++) {
			close(sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said));
			if (said != first)
				ck_abort_msg("%s: connection %d comes to %c, the first to %c",
					     family_names[f], i + 1, said, first);
		}
		/* a new table, and what is remembered holds all the same */
		command_good("backend", "add", "tcp", sock_path_service(f),
			     sock_path_backend(f, '3'), "weight=100");
		expect_tcp(f, same, "after a third backend came");
		command_good("backend", "del", "tcp", sock_path_service(f),
			     sock_path_backend(f, '3'));
		command_good("backend", "set-state", "tcp", sock_path_service(f),
			     sock_path_backend(f, first), "draining");
		expect_tcp(f, other, "after the client's backend drains");
		command_good("backend", "set-state", "tcp", sock_path_service(f),
			     sock_path_backend(f, first), "active");
		expect_tcp(f, other, "and came back");
	}
	down();
}

/* Connections live on while backends come, drain and go beside them. */
static void states(void)
{
	int old[SOCK_FAMILIES];
	char said;

	up();
	add_plain("tcp", "1");
	for_each_family(f) old[f] = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
	for_each_service(f) command_good("backend", "add", "tcp", sock_path_service(f),
					 sock_path_backend(f, '2'));
	expect_tcp_all("12", "a second backend");
	set_state("tcp", '1', "draining");
	expect_tcp_all("2", "the first drains");
	for_each_family(f) lb_path_exchange(old[f]);
	set_state("tcp", '1', "active");
	set_state("tcp", '2', "down");
	expect_tcp_all("1", "the second is down");
	for_each_service(f) command_good("backend", "del", "tcp", sock_path_service(f),
					 sock_path_backend(f, '2'));
	expect_tcp_all("1", "the second is gone");
	for_each_family(f)
	{
		expect_peer(old[f], f, SOCK_SERVICE, SOCK_PORT);
		lb_path_exchange(old[f]);
		close(old[f]);
	}
	down();
}

/* No usable backend: the address stays, and no call is refused. */
static void no_backend(void)
{
	struct sockaddr_in6 from;
	int fd;

	up();
	add_plain("tcp", "");
	add_plain("udp", "1");
	expect_tcp_all("V", "no backend");
	set_state("udp", '1', "down");
	for_each_family(f)
	{
		fd = sock_path_udp(f);
		ck_assert_int_eq(sock_path_ask(fd, f, SOCK_SERVICE, SOCK_PORT, &from), 'V');
		sock_path_expect(&from, f, SOCK_SERVICE, SOCK_PORT, "the sender");
		sock_path_udp_connect(fd, f, SOCK_SERVICE, SOCK_PORT);
		ck_assert_int_eq(sock_path_ask(fd, f, 0, 0, &from), 'V');
		close(fd);
	}
	down();
}

/* Backends that a socket cannot be sent to, or need not serve what it asks: left to the network. */
static void which_services(void)
{
	const char *service = sock_path_service(SOCK_V4);
	const char *backend = sock_path_host(SOCK_V4, '1');

	up();
	command_good("service", "add", "tcp", service, "mode=tunnel");
	command_good("backend", "add", "tcp", service, backend);
	expect_tcp(SOCK_V4, "V", "a tunnel's backend");
	command_good("service", "del", "tcp", service);

	command_good("service", "add", "tcp", service, "mode=tunnel", "sockets=yes");
	command_good("service", "list");
	if (!strstr(command_output, "sockets=yes"))
		ck_abort_msg("service list does not say sockets=yes\n%s", command_output);
	command_good("backend", "add", "tcp", service, sock_path_host(SOCK_V6, '2'));
	expect_tcp(SOCK_V4, "V", "a backend of the other family");
	command_good("backend", "add", "tcp", service, backend, "weight=100");
	command_good("backend", "del", "tcp", service, sock_path_host(SOCK_V6, '2'));
	expect_tcp(SOCK_V4, "1", "a tunnel's backend with sockets=yes");
	expect_tcp(SOCK_MAPPED, "1", "a tunnel's backend with sockets=yes");
	command_good("service", "del", "tcp", service);

	command_good("service", "add", "tcp", service, "mode=nat", "sockets=no");
	command_good("backend", "add", "tcp", service, sock_path_backend(SOCK_V4, '1'));
	expect_tcp(SOCK_V4, "V", "mode=nat with sockets=no");
	down();
}

/* Sources and rates are for the packets of others. A prefix is a service's address as well, and
 * port 0 any port. */
static void any_address_and_port(void)
{
	char said;
	int fd;

	up();
	command_good("service", "add", "tcp", "203.0.113.0/24:0", "mode=nat",
		     "sources=192.0.2.0/24", "rate=1/60");
	command_good("backend", "add", "tcp", "203.0.113.0/24:0", sock_path_host(SOCK_V4, '1'));
	command_good("service", "add", "tcp", "[2001:db8:2::/48]:0", "mode=nat");
	command_good("backend", "add", "tcp", "[2001:db8:2::/48]:0",
		     sock_path_backend(SOCK_V6, '2'));
	for (int i = 0; i < 3; i++)
		expect_tcp(SOCK_V4, "1", "any port, kept");
	for_each_family(f)
	{
		fd = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
		ck_assert_int_eq(said, f == SOCK_V6 ? '2' : '1');
		expect_peer(fd, f, SOCK_SERVICE, SOCK_PORT);
		close(fd);
	}
	down();
}

static const struct {
	const char *test;
	void (*run)(void);
} tests[] = {
	{"functional.sock_lb.tcp", tcp},
	{"functional.sock_lb.others_unchanged", others_unchanged},
	{"functional.sock_lb.affinity", affinity},
	{"functional.sock_lb.states", states},
	{"functional.sock_lb.no_backend", no_backend},
	{"functional.sock_lb.which_services", which_services},
	{"functional.sock_lb.any_address_and_port", any_address_and_port},
};

START_TEST(sock_lb)
{
	checkrun_begin(tests[_i].test);
	tests[_i].run();
	checkrun_pass();
}
END_TEST

void sock_lb_add(Suite *suite, const struct selection *selection)
{
	for (int i = 0; i < (int)(sizeof(tests) / sizeof(*tests)); i++) {
		TCase *tcase;

		if (!functional_selected(selection, tests[i].test))
			continue;
		tcase = tcase_create(tests[i].test);
		tcase_set_timeout(tcase, CHECKRUN_TIMEOUT);
		tcase_add_loop_test(tcase, sock_lb, i, i + 1);
		suite_add_tcase(suite, tcase);
	}
}
