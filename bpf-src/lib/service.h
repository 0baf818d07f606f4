/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services for what endpoints send, where XDP and sockets cannot give them: the balancer's own
 * tables, and answers by the connection.
 *
 *	svc_pick	a packet of an endpoint: is it to a service, and to which backend
 *	svc_apply	into the packet: the backend's address and port; or, of an answer, the
 *service's svc_enter	the connection remembers the service svc_fits	whether a connection that is
 *there already is this service's svc_answer	from the connection: what an answer to the endpoint
 *must become
 *
 * The connection is that of the endpoint with the backend: what is judged, and what anybody behind
 * us sees. It has the service beside it (struct corepath_ct), so an answer costs no lookup more. An
 * answer is translated where it is handed to the endpoint, after everybody has had their say.
 *
 * Two connections that differ in nothing but which service they are to, or whether to one, would be
 * one with their backend: the later is refused, as the balancer does (lb_nat_collision).
 */
#ifndef COREPATH_SERVICE_H
#define COREPATH_SERVICE_H

#include "conn.h"
#include "lb.h"
#include "rewrite.h"
#include "spoof.h"
#include "work.h"

/* What these functions say beside reasons: what of the packet changes. */
#define SVC_SRC	  (1 << 10)
#define SVC_DST	  (1 << 11)
#define SVC_ERROR (1 << 12) /* in an ICMP error: outside, and the other end in what it quotes */
#define SVC_FLAGS (SVC_SRC | SVC_DST | SVC_ERROR)

/* Backends of a tunnel promise to serve the service's address; that they serve their own as well,
 * as sockets of this host need, the operator says. */
static __always_inline bool svc_is_ours(const struct corepath_service *svc)
{
	return svc->mode == COREPATH_LB_NAT || svc->flags & COREPATH_SERVICE_SOCKETS;
}

/*
 * The flow to find a service by: of an ICMP error, of the packets whose answer it is about. False
 * is none; what is wrong with such a packet, or whose later fragment it is, is for who tracks it.
 */
static __always_inline bool svc_read(const struct place *at, __u32 frag_id, struct corepath_flow *f,
				     bool *error)
{
	const struct wire_icmp *icmp = at->l4;
	struct corepath_addr to = f->dst;
	struct place quote;

	f->proto = at->l4_proto;
	*error = is_icmp(at->l4_proto, at->v6);
	if (!*error)
		return (at->l4_proto == IPPROTO_TCP || at->l4_proto == IPPROTO_UDP) &&
		       !read_ports(&lb_frags, at, frag_id, f);
	return !at->frag && place_has_l4(at, sizeof(*icmp)) && icmp_is_error(icmp->type, at->v6) &&
	       read_quoted(at, &quote, f) && addr_equal(&f->dst, &to);
}

static __always_inline void svc_hairpin_addr(struct corepath_addr *a, bool v6)
{
	addr_from4(a, bpf_htonl(COREPATH_HAIRPIN4));
	if (v6) {
		a->w[0] = bpf_htonl(COREPATH_HAIRPIN6);
		a->w[2] = 0;
	}
}

/* What the packet is told to become, and its connection to remember. */
static __always_inline __u32 svc_decide(struct ep_service *s, const struct corepath_flow *f,
					const struct corepath_backend *b,
					const struct corepath_addr *own, bool v6)
{
	s->addr = f->dst;
	s->port = f->dport;
	s->to[1].addr = b->addr;
	s->to[1].port = b->port ?: f->dport;
	s->hairpin = addr_equal(&b->addr, own);
	if (!s->hairpin)
		return SVC_DST;
	svc_hairpin_addr(&s->to[0].addr, v6);
	s->to[0].port = f->sport;
	return SVC_SRC | SVC_DST;
}

/* Of a packet that an endpoint sends: what of it changes, 0, or why it is dropped. What is not to a
 * service, or not from the endpoint's own address, is left alone. */
__attribute__((noinline)) __u32 svc_pick(struct __sk_buff *skb, __u64 where, __u32 frag_id)
{
	const struct corepath_lb_config *cfg = lb_settings();
	struct corepath_endpoint *ep;
	struct ep_packet *e = scratch();
	struct corepath_service *svc;
	struct corepath_flow f = {};
	__u32 ifindex = skb->ifindex;
	struct corepath_backend *b;
	enum corepath_drop reason;
	struct place at;
	struct pick pick;
	bool error;
	__u32 vip;

	if (!e)
		return 0;
	e->svc.port = 0;
	e->svc.hairpin = e->svc.moved = false;
	if (!cfg || !place_open_skb(skb, where, &at) || !read_addrs(&at, &f.src, &f.dst))
		return 0;
	vip = find_vip(&f.dst);
	ep = bpf_map_lookup_elem(&endpoints, &ifindex);
	if (!vip || !ep || !source_is_own(&at, ep, &f.src) || !svc_read(&at, frag_id, &f, &error))
		return 0;
	svc = find_service(vip, f.dport, f.proto);
	if (!svc || !svc_is_ours(svc))
		return 0;
	reason = error ? COREPATH_DROP_FORWARDED : admit(&f, svc);
	if (reason)
		return reason;
	conn_find(&f, svc, !error && opens_connection(&at), &pick);
	b = bpf_map_lookup_elem(&lb_backends, &pick.id);
	if (!pick.id || !b)
		return COREPATH_DROP_LB_NO_BACKEND;
	/* to the other family goes a tunnel alone, and that is the balancer's */
	if (addr_is4(&b->addr) == at.v6)
		return 0;
	if (!error) {
		/* beyond the rate of new ones it follows the table alone: conn.h */
		if (!pick.known && conn_may_add(cfg))
			conn_remember(&f, svc, &pick, b);
		frag_remember(&lb_frags, &at, &f, frag_id);
	}
	e->svc.moved = pick.moved;
	return svc_decide(&e->svc, &f, b, &ep->addr[at.v6], at.v6) | (error ? SVC_ERROR : 0);
}

/* ---- into the packet ---- */

/* One end of a packet, as the scratch has it. */
__attribute__((noinline)) int svc_write(struct __sk_buff *skb, __u64 where, __u32 dst)
{
	struct ep_packet *e = scratch();
	struct corepath_addr ends[2];
	struct side side = {.dst = dst};
	const struct wire_udp *udp;
	struct place at;

	if (!e || !place_open_skb(skb, where, &at) || !read_addrs(&at, &ends[0], &ends[1]))
		return COREPATH_DROP_UNWRITABLE;
	side.was = dst ? &ends[1] : &ends[0];
	side.addr = dst ? &e->svc.to[1].addr : &e->svc.to[0].addr;
	if (!(at.frag & PACKET_FRAG_LATER)) {
		udp = at.l4;
		if ((void *)(udp + 1) > at.data_end)
			return COREPATH_DROP_UNWRITABLE;
		side.was_port = dst ? udp->dport : udp->sport;
		side.port = dst ? e->svc.to[1].port : e->svc.to[0].port;
	}
	return rewrite(skb, &at, &side) ? COREPATH_DROP_UNWRITABLE : COREPATH_DROP_FORWARDED;
}

/* The same end of an ICMP error; the packet it quotes has it as its other one. */
__attribute__((noinline)) int svc_write_error(struct __sk_buff *skb, __u64 where, __u32 dst)
{
	struct ep_packet *e = scratch();
	struct corepath_addr ends[2];
	struct corepath_flow f = {}; /* what answers the quoted packet */
	struct side outer, inner;
	struct place at, quote;
	struct quoted q = {};

	if (!e || !place_open_skb(skb, where, &at) || !read_addrs(&at, &ends[0], &ends[1]) ||
	    !read_quoted(&at, &quote, &f))
		return COREPATH_DROP_UNWRITABLE;
	read_quoted_checks(&quote, &q);
	outer = (struct side){.dst = dst,
			      .was = dst ? &ends[1] : &ends[0],
			      .addr = dst ? &e->svc.to[1].addr : &e->svc.to[0].addr};
	inner = (struct side){.dst = !dst,
			      .was = dst ? &f.dst : &f.src,
			      .addr = outer.addr,
			      .was_port = dst ? f.dport : f.sport,
			      .port = dst ? e->svc.to[1].port : e->svc.to[0].port};
	return rewrite_error(skb, &at, &quote, &q, &outer, &inner) ? COREPATH_DROP_UNWRITABLE
								   : COREPATH_DROP_FORWARDED;
}

/* What svc_pick() or svc_answer() said. A reason, or 0. */
__attribute__((noinline)) int svc_apply(struct __sk_buff *skb, __u64 where, __u32 what)
{
	int reason = 0;

	if (what & SVC_ERROR) {
		if (what & SVC_SRC)
			reason = svc_write_error(skb, where, false);
		if (what & SVC_DST && !reason)
			reason = svc_write_error(skb, where, true);
		return reason;
	}
	if (what & SVC_SRC)
		reason = svc_write(skb, where, false);
	if (what & SVC_DST && !reason)
		reason = svc_write(skb, where, true);
	return reason;
}

/* ---- the connection ---- */

static __always_inline void svc_enter(struct corepath_ct *fresh, const struct ep_service *s)
{
	if (!s->port)
		return;
	fresh->service = s->addr;
	fresh->service_port = s->port;
	if (s->hairpin)
		fresh->flags |= COREPATH_CT_HAIRPIN;
}

static __always_inline bool svc_fits(const struct work *w)
{
	if (w->side) /* who was asked is no client in this connection */
		return !w->svc->port;
	return w->ct->service_port == w->svc->port &&
	       (!w->svc->port || addr_equal(&w->ct->service, &w->svc->addr));
}

/* What the packet must become before the endpoint gets it; 0: nothing. */
static __always_inline __u32 svc_answer(const struct work *w)
{
	const struct corepath_ct *ct = w->ct;
	__u32 what = w->p->error ? SVC_ERROR : 0;

	if (!w->side || !ct->service_port)
		return 0;
	w->svc->to[0].addr = ct->service;
	w->svc->to[0].port = ct->service_port;
	if (!(ct->flags & COREPATH_CT_HAIRPIN))
		return what | SVC_SRC;
	/* of an error, w->f is what answers the quoted packet: from the same to the same */
	w->svc->to[1].addr = w->f->src;
	w->svc->to[1].port = w->f->dport;
	return what | SVC_SRC | SVC_DST;
}

#endif
