// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp_lb: an L4 load balancer. The prefilter hands it what it lets pass.
 *
 *	xdp_lb	     from a frame to its IP addresses and protocol
 *	lb_flow	     TCP and UDP: which backend; or a backend's answer, back to the client
 *	lb_icmp	     ICMP errors: the backend of the flow they are about; echoes are answered
 *	lb_tunnel    into the tunnel to the backend
 *	lb_too_big   what does not fit it, back to the sender
 *
 * A packet that is not for a service passes unchanged. lib/place.h says why these are global
 * functions and take numbers; none calls another, as they would share 512 bytes of stack.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/conn.h"
#include "lib/encap.h"
#include "lib/event_xdp.h"
#include "lib/frag.h"
#include "lib/icmp.h"
#include "lib/lb.h"
#include "lib/nat.h"
#include "lib/parse.h"
#include "lib/quote.h"
#include "lib/served.h"

#define GLOBAL __attribute__((noinline))

/* What lb_flow and lb_icmp decide: a reason, which backend, and with LB_TUNNELED how to there. */
static __always_inline __u64 decide_tunnel(const struct corepath_service *svc,
					   const struct pick *pick)
{
	return COREPATH_DROP_LB_TUNNELED | (__u64)(svc->mode == COREPATH_LB_GUE) << 8 |
	       (__u64)pick->id << 9 | (__u64)pick->hash << 32;
}

static __always_inline __u64 decide_nat(enum corepath_drop reason, const struct pick *pick)
{
	return reason | (__u64)pick->id << 9;
}

#define DECISION_REASON(d)  ((enum corepath_drop)((d) & 0xff))
#define DECISION_GUE(d)	    ((d) >> 8 & 1)
#define DECISION_BACKEND(d) ((__u32)(d) >> 9)
#define DECISION_HASH(d)    ((d) >> 32)

_Static_assert(COREPATH_DROP_COUNT <= 1 << 8 && LIMIT_BACKENDS <= 1 << 23, "a decision has room");

/* A packet to a service: which backend, and on to it. */
static __always_inline __u64 serve(struct place *at, const struct corepath_flow *f,
				   const struct corepath_service *svc,
				   const struct corepath_lb_config *cfg)
{
	struct corepath_backend *b;
	enum corepath_drop reason;
	bool may_add = false;
	struct pick pick;

	conn_find(f, svc, opens_connection(at), &pick);
	b = bpf_map_lookup_elem(&lb_backends, &pick.id);
	if (!pick.id || !b)
		return COREPATH_DROP_LB_NO_BACKEND;
	if (!pick.known)
		may_add = conn_may_add(cfg);
	if (svc->mode == COREPATH_LB_NAT) {
		reason = reply_remember(at, f, b, may_add, cfg);
		if (reason)
			return reason;
	}
	if (may_add)
		conn_remember(f, svc, &pick, b);
	if (svc->mode == COREPATH_LB_NAT)
		return decide_nat(nat_forward(at, f, b), &pick);
	return decide_tunnel(svc, &pick);
}

/* Not to a service: perhaps a backend's answer. If not, it is none of our business. */
static __always_inline enum corepath_drop answer(struct place *at, __u32 frag_id,
						 struct corepath_flow *f)
{
	struct corepath_reply *r;

	if (read_ports(&lb_frags, at, frag_id, f))
		return COREPATH_DROP_FORWARDED;
	r = bpf_map_lookup_elem(&lb_replies, f);
	if (!r || !l2_is_unicast(at))
		return COREPATH_DROP_FORWARDED;
	frag_remember(&lb_frags, at, f, frag_id);
	return nat_reply(at, f, r);
}

/* `vip` is the number of the destination's services, 0 if it has none. */
GLOBAL __u64 lb_flow(struct xdp_md *ctx, __u64 where, __u32 frag_id, __u32 vip)
{
	const struct corepath_lb_config *cfg = lb_settings();
	struct corepath_flow f = {};
	struct corepath_service *svc;
	enum corepath_drop reason;
	struct place at;

	if (!cfg || !place_open(ctx, where, &at) || !read_addrs(&at, &f.src, &f.dst))
		return COREPATH_DROP_FORWARDED;
	f.proto = at.l4_proto;
	if (!vip)
		return answer(&at, frag_id, &f);
	if (!l2_is_unicast(&at))
		return COREPATH_DROP_FORWARDED;
	reason = read_ports(&lb_frags, &at, frag_id, &f);
	if (reason)
		return reason;
	svc = find_service(vip, f.dport, f.proto);
	if (!svc)
		return COREPATH_DROP_FORWARDED;
	reason = admit(&f, svc);
	if (reason)
		return reason;
	frag_remember(&lb_frags, &at, &f, frag_id);
	return serve(&at, &f, svc, cfg);
}

/* An error to no service: perhaps about a packet that was translated on its way to a backend. */
static __always_inline enum corepath_drop
answer_error(struct place *at, const struct corepath_addr *src, const struct corepath_addr *dst)
{
	const struct wire_icmp *icmp = at->l4;
	struct corepath_flow f = {};
	struct corepath_reply *r;
	struct place quote;

	if (!place_has_l4(at, sizeof(*icmp)) || !icmp_is_error(icmp->type, at->v6) ||
	    !read_quoted(at, &quote, &f) || !addr_equal(&f.dst, dst) || !addr_is_host(src, at->v6))
		return COREPATH_DROP_FORWARDED;
	r = bpf_map_lookup_elem(&lb_replies, &f);
	if (!r || !l2_is_unicast(at))
		return COREPATH_DROP_FORWARDED;
	return nat_error_reply(at, &quote, src, &f, r);
}

/* Fragments pass: only the kernel can put them together, and does if the address is its own too. */
GLOBAL __u64 lb_icmp(struct xdp_md *ctx, __u64 where, __u32 vip)
{
	struct corepath_addr src, dst;
	struct corepath_flow f = {};
	struct corepath_service *svc;
	struct wire_icmp *icmp;
	struct corepath_backend *b;
	struct place at, quote;
	struct pick pick;

	if (!place_open(ctx, where, &at) || !read_addrs(&at, &src, &dst) || at.frag)
		return COREPATH_DROP_FORWARDED;
	if (!vip)
		return answer_error(&at, &src, &dst);
	if (!l2_is_unicast(&at))
		return COREPATH_DROP_FORWARDED;
	icmp = at.l4;
	if (!place_has_l4(&at, sizeof(*icmp)))
		return COREPATH_DROP_MALFORMED_L4;
	if (icmp->type == (at.v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO))
		return icmp_echo(&at, icmp, &src, &dst);
	if (!icmp_is_error(icmp->type, at.v6) || !read_quoted(&at, &quote, &f) ||
	    !addr_equal(&f.dst, &dst))
		return COREPATH_DROP_FORWARDED;
	svc = find_service(vip, f.dport, f.proto);
	if (!svc)
		return COREPATH_DROP_FORWARDED;
	conn_find(&f, svc, false, &pick);
	b = bpf_map_lookup_elem(&lb_backends, &pick.id);
	if (!pick.id || !b)
		return COREPATH_DROP_LB_NO_BACKEND;
	if (svc->mode == COREPATH_LB_NAT)
		return decide_nat(nat_error_forward(&at, &quote, &f, b), &pick);
	return decide_tunnel(svc, &pick);
}

/* The bytes of IP that fit the way to a backend inside its tunnel. */
static __always_inline __u32 tunnel_room(const struct corepath_backend *b, bool gue)
{
	const struct corepath_lb_config *cfg = lb_settings();

	return cfg ? cfg->mtu - tunnel_overhead(b, gue) : 0;
}

GLOBAL int lb_tunnel(struct xdp_md *ctx, __u64 where, __u32 backend, __u32 hash, __u32 gue)
{
	struct corepath_backend *b = bpf_map_lookup_elem(&lb_backends, &backend);
	const struct corepath_lb_config *cfg = lb_settings();
	struct place at;

	if (!b || !cfg || !place_open(ctx, where, &at))
		return COREPATH_DROP_LB_NO_BACKEND;
	if ((__u32)(at.l3_end - at.l3_off) > tunnel_room(b, gue))
		return COREPATH_DROP_LB_TOO_BIG;
	return encap(ctx, where, &at, hash, b, gue, cfg);
}

GLOBAL int lb_too_big(struct xdp_md *ctx, __u64 where, __u32 backend, __u32 gue)
{
	struct corepath_backend *b = bpf_map_lookup_elem(&lb_backends, &backend);

	if (!b)
		return COREPATH_DROP_LB_NO_BACKEND;
	return icmp_too_big(ctx, where, tunnel_room(b, gue));
}

/* The packet's destination, in passing: what is to no service is most of what there is, and goes no
 * further. */
static __always_inline enum corepath_drop parse_dst(struct packet *p, struct corepath_addr *dst)
{
	enum corepath_drop reason;
	struct wire_ip4 *ip4;
	struct wire_ip6 *ip6;

	reason = parse_l2(p);
	if (reason)
		return reason;
	if (p->l3_proto == ETH_P_IP) {
		reason = parse_ip4(p, &ip4);
		if (!reason)
			addr_from4(dst, ip4->daddr);
		return reason;
	}
	if (p->l3_proto == ETH_P_IPV6) {
		reason = parse_ip6(p, &ip6);
		if (reason)
			return reason;
		__builtin_memcpy(dst, ip6->daddr, sizeof(*dst));
		return parse_ip6_ext(p);
	}
	p->l4_proto = IPPROTO_RAW; /* of no interest */
	/* or clang 14 and 16 keep a register that nothing was written to */
	__builtin_memset(dst, 0, sizeof(*dst));
	return COREPATH_DROP_FORWARDED;
}

/* A packet on its way to that backend. */
static __always_inline void count_served(__u32 backend, __u64 bytes)
{
	struct corepath_backend *b = bpf_map_lookup_elem(&lb_backends, &backend);

	if (b)
		served_packet(b->service, bytes);
}

static __always_inline enum corepath_drop balance(struct xdp_md *ctx, struct packet *p, __u64 bytes)
{
	const struct corepath_lb_config *cfg = lb_settings();
	struct corepath_addr dst;
	enum corepath_drop reason;
	__u64 where, decision;
	bool flow, icmp;
	__u32 vip;

	reason = parse_dst(p, &dst);
	if (reason)
		return reason;
	flow = p->l4_proto == IPPROTO_TCP || p->l4_proto == IPPROTO_UDP;
	icmp = p->l4_proto == (p->l3_proto == ETH_P_IP ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (!cfg || (!flow && !icmp))
		return COREPATH_DROP_FORWARDED;
	vip = find_vip(&dst);
	/* not to a service: a backend's answer, if there can be one */
	if (!vip && !cfg->nat_services)
		return COREPATH_DROP_FORWARDED;
	where = place_pack(p);
	decision = flow ? lb_flow(ctx, where, p->frag_id, vip) : lb_icmp(ctx, where, vip);

	reason = DECISION_REASON(decision);
	if (reason == COREPATH_DROP_LB_TUNNELED)
		reason = lb_tunnel(ctx, where, DECISION_BACKEND(decision), DECISION_HASH(decision),
				   DECISION_GUE(decision));
	if (reason == COREPATH_DROP_LB_TOO_BIG)
		reason = lb_too_big(ctx, where, DECISION_BACKEND(decision), DECISION_GUE(decision));
	if (reason == COREPATH_DROP_LB_TUNNELED || reason == COREPATH_DROP_LB_TRANSLATED)
		count_served(DECISION_BACKEND(decision), bytes);
	return reason;
}

static __always_inline int verdict(enum corepath_drop reason)
{
	if (reason == COREPATH_DROP_FORWARDED)
		return XDP_PASS;
	/* too big: what is sent is the ICMP error in its place */
	if (!corepath_is_drop(reason) || reason == COREPATH_DROP_LB_TOO_BIG)
		return XDP_TX;
	return XDP_DROP;
}

SEC("xdp")
int xdp_lb(struct xdp_md *ctx)
{
	struct packet p = {
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
	};
	__u64 bytes = p.data_end - p.data; /* before anything grows or shrinks it */
	enum corepath_drop reason = balance(ctx, &p, bytes);

	xdp_done(ctx, reason, bytes);
	return verdict(reason);
}

char LICENSE[] SEC("license") = "GPL";
