// SPDX-License-Identifier: GPL-2.0-only
/* functional.lb_traffic.*: connections through the load balancer, real command, real stacks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"

static const struct balance_case {
	const char *mode, *xdp;
	const char *counter; /* of the packets to the backend */
} cases[] = {
	{"mode=tunnel", "native", "lb_tunneled"},
	{"mode=tunnel", "generic", "lb_tunneled"},
	{"mode=nat", "native", "lb_translated"},
	{"mode=gue", "native", "lb_tunneled"},
};

static const char *service_name(enum path_family family)
{
	static char name[PATH_FAMILIES][64];

	snprintf(name[family], sizeof(name[family]), family == PATH_V4 ? "%s:%d" : "[%s]:%d",
		 lb_vip[family], LB_PORT);
	return name[family];
}

static void add_service(const char *mode)
{
	for (int f = 0; f < PATH_FAMILIES; f++) {
		command_good("service", "add", "tcp", service_name(f), mode);
		command_good("backend", "add", "tcp", service_name(f), lb_backend[0][f]);
	}
}

static void expect_server(int fd, char got, char want, const char *when)
{
	if (got != want)
		ck_abort_msg("%s: the connection is to backend %c, not %c", when, got, want);
	lb_path_exchange(fd);
}

/*
 * A megabyte there and back, by each family. A full segment does not fit the tunnel, so its "too
 * big" has to reach the client's stack and be believed. Then the backend drains: its connection
 * goes on and a new one goes to the other; then that one is down and the first is back.
 */
static void balances(int index)
{
	const struct balance_case *this = &cases[index];
	struct lb_path path;

	lb_path_open(&path);
	if (!strcmp(this->mode, "mode=gue"))
		lb_path_take_gue(&path);
	command_good("up", "--dev", PATH_DEVICE, "--xdp-mode", this->xdp);
	add_service(this->mode);
	for (int f = 0; f < PATH_FAMILIES; f++) {
		const char *service = service_name(f), *first = lb_backend[0][f];
		const char *second = lb_backend[1][f];
		int old, new;
		char server;

		old = lb_path_connect(&path, f, &server);
		expect_server(old, server, '1', "one backend");
		command_good("backend", "add", "tcp", service, second);
		command_good("backend", "set-state", "tcp", service, first, "draining");
		expect_server(old, '1', '1', "draining");
		new = lb_path_connect(&path, f, &server);
		expect_server(new, server, '2', "a new connection while the first drains");
		close(old);
		close(new);
		command_good("backend", "set-state", "tcp", service, first, "active");
		command_good("backend", "set-state", "tcp", service, second, "down");
		new = lb_path_connect(&path, f, &server);
		expect_server(new, server, '1', "the second is down");
		close(new);
	}
	/* eight megabytes went to backends: proof that they went through here */
	if (command_counter(this->counter, "bytes") < 8 << 20)
		ck_abort_msg("counter %s has less than the packets sent\n%s", this->counter,
			     command_output);
	for (int f = 0; f < PATH_FAMILIES; f++)
		command_good("service", "del", "tcp", service_name(f));
	command_good("service", "list");
	if (*command_output)
		ck_abort_msg("deleted services are still listed\n%s", command_output);
	command_good("down");
}

/*
 * A backend fails in the middle of a megabyte. Its connection ends at once, by a reset of the
 * backend that got its packets then, and does not stand still until a timeout; the next one goes
 * there. The other backend's connection does not lose a byte.
 */
static void backend_fails(int index)
{
	static struct lb_exchange failing, other, next;
	struct lb_path path;

	lb_path_open(&path);
	command_good("up", "--dev", PATH_DEVICE, "--xdp-mode", cases[index].xdp);
	add_service(cases[index].mode);
	for (int f = 0; f < PATH_FAMILIES; f++) {
		const char *service = service_name(f), *first = lb_backend[0][f];
		char server;
		int err;

		lb_path_exchange_begin(&failing, lb_path_connect(&path, f, &server));
		command_good("backend", "add", "tcp", service, lb_backend[1][f]);
		command_good("backend", "set-state", "tcp", service, first, "draining");
		lb_path_exchange_begin(&other, lb_path_connect(&path, f, &server));
		if (server != '2')
			ck_abort_msg("with the first backend draining a connection is to %c",
				     server);
		if (lb_path_exchange_until(&failing, LB_BYTES / 4) ||
		    lb_path_exchange_until(&other, LB_BYTES / 4))
			ck_abort_msg("a connection broke before anything failed");
		command_good("backend", "set-state", "tcp", service, first, "down");
		err = lb_path_exchange_until(&failing, LB_BYTES);
		if (err != ECONNRESET)
			ck_abort_msg("the failed backend's connection: expected a reset, got: %s",
				     strerror(err));
		lb_path_exchange_begin(&next, lb_path_connect(&path, f, &server));
		if (server != '2' || lb_path_exchange_until(&next, LB_BYTES))
			ck_abort_msg("the next connection is to backend %c, or broke", server);
		if (lb_path_exchange_until(&other, LB_BYTES))
			ck_abort_msg("the other backend's connection broke after %zu bytes",
				     other.in);
		close(failing.fd);
		close(other.fd);
		close(next.fd);
	}
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.lb_traffic.tunnel_native", balances, 0},
	{"functional.lb_traffic.tunnel_generic", balances, 1},
	{"functional.lb_traffic.nat_native", balances, 2},
	{"functional.lb_traffic.gue_native", balances, 3},
	{"functional.lb_traffic.backend_fails_behind_tunnel", backend_fails, 0},
	{"functional.lb_traffic.backend_fails_behind_nat", backend_fails, 2},
};

void lb_traffic_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
