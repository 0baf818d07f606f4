// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock_term: closes the connected sockets that sock_lb sent to one backend, when that backend goes.
 * Their users see ECONNABORTED at once instead of a silence that ends with a timeout.
 *
 * Iterators, which user space reads in each network namespace. Where the kernel gives them nothing
 * to close a socket with, the programs load all the same and do nothing, and user space goes by
 * netlink.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/compat_sock.h"
#include "lib/place.h"
#include "lib/sock_maps.h"

#define AF_INET	 2 /* include/linux/socket.h */
#define AF_INET6 10

/* Of which backend; how many there were; and whether this kernel can. */
__u32 term_backend, term_generation;
__u32 term_closed;
__u32 term_able;

/* A socket that is connected elsewhere, or to nobody, has no entry by the address it has. */
static __always_inline bool is_of_backend(struct sock_common *sk)
{
	struct corepath_sock_key key = {.cookie = bpf_get_socket_cookie(sk)};
	struct corepath_sock_peer *peer;

	key.port = sk->skc_dport;
	if (sk->skc_family == AF_INET) {
		addr_from4(&key.addr, sk->skc_daddr);
	} else if (sk->skc_family == AF_INET6) {
		key.addr.w[0] = sk->skc_v6_daddr.in6_u.u6_addr32[0];
		key.addr.w[1] = sk->skc_v6_daddr.in6_u.u6_addr32[1];
		key.addr.w[2] = sk->skc_v6_daddr.in6_u.u6_addr32[2];
		key.addr.w[3] = sk->skc_v6_daddr.in6_u.u6_addr32[3];
	} else {
		return false;
	}
	peer = bpf_map_lookup_elem(&sock_peers, &key);
	return peer && peer->backend == term_backend && peer->generation == term_generation;
}

static __always_inline int look_at(struct sock_common *sk)
{
	if (!compat_can_destroy())
		return 0;
	term_able = true;
	if (sk && is_of_backend(sk) && !bpf_sock_destroy(sk))
		term_closed++;
	return 0;
}

SEC("iter/tcp")
int sock_term_tcp(struct bpf_iter__tcp *ctx)
{
	return look_at(ctx->sk_common);
}

SEC("iter/udp")
int sock_term_udp(struct bpf_iter__udp *ctx)
{
	return look_at((struct sock_common *)ctx->udp_sk);
}

char LICENSE[] SEC("license") = "GPL";
