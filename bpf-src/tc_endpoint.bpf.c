// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc_from_endpoint, tc_to_endpoint: both ends of the wire to one workload, on the host's side of
 * it.
 *
 *	tc_from_endpoint  ingress of the device, what the workload sends: is it who it says; to a
 *			  service, then on to a backend; does its policy let it, or name a proxy;
 *			  to an endpoint of this host, straight into it
 *	tc_to_endpoint	  egress of the device, what is sent to it: does its policy let it in; a
 *			  backend's answer is the service's again
 *
 * A packet that is handed from one endpoint into the other never leaves by the other's device, so
 * its policy is asked first, here; any other way leads through its tc_to_endpoint. So it is asked
 * once.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/csum.h"
#include "lib/event_skb.h"
#include "lib/proxy.h"
#include "lib/service.h"
#include "lib/spoof.h"
#include "lib/work.h"

#define GLOBAL __attribute__((noinline))

/* What the functions below return: a reason, what is done or to be done with the packet, and
 * SVC_FLAGS. */
#define REDIRECTED (1 << 8)
#define UNTRACKED  (1 << 9)
#define PROXIED	   (1 << 13)
#define REASON	   0xff

/* The frame as a router would send it on. False for what a router answers, or must not touch. */
static __always_inline bool route(struct __sk_buff *ctx, __u64 where,
				  const struct corepath_endpoint *to)
{
	struct wire_eth *eth;
	struct wire_ip4 *ip4;
	struct wire_ip6 *ip6;
	struct place at;

	if (!place_open_skb(ctx, where, &at))
		return false;
	if (at.v6) {
		ip6 = place_ip6(&at);
		if (!ip6 || ip6->hop_limit <= 1)
			return false;
		ip6->hop_limit--;
	} else {
		ip4 = at.l3;
		if (ip4->ttl <= 1)
			return false;
		ip4_hop(ip4);
	}
	eth = at.data;
	/* one whose MAC is not known only gets what it sent itself */
	__builtin_memcpy(eth->dst, mac_is_set(to->mac) ? to->mac : eth->src, sizeof(eth->dst));
	__builtin_memcpy(eth->src, to->host_mac, sizeof(eth->src));
	return true;
}

/* The device of the endpoint that the packet is for, if packets can be handed to it; else 0. */
GLOBAL __u32 ep_local(void)
{
	struct ep_packet *e = scratch();
	struct corepath_endpoint *ep;
	__u32 *found;

	found = e ? bpf_map_lookup_elem(&ep_addrs, &e->f.dst) : NULL;
	if (!found)
		return 0;
	ep = bpf_map_lookup_elem(&endpoints, found);
	return ep && mac_is_set(ep->mac) ? *found : 0;
}

/* Reads a packet that an endpoint sends (`sends`), or is sent, into the scratch. */
GLOBAL __u32 ep_read(struct __sk_buff *ctx, __u64 where, __u32 frag_id, __u32 sends)
{
	struct ep_packet *e = scratch();
	struct corepath_endpoint *ep;
	__u32 ifindex = ctx->ifindex;
	enum corepath_drop reason;
	struct ct_packet p = {};
	struct corepath_flow f = {};
	struct place at;

	ep = bpf_map_lookup_elem(&endpoints, &ifindex);
	if (!ep || !e || !place_open_skb(ctx, where, &at) || !read_addrs(&at, &f.src, &f.dst))
		return UNTRACKED;
	/* svc_pick() has seen to that of what comes back to its sender */
	if (sends && !e->svc.hairpin && !source_is_own(&at, ep, &f.src))
		return COREPATH_DROP_ENDPOINT_SPOOFED;
	if (is_discovery(&at))
		return UNTRACKED;
	reason = ct_read(&at, frag_id, &p, &f);
	if (reason)
		return reason;
	frag_remember(&ct_frags, &at, &f, frag_id);
	p.moved = sends && e->svc.moved;
	e->p = p;
	e->f = f;
	if (sends && e->svc.hairpin) /* to policy it is itself at both ends */
		e->f.src = f.dst;
	return COREPATH_DROP_FORWARDED;
}

/* What the packet's ends in this host say of it; `local` is the device of the endpoint that it is
 * for. The device it is to be handed to is in the upper half, or, of one that is PROXIED, the
 * proxy's port. What is asked again below is in maps, where it costs the verifier nothing. */
GLOBAL __u64 ep_send(struct __sk_buff *ctx, __u32 local)
{
	struct judge from = {.ifindex = ctx->ifindex, .direction = COREPATH_OUT};
	struct judge to = {.ifindex = local, .direction = COREPATH_IN};
	enum corepath_drop reason;
	struct work w = {};
	bool hairpin;

	from.ep = bpf_map_lookup_elem(&endpoints, &from.ifindex);
	if (!from.ep || !work_open(&w))
		return COREPATH_DROP_FORWARDED;
	reason = work_find(&w, false);
	if (reason)
		return reason;
	if (!w.ct) /* never; the verifier cannot know */
		return COREPATH_DROP_CT_FAILED;
	if (!w.found)
		svc_enter(w.ct, w.svc);
	else if (!svc_fits(&w))
		return COREPATH_DROP_LB_NAT_COLLISION;
	reason = work_judge(&w, &from);
	if (reason)
		return work_refused(&w, reason);
	hairpin = w.ct->flags & COREPATH_CT_HAIRPIN;
	if (hairpin)
		to.ifindex = from.ifindex;
	/* whom the proxy asks in its turn sees the proxy, not this endpoint */
	w.judged->proxy = w.side ? 0 : w.ct->proxy;
	if (w.judged->proxy)
		to.ifindex = 0;
	to.ep = to.ifindex ? bpf_map_lookup_elem(&endpoints, &to.ifindex) : NULL;
	/* by the peer's way its tc_to_endpoint does not see it, by any other it does; and then not
	 * who a packet to itself is from */
	if (to.ep && (to.ep->flags & COREPATH_ENDPOINT_PEER || hairpin))
		reason = work_judge(&w, &to);
	if (reason)
		return work_refused(&w, reason);
	reason = work_done(&w);
	if (!reason && w.judged->audited)
		reason = COREPATH_DROP_POLICY_AUDITED;
	if (w.judged->proxy)
		return reason | PROXIED | (__u64)w.judged->proxy << 32;
	if (!to.ep)
		return reason;
	return reason | (to.ep->flags & COREPATH_ENDPOINT_PEER ? svc_answer(&w) : 0) |
	       (__u64)to.ifindex << 32;
}

GLOBAL __u32 ep_receive(struct __sk_buff *ctx)
{
	struct judge to = {.ifindex = ctx->ifindex, .direction = COREPATH_IN};
	enum corepath_drop reason;
	struct work w = {};

	to.ep = bpf_map_lookup_elem(&endpoints, &to.ifindex);
	if (!to.ep || !work_open(&w))
		return COREPATH_DROP_FORWARDED;
	reason = work_find(&w, true);
	if (reason)
		return reason;
	reason = work_judge(&w, &to);
	if (reason)
		return work_refused(&w, reason);
	reason = work_done(&w);
	if (!reason && w.judged->audited)
		reason = COREPATH_DROP_POLICY_AUDITED;
	return reason | (w.ct ? svc_answer(&w) : 0);
}

GLOBAL __u32 ep_deliver(struct __sk_buff *ctx, __u64 where, __u32 ifindex)
{
	struct corepath_endpoint *to = bpf_map_lookup_elem(&endpoints, &ifindex);

	if (!to || !route(ctx, where, to))
		return 0;
	if (to->flags & COREPATH_ENDPOINT_PEER)
		bpf_redirect_peer(ifindex, 0);
	else
		bpf_redirect(ifindex, 0);
	return REDIRECTED;
}

static __always_inline struct corepath_endpoint *own_endpoint(struct __sk_buff *ctx)
{
	__u32 ifindex = ctx->ifindex;

	return bpf_map_lookup_elem(&endpoints, &ifindex);
}

/* A reason, and what svc_answer() said in the place of FORWARDED. */
static __always_inline __u32 translate(struct __sk_buff *ctx, __u64 where, __u32 decision)
{
	__u32 reason = decision & REASON, failed;

	if (!(decision & SVC_FLAGS) || corepath_is_drop(reason))
		return decision & ~SVC_FLAGS;
	failed = svc_apply(ctx, where, decision);
	if (failed)
		return failed;
	return (decision & ~SVC_FLAGS) | (reason ?: COREPATH_DROP_LB_REPLIED);
}

/* All that comes after the parser: verified once, and not for each way through it. */
GLOBAL __u32 ep_sent(struct __sk_buff *ctx, __u64 where, __u32 frag_id)
{
	__u32 served = svc_pick(ctx, where, frag_id), reason, to;
	__u64 decision;

	if (served & REASON)
		return served & REASON;
	if (served) {
		reason = svc_apply(ctx, where, served);
		if (reason)
			return reason;
	}
	reason = ep_read(ctx, where, frag_id, true);
	if (reason)
		return reason & ~UNTRACKED;
	decision = ep_send(ctx, ep_local());
	reason = decision;
	to = decision >> 32;
	/* an endpoint that asks itself has another address in the packet, which no answer finds */
	if (reason & PROXIED)
		return served & SVC_SRC ? COREPATH_DROP_POLICY_NO_PROXY
					: proxy_take(ctx, where, to);
	if (to && !corepath_is_drop(reason & REASON))
		reason |= ep_deliver(ctx, where, to);
	/* who sent it must have it, or nobody */
	if (!(reason & REDIRECTED) && served & SVC_SRC && !corepath_is_drop(reason & REASON))
		return COREPATH_DROP_TTL_EXCEEDED;
	if (!(reason & REDIRECTED)) /* by the stack, and so by its tc_to_endpoint */
		return reason & REASON ?: served ? COREPATH_DROP_LB_TRANSLATED : 0;
	return translate(ctx, where, reason);
}

GLOBAL __u32 ep_received(struct __sk_buff *ctx, __u64 where, __u32 frag_id)
{
	__u32 reason = ep_read(ctx, where, frag_id, false);

	return reason ? reason & ~UNTRACKED : translate(ctx, where, ep_receive(ctx));
}

static __always_inline __u32 send(struct __sk_buff *ctx)
{
	struct corepath_endpoint *ep = own_endpoint(ctx);
	struct packet p = {};
	enum corepath_drop reason;

	if (!ep) /* a device that is no longer ours */
		return COREPATH_DROP_FORWARDED;
	skb_open(ctx, &p);
	reason = parse_all(&p);
	if (reason)
		return reason;
	if (ctx->vlan_present || p.l3_off != sizeof(struct wire_eth))
		return COREPATH_DROP_ENDPOINT_TAGGED;
	if (p.l3_proto == ETH_P_ARP)
		return arp_is_own(&p, ep) ? COREPATH_DROP_FORWARDED
					  : COREPATH_DROP_ENDPOINT_SPOOFED;
	return parse_is_ip(&p) ? ep_sent(ctx, place_pack(&p), p.frag_id) : COREPATH_DROP_FORWARDED;
}

static __always_inline __u32 receive(struct __sk_buff *ctx)
{
	struct packet p = {};
	__u32 reason;

	if (!own_endpoint(ctx))
		return COREPATH_DROP_FORWARDED;
	skb_open(ctx, &p);
	reason = parse_all(&p);
	if (reason || !parse_is_ip(&p))
		return reason;
	return ep_received(ctx, place_pack(&p), p.frag_id);
}

static __always_inline int done(struct __sk_buff *ctx, enum corepath_hook hook, __u32 decision)
{
	enum corepath_drop reason = decision & REASON;

	barrier_var(reason); /* clang sees what a global function returns, the verifier does not */
	if (decision & REDIRECTED && reason != COREPATH_DROP_POLICY_AUDITED)
		reason = COREPATH_DROP_ENDPOINT_DELIVERED;
	skb_done(ctx, hook, reason, ctx->len);
	if (decision & REDIRECTED)
		return TC_ACT_REDIRECT;
	return corepath_is_drop(reason) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int tc_from_endpoint(struct __sk_buff *ctx)
{
	return done(ctx, COREPATH_HOOK_TC_INGRESS, send(ctx));
}

SEC("tc")
int tc_to_endpoint(struct __sk_buff *ctx)
{
	return done(ctx, COREPATH_HOOK_TC_EGRESS, receive(ctx));
}

char LICENSE[] SEC("license") = "GPL";
