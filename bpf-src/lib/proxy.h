/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet to the proxy that a policy names: to the socket that has its connection, or else to the
 * one that listens on the port. It is not changed, so the proxy sees whom its sender meant.
 *
 * A listener of another program, on the very port the packet is for, must never be found in the
 * proxy's place: of what is found by the packet's own ends only a socket that is connected counts.
 */
#ifndef COREPATH_PROXY_H
#define COREPATH_PROXY_H

#include "quote.h"
#include "skb.h"

/* include/uapi/linux/bpf.h: BPF_TCP_..., what struct bpf_sock has as state; of UDP too */
#define SOCK_ESTABLISHED 1
#define SOCK_TIME_WAIT	 6
#define SOCK_LISTENS	 10

#define THIS_NETNS ((__u64) - 1)

/* struct bpf_sock_tuple of include/uapi/linux/bpf.h, which has no room between addresses and ports:
 * so of IPv4 it begins later. */
struct proxy_ends {
	__be32 addrs[8];
	__be16 sport, dport;
};

struct proxy_tuple {
	void *at;
	__u32 size;
};

static __always_inline bool proxy_read(const struct place *at, struct proxy_ends *ends,
				       struct proxy_tuple *tuple)
{
	const struct wire_udp *udp = at->l4;
	struct corepath_addr src, dst;
	__u32 v6 = at->v6;

	if (!place_has_l4(at, sizeof(*udp)) || !read_addrs(at, &src, &dst))
		return false;
	ends->sport = udp->sport;
	ends->dport = udp->dport;
	/* two ways, of which each has its own numbers: no verifier takes a write to the stack at
	 * one that is made of a bit of the packet's place */
	barrier_var(v6);
	if (v6) {
		__builtin_memcpy(&ends->addrs[0], &src, sizeof(src));
		__builtin_memcpy(&ends->addrs[4], &dst, sizeof(dst));
		*tuple = (struct proxy_tuple){.at = ends, .size = sizeof(*ends)};
	} else {
		ends->addrs[6] = src.w[3];
		ends->addrs[7] = dst.w[3];
		*tuple = (struct proxy_tuple){.at = &ends->addrs[6], .size = 3 * sizeof(__be32)};
	}
	return true;
}

static __always_inline bool proxy_give(struct __sk_buff *skb, struct bpf_sock *sk)
{
	long err = bpf_sk_assign(skb, sk, 0);

	bpf_sk_release(sk);
	return !err;
}

/* Who listens on the port: no connection has a port of 0, so with it none is found. */
static __always_inline void proxy_any_sender(struct proxy_ends *ends, __be16 port)
{
	ends->sport = 0;
	ends->dport = port;
}

static __always_inline bool proxy_tcp(struct __sk_buff *skb, struct proxy_ends *ends,
				      const struct proxy_tuple *t, __be16 port, bool opens)
{
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, t->at, t->size, THIS_NETNS, 0);

	if (sk) {
		/* what is left of a connection does not take a new one (RFC 9293 section 3.10.7.4)
		 */
		if (sk->state != SOCK_LISTENS && !(opens && sk->state == SOCK_TIME_WAIT))
			return proxy_give(skb, sk);
		bpf_sk_release(sk);
	}
	proxy_any_sender(ends, port);
	sk = bpf_skc_lookup_tcp(skb, t->at, t->size, THIS_NETNS, 0);
	return sk && proxy_give(skb, sk);
}

static __always_inline bool proxy_udp(struct __sk_buff *skb, struct proxy_ends *ends,
				      const struct proxy_tuple *t, __be16 port)
{
	struct bpf_sock *sk = bpf_sk_lookup_udp(skb, t->at, t->size, THIS_NETNS, 0);

	if (sk) {
		if (sk->state == SOCK_ESTABLISHED)
			return proxy_give(skb, sk);
		bpf_sk_release(sk);
	}
	proxy_any_sender(ends, port);
	sk = bpf_sk_lookup_udp(skb, t->at, t->size, THIS_NETNS, 0);
	return sk && proxy_give(skb, sk);
}

/*
 * What becomes of the packet. An ICMP error is about what the proxy has sent, so it is the stack's
 * that the proxy has. Fragments lose their socket where they are put together (ip_frag_queue() in
 * net/ipv4/ip_fragment.c), so they cannot be given.
 */
__attribute__((noinline)) __u32 proxy_take(struct __sk_buff *skb, __u64 where, __u32 port)
{
	struct proxy_ends ends = {};
	struct proxy_tuple tuple;
	struct place at;
	bool taken;

	if (!place_open_skb(skb, where, &at) || at.frag)
		return COREPATH_DROP_POLICY_NO_PROXY;
	if (!is_icmp(at.l4_proto, at.v6)) {
		if (!proxy_read(&at, &ends, &tuple))
			return COREPATH_DROP_POLICY_NO_PROXY;
		taken = at.l4_proto == IPPROTO_TCP
				? proxy_tcp(skb, &ends, &tuple, port, opens_connection(&at))
				: proxy_udp(skb, &ends, &tuple, port);
		if (!taken)
			return COREPATH_DROP_POLICY_NO_PROXY;
	}
	SKB_STORE(skb, mark, (__u64)SKB_LOAD(skb, mark) | COREPATH_PROXY_MARK);
	return COREPATH_DROP_POLICY_PROXIED;
}

#endif
