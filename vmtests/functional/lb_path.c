// SPDX-License-Identifier: GPL-2.0-only
/* A client, a router, two backends and the load balancer: see lb_path.h. */
#include "lb_path.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/fou.h"
#include "../lib/net.h"
#include "echo.h"
#include "must.h"

#define PEER	    "cp1"
#define NEAR_MAC    "02:00:00:00:00:0a"
#define FAR_MAC	    "02:00:00:00:00:0b"
#define ANSWERS	    100 /* the table that routes what backends send */
#define CHUNK	    16384
#define GUE_PORT    6080 /* draft-ietf-intarea-gue-09 section 8.3 */
#define EXCHANGE_MS 60000

const char *const lb_vip[PATH_FAMILIES] = {"203.0.113.9", "2001:db8:2::9"};
const char *const lb_backend[LB_BACKENDS][PATH_FAMILIES] = {
	{"10.0.1.1", "2001:db8:b1::1"},
	{"10.0.2.1", "2001:db8:b2::1"},
};

static const char *const router_to_lb[] = {"198.51.100.254/24", "2001:db8:fe::fe/64"};
static const char *const lb_address[] = {"198.51.100.1", "2001:db8:fe::1"};

/* A host behind the router: a pair of devices, an address of each family with its network, and the
 * router's. Leaves the caller in the host's namespace. */
struct host {
	const char *device, *router_device;
	const char *address[PATH_FAMILIES], *network_length[PATH_FAMILIES];
	const char *gateway[PATH_FAMILIES];
};

static const struct host client = {"cl0",
				   "rcl",
				   {"192.0.2.1", "2001:db8:1::1"},
				   {"24", "64"},
				   {"192.0.2.254", "2001:db8:1::fe"}};
static const struct host backends[LB_BACKENDS] = {
	{"b0",
	 "rb1",
	 {"10.0.1.1", "2001:db8:b1::1"},
	 {"24", "64"},
	 {"10.0.1.254", "2001:db8:b1::fe"}},
	{"b0",
	 "rb2",
	 {"10.0.2.1", "2001:db8:b2::1"},
	 {"24", "64"},
	 {"10.0.2.254", "2001:db8:b2::fe"}},
};

static void give_address(const char *device, const char *address, const char *length)
{
	char text[64];

	snprintf(text, sizeof(text), "%s/%s", address, length);
	must(net_address(device, text));
}

static int add_host(const struct host *h, int router, int number)
{
	char mac[18], router_mac[18];
	int ns;

	snprintf(mac, sizeof(mac), "02:00:00:00:01:%02x", number);
	snprintf(router_mac, sizeof(router_mac), "02:00:00:00:02:%02x", number);
	must(ns = net_new_namespace());
	must(net_enter(router));
	must(net_veth(h->router_device, router_mac, h->device, mac, ns));
	must(net_up(h->router_device));
	must(net_enter(ns));
	must(net_up("lo"));
	must(net_up(h->device));
	must(net_running(h->device));
	for (int f = 0; f < PATH_FAMILIES; f++)
		give_address(h->device, h->address[f], h->network_length[f]);
	must(net_enter(router));
	must(net_running(h->router_device));
	for (int f = 0; f < PATH_FAMILIES; f++)
		give_address(h->router_device, h->gateway[f], h->network_length[f]);
	must(net_enter(ns));
	for (int f = 0; f < PATH_FAMILIES; f++)
		must(net_route(NULL, h->gateway[f], h->device, 0));
	return ns;
}

/* veth takes frames back from the other end's program only if there is one at this end as well,
 * or GRO, which 5.10 does not have there (veth_xdp_xmit in drivers/net/veth.c). */
static void attach_pass(const char *device)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	int err =
		fd < 0 ? fd : bpf_xdp_attach(if_nametoindex(device), fd, XDP_FLAGS_DRV_MODE, NULL);

	if (err)
		checkrun_error("a program that passes all on %s: %s", device, strerror(-err));
	close(fd);
}

static int listener(enum path_family family)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(LB_PORT)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(LB_PORT)};
	int fd = socket(family == PATH_V4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    on = 1;
	int err;

	if (family == PATH_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	err = family == PATH_V4 ? bind(fd, (struct sockaddr *)&any4, sizeof(any4))
				: bind(fd, (struct sockaddr *)&any6, sizeof(any6));
	if (fd < 0 || err || listen(fd, 8))
		checkrun_error("a server: %s", strerror(errno));
	return fd;
}

void lb_path_serve(int listen_fd, char number)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		if (fork()) {
			close(fd);
			continue;
		}
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo_connection(fd, &number, 1);
	}
	_exit(0);
}

static void start_server(int index)
{
	for (int f = 0; f < PATH_FAMILIES; f++) {
		int fd = listener(f);
		pid_t pid = fork();

		if (pid < 0)
			checkrun_error("fork: %s", strerror(errno));
		if (!pid)
			lb_path_serve(fd, '1' + index);
		close(fd);
	}
}

static void add_backend(struct lb_path *path, int index)
{
	path->backend[index] = add_host(&backends[index], path->router, 2 + index);
	give_address("lo", lb_vip[PATH_V4], "32");
	give_address("lo", lb_vip[PATH_V6], "128");
	/* the modules' own devices, which take a tunnel from anybody */
	must(net_up("tunl0"));
	must(net_up("ip6tnl0"));
	start_server(index);
}

/* The arm to the balancer, and what is routed by it. */
static void add_balancer(int router, int here)
{
	char vip[64];

	must(net_enter(here));
	must(net_up("lo"));
	must(net_veth(PATH_DEVICE, NEAR_MAC, PEER, FAR_MAC, router));
	must(net_up(PATH_DEVICE));
	must(net_enter(router));
	must(net_no_offload(PEER));
	must(net_up(PEER));
	must(net_running(PEER));
	attach_pass(PEER);
	for (int f = 0; f < PATH_FAMILIES; f++) {
		must(net_address(PEER, router_to_lb[f]));
		must(net_neighbour(PEER, lb_address[f], NEAR_MAC));
		snprintf(vip, sizeof(vip), "%s/%d", lb_vip[f], f == PATH_V4 ? 32 : 128);
		must(net_route(vip, lb_address[f], PEER, 0));
		must(net_route(NULL, lb_address[f], PEER, ANSWERS));
	}
	must(net_rule("10.0.1.1/32", ANSWERS));
	must(net_rule("10.0.2.1/32", ANSWERS));
	must(net_rule("2001:db8:b1::1/128", ANSWERS));
	must(net_rule("2001:db8:b2::1/128", ANSWERS));
	must(net_forward());
	must(net_enter(here));
	must(net_running(PATH_DEVICE));
}

void lb_path_open(struct lb_path *path)
{
	int here;

	must(here = net_unshare());
	must(path->router = net_new_namespace());
	must(net_enter(path->router));
	must(net_up("lo"));
	path->client = add_host(&client, path->router, 1);
	for (int i = 0; i < LB_BACKENDS; i++)
		add_backend(path, i);
	add_balancer(path->router, here);
	close(here);
}

void lb_path_take_gue(const struct lb_path *path)
{
	int here;

	must(here = net_namespace());
	for (int i = 0; i < LB_BACKENDS; i++) {
		must(net_enter(path->backend[i]));
		if (fou_take_gue(AF_INET, GUE_PORT) || fou_take_gue(AF_INET6, GUE_PORT))
			checkrun_error("%s", fou_error());
	}
	must(net_enter(here));
	close(here);
}

/* -1 if there is no connection in time. The socket is non-blocking. */
static int try_connect(const struct lb_path *path, enum path_family family)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(LB_PORT)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(LB_PORT)};
	int fd, here, err = 0, result = 0;
	socklen_t len = sizeof(result);
	struct pollfd wait;

	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	must(net_enter(path->client));
	fd = socket(family == PATH_V4 ? AF_INET : AF_INET6,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(net_enter(here));
	close(here);
	inet_pton(AF_INET, lb_vip[PATH_V4], &to4.sin_addr);
	inet_pton(AF_INET6, lb_vip[PATH_V6], &to6.sin6_addr);
	err = family == PATH_V4 ? connect(fd, (struct sockaddr *)&to4, sizeof(to4))
				: connect(fd, (struct sockaddr *)&to6, sizeof(to6));
	if (fd < 0 || (err && errno != EINPROGRESS))
		checkrun_error("connect: %s", strerror(errno));
	wait = (struct pollfd){.fd = fd, .events = POLLOUT};
	if (poll(&wait, 1, EXCHANGE_MS) == 1 &&
	    !getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &len) && !result)
		return fd;
	close(fd);
	return -1;
}

int lb_path_connect(const struct lb_path *path, enum path_family family, char *server)
{
	int fd = try_connect(path, family);
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		ck_abort_msg("no IPv%d connection to the service within %d s",
			     family == PATH_V4 ? 4 : 6, EXCHANGE_MS / 1000);
	if (poll(&wait, 1, EXCHANGE_MS) != 1 || recv(fd, server, 1, 0) != 1)
		ck_abort_msg("the server says nothing over IPv%d", family == PATH_V4 ? 4 : 6);
	return fd;
}

void lb_path_exchange_begin(struct lb_exchange *x, int fd)
{
	unsigned int value = 1;

	*x = (struct lb_exchange){.fd = fd};
	for (size_t i = 0; i < LB_BYTES; i++) {
		value = value * 1103515245 + 12345;
		x->sent[i] = value >> 16;
	}
}

int lb_path_exchange_until(struct lb_exchange *x, size_t until)
{
	while (x->in < until) {
		struct pollfd wait = {.fd = x->fd,
				      .events = POLLIN | (x->out < until ? POLLOUT : 0)};
		ssize_t n;

		if (poll(&wait, 1, EXCHANGE_MS) != 1)
			ck_abort_msg("the connection stands still: %zu bytes sent, %zu came back",
				     x->out, x->in);
		if (wait.revents & POLLIN || wait.revents & (POLLERR | POLLHUP)) {
			n = recv(x->fd, x->got + x->in, LB_BYTES - x->in, MSG_DONTWAIT);
			if (n == 0 || (n < 0 && errno != EAGAIN))
				return n ? errno : EPIPE; /* 0: closed, not reset */
			x->in += n > 0 ? n : 0;
		}
		if (wait.revents & POLLOUT && x->out < until) {
			n = send(x->fd, x->sent + x->out,
				 until - x->out < CHUNK ? until - x->out : CHUNK,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			/* an error is told once, to whichever call comes first */
			if (n < 0 && errno != EAGAIN)
				return errno;
			x->out += n > 0 ? n : 0;
		}
	}
	if (memcmp(x->sent, x->got, x->in))
		ck_abort_msg("other bytes came back than were sent");
	return 0;
}

void lb_path_exchange(int fd)
{
	static struct lb_exchange x;
	int err;

	lb_path_exchange_begin(&x, fd);
	err = lb_path_exchange_until(&x, LB_BYTES);
	if (err)
		ck_abort_msg("the connection broke after %zu bytes came back: %s", x.in,
			     strerror(err));
}
