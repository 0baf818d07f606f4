// SPDX-License-Identifier: GPL-2.0-only
/* A node with two endpoints and an uplink: see uplink_path.h. */
#include "uplink_path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "echo.h"
#include "must.h"

#define ANSWER_MS 60000
#define ASK	  "who?"

const char *const uplink_address[] = {"203.0.113.1", "2001:db8:f::1"};
const char *const uplink_networks[] = {"10.0.0.0/16", "fd00:10::/32"};
static const char *const uplink_prefix[] = {"203.0.113.1/24", "2001:db8:f::1/64"};
static const char *const server_address[] = {"203.0.113.7", "2001:db8:f::7"};
static const char *const server_prefix[] = {"203.0.113.7/24", "2001:db8:f::7/64"};

/* One endpoint: its device here and there, and the addresses of both ends. */
static const struct {
	const char *here, *mac, *there_mac;
	const char *gateway[PATH_FAMILIES], *gateway_prefix[PATH_FAMILIES];
	const char *prefix[PATH_FAMILIES], *address[PATH_FAMILIES];
} endpoints[UPLINK_ENDPOINTS] = {
	{"w0",
	 "02:00:00:00:01:00",
	 "02:00:00:00:02:00",
	 {"10.0.1.1", "fd00:10:0:1::1"},
	 {"10.0.1.1/24", "fd00:10:0:1::1/64"},
	 {"10.0.1.2/24", "fd00:10:0:1::2/64"},
	 {"10.0.1.2", "fd00:10:0:1::2"}},
	{"w1",
	 "02:00:00:00:01:01",
	 "02:00:00:00:02:01",
	 {"10.0.2.1", "fd00:10:0:2::1"},
	 {"10.0.2.1/24", "fd00:10:0:2::1/64"},
	 {"10.0.2.2/24", "fd00:10:0:2::2/64"},
	 {"10.0.2.2", "fd00:10:0:2::2"}},
};

static socklen_t make_address(const char *text, int port, struct sockaddr_in6 *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	out->sin6_family = AF_INET6;
	out->sin6_port = htons(port);
	if (inet_pton(AF_INET6, text, &out->sin6_addr) != 1)
		checkrun_error("'%s' is not an address", text);
	return sizeof(*out);
}

/* ---- the server ---- */

/* "ADDRESS PORT" and zeros. */
static void tell(const struct sockaddr_in6 *peer, char hello[UPLINK_HELLO])
{
	bool v4 = peer->sin6_family == AF_INET;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(peer->sin6_family,
		  v4 ? (void *)&((struct sockaddr_in *)peer)->sin_addr : (void *)&peer->sin6_addr,
		  text, sizeof(text));
	memset(hello, 0, UPLINK_HELLO);
	snprintf(hello, UPLINK_HELLO, "%s %u", text, ntohs(peer->sin6_port));
}

static void serve_connection(int fd, const struct sockaddr_in6 *peer)
{
	char hello[UPLINK_HELLO];

	tell(peer, hello);
	echo_connection(fd, hello, sizeof(hello));
}

static void serve_stream(int listen_fd)
{
	struct sockaddr_in6 peer;
	socklen_t len;
	int fd;

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		len = sizeof(peer);
		fd = accept(listen_fd, (struct sockaddr *)&peer, &len);
		if (fd < 0)
			_exit(1);
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve_connection(fd, &peer);
		}
		close(fd);
	}
}

static void serve_datagrams(int fd)
{
	static char datagram[65536];
	struct sockaddr_in6 peer;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(peer);
		n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&peer, &len);
		if (n == sizeof(ASK) && !memcmp(datagram, ASK, n)) {
			tell(&peer, datagram);
			n = UPLINK_HELLO;
		}
		if (n >= 0)
			sendto(fd, datagram, n, 0, (struct sockaddr *)&peer, len);
	}
}

static void start_server(const char *address, int type)
{
	struct sockaddr_in6 at;
	socklen_t len = make_address(address, UPLINK_PORT, &at);
	int fd = socket(at.sin6_family, type | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) ||
	    (type == SOCK_STREAM && listen(fd, 8)))
		checkrun_error("a server: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (type == SOCK_STREAM)
			serve_stream(fd);
		serve_datagrams(fd);
	}
	close(fd);
}

/* ---- the network ---- */

static void add_server(int here)
{
	int ns;

	must(ns = net_new_namespace());
	must(net_veth(PATH_DEVICE, "02:00:00:00:00:0a", "s0", "02:00:00:00:00:0b", ns));
	must(net_up(PATH_DEVICE));
	must(net_enter(ns));
	must(net_up("lo"));
	must(net_up("s0"));
	must(net_running("s0"));
	for (int f = 0; f < PATH_FAMILIES; f++) {
		must(net_address("s0", server_prefix[f]));
		start_server(server_address[f], SOCK_STREAM);
		start_server(server_address[f], SOCK_DGRAM);
	}
	must(net_enter(here));
	must(net_running(PATH_DEVICE));
	for (int f = 0; f < PATH_FAMILIES; f++)
		must(net_address(PATH_DEVICE, uplink_prefix[f]));
	close(ns);
}

static int add_endpoint(int here, int i)
{
	int ns;

	must(ns = net_new_namespace());
	must(net_veth(endpoints[i].here, endpoints[i].mac, "e0", endpoints[i].there_mac, ns));
	must(net_up(endpoints[i].here));
	must(net_enter(ns));
	must(net_up("lo"));
	must(net_up("e0"));
	must(net_running("e0"));
	for (int f = 0; f < PATH_FAMILIES; f++) {
		must(net_address("e0", endpoints[i].prefix[f]));
		must(net_route(NULL, endpoints[i].gateway[f], "e0", 0));
	}
	must(net_enter(here));
	must(net_running(endpoints[i].here));
	for (int f = 0; f < PATH_FAMILIES; f++)
		must(net_address(endpoints[i].here, endpoints[i].gateway_prefix[f]));
	return ns;
}

void uplink_path_open(struct uplink_path *path)
{
	int here;

	must(net_unshare());
	must(here = net_namespace());
	path->ns[UPLINK_NODE] = here;
	must(net_up("lo"));
	must(net_forward());
	add_server(here);
	for (int i = 0; i < UPLINK_ENDPOINTS; i++)
		path->ns[i] = add_endpoint(here, i);
}

/* ---- clients ---- */

void uplink_path_serve(const struct uplink_path *path, int who)
{
	must(net_enter(path->ns[who]));
	for (int f = 0; f < PATH_FAMILIES; f++) {
		start_server(endpoints[who].address[f], SOCK_STREAM);
		start_server(endpoints[who].address[f], SOCK_DGRAM);
	}
	must(net_enter(path->ns[UPLINK_NODE]));
}

static int connect_to(const struct uplink_path *path, int who, enum path_family family, int type,
		      int sport, const char *to, int dport)
{
	const char *from =
		who == UPLINK_NODE ? uplink_address[family] : endpoints[who].address[family];
	struct sockaddr_in6 local, remote;
	socklen_t len = make_address(from, sport, &local);
	int fd;

	make_address(to, dport, &remote);
	must(net_enter(path->ns[who]));
	fd = socket(local.sin6_family, type | SOCK_CLOEXEC, 0);
	must(net_enter(path->ns[UPLINK_NODE]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, len))
		checkrun_error("a socket on %s port %d: %s", from, sport, strerror(errno));
	if (connect(fd, (struct sockaddr *)&remote, len))
		ck_abort_msg("no connection from %s port %d: %s", from, sport, strerror(errno));
	return fd;
}

int uplink_path_connect(const struct uplink_path *path, int who, enum path_family family, int type,
			int sport, int dport)
{
	return connect_to(path, who, family, type, sport, server_address[family], dport);
}

int uplink_path_between(const struct uplink_path *path, int who, int to, enum path_family family,
			int type)
{
	return connect_to(path, who, family, type, 0, endpoints[to].address[family], UPLINK_PORT);
}

int uplink_path_to_node(const struct uplink_path *path, int who, enum path_family family, int type,
			int dport)
{
	return connect_to(path, who, family, type, 0, endpoints[who].gateway[family], dport);
}

int uplink_path_to(const struct uplink_path *path, int who, enum path_family family, int type,
		   const char *to, int dport)
{
	return connect_to(path, who, family, type, 0, to, dport);
}

static ssize_t receive(int fd, void *buffer, size_t size, const char *what)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t n;

	if (poll(&wait, 1, ANSWER_MS) != 1)
		ck_abort_msg("%s: nothing came within %d s", what, ANSWER_MS / 1000);
	n = recv(fd, buffer, size, 0);
	if (n < 0)
		ck_abort_msg("%s: %s", what, strerror(errno));
	return n;
}

int uplink_path_seen(int fd, int type, const char *as)
{
	char hello[UPLINK_HELLO + 1] = "", address[INET6_ADDRSTRLEN] = "";
	size_t got = 0;
	int port = 0;

	if (type == SOCK_DGRAM && send(fd, ASK, sizeof(ASK), 0) != sizeof(ASK))
		ck_abort_msg("asking the server: %s", strerror(errno));
	while (got < UPLINK_HELLO) {
		ssize_t n = receive(fd, hello + got, UPLINK_HELLO - got, "the server's word");

		if (!n)
			ck_abort_msg("the server hangs up without a word");
		got += n;
	}
	if (sscanf(hello, "%45s %d", address, &port) != 2 || strcmp(address, as))
		ck_abort_msg("the server sees '%s', not the address %s", hello, as);
	return port;
}

int uplink_path_port(int fd, enum path_family family, int type)
{
	return uplink_path_seen(fd, type, uplink_address[family]);
}

void uplink_path_datagrams(int fd, size_t size, size_t bytes)
{
	unsigned char *sent = malloc(size), *got = malloc(size + 1);
	unsigned int x = size;

	if (!sent || !got)
		checkrun_error("out of memory");
	for (size_t done = 0; done < bytes; done += size) {
		ssize_t n;

		for (size_t i = 0; i < size; i++) {
			x = x * 1103515245 + 12345;
			sent[i] = x >> 16;
		}
		if (send(fd, sent, size, 0) != (ssize_t)size)
			ck_abort_msg("a datagram of %zu bytes: %s", size, strerror(errno));
		n = receive(fd, got, size + 1, "a datagram's return");
		if (n != (ssize_t)size || memcmp(sent, got, size))
			ck_abort_msg("another datagram came back (%zd bytes) than was sent (%zu)",
				     n, size);
	}
	free(sent);
	free(got);
}

int uplink_path_hops(int fd, enum path_family family)
{
	char hello[UPLINK_HELLO], control[CMSG_SPACE(sizeof(int))];
	struct iovec data = {hello, sizeof(hello)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int on = 1, hops = 0;

	if (family == PATH_V4 ? setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on))
			      : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)))
		checkrun_error("asking for hops: %s", strerror(errno));
	if (send(fd, ASK, sizeof(ASK), 0) != sizeof(ASK) || poll(&wait, 1, ANSWER_MS) != 1 ||
	    recvmsg(fd, &message, 0) < 0)
		ck_abort_msg("the server says nothing: %s", strerror(errno));
	if (!CMSG_FIRSTHDR(&message))
		checkrun_error("a datagram without its hops");
	memcpy(&hops, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(hops));
	return hops;
}

void uplink_path_refused(int fd)
{
	struct pollfd wait = {.fd = fd};
	char byte = 0;

	if (send(fd, &byte, 1, 0) != 1)
		ck_abort_msg("a datagram to a closed port: %s", strerror(errno));
	if (poll(&wait, 1, ANSWER_MS) != 1)
		ck_abort_msg("nobody told the socket that the port is closed within %d s",
			     ANSWER_MS / 1000);
	if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != ECONNREFUSED)
		ck_abort_msg("a closed port: %s", strerror(errno));
}

unsigned long long uplink_path_counter(const char *counter)
{
	char line[64];
	const char *at;

	command_good("uplink", "show");
	snprintf(line, sizeof(line), "counter %s ", counter);
	at = strstr(command_output, line);
	if (!at)
		ck_abort_msg("'uplink show' has no %s\n%s", line, command_output);
	return strtoull(at + strlen(line), NULL, 10);
}
