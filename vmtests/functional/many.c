// SPDX-License-Identifier: GPL-2.0-only
/* A thousand connections: see many.h. */
#include "many.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "must.h"

#define BYTES	 16 /* of a round, on each connection */
#define STILL_MS 60000
#define EVENTS	 64
/* That connect: a veth's ring holds 256 frames (VETH_RING_SIZE in drivers/net/veth.c). */
#define AT_ONCE 50

static void allow_files(void)
{
	struct rlimit most = {.rlim_cur = 4 * MANY, .rlim_max = 4 * MANY};

	if (setrlimit(RLIMIT_NOFILE, &most))
		checkrun_error("%d files at a time: %s", 4 * MANY, strerror(errno));
}

static socklen_t address(enum path_family family, const char *text, int port,
			 struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = family == PATH_V4 ? AF_INET : AF_INET6;
	v4->sin_port = htons(port); /* in the same place in both */
	inet_pton(out->ss_family, text,
		  family == PATH_V4 ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr);
	return family == PATH_V4 ? sizeof(*v4) : sizeof(*v6);
}

/* ---- the server ---- */

static int listener(enum path_family family, const char *local)
{
	struct sockaddr_storage at;
	socklen_t len = address(family, local, MANY_PORT, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || listen(fd, MANY))
		checkrun_error("a server on %s: %s", local, strerror(errno));
	return fd;
}

static void watch(int epoll, int fd, unsigned int events, unsigned int number)
{
	struct epoll_event e = {.events = events, .data.u32 = number};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		checkrun_error("epoll: %s", strerror(errno));
}

/* Small pieces on connections that are read: what is sent back finds room. */
static void echo(int fd)
{
	char piece[BYTES * 4];
	ssize_t n = read(fd, piece, sizeof(piece));

	if (n <= 0 || send(fd, piece, n, MSG_NOSIGNAL) != n)
		close(fd);
}

static void serve(const int listeners[PATH_FAMILIES])
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd, n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int f = 0; f < PATH_FAMILIES; f++)
		watch(epoll, listeners[f], EPOLLIN, listeners[f]);
	while ((n = epoll_wait(epoll, events, EVENTS, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++) {
			int at = events[i].data.u32;

			if (at != listeners[PATH_V4] && at != listeners[PATH_V6]) {
				echo(at);
				continue;
			}
			fd = accept4(at, NULL, NULL, SOCK_NONBLOCK);
			if (fd >= 0)
				watch(epoll, fd, EPOLLIN, fd);
		}
	_exit(0);
}

void many_serve(const struct lb_path *path)
{
	int here, listeners[PATH_FAMILIES];

	allow_files();
	must(here = net_namespace());
	for (int i = 0; i < LB_BACKENDS; i++) {
		pid_t pid;

		must(net_enter(path->backend[i]));
		for (int f = 0; f < PATH_FAMILIES; f++)
			listeners[f] = listener(f, lb_backend[i][f]);
		pid = fork();
		if (pid < 0)
			checkrun_error("fork: %s", strerror(errno));
		if (!pid)
			serve(listeners);
		for (int f = 0; f < PATH_FAMILIES; f++)
			close(listeners[f]);
	}
	must(net_enter(here));
	close(here);
}

/* ---- the clients ---- */

static enum path_family family_of(int i)
{
	return i % PATH_FAMILIES;
}

static void fail_connection(int i, const char *when, int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	ck_abort_msg("%s: connection %d of %d (IPv%d) ended: %s", when, i, MANY,
		     family_of(i) == PATH_V4 ? 4 : 6, strerror(err ?: ECONNRESET));
}

static void begin_one(struct many *m, int i)
{
	struct sockaddr_storage to;
	socklen_t len = address(family_of(i), lb_vip[family_of(i)], LB_PORT, &to);

	m->fds[i] = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fds[i] < 0 ||
	    (connect(m->fds[i], (struct sockaddr *)&to, len) && errno != EINPROGRESS))
		checkrun_error("connection %d: %s", i, strerror(errno));
}

static void expect_connected(struct many *m, int i, const char *when)
{
	struct pollfd wait = {.fd = m->fds[i], .events = POLLOUT};

	if (poll(&wait, 1, STILL_MS) != 1 || wait.revents & (POLLERR | POLLHUP))
		fail_connection(i, when, m->fds[i]);
	watch(m->epoll, m->fds[i], EPOLLIN, i);
}

void many_connect(struct many *m, const struct lb_path *path, const char *when)
{
	int here;

	memset(m, 0, sizeof(*m));
	allow_files();
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	must(here = net_namespace());
	must(net_enter(path->client));
	for (int first = 0; first < MANY; first += AT_ONCE) {
		for (int i = first; i < first + AT_ONCE; i++)
			begin_one(m, i);
		for (int i = first; i < first + AT_ONCE; i++)
			expect_connected(m, i, when);
	}
	must(net_enter(here));
	close(here);
}

static void fill(unsigned char *bytes, int i, unsigned int round)
{
	memset(bytes, 0, BYTES);
	memcpy(bytes, &i, sizeof(i));
	memcpy(bytes + sizeof(i), &round, sizeof(round));
}

/* Returns how many of the connection's bytes are still to come. */
static size_t take(struct many *m, int i, const char *when)
{
	unsigned char want[BYTES], got[BYTES];
	ssize_t n = recv(m->fds[i], got, BYTES - m->got[i], 0);

	if (n <= 0)
		fail_connection(i, when, m->fds[i]);
	fill(want, i, m->round);
	if (memcmp(got, want + m->got[i], n))
		ck_abort_msg("%s: connection %d got what was not sent on it", when, i);
	m->got[i] += n;
	return BYTES - m->got[i];
}

void many_round(struct many *m, const char *when)
{
	struct epoll_event events[EVENTS];
	unsigned char bytes[BYTES];
	int left = MANY;

	m->round++;
	memset(m->got, 0, sizeof(m->got));
	for (int i = 0; i < MANY; i++) {
		fill(bytes, i, m->round);
		if (send(m->fds[i], bytes, BYTES, MSG_NOSIGNAL) != BYTES)
			fail_connection(i, when, m->fds[i]);
	}
	while (left) {
		int n = epoll_wait(m->epoll, events, EVENTS, STILL_MS);

		if (n <= 0)
			ck_abort_msg("%s: %d of %d connections stand still", when, left, MANY);
		for (int i = 0; i < n; i++)
			left -= !take(m, events[i].data.u32, when);
	}
}

void many_close(struct many *m)
{
	for (int i = 0; i < MANY; i++)
		close(m->fds[i]);
	close(m->epoll);
}
