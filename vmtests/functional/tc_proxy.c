// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.tc_proxy.*: what an endpoint sends is handed to a proxy of the host, which sees whom
 * it was for, and never goes past it. Real command, real stacks, a proxy with IP_TRANSPARENT.
 *
 * The server that clients mean says another address than the proxy does, and so does who listens on
 * its port on the host itself, which packets must not be taken to either.
 */
#include <arpa/inet.h>
#include <corepath/abi.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include "proxy.h"
#include "uplink_path.h"

#define PROXY_PORT 15001
#define ANSWER_MS  60000
#define ROUTES	   COREPATH_PROXY_TABLE

static const char *const server[PATH_FAMILIES] = {"203.0.113.7", "2001:db8:f::7"};
static const char *const denied[PATH_FAMILIES] = {"203.0.113.8", "2001:db8:f::8"};
static const char *const neighbour[PATH_FAMILIES] = {"10.0.2.2", "fd00:10:0:2::2"};
static const char *const vip[PATH_FAMILIES] = {"192.0.2.80", "2001:db8:80::80"};

static const char *const modes[] = {"auto", "clsact"};

/* ---- clients ---- */

/* A socket of endpoint 0 that has begun to connect, or has sent a datagram; nothing waits. */
static int begin(const struct uplink_path *path, enum path_family f, int type, const char *to,
		 size_t bytes)
{
	union proxy_address at = {.v4 = {.sin_family = AF_INET, .sin_port = htons(UPLINK_PORT)}};
	static const char zeros[8192];
	int fd;

	if (f == PATH_V6)
		at = (union proxy_address){
			.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(UPLINK_PORT)}};
	inet_pton(at.any.sa_family, to,
		  f == PATH_V4 ? (void *)&at.v4.sin_addr : (void *)&at.v6.sin6_addr);
	if (net_enter(path->ns[0]))
		checkrun_error("%s", net_error());
	fd = socket(at.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (net_enter(path->ns[UPLINK_NODE]))
		checkrun_error("%s", net_error());
	if (fd < 0 || (connect(fd, &at.any, f == PATH_V4 ? sizeof(at.v4) : sizeof(at.v6)) &&
		       errno != EINPROGRESS))
		checkrun_error("a client's socket: %s", strerror(errno));
	if (bytes && send(fd, zeros, bytes, 0) != (ssize_t)bytes)
		checkrun_error("a datagram of %zu bytes: %s", bytes, strerror(errno));
	return fd;
}

static void connected(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&wait, 1, ANSWER_MS) != 1)
		ck_abort_msg("no connection once the proxy listens");
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err)
		ck_abort_msg("no connection once the proxy listens: %s", strerror(err));
	if (fcntl(fd, F_SETFL, 0))
		checkrun_error("a client's socket: %s", strerror(errno));
}

static long long count(const char *reason)
{
	return command_counter(reason, "packets");
}

static void expect_count(const char *reason, long long want, const char *when)
{
	long long got = count(reason);

	if (got != want)
		ck_abort_msg("%s: %lld packets are counted as %s, not %lld\n%s", when, got, reason,
			     want, command_output);
}

/* One datagram, or a SYN, which may have come again meanwhile. */
static void expect_more(const char *reason, long long before, int type, const char *when)
{
	long long got = count(reason) - before;

	if (type == SOCK_DGRAM ? got != 1 : got < 1)
		ck_abort_msg("%s: %lld packets are counted as %s\n%s", when, got, reason,
			     command_output);
}

static void expect_said(const char *what)
{
	if (!strstr(command_output, what))
		ck_abort_msg("the command does not say '%s'\n%s", what, command_output);
}

static void expect_routes(int want, const char *when)
{
	int got = net_count_rules(ROUTES);

	if (got < 0)
		checkrun_error("%s", net_error());
	if (got != want)
		ck_abort_msg("%s: %d rules of routes lead to table %d, not %d", when, got, ROUTES,
			     want);
}

/* ---- the test ---- */

/* Whoever listens on the host on the port that packets are for, at all its addresses. */
static void start_decoys(void)
{
	for (int f = 0; f < PATH_FAMILIES; f++) {
		proxy_listen(f, SOCK_STREAM, UPLINK_PORT);
		proxy_listen(f, SOCK_DGRAM, UPLINK_PORT);
	}
}

static void set_up(struct uplink_path *path, const char *mode)
{
	uplink_path_open(path);
	uplink_path_serve(path, 1);
	command_good("up", "--dev", "lo");
	command_good("endpoint", "add", "w0", "10.0.1.2", "fd00:10:0:1::2", "--tc-mode", mode,
		     "mac=02:00:00:00:02:00");
	command_good("endpoint", "add", "w1", "10.0.2.2", "fd00:10:0:2::2", "--tc-mode", mode,
		     "mac=02:00:00:00:02:01");
	command_good("policy", "add", "w1", "in", "deny");
	for (int f = 0; f < PATH_FAMILIES; f++)
		command_good("identity", "add", denied[f], "7");
	if (command_run("policy", "add", "w0", "in", "allow", "proto=tcp", "proxy=1", NULL) != 1)
		ck_abort_msg("a proxy for what an endpoint is sent\n%s", command_output);
	expect_said("only what an endpoint sends");
	expect_routes(0, "before there is a proxy");
	command_good("policy", "add", "w0", "out", "allow", "proto=tcp", "port=80", "proxy=15001");
	command_good("policy", "add", "w0", "out", "allow", "proto=udp", "port=80", "proxy=15001");
	command_good("policy", "add", "w0", "out", "deny", "identity=7");
	expect_routes(2, "with a proxy");
	command_good("policy", "list");
	expect_said("w0 out allow proto=tcp port=80 proxy=15001");
	command_good("status");
	expect_said("proxies: 2 rules");
	start_decoys();
}

static void exchange(int fd, int type)
{
	if (type == SOCK_STREAM)
		lb_path_exchange(fd);
	else
		uplink_path_datagrams(fd, 1400, 1 << 16);
}

/* One of the family and type: a client that waits, and what the proxy has taken of it. */
struct flow {
	enum path_family f;
	int type, fd;
	struct proxy proxy;
};

static void through(const struct uplink_path *path, struct flow *flow)
{
	long long lost = count("policy_no_proxy"), refused = count("policy_denied_out");
	int fd, seen;

	/* TCP has asked again by now; of the datagram nothing is left */
	if (flow->type == SOCK_STREAM)
		connected(flow->fd);
	else
		fcntl(flow->fd, F_SETFL, 0);
	seen = uplink_path_seen(flow->fd, flow->type, server[flow->f]);
	if (seen != UPLINK_PORT)
		ck_abort_msg("the proxy believes that port %d was meant", seen);
	exchange(flow->fd, flow->type);
	/* to another endpoint of the host, whose policy is not asked of what it is not sent */
	fd = uplink_path_to(path, 0, flow->f, flow->type, neighbour[flow->f], UPLINK_PORT);
	uplink_path_seen(fd, flow->type, neighbour[flow->f]);
	exchange(fd, flow->type);
	close(fd);
	/* a rule that denies wins, proxy or not */
	fd = begin(path, flow->f, flow->type, denied[flow->f], flow->type == SOCK_DGRAM);
	exchange(flow->fd, flow->type);
	close(fd);
	expect_more("policy_denied_out", refused, flow->type, "to who is denied");
	/* what opens nothing new, after a change of the policy */
	command_good("policy", "add", "w0", "out", "allow", "identity=9");
	exchange(flow->fd, flow->type);
	command_good("policy", "del", "w0", "out", "identity=9");
	expect_count("policy_no_proxy", lost, "with a proxy that listens");
	if (flow->type != SOCK_DGRAM)
		return;
	/* 4000 bytes are three fragments, of either family */
	fd = begin(path, flow->f, SOCK_DGRAM, server[flow->f], 4000);
	exchange(flow->fd, SOCK_DGRAM);
	close(fd);
	expect_count("policy_no_proxy", lost + 3, "fragments");
}

/* begin() while nobody listens, and the first packet's end: it may wait for its neighbour's address
 * meanwhile, and would be the proxy's if that began before it came. */
static int begin_in_vain(const struct uplink_path *path, enum path_family f, int type)
{
	struct command watcher =
		command_start("observe", "--reason", "policy_no_proxy", "--address", server[f],
			      "--proto", type == SOCK_DGRAM ? "udp" : "tcp", "--count", "1", NULL);
	int fd, status;

	if (!strstr(command_line(&watcher) ?: "", "watching"))
		ck_abort_msg("observe does not begin");
	fd = begin(path, f, type, server[f], type == SOCK_DGRAM);
	status = command_end(&watcher, 0);
	if (status)
		ck_abort_msg("observe ended with %d\n%s", status, command_output);
	return fd;
}

/* The connection is with the backend, and so the proxy sees it; the client sees the service. */
static void through_service(const struct uplink_path *path, enum path_family f)
{
	char service[80], backend[80];
	int fd;

	snprintf(service, sizeof(service), f == PATH_V4 ? "%s:81" : "[%s]:81", vip[f]);
	snprintf(backend, sizeof(backend), f == PATH_V4 ? "%s:80" : "[%s]:80", server[f]);
	command_good("service", "add", "tcp", service, "mode=nat");
	command_good("backend", "add", "tcp", service, backend);
	fd = uplink_path_to(path, 0, f, SOCK_STREAM, vip[f], 81);
	uplink_path_seen(fd, SOCK_STREAM, server[f]);
	lb_path_exchange(fd);
	close(fd);
}

/* What the proxy has taken goes on; nobody new is taken, nor sent past it. */
static void without_listener(const struct uplink_path *path, struct flow *flow)
{
	long long lost = count("policy_no_proxy");
	int fd;

	proxy_stop(&flow->proxy);
	fd = begin(path, flow->f, flow->type, server[flow->f], flow->type == SOCK_DGRAM);
	exchange(flow->fd, flow->type);
	expect_more("policy_no_proxy", lost, flow->type, "to a proxy that is gone");
	close(fd);
}

static void traffic(int index)
{
	struct flow flows[2 * PATH_FAMILIES];
	const size_t n = 2 * PATH_FAMILIES;
	struct uplink_path path;

	set_up(&path, modes[index]);
	for (size_t i = 0; i < n; i++) {
		flows[i].f = i / 2;
		flows[i].type = i % 2 ? SOCK_DGRAM : SOCK_STREAM;
		flows[i].fd = begin_in_vain(&path, flows[i].f, flows[i].type);
	}
	for (size_t i = 0; i < n; i++)
		flows[i].proxy = proxy_start(flows[i].f, flows[i].type, PROXY_PORT);
	for (size_t i = 0; i < n; i++)
		through(&path, &flows[i]);
	if (count("policy_no_proxy") < (long long)n)
		ck_abort_msg("what came before the proxy was not dropped\n%s", command_output);
	through_service(&path, PATH_V4);
	through_service(&path, PATH_V6);
	for (size_t i = 0; i < n; i++)
		without_listener(&path, &flows[i]);
	command_good("policy", "del", "w0", "out", "proto=udp", "port=80");
	expect_routes(2, "with one proxy left");
	if (index) {
		command_good("policy", "add", "w0", "out", "allow", "proto=tcp", "port=80");
		expect_routes(0, "the last rule has no proxy any more");
	} else {
		command_good("endpoint", "del", "w0");
		expect_routes(0, "the endpoint is gone");
		command_good("endpoint", "add", "w0", "10.0.1.2");
		command_good("policy", "add", "w0", "out", "allow", "proto=tcp", "proxy=1");
	}
	command_good("down");
	expect_routes(0, "after down");
}

static const struct functional_test tests[] = {
	{"functional.tc_proxy.auto", traffic, 0},
	{"functional.tc_proxy.clsact", traffic, 1},
};

void tc_proxy_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
