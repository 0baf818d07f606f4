// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing sockets by netlink (sock_diag(7), SOCK_DESTROY: kernel 4.5, c1e64e298b8c): for kernels
 * whose BPF cannot. It needs CONFIG_INET_DIAG_DESTROY, and finds a socket by its addresses alone,
 * so those that are there are read first; their cookies say which are meant.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "internal.h"

/* The longest answer the kernel gives at once (NLMSG_GOODSIZE, and more for a dump since 3.10). */
#define ANSWER_MAX 32768

struct query {
	struct nlmsghdr head;
	struct inet_diag_req_v2 req;
};

/* Sockets that are meant, as the kernel names them. */
struct found {
	struct inet_diag_req_v2 *list;
	size_t n;
};

static int query(int fd, __u16 type, __u16 flags, const struct inet_diag_req_v2 *req)
{
	struct query q = {
		.head = {.nlmsg_len = sizeof(q), .nlmsg_type = type, .nlmsg_flags = flags},
		.req = *req,
	};

	q.head.nlmsg_flags |= NLM_F_REQUEST;
	return send(fd, &q, sizeof(q), 0) == sizeof(q) ? 0 : -errno;
}

static bool is_meant(const struct inet_diag_msg *m, const struct cp_sock *s)
{
	__u64 cookie = (__u64)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	struct corepath_addr to = {};

	if (m->idiag_family == AF_INET) {
		to.w[2] = htonl(0xffff);
		to.w[3] = m->id.idiag_dst[0];
	} else {
		memcpy(&to, m->id.idiag_dst, sizeof(to));
	}
	/* the address: a UDP socket that sends to many is connected to none of them */
	return cookie == s->at.cookie && m->id.idiag_dport == s->at.port &&
	       !memcmp(&to, &s->at.addr, sizeof(to));
}

static int keep(struct found *found, const struct inet_diag_msg *m, __u8 proto)
{
	struct inet_diag_req_v2 *grown =
		reallocarray(found->list, found->n + 1, sizeof(*found->list));

	if (!grown)
		return -ENOMEM;
	found->list = grown;
	grown[found->n++] = (struct inet_diag_req_v2){.sdiag_family = m->idiag_family,
						      .sdiag_protocol = proto,
						      .idiag_states = ~0u,
						      .id = m->id};
	return 0;
}

/* The last message of an answer has a negative errno or 0. */
static int end(int err)
{
	return err < 0 ? err : 1;
}

/* 1 when it was the last of an answer. */
static int take(const struct nlmsghdr *h, const struct cp_sock *socks, size_t n, __u8 proto,
		struct found *found)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	size_t i;

	if (h->nlmsg_type == NLMSG_DONE)
		return end(h->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ? 0 : *(int *)NLMSG_DATA(h));
	if (h->nlmsg_type == NLMSG_ERROR)
		return end(((const struct nlmsgerr *)NLMSG_DATA(h))->error);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EPROTO;
	for (i = 0; i < n; i++)
		if (socks[i].proto == proto && is_meant(m, &socks[i]))
			return keep(found, m, proto);
	return 0;
}

/* Takes messages until the last of the answer. */
static int answer(int fd, const struct cp_sock *socks, size_t n, __u8 proto, struct found *found)
{
	static char buf[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h;
	ssize_t len;
	int err;

	for (;;) {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len ? -errno : -EPROTO;
		for (h = (void *)buf; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			err = take(h, socks, n, proto, found);
			if (err)
				return err < 0 ? err : 0;
		}
	}
}

static int find(int fd, const struct cp_sock *socks, size_t n, __u8 proto, __u8 family,
		struct found *found)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = family, .sdiag_protocol = proto, .idiag_states = ~0u};
	int err = query(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req);

	return err ? err : answer(fd, socks, n, proto, found);
}

static int close_found(int fd, const struct found *found, size_t *closed)
{
	size_t i;
	int err;

	for (i = 0; i < found->n; i++) {
		err = query(fd, SOCK_DESTROY, NLM_F_ACK, &found->list[i]);
		if (!err)
			err = answer(fd, NULL, 0, 0, NULL);
		if (err && err != -ENOENT) /* closed by its user meanwhile */
			return err;
		*closed += !err;
	}
	return 0;
}

int cp_diag_close(const struct cp_sock *socks, size_t n, size_t *closed)
{
	static const __u8 protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	static const __u8 families[] = {AF_INET, AF_INET6};
	struct found found = {};
	size_t p, f, i;
	int err = 0, fd;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -errno;
	for (p = 0; p < 2 && !err; p++) {
		for (i = 0; i < n && socks[i].proto != protos[p]; i++)
			;
		for (f = 0; f < 2 && i < n && !err; f++)
			err = find(fd, socks, n, protos[p], families[f], &found);
	}
	if (!err)
		err = close_found(fd, &found, closed);
	free(found.list);
	close(fd);
	return err;
}
