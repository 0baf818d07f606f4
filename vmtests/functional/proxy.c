// SPDX-License-Identifier: GPL-2.0-only
/* A transparent proxy that answers itself: see proxy.h. */
#include "proxy.h"

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
#include "uplink_path.h"

#define ANSWER_MS 60000

/* include/uapi/linux/in.h, in6.h */
#ifndef IP_RECVORIGDSTADDR
#define IP_RECVORIGDSTADDR IP_ORIGDSTADDR
#endif
#ifndef IPV6_RECVORIGDSTADDR
#define IPV6_RECVORIGDSTADDR IPV6_ORIGDSTADDR
#endif

static void set(int fd, enum path_family f, int v4, int v6)
{
	int on = 1;

	if (f == PATH_V4 ? setsockopt(fd, IPPROTO_IP, v4, &on, sizeof(on))
			 : setsockopt(fd, IPPROTO_IPV6, v6, &on, sizeof(on)))
		checkrun_error("an option of the proxy's socket: %s", strerror(errno));
}

static int open_socket(enum path_family f, int type)
{
	int fd = socket(f == PATH_V4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		checkrun_error("the proxy's socket: %s", strerror(errno));
	set(fd, f, IP_TRANSPARENT, IPV6_TRANSPARENT);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

int proxy_listen(enum path_family f, int type, int port)
{
	union proxy_address at = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
	int fd = open_socket(f, type);

	if (f == PATH_V6) {
		at = (union proxy_address){
			.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
		set(fd, f, 0, IPV6_V6ONLY);
	}
	if (type == SOCK_DGRAM)
		set(fd, f, IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR);
	if (bind(fd, &at.any, f == PATH_V4 ? sizeof(at.v4) : sizeof(at.v6)) ||
	    (type == SOCK_STREAM && listen(fd, 8)))
		checkrun_error("the proxy's socket on port %d: %s", port, strerror(errno));
	return fd;
}

/* Whom the client meant, as the servers of uplink_path.h say whom they see. */
static void tell(const union proxy_address *meant, char hello[UPLINK_HELLO])
{
	bool v4 = meant->any.sa_family == AF_INET;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(meant->any.sa_family,
		  v4 ? (void *)&meant->v4.sin_addr : (void *)&meant->v6.sin6_addr, text,
		  sizeof(text));
	memset(hello, 0, UPLINK_HELLO);
	snprintf(hello, UPLINK_HELLO, "%s %u", text,
		 ntohs(v4 ? meant->v4.sin_port : meant->v6.sin6_port));
}

static void serve_stream(int fd)
{
	static char bytes[UPLINK_HELLO + 16384];
	socklen_t len = sizeof(union proxy_address);
	union proxy_address meant;
	ssize_t n = UPLINK_HELLO, sent;

	getsockname(fd, &meant.any, &len);
	tell(&meant, bytes);
	do {
		for (char *at = bytes; n > 0; at += sent, n -= sent)
			if ((sent = send(fd, at, n, MSG_NOSIGNAL)) <= 0)
				_exit(0);
		n = read(fd, bytes, sizeof(bytes));
	} while (n > 0);
	_exit(0);
}

/* A flow of datagrams, of which the first is there: by a socket of its own, connected. */
static void serve_flow(enum path_family f, const union proxy_address *meant,
		       const union proxy_address *client, char *datagram, ssize_t n, size_t size)
{
	socklen_t len = f == PATH_V4 ? sizeof(meant->v4) : sizeof(meant->v6);
	int fd = open_socket(f, SOCK_DGRAM);

	if (bind(fd, &meant->any, len) || connect(fd, &client->any, len))
		_exit(1);
	for (; n >= 0; n = recv(fd, datagram, size, 0)) {
		if (n == sizeof("who?") && !memcmp(datagram, "who?", n)) {
			tell(meant, datagram);
			n = UPLINK_HELLO;
		}
		send(fd, datagram, n, 0);
	}
	_exit(0);
}

/* False when it is told to end. */
static bool take_datagram(int fd, enum path_family f)
{
	static char datagram[65536], control[256];
	union proxy_address client, meant = {};
	struct iovec data = {datagram, sizeof(datagram)};
	struct msghdr m = {.msg_name = &client,
			   .msg_namelen = sizeof(client),
			   .msg_iov = &data,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, 0);

	if (n < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_type == (f == PATH_V4 ? IP_ORIGDSTADDR : IPV6_ORIGDSTADDR))
			memcpy(&meant, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (!fork()) {
		close(fd);
		serve_flow(f, &meant, &client, datagram, n, sizeof(datagram));
	}
	return true;
}

static bool take_stream(int fd)
{
	int taken = accept(fd, NULL, NULL);

	if (taken < 0)
		return false;
	if (!fork()) {
		close(fd);
		serve_stream(taken);
	}
	close(taken);
	return true;
}

static void wake(int sig __attribute__((unused)))
{
}

struct proxy proxy_start(enum path_family f, int type, int port)
{
	struct sigaction interrupt = {.sa_handler = wake};
	int fd = proxy_listen(f, type, port), ends[2];
	struct proxy p;

	if (pipe(ends) || (p.pid = fork()) < 0)
		checkrun_error("the proxy: %s", strerror(errno));
	if (!p.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		sigaction(SIGUSR1, &interrupt, NULL);
		while (type == SOCK_STREAM ? take_stream(fd) : take_datagram(fd, f))
			;
		close(fd);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fd);
	close(ends[1]);
	p.closed = ends[0];
	return p;
}

/* Its process alone has the socket. */
void proxy_stop(struct proxy *p)
{
	struct pollfd wait = {.fd = p->closed, .events = POLLIN};

	if (kill(p->pid, SIGUSR1) || poll(&wait, 1, ANSWER_MS) != 1)
		checkrun_error("the proxy does not stop");
	close(p->closed);
}
