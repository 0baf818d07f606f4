// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc_from_endpoint, tc_to_endpoint: both ends of the wire to one workload, on the host's side of
 * it.
 *
 *	tc_from_endpoint  ingress of the device, what the workload sends: is it who it says; does
 *			  its policy let it; to an endpoint of this host, straight into it
 *	tc_to_endpoint	  egress of the device, what is sent to it: does its policy let it in
 *
 * A packet that is handed from one endpoint into the other never leaves by the other's device, so
 * its policy is asked first, here; any other way leads through its tc_to_endpoint. So it is asked
 * once.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/csum.h"
#include "lib/event_skb.h"
#include "lib/spoof.h"
#include "lib/work.h"

#define GLOBAL __attribute__((noinline))

/* What the functions below return: a reason, and what is done or to be done with the packet. */
#define REDIRECTED (1 << 8)
#define UNTRACKED  (1 << 9)

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
	__builtin_memcpy(eth->dst, to->mac, sizeof(eth->dst));
	__builtin_memcpy(eth->src, to->host_mac, sizeof(eth->src));
	return true;
}

/* The endpoint an address is of, if packets can be handed to it. */
static __always_inline struct corepath_endpoint *find_local(const struct corepath_addr *dst,
							    __u32 *ifindex)
{
	__u32 *found = bpf_map_lookup_elem(&ep_addrs, dst);
	struct corepath_endpoint *ep;

	if (!found)
		return NULL;
	*ifindex = *found;
	ep = bpf_map_lookup_elem(&endpoints, ifindex);
	return ep && mac_is_set(ep->mac) ? ep : NULL;
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
	if (sends && !source_is_own(&at, ep, &f.src))
		return COREPATH_DROP_ENDPOINT_SPOOFED;
	if (is_discovery(&at))
		return UNTRACKED;
	reason = ct_read(&at, frag_id, &p, &f);
	if (reason)
		return reason;
	frag_remember(&ct_frags, &at, &f, frag_id);
	e->p = p;
	e->f = f;
	return COREPATH_DROP_FORWARDED;
}

/* What the packet's ends in this host say of it. The device it is to be handed to is in the upper
 * half. */
GLOBAL __u64 ep_send(struct __sk_buff *ctx)
{
	struct judge from = {.ifindex = ctx->ifindex, .direction = COREPATH_OUT};
	struct judge to = {.direction = COREPATH_IN};
	enum corepath_drop reason;
	struct work w = {};

	from.ep = bpf_map_lookup_elem(&endpoints, &from.ifindex);
	if (!from.ep || !work_open(&w))
		return COREPATH_DROP_FORWARDED;
	reason = work_find(&w, false);
	if (reason)
		return reason;
	to.ep = find_local(&w.f->dst, &to.ifindex);
	reason = work_judge(&w, &from);
	/* by the peer's way its tc_to_endpoint does not see it, by any other it does */
	if (!reason && to.ep && to.ep->flags & COREPATH_ENDPOINT_PEER)
		reason = work_judge(&w, &to);
	if (reason)
		return work_refused(&w, reason);
	reason = work_done(&w);
	if (!reason && (from.audited || to.audited))
		reason = COREPATH_DROP_POLICY_AUDITED;
	return reason | (to.ep ? (__u64)to.ifindex << 32 : 0);
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
	if (!reason && to.audited)
		reason = COREPATH_DROP_POLICY_AUDITED;
	return reason;
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

static __always_inline bool is_dropped(__u32 decision)
{
	return decision && decision != COREPATH_DROP_POLICY_AUDITED;
}

static __always_inline __u32 track_sent(struct __sk_buff *ctx, __u64 where, __u32 frag_id)
{
	__u32 reason = ep_read(ctx, where, frag_id, true), to;
	__u64 decision;

	if (reason)
		return reason & ~UNTRACKED;
	decision = ep_send(ctx);
	reason = decision;
	to = decision >> 32;
	if (to && !is_dropped(reason))
		reason |= ep_deliver(ctx, where, to);
	return reason;
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
	return parse_is_ip(&p) ? track_sent(ctx, place_pack(&p), p.frag_id)
			       : COREPATH_DROP_FORWARDED;
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
	reason = ep_read(ctx, place_pack(&p), p.frag_id, false);
	return reason ? reason & ~UNTRACKED : ep_receive(ctx);
}

static __always_inline int verdict(__u32 decision)
{
	if (decision & REDIRECTED)
		return TC_ACT_REDIRECT;
	return is_dropped(decision) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

static __always_inline int done(struct __sk_buff *ctx, enum corepath_hook hook, __u32 decision)
{
	enum corepath_drop reason = decision & ~REDIRECTED;

	if (decision == REDIRECTED)
		reason = COREPATH_DROP_ENDPOINT_DELIVERED;
	skb_done(ctx, hook, reason, ctx->len);
	return verdict(decision);
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
