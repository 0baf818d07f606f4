// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing sockets by netlink (sock_diag(7), SOCK_DESTROY: kernel 4.5, c1e64e298b8c): for kernels
 * whose BPF cannot. It needs CONFIG_INET_DIAG_DESTROY, and finds a socket by its addresses alone,
 * so those that are there are read first; their cookies say which are meant.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sockets.h"

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 req;
};

static struct request request(__u16 type, __u16 flags, const struct inet_diag_req_v2 *req)
{
	return (struct request){.head = {.nlmsg_len = sizeof(struct request),
					 .nlmsg_type = type,
					 .nlmsg_flags = NLM_F_REQUEST | flags},
				.req = *req};
}

/* Of the sockets of one protocol, those that are meant, as the kernel names them. */
struct search {
	const struct cp_sock *socks;
	size_t n;
	__u8 proto;
	struct inet_diag_req_v2 *found;
	size_t n_found;
	bool no_memory;
};

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

static void keep(struct search *s, const struct inet_diag_msg *m)
{
	struct inet_diag_req_v2 *grown = reallocarray(s->found, s->n_found + 1, sizeof(*s->found));

	s->no_memory |= !grown;
	if (!grown)
		return;
	s->found = grown;
	grown[s->n_found++] = (struct inet_diag_req_v2){.sdiag_family = m->idiag_family,
							.sdiag_protocol = s->proto,
							.idiag_states = ~0u,
							.id = m->id};
}

static void take_socket(const struct nlmsghdr *h, void *arg)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct search *s = arg;
	size_t i;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return;
	for (i = 0; i < s->n; i++)
		if (s->socks[i].proto == s->proto && is_meant(m, &s->socks[i]))
			return keep(s, m);
}

static int find(struct search *s, __u8 family)
{
	struct inet_diag_req_v2 all = {
		.sdiag_family = family, .sdiag_protocol = s->proto, .idiag_states = ~0u};
	struct request r = request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &all);
	int err = cp_netlink_ask(NETLINK_SOCK_DIAG, &r.head, take_socket, s);

	return err ? err : s->no_memory ? -ENOMEM : 0;
}

static int close_found(const struct search *s, size_t *closed)
{
	size_t i;
	int err;

	for (i = 0; i < s->n_found; i++) {
		struct request r = request(SOCK_DESTROY, NLM_F_ACK, &s->found[i]);

		err = cp_netlink_ask(NETLINK_SOCK_DIAG, &r.head, NULL, NULL);
		if (err && err != -ENOENT) /* closed by its user meanwhile */
			return err;
		*closed += !err;
	}
	return 0;
}

static int close_proto(const struct cp_sock *socks, size_t n, __u8 proto, size_t *closed)
{
	struct search s = {.socks = socks, .n = n, .proto = proto};
	size_t i;
	int err;

	for (i = 0; i < n && socks[i].proto != proto; i++)
		;
	if (i == n) /* the kernel may lack the module for what is not needed */
		return 0;
	err = find(&s, AF_INET);
	if (!err)
		err = find(&s, AF_INET6);
	if (!err)
		err = close_found(&s, closed);
	free(s.found);
	return err;
}

int cp_diag_close(const struct cp_sock *socks, size_t n, size_t *closed)
{
	int err = close_proto(socks, n, IPPROTO_TCP, closed);

	return err ? err : close_proto(socks, n, IPPROTO_UDP, closed);
}

bool cp_diag_there(void)
{
	static const __u8 protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	size_t i;

	for (i = 0; i < sizeof(protos); i++) {
		struct search s = {.proto = protos[i]};
		struct inet_diag_req_v2 none = {
			.sdiag_family = AF_INET, .sdiag_protocol = protos[i], .idiag_states = ~0u};
		struct request r = request(SOCK_DESTROY, NLM_F_ACK, &none);

		/* no module for the protocol, or none of these sockets can be closed */
		if (find(&s, AF_INET) ||
		    cp_netlink_ask(NETLINK_SOCK_DIAG, &r.head, NULL, NULL) == -EOPNOTSUPP)
			return false;
	}
	return true;
}
