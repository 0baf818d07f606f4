// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc_uplink_out, tc_uplink_in: the node's way to the world, at tc.
 *
 *	tc_uplink_out	what leaves: from a frame to its IP addresses and protocol
 *	host_asked	the host's policy, of what is the host's (lib/host.h); both ways
 *	nat_leave	masqueraded, if its flow is (lib/snat.h)
 *	nat_admit	a new flow: whether it is, and under which port
 *	nat_leave_error	an ICMP error about what was masqueraded, of an endpoint
 *	tc_uplink_in	what comes in
 *	nat_return	answers get their endpoint's address back
 *	uplink_forward	and straight on, past the stack (lib/forward.h)
 *	nat_return_error an ICMP error about what was masqueraded, of the world
 *
 * What follows the parser is in global functions, verified once each (lib/place.h).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/event_skb.h"
#include "lib/forward.h"
#include "lib/host.h"
#include "lib/rewrite.h"
#include "lib/skb.h"
#include "lib/snat.h"

#define GLOBAL __attribute__((noinline))

/* What these functions say besides reasons: who is to look at the packet next. Never counted. */
enum {
	NAT_IS_ERROR = 0x100, /* of ICMP */
	NAT_IS_NEW,
	NAT_IS_KNOWN,
};

/* The host's packets that no masqueraded flow can collide with. */
static __always_inline bool out_of_range(const struct corepath_nat_config *cfg, __be16 port)
{
	return bpf_ntohs(port) < cfg->port_min || bpf_ntohs(port) > cfg->port_max;
}

GLOBAL int nat_leave(struct __sk_buff *skb, __u64 where, __u32 frag_id)
{
	const struct corepath_nat_config *cfg = nat_settings();
	const struct corepath_addr *addr;
	struct corepath_nat_out out;
	enum corepath_drop reason;
	struct nat_packet p = {};
	struct place at;
	struct side side;
	bool host;

	if (!cfg || !place_open_skb(skb, where, &at) || !read_addrs(&at, &p.f.src, &p.f.dst))
		return COREPATH_DROP_FORWARDED;
	addr = nat_address(cfg, at.v6);
	if (!addr)
		return COREPATH_DROP_FORWARDED;
	reason = nat_read(&at, frag_id, &p);
	if (p.is_error)
		return NAT_IS_ERROR;
	host = addr_equal(&p.f.src, addr);
	if (reason)
		return !host && nat_covers(&p.f, at.v6) ? reason : COREPATH_DROP_FORWARDED;
	/* neighbour discovery and the like; echo replies, whose later fragments come as well */
	if (p.is_reply)
		frag_remember(&nat_frags, &at, &p.f, frag_id);
	if (!p.is_flow || p.is_reply || (host && out_of_range(cfg, p.f.sport)))
		return COREPATH_DROP_FORWARDED;
	if (!nat_known(&p, bpf_ktime_get_ns(), &out))
		return NAT_IS_NEW;
	frag_remember(&nat_frags, &at, &p.f, frag_id);
	if (host && out.port == p.f.sport)
		return COREPATH_DROP_FORWARDED;
	side = (struct side){
		.was = &p.f.src, .addr = &out.addr, .was_port = p.f.sport, .port = out.port};
	return rewrite(skb, &at, &side) ? COREPATH_DROP_UNWRITABLE : COREPATH_DROP_NAT_MASQUERADED;
}

/* A flow that nat_leave does not know: entered, for it to find, if it is one to masquerade. */
GLOBAL int nat_admit(struct __sk_buff *skb, __u64 where, __u32 frag_id)
{
	const struct corepath_nat_config *cfg = nat_settings();
	const struct corepath_addr *addr;
	enum corepath_drop reason;
	struct nat_packet p = {};
	struct place at;
	bool host;
	__u64 now;

	if (!cfg || !place_open_skb(skb, where, &at) || !read_addrs(&at, &p.f.src, &p.f.dst) ||
	    nat_read(&at, frag_id, &p))
		return COREPATH_DROP_FORWARDED;
	addr = nat_address(cfg, at.v6);
	if (!addr)
		return COREPATH_DROP_FORWARDED;
	host = addr_equal(&p.f.src, addr);
	if (host ? nat_matches(&nat_excludes, &p.f.dst, at.v6) : !nat_covers(&p.f, at.v6))
		return COREPATH_DROP_FORWARDED;
	now = bpf_ktime_get_ns();
	if (nat_direct_known(&p, now)) {
		frag_remember(&nat_frags, &at, &p.f, frag_id);
		return COREPATH_DROP_FORWARDED;
	}
	reason = nat_open(&p.f, cfg, addr, host, now);
	return reason ? reason : NAT_IS_KNOWN;
}

/*
 * An endpoint, or a router before it, tells the world of an answer it could not take. It quotes
 * what it got, to the endpoint's address: that and the error's own source become the uplink's
 * (RFC 5508 REQ-5).
 */
GLOBAL int nat_leave_error(struct __sk_buff *skb, __u64 where)
{
	struct corepath_addr src, dst;
	struct corepath_flow f = {};
	struct corepath_nat_out *known, out;
	struct side outer, inner;
	struct place at, quote;
	struct quoted q = {};

	if (!place_open_skb(skb, where, &at) || at.frag || !read_addrs(&at, &src, &dst) ||
	    !read_quoted(&at, &quote, &f))
		return COREPATH_DROP_FORWARDED;
	known = bpf_map_lookup_elem(&nat_out, &f);
	if (!known)
		return COREPATH_DROP_FORWARDED;
	out = *known;
	if (addr_equal(&out.addr, &f.src) && out.port == f.sport)
		return COREPATH_DROP_FORWARDED; /* the host's own */
	read_quoted_checks(&quote, &q);
	outer = (struct side){.was = &src, .addr = &out.addr};
	inner = (struct side){.dst = true,
			      .was = &f.src,
			      .addr = &out.addr,
			      .was_port = f.sport,
			      .port = out.port};
	return rewrite_error(skb, &at, &quote, &q, &outer, &inner) ? COREPATH_DROP_UNWRITABLE
								   : COREPATH_DROP_NAT_MASQUERADED;
}

GLOBAL int nat_return(struct __sk_buff *skb, __u64 where, __u32 frag_id)
{
	const struct corepath_nat_config *cfg = nat_settings();
	struct corepath_nat_in *known, in;
	struct corepath_nat_out out;
	struct nat_packet p = {};
	struct corepath_flow f;
	struct place at;
	struct side side;
	__u64 now;

	if (!cfg || !place_open_skb(skb, where, &at) || !read_addrs(&at, &p.f.src, &p.f.dst))
		return COREPATH_DROP_FORWARDED;
	/* what cannot be read is not ours, or the stack's to judge */
	if (!nat_address(cfg, at.v6) || nat_read(&at, frag_id, &p))
		return COREPATH_DROP_FORWARDED;
	if (p.is_error)
		return NAT_IS_ERROR;
	if (!p.is_flow || (is_icmp(p.f.proto, at.v6) && !p.is_reply))
		return COREPATH_DROP_FORWARDED;
	now = bpf_ktime_get_ns();
	known = bpf_map_lookup_elem(&nat_in, &p.f);
	if (!known || known->expires_ns <= now) {
		if (nat_matches(&nat_sources, &p.f.dst, at.v6))
			nat_direct_remember(&p, now);
		return COREPATH_DROP_FORWARDED;
	}
	nat_touch(known, &p, true, now);
	in = *known;
	frag_remember(&nat_frags, &at, &p.f, frag_id);
	/* an answer keeps the other entry as well, or puts it back */
	f = (struct corepath_flow){.src = in.addr,
				   .dst = p.f.src,
				   .sport = in.port,
				   .dport = p.f.sport,
				   .proto = p.f.proto};
	if (!bpf_map_lookup_elem(&nat_out, &f)) {
		out = (struct corepath_nat_out){.addr = p.f.dst, .port = p.f.dport};
		bpf_map_update_elem(&nat_out, &f, &out, BPF_NOEXIST);
	}
	if (addr_equal(&in.addr, &p.f.dst) && in.port == p.f.dport)
		return COREPATH_DROP_FORWARDED; /* the host's own */
	side = (struct side){.dst = true,
			     .was = &p.f.dst,
			     .addr = &in.addr,
			     .was_port = p.f.dport,
			     .port = in.port};
	return rewrite(skb, &at, &side) ? COREPATH_DROP_UNWRITABLE : COREPATH_DROP_NAT_RETURNED;
}

/* The world tells of a packet that was masqueraded: to its endpoint, quoting what that sent
 * (RFC 5508 REQ-4). Errors do not keep a flow. */
GLOBAL int nat_return_error(struct __sk_buff *skb, __u64 where)
{
	struct corepath_addr src, dst;
	struct corepath_flow f = {};
	struct corepath_nat_in *known, in;
	struct side outer, inner;
	struct place at, quote;
	struct quoted q = {};

	if (!place_open_skb(skb, where, &at) || at.frag || !read_addrs(&at, &src, &dst) ||
	    !read_quoted(&at, &quote, &f) || !addr_equal(&f.dst, &dst))
		return COREPATH_DROP_FORWARDED;
	known = bpf_map_lookup_elem(&nat_in, &f);
	if (!known || known->expires_ns <= bpf_ktime_get_ns())
		return COREPATH_DROP_FORWARDED;
	in = *known;
	if (addr_equal(&in.addr, &f.dst) && in.port == f.dport)
		return COREPATH_DROP_FORWARDED;
	read_quoted_checks(&quote, &q);
	outer = (struct side){.dst = true, .was = &dst, .addr = &in.addr};
	inner = (struct side){
		.was = &f.dst, .addr = &in.addr, .was_port = f.dport, .port = in.port};
	return rewrite_error(skb, &at, &quote, &q, &outer, &inner) ? COREPATH_DROP_UNWRITABLE
								   : COREPATH_DROP_NAT_RETURNED;
}

/* Clang sees what a global function returns and leaves out what limits it; the verifier does not.
 */
static __always_inline enum corepath_drop said_reason(int said)
{
	barrier_var(said);
	return said;
}

static __always_inline enum corepath_drop leave(struct __sk_buff *skb)
{
	enum corepath_drop reason, judged = COREPATH_DROP_FORWARDED;
	struct packet p = {};
	__u64 where;
	int said;

	skb_open(skb, &p);
	reason = parse_all(&p);
	if (reason || !parse_is_ip(&p))
		return reason;
	where = place_pack(&p);
	/* before its port may become another: rules and connections are of the host's own */
	if (host_guarded() && !skb->ingress_ifindex)
		judged = said_reason(host_asked(skb, where, p.frag_id, true));
	if (corepath_is_drop(judged))
		return judged;
	said = nat_leave(skb, where, p.frag_id);
	if (said == NAT_IS_NEW) {
		said = nat_admit(skb, where, p.frag_id);
		if (said == NAT_IS_KNOWN)
			said = nat_leave(skb, where, p.frag_id);
		if (said == NAT_IS_NEW) /* evicted already */
			said = COREPATH_DROP_NAT_FULL;
	}
	if (said == NAT_IS_ERROR)
		said = nat_leave_error(skb, where);
	reason = said_reason(said);
	return reason ? reason : judged;
}

/* What came in and is for others: past the stack if that is wanted and nothing is in the way. */
GLOBAL int uplink_forward(struct __sk_buff *skb, __u64 where)
{
	const struct corepath_nat_config *cfg = nat_settings();
	enum corepath_uplink_counter way;
	__u32 ifindex = 0;
	struct place at;
	__u8 hops = 0;

	if (!cfg || !(cfg->flags & COREPATH_UPLINK_DIRECT) || !place_open_skb(skb, where, &at))
		return TC_ACT_UNSPEC;
	way = forward_ask(skb, &at, &hops, &ifindex);
	uplink_count(way);
	if (way != COREPATH_UPLINK_FWD_DIRECT)
		return TC_ACT_UNSPEC;
	if (forward_hop(skb, &at, hops))
		return TC_ACT_SHOT;
	return bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

static __always_inline enum corepath_drop enter(struct __sk_buff *skb, __u64 *at)
{
	enum corepath_drop reason;
	struct packet p = {};
	__u64 where;
	int said;

	skb_open(skb, &p);
	reason = parse_all(&p);
	if (reason || !parse_is_ip(&p))
		return reason;
	*at = where = place_pack(&p);
	said = nat_return(skb, where, p.frag_id);
	if (said == NAT_IS_ERROR)
		said = nat_return_error(skb, where);
	reason = said_reason(said);
	/* what got another address is an endpoint's, or answers what the host was allowed to send
	 */
	if (!reason && host_guarded() && host_is_end(skb, where))
		reason = said_reason(host_asked(skb, where, p.frag_id, false));
	return reason;
}

SEC("tc")
int tc_uplink_out(struct __sk_buff *skb)
{
	__u32 bytes = skb->len;
	enum corepath_drop reason = leave(skb);

	skb_done(skb, COREPATH_HOOK_TC_EGRESS, reason, bytes);
	return corepath_is_drop(reason) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int tc_uplink_in(struct __sk_buff *skb)
{
	__u32 bytes = skb->len;
	__u64 where = 0; /* not IP */
	enum corepath_drop reason = enter(skb, &where);

	skb_done(skb, COREPATH_HOOK_TC_INGRESS, reason, bytes);
	if (corepath_is_drop(reason))
		return TC_ACT_SHOT;
	return where ? uplink_forward(skb, where) : TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
