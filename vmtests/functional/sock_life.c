// SPDX-License-Identifier: GPL-2.0-only
/* functional.sock_lb.*: attaching, and what outlives whom. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "lb_path.h"
#include "sock_steps.h"

static bool up_killed_at(int nth)
{
	return command_run_killed(nth, "socket-lb", "up", "--cgroup", sock_path_cgroup(), NULL);
}

static void up_again(int nth)
{
	if (command_run("socket-lb", "up", "--cgroup", sock_path_cgroup(), NULL))
		ck_abort_msg("after an up killed at its change %d, up fails\n%s", nth,
			     command_output);
}

/* kill -9 at points where `socket-lb up` can be between two changes of the kernel's state, with
 * nothing there before. An odd step, as two kinds of change take turns. */
static void first_up_killed(void)
{
	const char *service = sock_path_service(SOCK_V4);
	int nth = 1;

	sock_path_open();
	for (; up_killed_at(nth); nth += 11) {
		up_again(nth);
		sock_path_inside(true);
		command_good("service", "add", "tcp", service, "mode=nat");
		command_good("backend", "add", "tcp", service, sock_path_backend(SOCK_V4, '1'));
		sock_expect_tcp(SOCK_V4, "1", "up again after a killed up");
		sock_path_inside(false);
		command_good("down");
	}
	if (nth < 20)
		checkrun_error("up made %d changes only: was the right thing traced?", nth - 1);
	sock_down();
}

/* The same with services there: sockets are served as before or as after, and who is sent to a
 * backend is told the service's address. Nine programs are attached and pinned in turn, connect
 * last. */
static void next_up_killed(void)
{
	static const int points[] = {2, 9, 16, 17, 18};
	int fd, served = 0;
	char said;

	sock_up();
	sock_add_plain("tcp", "1");
	command_good("socket-lb", "down");
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		if (!up_killed_at(points[i]))
			checkrun_error("up makes less than %d changes", points[i]);
		for_each_family(f)
		{
			fd = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
			sock_expect_peer(fd, f, SOCK_SERVICE, SOCK_PORT);
			served += said == '1';
			close(fd);
		}
		up_again(points[i]);
		sock_expect_tcp_all("1", "up again after a killed up");
		command_good("socket-lb", "down");
	}
	if (!served)
		checkrun_error("no up was killed between its first connect and its last");
	sock_down();
}

static void refused(const char *why, const char *word, const char *option, const char *value)
{
	if (command_run("socket-lb", word, option, value, NULL) != 1)
		ck_abort_msg("socket-lb %s %s %s does not fail\n%s", word, option, value,
			     command_output);
	if (!strstr(command_output, why))
		ck_abort_msg("socket-lb %s %s %s does not say '%s'\n%s", word, option, value, why,
			     command_output);
}

static void errors(void)
{
	sock_path_open();
	refused("version 2", "up", "--cgroup", "/tmp");
	refused("No such file", "up", "--cgroup", "/sys/fs/cgroup/nothing");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("a failed up left its pin directory %s behind", command_pin_dir());
	if (command_run("socket-lb", "up", NULL) != 2)
		ck_abort_msg("socket-lb up without a cgroup is no wrong usage\n%s", command_output);
	refused("socket-lb up", "down", "--cgroup", sock_path_cgroup());
	command_good("socket-lb", "up", "--cgroup", sock_path_cgroup());
	refused("already", "up", "--cgroup", sock_path_cgroup());
	refused("not balanced", "down", "--cgroup", "/sys/fs/cgroup");
	command_good("socket-lb", "status");
	if (!strstr(command_output, sock_path_cgroup()) || !strstr(command_output, "attached"))
		ck_abort_msg("socket-lb status does not say where it is\n%s", command_output);
	command_good("status");
	if (!strstr(command_output, sock_path_cgroup()))
		ck_abort_msg("status does not say where sockets are\n%s", command_output);
	sock_path_inside(true);
	sock_add_plain("tcp", "1");
	sock_expect_tcp_all("1", "after refused commands");
	sock_down();
}

/* Connections, their names and services outlive `socket-lb down`. */
static void connections_outlive_down(void)
{
	int fd[SOCK_FAMILIES];
	char said;

	sock_up();
	sock_add_plain("tcp", "1");
	for_each_family(f) fd[f] = sock_path_connect(f, SOCK_SERVICE, SOCK_PORT, &said);
	command_good("socket-lb", "down", "--cgroup", sock_path_cgroup());
	sock_expect_tcp_all("V", "after socket-lb down");
	for_each_family(f) lb_path_exchange(fd[f]);
	command_good("socket-lb", "up", "--cgroup", sock_path_cgroup());
	sock_expect_tcp_all("1", "up again");
	for_each_family(f)
	{
		sock_expect_peer(fd[f], f, SOCK_SERVICE, SOCK_PORT);
		close(fd[f]);
	}
	sock_down();
}

/* A cgroup that goes takes the programs along; what is pinned says so and can be put away. */
static void cgroup_goes(void)
{
	sock_path_open();
	command_good("socket-lb", "up", "--cgroup", sock_path_cgroup());
	sock_path_close();
	/* the kernel detaches from a work queue, and tells nobody when */
	do
		command_good("socket-lb", "status");
	while (!strstr(command_output, "gone"));
	command_good("socket-lb", "down");
	command_good("socket-lb", "status");
	if (!strstr(command_output, "no cgroup"))
		ck_abort_msg("socket-lb status after down\n%s", command_output);
	command_good("down");
}

/* Services that were there for sockets are there for packets when XDP comes. */
static void xdp_comes_later(void)
{
	struct sockaddr_in6 from;
	int fd;

	sock_up();
	command_good("service", "add", "udp", sock_path_service(SOCK_V4), "mode=nat");
	sock_path_inside(false);
	fd = sock_path_socket(SOCK_V4, SOCK_DGRAM);
	ck_assert_int_eq(sock_path_ask(fd, SOCK_V4, SOCK_SERVICE, SOCK_PORT, &from), 'V');
	command_good("up", "--dev", "lo", "--xdp-mode", "generic");
	/* to no backend, and then one that passes: the second answer is the first to come */
	sock_path_send(fd, SOCK_V4, SOCK_SERVICE, SOCK_PORT);
	ck_assert_int_eq(sock_path_ask(fd, SOCK_V4, SOCK_SERVICE, SOCK_OTHER_PORT, &from), 'V');
	sock_path_expect(&from, SOCK_V4, SOCK_SERVICE, SOCK_OTHER_PORT, "the answer's sender");
	ck_assert_int_eq(command_counter("lb_no_backend", "packets"), 1);
	close(fd);
	sock_down();
}

const struct sock_test sock_life_tests[] = {
	{"functional.sock_lb.first_up_killed", first_up_killed},
	{"functional.sock_lb.next_up_killed", next_up_killed},
	{"functional.sock_lb.errors", errors},
	{"functional.sock_lb.connections_outlive_down", connections_outlive_down},
	{"functional.sock_lb.cgroup_goes", cgroup_goes},
	{"functional.sock_lb.xdp_comes_later", xdp_comes_later},
};
const size_t sock_life_count = sizeof(sock_life_tests) / sizeof(*sock_life_tests);
