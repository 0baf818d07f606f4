// SPDX-License-Identifier: GPL-2.0-only
/* A host with a service, its backends and a cgroup: see sock_path.h. */
#include "sock_path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "lb_path.h"
#include "must.h"

#define CGROUPS	  "/sys/fs/cgroup"
#define ANSWER_MS 60000
#define DATAGRAM  32

static const struct {
	char server;
	const char *address[PATH_FAMILIES];
	int port[2];
} hosts[] = {
	{SOCK_SERVICE, {"203.0.113.9", "2001:db8:2::9"}, {SOCK_PORT, SOCK_OTHER_PORT}},
	{SOCK_BACKEND1, {"10.0.1.1", "2001:db8:b1::1"}, {SOCK_PORT, SOCK_BACKEND_PORT}},
	{SOCK_BACKEND2, {"10.0.2.1", "2001:db8:b2::1"}, {SOCK_PORT, SOCK_BACKEND_PORT}},
	{SOCK_BACKEND3, {"10.0.3.1", "2001:db8:b3::1"}, {SOCK_PORT, SOCK_BACKEND_PORT}},
};
#define HOSTS (sizeof(hosts) / sizeof(*hosts))

const char *sock_path_host(enum sock_family family, char server)
{
	for (size_t i = 0; i < HOSTS; i++)
		if (hosts[i].server == server)
			return hosts[i].address[family == SOCK_V6 ? PATH_V6 : PATH_V4];
	checkrun_error("no server '%c'", server);
}

static const char *endpoint(enum sock_family family, char server, int port, char text[64])
{
	snprintf(text, 64, family == SOCK_V6 ? "[%s]:%d" : "%s:%d", sock_path_host(family, server),
		 port);
	return text;
}

const char *sock_path_service(enum sock_family family)
{
	static char text[SOCK_FAMILIES][64];

	return endpoint(family, SOCK_SERVICE, SOCK_PORT, text[family]);
}

const char *sock_path_backend(enum sock_family family, char server)
{
	static char text[SOCK_FAMILIES][10][64];

	return endpoint(family, server, SOCK_BACKEND_PORT, text[family][server - '0']);
}

void sock_path_address(enum sock_family family, char server, int port, struct sockaddr_in6 *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	char mapped[64];

	memset(out, 0, sizeof(*out));
	if (family == SOCK_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		inet_pton(AF_INET, sock_path_host(family, server), &v4->sin_addr);
		return;
	}
	snprintf(mapped, sizeof(mapped), "%s%s", family == SOCK_MAPPED ? "::ffff:" : "",
		 sock_path_host(family, server));
	out->sin6_family = AF_INET6;
	out->sin6_port = htons(port);
	inet_pton(AF_INET6, mapped, &out->sin6_addr);
}

static socklen_t length(enum sock_family family)
{
	return family == SOCK_V4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

void sock_path_expect(const struct sockaddr_in6 *got, enum sock_family family, char server,
		      int port, const char *what)
{
	const struct sockaddr_in *v4 = (const void *)got;
	bool is4 = got->sin6_family == AF_INET;
	struct sockaddr_in6 want;
	char text[INET6_ADDRSTRLEN] = "?";

	sock_path_address(family, server, port, &want);
	if (got->sin6_family == want.sin6_family && got->sin6_port == want.sin6_port &&
	    (is4 ? v4->sin_addr.s_addr == ((struct sockaddr_in *)&want)->sin_addr.s_addr
		 : !memcmp(&got->sin6_addr, &want.sin6_addr, sizeof(want.sin6_addr))))
		return;
	inet_ntop(got->sin6_family, is4 ? (void *)&v4->sin_addr : (void *)&got->sin6_addr, text,
		  sizeof(text));
	ck_abort_msg("%s is %s port %u, not that of server %c, port %d", what, text,
		     ntohs(got->sin6_port), server, port);
}

int sock_path_socket(enum sock_family family, int type)
{
	int fd = socket(family == SOCK_V4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		checkrun_error("a socket: %s", strerror(errno));
	return fd;
}

/* ---- servers ---- */

static void serve_datagrams(int fd, char server)
{
	char datagram[1 + DATAGRAM];
	struct sockaddr_in6 from;
	socklen_t len;
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	*datagram = server;
	for (;;) {
		len = sizeof(from);
		n = recvfrom(fd, datagram + 1, DATAGRAM, 0, (struct sockaddr *)&from, &len);
		if (n >= 0)
			sendto(fd, datagram, n + 1, 0, (struct sockaddr *)&from, len);
	}
}

static void start_server(enum sock_family family, int type, char server, int port)
{
	int fd = sock_path_socket(family, type);
	struct sockaddr_in6 at;
	pid_t pid;

	sock_path_address(family, server, port, &at);
	if (bind(fd, (struct sockaddr *)&at, length(family)) ||
	    (type == SOCK_STREAM && listen(fd, 64)))
		checkrun_error("server %c, port %d: %s", server, port, strerror(errno));
	pid = fork();
	if (pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (!pid && type == SOCK_STREAM)
		lb_path_serve(fd, server);
	if (!pid)
		serve_datagrams(fd, server);
	close(fd);
}

/* ---- the cgroup ---- */

const char *sock_path_cgroup(void)
{
	static char path[64];

	snprintf(path, sizeof(path), CGROUPS "/functional-%d", getpid());
	return path;
}

void sock_path_inside(bool inside)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", inside ? sock_path_cgroup() : CGROUPS);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		checkrun_error("%s: %s", path, strerror(errno));
	close(fd);
}

void sock_path_open(void)
{
	char address[64];

	must(net_unshare());
	must(net_up("lo"));
	for (size_t i = 0; i < HOSTS; i++) {
		snprintf(address, sizeof(address), "%s/32", hosts[i].address[PATH_V4]);
		must(net_address("lo", address));
		snprintf(address, sizeof(address), "%s/128", hosts[i].address[PATH_V6]);
		must(net_address("lo", address));
	}
	for (size_t i = 0; i < HOSTS; i++) {
		for (int p = 0; p < 2; p++) {
			for (enum sock_family f = SOCK_V4; f <= SOCK_V6; f++) {
				start_server(f, SOCK_STREAM, hosts[i].server, hosts[i].port[p]);
				start_server(f, SOCK_DGRAM, hosts[i].server, hosts[i].port[p]);
			}
		}
	}
	if (mkdir(sock_path_cgroup(), 0755))
		checkrun_error("%s: %s", sock_path_cgroup(), strerror(errno));
}

void sock_path_close(void)
{
	sock_path_inside(false);
	if (rmdir(sock_path_cgroup()))
		checkrun_error("%s: %s", sock_path_cgroup(), strerror(errno));
}

/* ---- clients ---- */

/* Waits until there is something to read. */
static void await(int fd, const char *what)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	if (poll(&wait, 1, ANSWER_MS) != 1)
		ck_abort_msg("%s: no answer within %d s", what, ANSWER_MS / 1000);
}

int sock_path_try(int fd, enum sock_family family, char server, int port)
{
	struct sockaddr_in6 to;

	sock_path_address(family, server, port, &to);
	return connect(fd, (struct sockaddr *)&to, length(family));
}

int sock_path_connect(enum sock_family family, char server, int port, char *said)
{
	int fd = sock_path_socket(family, SOCK_STREAM);

	if (sock_path_try(fd, family, server, port))
		ck_abort_msg("connect to server %c, port %d: %s", server, port, strerror(errno));
	await(fd, "TCP");
	if (recv(fd, said, 1, 0) != 1)
		ck_abort_msg("the server says nothing: %s", strerror(errno));
	return fd;
}

void sock_path_udp_connect(int fd, enum sock_family family, char server, int port)
{
	if (sock_path_try(fd, family, server, port))
		ck_abort_msg("connect UDP to server %c, port %d: %s", server, port,
			     strerror(errno));
}

static void send_question(int fd, enum sock_family family, char server, int port,
			  char question[DATAGRAM])
{
	static unsigned int number;
	struct sockaddr_in6 to;
	ssize_t n;

	memset(question, 0, DATAGRAM);
	snprintf(question, DATAGRAM, "question %u", number++);
	if (server)
		sock_path_address(family, server, port, &to);
	n = sendto(fd, question, DATAGRAM, 0, server ? (struct sockaddr *)&to : NULL,
		   server ? length(family) : 0);
	if (n != DATAGRAM)
		ck_abort_msg("sendto server %c, port %d: %s", server ?: '-', port, strerror(errno));
}

void sock_path_send(int fd, enum sock_family family, char server, int port)
{
	char question[DATAGRAM];

	send_question(fd, family, server, port, question);
}

char sock_path_ask(int fd, enum sock_family family, char server, int port,
		   struct sockaddr_in6 *from)
{
	char question[DATAGRAM], answer[1 + DATAGRAM];
	socklen_t len = sizeof(*from);
	ssize_t n;

	send_question(fd, family, server, port, question);
	await(fd, "UDP");
	n = recvfrom(fd, answer, sizeof(answer), 0, (struct sockaddr *)from, &len);
	if (n != sizeof(answer) || memcmp(answer + 1, question, sizeof(question)))
		ck_abort_msg("recvfrom: %zd bytes, or not the answer to what was asked (%s)", n,
			     n < 0 ? strerror(errno) : answer + 1);
	return *answer;
}
