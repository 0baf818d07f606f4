/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done with sockets: addresses they connect to, and those they wait at. */
#ifndef COREPATH_DEEDS_SOCKET_H
#define COREPATH_DEEDS_SOCKET_H

#include "deed.h"
#include "place.h"

#define AF_UNSPEC 0 /* include/linux/socket.h */
#define AF_INET	  2
#define AF_INET6  10

/* `port` in network order. */
static __always_inline int on_place(enum corepath_op op, const struct corepath_addr *addr,
				    __be16 port, __u32 hook)
{
	struct deed d = {.op = op, .hook = hook};
	struct corepath_rule_event *e;
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	e = &s->event.rule;
	e->dest = *addr;
	e->port = port;
	if (dim_used(COREPATH_DIM_DEST)) {
		__builtin_memcpy(s->key.data, addr, sizeof(*addr));
		key_start(s, COREPATH_DIM_DEST, sizeof(*addr));
		key_apply(d.trie, s);
	}
	if (dim_used(COREPATH_DIM_PORT)) {
		__builtin_memcpy(s->key.data, &port, sizeof(port));
		key_start(s, COREPATH_DIM_PORT, sizeof(port));
		key_apply(d.trie, s);
	}
	return deed_end(&d, s);
}

/* `any_family`: what udp_sendmsg() and inet_bind() take for AF_INET although it says AF_UNSPEC. */
static __always_inline int on_address(enum corepath_op op, const void *address, __u32 len,
				      bool any_family, __u32 hook)
{
	struct corepath_addr addr = {};
	struct sockaddr_in6 sa = {};
	struct sockaddr_in *sin = (void *)&sa;

	if (!(sec_config.ops & 1u << op) || len < sizeof(*sin))
		return 0;
	bpf_probe_read_kernel(&sa, len < sizeof(sa) ? sizeof(*sin) : sizeof(sa), address);
	if (sa.sin6_family == AF_INET || (any_family && sa.sin6_family == AF_UNSPEC))
		addr_from4(&addr, sin->sin_addr.s_addr);
	else if (sa.sin6_family == AF_INET6 &&
		 len >= 24) /* SIN6_LEN_RFC2133 of include/net/ipv6.h */
		__builtin_memcpy(&addr, &sa.sin6_addr, sizeof(addr));
	else
		return 0;
	return on_place(op, &addr, sa.sin6_port, hook);
}

static __always_inline int on_send(struct msghdr *msg, __u32 hook)
{
	const void *name = BPF_CORE_READ(msg, msg_name);

	return name ? on_address(COREPATH_OP_CONNECT, name, BPF_CORE_READ(msg, msg_namelen), true,
				 hook)
		    : 0;
}

/* Port 0: it has none yet, and gets one that the kernel chooses. */
static __always_inline int on_listen(struct socket *sock, __u32 hook)
{
	struct sock *sk = BPF_CORE_READ(sock, sk);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct corepath_addr addr = {};

	if (family == AF_INET)
		addr_from4(&addr, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else if (family == AF_INET6)
		BPF_CORE_READ_INTO(&addr, sk, __sk_common.skc_v6_rcv_saddr);
	else
		return 0;
	return on_place(COREPATH_OP_LISTEN, &addr,
			bpf_htons(BPF_CORE_READ(sk, __sk_common.skc_num)), hook);
}

#endif
