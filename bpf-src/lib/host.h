/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's own policy, at the uplink: of what it sends and is sent itself.
 *
 *	host_is_end	whether a packet that came in is for the host, not to be forwarded
 *	host_read	what of it connections are known by; what always passes
 *	host_judge	its connection, and what the policy says of it
 *
 * The host is the endpoint of device 0 (COREPATH_SCOPE_HOST), which no device has. Off unless it
 * has rules: one test of the settings then (host_guarded).
 *
 * Whose a packet is, no list of addresses says, which would be wrong whenever an address comes or
 * goes. What leaves is the host's if it did not come in by any device: the kernel writes where a
 * packet came in when it does (skb_iif, __netif_receive_skb_core() in net/core/dev.c), and has 0 in
 * all that it makes itself, tunnels' outer packets too (skb_scrub_packet() in net/core/skbuff.c).
 *So what endpoints send is never judged, masqueraded or not. What comes in is the host's if the
 * kernel's routes do not send it on: the question that forward.h asks.
 */
#ifndef COREPATH_HOST_H
#define COREPATH_HOST_H

#include "forward.h"
#include "spoof.h"
#include "work.h"

/* Beside reasons: passes, and no connection is looked for. */
#define HOST_UNJUDGED (1 << 9)

/* include/uapi/linux/if_packet.h: seen because the device is promiscuous, or bridged */
#define PACKET_OTHERHOST 3

/* include/uapi/linux/bpf.h: for the host, or no route; and the device does not forward */
#define FIB_NOT_FORWARDED 4
#define FIB_DISABLED	  5

static __always_inline bool host_guarded(void)
{
	const struct corepath_nat_config *cfg = nat_settings();

	return cfg && cfg->flags & COREPATH_UPLINK_HOST;
}

static __always_inline struct corepath_endpoint *host_endpoint(void)
{
	__u32 scope = COREPATH_SCOPE_HOST;

	return bpf_map_lookup_elem(&endpoints, &scope);
}

/* While the policy only audits nothing of the host is dropped, not even what is of no connection.
 */
static __always_inline __u32 host_says(const struct corepath_endpoint *host, __u32 reason)
{
	return reason && host->flags & COREPATH_ENDPOINT_AUDIT ? COREPATH_DROP_POLICY_AUDITED
							       : reason;
}

/* To a group, 224.0.0.0/4 or ff00::/8, or to all: the routes say nothing of those. */
static __always_inline bool fib_is_group(const struct fib_question *q)
{
	__u32 top = bpf_ntohl(q->dst[0]) >> 24;

	return q->family == AF_INET ? top >= 224 : top == 0xff;
}

/* What cannot be asked is the host's: a policy must not be got around. */
__attribute__((noinline)) int host_is_end(struct __sk_buff *skb, __u64 where)
{
	struct fib_question q = {.ifindex = skb->ifindex};
	struct place at;
	long answer;
	__u8 hops;

	if (skb->pkt_type != PACKET_HOST)
		return skb->pkt_type != PACKET_OTHERHOST;
	if (!place_open_skb(skb, where, &at) || !fib_ask(&at, &q, &hops) || fib_is_group(&q))
		return true;
	answer = bpf_fib_lookup(skb, (void *)&q, sizeof(q), 0);
	return answer < 0 || answer == FIB_NOT_FORWARDED || answer == FIB_DISABLED;
}

/* Without which nothing works (RFC 4890 sections 4.4.1, RFC 1191): neighbour discovery, and what
 * tells the size that fits. */
static __always_inline bool host_needs(const struct place *at)
{
	const struct wire_icmp *icmp = at->l4;

	if (is_discovery(at))
		return true;
	if (!is_icmp(at->l4_proto, at->v6) || at->frag || !place_has_l4(at, sizeof(*icmp)))
		return false;
	if (at->v6)
		return icmp->type == ICMPV6_PKT_TOOBIG;
	return icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED;
}

/* The ways in that an operator keeps, whatever rules say: to a port of the host, and back. */
static __always_inline bool host_keeps(const struct corepath_nat_config *cfg,
				       const struct corepath_flow *f, bool out)
{
	__be16 port = out ? f->sport : f->dport;
	int i;

	if (!port)
		return false;
#pragma unroll
	for (i = 0; i < COREPATH_FAILSAFES; i++)
		if (cfg->failsafe[i].port == port && cfg->failsafe[i].proto == f->proto)
			return true;
	return false;
}

__attribute__((noinline)) __u32 host_read(struct __sk_buff *skb, __u64 where, __u32 frag_id,
					  __u32 out)
{
	const struct corepath_nat_config *cfg = nat_settings();
	struct corepath_endpoint *host = host_endpoint();
	struct ep_packet *e = scratch();
	struct corepath_flow f = {};
	enum corepath_drop reason;
	struct ct_packet p = {};
	struct place at;

	if (!cfg || !host || !e || !place_open_skb(skb, where, &at) || host_needs(&at))
		return HOST_UNJUDGED;
	reason = ct_read(&at, frag_id, &p, &f);
	if (reason)
		return host_says(host, reason);
	frag_remember(&ct_frags, &at, &f, frag_id);
	if (host_keeps(cfg, &f, out))
		return HOST_UNJUDGED;
	e->p = p;
	e->f = f;
	return COREPATH_DROP_FORWARDED;
}

__attribute__((noinline)) __u32 host_judge(__u32 out)
{
	struct judge j = {.ifindex = COREPATH_SCOPE_HOST,
			  .direction = out ? COREPATH_OUT : COREPATH_IN};
	enum corepath_drop reason;
	struct work w = {};

	j.ep = host_endpoint();
	if (!j.ep || !work_open(&w))
		return COREPATH_DROP_FORWARDED;
	reason = work_find(&w, !out);
	if (reason)
		return host_says(j.ep, reason);
	reason = work_judge(&w, &j);
	reason = reason ? work_refused(&w, reason) : work_done(&w);
	if (reason)
		return host_says(j.ep, reason);
	return w.judged->audited ? COREPATH_DROP_POLICY_AUDITED : COREPATH_DROP_FORWARDED;
}

/* The host's word on a packet of its own, as a reason. */
static __always_inline __u32 host_asked(struct __sk_buff *skb, __u64 where, __u32 frag_id, bool out)
{
	__u32 said = host_read(skb, where, frag_id, out);

	return said ? said & ~HOST_UNJUDGED : host_judge(out);
}

#endif
