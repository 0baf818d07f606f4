// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock_lb: services for the sockets of this host. A socket that connects or sends to a service is
 * given a backend's address before there is a packet, and is told the service's whenever it asks
 * who the other end is: nothing is translated on the way.
 *
 *	connect, sendmsg	  the service's address becomes a backend's
 *	recvmsg, getpeername	  the backend's becomes the service's again
 *	sock_release		  forgets what the socket had
 *
 * Every program returns 1: 0 would be EPERM for the caller. What is to no service, or to one
 * without a usable backend, goes where its user sent it.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/conn.h"
#include "lib/lb.h"
#include "lib/served.h"
#include "lib/sock_maps.h"

/* What the lists of clients are to the sockets of a network namespace: one client, for it has one
 * address to most services, and which one is not known before a route is. A multicast address is
 * no packet's source (RFC 4291 section 2.7), so no client in the network is taken for it. */
static __always_inline void client_of(struct bpf_sock_addr *ctx, struct corepath_addr *client)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);

	client->w[0] = bpf_htonl(0xff000000);
	client->w[1] = 0;
	client->w[2] = cookie >> 32;
	client->w[3] = cookie;
}

static __always_inline struct sock_flow *find_flow(struct sock_flows *flows, __u32 service,
						   __u16 port)
{
	int i;

#pragma unroll
	for (i = 0; i < LIMIT_SOCK_FLOWS; i++)
		if (flows->flow[i].service == service && flows->flow[i].port == port)
			return &flows->flow[i];
	return NULL;
}

/* The backend that a UDP socket has of this service, drained or not: its datagrams are one flow. */
static __always_inline __u32 known_backend(const struct sock_flow *flow)
{
	struct corepath_conn c = {.backend = flow->backend, .generation = flow->generation};

	return conn_backend(&c, false) ? c.backend : 0;
}

/*
 * A backend for what is new. TCP: by chance, so that who is refused and tries again, by the same
 * socket or another, comes to another one. UDP: by the socket's cookie, so that its datagrams stay
 * together when nothing of it could be remembered.
 */
static __always_inline __u32 new_backend(struct bpf_sock_addr *ctx,
					 const struct corepath_service *svc, __u64 cookie)
{
	struct corepath_client client = {.service = svc->id};
	struct corepath_conn c = {.used_ns = bpf_ktime_get_ns()};
	struct corepath_backend *b;

	if (!svc->affinity_ns)
		return maglev_lookup(svc->id, ctx->protocol == IPPROTO_TCP ? bpf_get_prandom_u32()
									   : cookie_hash(cookie));
	client_of(ctx, &client.addr);
	c.backend = affinity_get(&client, svc, c.used_ns);
	if (c.backend)
		return c.backend;
	c.backend = maglev_lookup(svc->id, client_hash(&client.addr));
	b = bpf_map_lookup_elem(&lb_backends, &c.backend);
	if (!c.backend || !b)
		return 0;
	c.generation = b->generation;
	bpf_map_update_elem(&lb_affinity, &client, &c, BPF_ANY);
	return c.backend;
}

/* What recvmsg and getpeername give back. False if there is no room for it. */
static __always_inline bool remember_peer(const struct corepath_sock_key *key,
					  const struct corepath_sock_peer *peer)
{
	struct corepath_sock_peer *old = bpf_map_lookup_elem(&sock_peers, key);

	/* the same one in most cases: sendmsg comes here with each datagram */
	if (old && old->backend == peer->backend && old->generation == peer->generation &&
	    old->port == peer->port && addr_equal(&old->addr, &peer->addr))
		return true;
	return !bpf_map_update_elem(&sock_peers, key, peer, BPF_ANY);
}

static __always_inline void remember_flow(struct sock_flows *flows, struct sock_flow *old,
					  const struct sock_flow *flow)
{
	__u32 i;

	if (!old) {
		i = flows->next++ % LIMIT_SOCK_FLOWS;
		old = &flows->flow[i];
	}
	*old = *flow;
}

/* From the address and port of a service to those of a backend. False: they stay as they are. */
static __always_inline bool to_backend(struct bpf_sock_addr *ctx, struct corepath_addr *addr,
				       __u16 *port)
{
	struct corepath_sock_key key = {.cookie = bpf_get_socket_cookie(ctx)};
	struct corepath_sock_peer peer = {.addr = *addr, .port = *port, .proto = ctx->protocol};
	struct sock_flow flow = {.port = *port}, *known = NULL;
	bool fresh;
	struct corepath_service *svc;
	struct corepath_backend *b;
	struct sock_flows *flows;
	__u32 vip;

	/* not the low byte of IPPROTO_MPTCP (262), which is TCP's */
	if (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP)
		return false;
	vip = find_vip(addr);
	if (!vip)
		return false;
	svc = find_service(vip, *port, ctx->protocol);
	if (!svc || !(svc->flags & COREPATH_SERVICE_SOCKETS))
		return false;
	flow.service = svc->id;

	flows = bpf_sk_storage_get(&sock_flows, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (flows)
		known = find_flow(flows, svc->id, *port);
	if (known && ctx->protocol == IPPROTO_UDP)
		flow.backend = known_backend(known);
	fresh = !flow.backend;
	if (fresh)
		flow.backend = new_backend(ctx, svc, key.cookie);
	b = bpf_map_lookup_elem(&lb_backends, &flow.backend);
	/* a socket is of one family for good: what needs a tunnel between them is left to XDP */
	if (!flow.backend || !b || addr_is4(&b->addr) != addr_is4(addr))
		return false;

	flow.generation = peer.generation = b->generation;
	peer.backend = flow.backend;
	flow.addr = key.addr = b->addr;
	flow.backend_port = key.port = b->port ?: *port;
	/* who cannot be told the service's address again is not sent elsewhere */
	if (!remember_peer(&key, &peer))
		return false;
	if (flows)
		remember_flow(flows, known, &flow);
	if (fresh)
		served_connection(svc->id);
	*addr = key.addr;
	*port = key.port;
	return true;
}

/* And back. */
static __always_inline bool to_service(struct bpf_sock_addr *ctx, struct corepath_addr *addr,
				       __u16 *port)
{
	struct corepath_sock_key key = {
		.cookie = bpf_get_socket_cookie(ctx), .addr = *addr, .port = *port};
	struct corepath_sock_peer *peer = bpf_map_lookup_elem(&sock_peers, &key);

	if (!peer)
		return false;
	*addr = peer->addr;
	*port = peer->port;
	return true;
}

static __always_inline void read4(struct bpf_sock_addr *ctx, struct corepath_addr *addr)
{
	addr_from4(addr, ctx->user_ip4);
}

static __always_inline void write4(struct bpf_sock_addr *ctx, const struct corepath_addr *addr)
{
	ctx->user_ip4 = addr->w[3];
}

/* IPv4 of an IPv6 socket is IPv4-mapped, here as in the maps. */
static __always_inline void read6(struct bpf_sock_addr *ctx, struct corepath_addr *addr)
{
	addr->w[0] = ctx->user_ip6[0];
	addr->w[1] = ctx->user_ip6[1];
	addr->w[2] = ctx->user_ip6[2];
	addr->w[3] = ctx->user_ip6[3];
}

static __always_inline void write6(struct bpf_sock_addr *ctx, const struct corepath_addr *addr)
{
	ctx->user_ip6[0] = addr->w[0];
	ctx->user_ip6[1] = addr->w[1];
	ctx->user_ip6[2] = addr->w[2];
	ctx->user_ip6[3] = addr->w[3];
}

#define SOCK_PROGRAM(section, name, family, translate)                                             \
	SEC("cgroup/" section #family)                                                             \
	int sock_##name##family(struct bpf_sock_addr *ctx)                                         \
	{                                                                                          \
		struct corepath_addr addr;                                                         \
		__u16 port = ctx->user_port;                                                       \
                                                                                                   \
		read##family(ctx, &addr);                                                          \
		if (translate(ctx, &addr, &port)) {                                                \
			write##family(ctx, &addr);                                                 \
			ctx->user_port = port;                                                     \
		}                                                                                  \
		return 1;                                                                          \
	}

SOCK_PROGRAM("connect", connect, 4, to_backend)
SOCK_PROGRAM("connect", connect, 6, to_backend)
SOCK_PROGRAM("sendmsg", sendmsg, 4, to_backend)
SOCK_PROGRAM("sendmsg", sendmsg, 6, to_backend)
SOCK_PROGRAM("recvmsg", recvmsg, 4, to_service)
SOCK_PROGRAM("recvmsg", recvmsg, 6, to_service)
SOCK_PROGRAM("getpeername", getpeer, 4, to_service)
SOCK_PROGRAM("getpeername", getpeer, 6, to_service)

SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *sk)
{
	struct sock_flows *flows = bpf_sk_storage_get(&sock_flows, sk, NULL, 0);
	struct corepath_sock_key key = {};
	int i;

	if (!flows)
		return 1;
	key.cookie = bpf_get_socket_cookie(sk);
#pragma unroll
	for (i = 0; i < LIMIT_SOCK_FLOWS; i++) {
		if (!flows->flow[i].service)
			continue;
		key.addr = flows->flow[i].addr;
		key.port = flows->flow[i].backend_port;
		bpf_map_delete_elem(&sock_peers, &key);
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
