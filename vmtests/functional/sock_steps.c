// SPDX-License-Identifier: GPL-2.0-only
/* Steps of the tests of sockets: see sock_steps.h. */
#include "sock_steps.h"

#include <bpf/bpf.h>
#include <corepath/abi.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "functional.h"
#include "command.h"

const char *sock_family_name(enum sock_family family)
{
	static const char *const names[] = {"IPv4", "IPv6", "IPv4 by an IPv6 socket"};

	return names[family];
}

void sock_up(void)
{
	sock_path_open();
	command_good("socket-lb", "up", "--cgroup", sock_path_cgroup());
	sock_path_inside(true);
}

void sock_down(void)
{
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left its pin directory %s behind", command_pin_dir());
	sock_path_close();
}

void sock_add_services(const char *proto, const char *option, const char *backends)
{
	for_each_service(f)
	{
		command_good("service", "add", proto, sock_path_service(f), "mode=nat", option);
		for (const char *b = backends; *b; b++)
			command_good("backend", "add", proto, sock_path_service(f),
				     sock_path_backend(f, *b));
	}
}

/* As sock_add_services() with nothing special of the service. */
void sock_add_plain(const char *proto, const char *backends)
{
	sock_add_services(proto, "affinity=0", backends);
}

void sock_set_state(const char *proto, char server, const char *state)
{
	for_each_service(f) command_good("backend", "set-state", proto, sock_path_service(f),
					 sock_path_backend(f, server), state);
}

void sock_expect_peer(int fd, enum sock_family family, char server, int port)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &len))
		ck_abort_msg("getpeername: %s", strerror(errno));
	sock_path_expect(&peer, family, server, port, "the peer's name");
}

/* New connections to the service come to these servers: all of them, and no other. */
void sock_expect_tcp(enum sock_family family, const char *servers, const char *when)
{
	bool met[128] = {};
	char said;

	for (int i = 0; i < (servers[1] ? SOCK_MANY : SOCK_FEW); i++) {
		close(sock_path_connect(family, SOCK_SERVICE, SOCK_PORT, &said));
		if (!strchr(servers, said))
			ck_abort_msg("%s, %s: a connection to the service comes to %c, not to one "
				     "of %s",
				     when, sock_family_name(family), said, servers);
		met[(int)said] = true;
	}
	for (const char *s = servers; *s; s++)
		if (!met[(int)*s])
			ck_abort_msg("%s, %s: none of %d connections came to %c", when,
				     sock_family_name(family), SOCK_MANY, *s);
}

void sock_expect_tcp_all(const char *servers, const char *when)
{
	for_each_family(f) sock_expect_tcp(f, servers, when);
}

unsigned int sock_peers(void)
{
	struct corepath_sock_key key, *last = NULL;
	unsigned int n = 0;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/sock_peers", command_pin_dir());
	fd = bpf_obj_get(path);
	if (fd < 0)
		checkrun_error("%s: %s", path, strerror(-fd));
	for (; !bpf_map_get_next_key(fd, last, &key); last = &key)
		n++;
	close(fd);
	return n;
}

void sock_add_tests(Suite *suite, const struct selection *selection, const struct sock_test *list,
		    size_t n, const TTest *run)
{
	for (size_t i = 0; i < n; i++) {
		if (!functional_selected(selection, list[i].test))
			continue;
		functional_add_case(suite, list[i].test, run, i, CHECKRUN_TIMEOUT);
	}
}
