/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masquerading: which packets, under which port, and for how long (RFC 4787, RFC 5382, RFC 5508).
 *
 * A flow has two entries: nat_out by what its endpoint sends, nat_in by what comes back. Ports are
 * given out towards one destination at a time: two flows may leave by one port if the answers tell
 * them apart. Any entry may be evicted; with the flow's next packet what is missing is made again,
 * under the same port if nobody has it by then.
 *
 * What the host sends from the same address goes the same way, so that its ports are taken: it
 * keeps its own port if that is free, in which case nothing is written.
 */
#ifndef COREPATH_SNAT_H
#define COREPATH_SNAT_H

#include "frag.h"
#include "quote.h"
#include "snat_maps.h"

/* include/uapi/linux/bpf.h, include/uapi/asm-generic/errno-base.h */
#define BPF_NOEXIST 1
#define EEXIST	    17

#define NSEC_PER_SEC 1000000000ull

/* Seconds a flow may be idle: the least that RFC 5382 REQ-5 has for connections, and for those that
 * open or close; what RFC 4787 REQ-5 recommends for UDP; the least of RFC 5508 REQ-2 for echoes. */
#define NAT_TCP_SECONDS	      7440
#define NAT_TCP_BRIEF_SECONDS 240
#define NAT_UDP_SECONDS	      300
#define NAT_ICMP_SECONDS      60

static __always_inline const struct corepath_nat_config *nat_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&nat_config, &zero);
}

static __always_inline const struct corepath_addr *
nat_address(const struct corepath_nat_config *cfg, bool v6)
{
	const struct corepath_addr *a = v6 ? &cfg->masquerade6 : &cfg->masquerade4;

	return a->w[3] | a->w[2] | a->w[1] | a->w[0] ? a : NULL;
}

static __always_inline void uplink_count(enum corepath_uplink_counter counter)
{
	__u32 key = counter;
	__u64 *c = bpf_map_lookup_elem(&uplink_counters, &key);

	if (c)
		++*c;
}

/* A prefix of the other family does not count: ::/0 has all IPv4-mapped addresses as well. */
static __always_inline bool nat_matches(void *map, const struct corepath_addr *addr, bool v6)
{
	struct corepath_nat_prefix key = {.prefixlen = 128, .addr = *addr};
	__u32 *family = bpf_map_lookup_elem(map, &key);

	return family && *family == (v6 ? 6 : 4);
}

static __always_inline bool nat_covers(const struct corepath_flow *f, bool v6)
{
	return nat_matches(&nat_sources, &f->src, v6) && !nat_matches(&nat_excludes, &f->dst, v6);
}

/* ---- reading ---- */

struct nat_packet {
	struct corepath_flow f;
	__u8 tcp_flags;
	bool is_flow;  /* TCP, UDP or an echo */
	bool is_reply; /* of an echo: the flow is the asking side's */
	bool is_error; /* an ICMP error */
};

static __always_inline enum corepath_drop nat_read(const struct place *at, __u32 frag_id,
						   struct nat_packet *p)
{
	const struct wire_icmp *icmp = at->l4;
	const struct wire_tcp *tcp = at->l4;
	enum corepath_drop reason;

	p->f.proto = at->l4_proto;
	if (is_icmp(at->l4_proto, at->v6) && !(at->frag & PACKET_FRAG_LATER)) {
		if (!place_has_l4(at, sizeof(*icmp)))
			return COREPATH_DROP_MALFORMED_L4;
		p->is_error = icmp_is_error(icmp->type, at->v6);
		p->is_flow = read_echo(icmp, at->v6, &p->f.sport, &p->f.dport);
		p->is_reply = icmp->type == (at->v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY);
		return COREPATH_DROP_FORWARDED;
	}
	p->is_flow = at->l4_proto == IPPROTO_TCP || at->l4_proto == IPPROTO_UDP ||
		     is_icmp(at->l4_proto, at->v6);
	if (!p->is_flow)
		return COREPATH_DROP_NAT_UNSUPPORTED;
	reason = read_ports(&nat_frags, at, frag_id, &p->f);
	if (reason)
		return reason == COREPATH_DROP_LB_FRAG_UNKNOWN ? COREPATH_DROP_NAT_FRAG_UNKNOWN
							       : reason;
	/* of a later fragment all that is known is where the identifier was */
	p->is_reply = is_icmp(at->l4_proto, at->v6) && p->f.dport;
	if (at->l4_proto == IPPROTO_TCP && !(at->frag & PACKET_FRAG_LATER) &&
	    (void *)(tcp + 1) <= at->data_end)
		p->tcp_flags = tcp->flags;
	return COREPATH_DROP_FORWARDED;
}

/* ---- time ---- */

static __always_inline __u64 nat_life(__u8 proto, __u8 flags)
{
	if (proto == IPPROTO_TCP)
		return (flags == COREPATH_NAT_REPLIED ? NAT_TCP_SECONDS : NAT_TCP_BRIEF_SECONDS) *
		       NSEC_PER_SEC;
	return (proto == IPPROTO_UDP ? NAT_UDP_SECONDS : NAT_ICMP_SECONDS) * NSEC_PER_SEC;
}

/* A packet of the flow was seen, of either direction. */
static __always_inline void nat_touch(struct corepath_nat_in *in, const struct nat_packet *p,
				      bool answer, __u64 now)
{
	__u8 flags = in->flags;

	if (!answer && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		flags = 0; /* a new connection of the same ports */
	if (answer)
		flags |= COREPATH_NAT_REPLIED;
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		flags |= COREPATH_NAT_CLOSING;
	if (flags != in->flags)
		in->flags = flags;
	in->expires_ns = now + nat_life(p->f.proto, flags);
}

/* ---- entries ---- */

/* The flow of the answers to f once it leaves as addr and port. An echo's identifier is in the
 * request's place for a source port and in the answer's for a destination. */
static __always_inline void nat_answers(const struct corepath_flow *f,
					const struct corepath_addr *addr, __be16 port,
					struct corepath_flow *out)
{
	*out = (struct corepath_flow){
		.src = f->dst, .dst = *addr, .sport = f->dport, .dport = port, .proto = f->proto};
}

static __always_inline bool nat_is_of(const struct corepath_nat_in *in,
				      const struct corepath_flow *f)
{
	return in->port == f->sport && addr_equal(&in->addr, &f->src);
}

static __always_inline long nat_put_in(const struct corepath_flow *f,
				       const struct corepath_flow *answers, __u64 now)
{
	struct corepath_nat_in in = {
		.addr = f->src, .port = f->sport, .expires_ns = now + nat_life(f->proto, 0)};

	return bpf_map_update_elem(&nat_in, answers, &in, BPF_NOEXIST);
}

/* Forgets the flow whose answers these are. */
static __always_inline void nat_forget(const struct corepath_flow *answers,
				       const struct corepath_nat_in *in)
{
	struct corepath_flow f = {
		.src = in->addr,
		.dst = answers->src,
		.sport = in->port,
		.dport = answers->sport,
		.proto = answers->proto,
	};

	bpf_map_delete_elem(&nat_out, &f);
	bpf_map_delete_elem(&nat_in, answers);
}

enum nat_claim {
	NAT_CLAIM_NEW,	/* entered in nat_in */
	NAT_CLAIM_OURS, /* it was there: only the other entry was lost */
	NAT_CLAIM_TAKEN,
	NAT_CLAIM_FULL,
};

/* Takes the port that `answers` names, unless it is another flow's. */
static __always_inline enum nat_claim nat_claim(const struct corepath_flow *f,
						const struct corepath_flow *answers, __u64 now)
{
	/* looked for first: an update of an LRU map evicts even if it then finds the key */
	struct corepath_nat_in *old = bpf_map_lookup_elem(&nat_in, answers);
	long err;

	if (old) {
		if (nat_is_of(old, f))
			return NAT_CLAIM_OURS;
		if (old->expires_ns > now)
			return NAT_CLAIM_TAKEN;
		nat_forget(answers, old);
		uplink_count(COREPATH_UPLINK_EXPIRED);
	}
	err = nat_put_in(f, answers, now);
	if (!err)
		return NAT_CLAIM_NEW;
	return err == -EEXIST ? NAT_CLAIM_TAKEN : NAT_CLAIM_FULL;
}

static __always_inline __u32 nat_random_port(const struct corepath_nat_config *cfg)
{
	__u64 range = (__u32)cfg->port_max - cfg->port_min + 1;

	return cfg->port_min + (__u32)(range * bpf_get_prandom_u32() >> 32);
}

/*
 * Finds a port and claims it; `answers` is then the flow of the answers. The flow's own port comes
 * first if it is in the range; the host's is kept wherever it is.
 */
static __always_inline enum nat_claim nat_seek(const struct corepath_flow *f,
					       const struct corepath_nat_config *cfg, bool host,
					       __u64 now, struct corepath_flow *answers)
{
	enum nat_claim claim = NAT_CLAIM_FULL;
	__u32 port = bpf_ntohs(f->sport);
	bool own = host || (port >= cfg->port_min && port <= cfg->port_max);
	int i;

#pragma unroll
	for (i = 0; i < LIMIT_NAT_TRIES; i++) {
		if (i == 0 ? !own : i == 1)
			port = nat_random_port(cfg);
		answers->dport = bpf_htons(port);
		claim = nat_claim(f, answers, now);
		if (claim != NAT_CLAIM_TAKEN)
			return claim;
		uplink_count(COREPATH_UPLINK_COLLISIONS);
		port = port < cfg->port_max ? port + 1 : cfg->port_min;
	}
	return claim;
}

/* A new flow: both entries or none. */
static __always_inline enum corepath_drop nat_open(const struct corepath_flow *f,
						   const struct corepath_nat_config *cfg,
						   const struct corepath_addr *addr, bool host,
						   __u64 now)
{
	struct corepath_nat_out out = {.addr = *addr}, *other;
	struct corepath_flow answers;
	enum nat_claim claim;
	long err;

	nat_answers(f, addr, 0, &answers);
	claim = nat_seek(f, cfg, host, now, &answers);
	if (claim == NAT_CLAIM_TAKEN)
		return COREPATH_DROP_NAT_NO_PORT;
	if (claim == NAT_CLAIM_FULL)
		return COREPATH_DROP_NAT_FULL;
	out.port = answers.dport;
	err = bpf_map_update_elem(&nat_out, f, &out, BPF_NOEXIST);
	if (!err)
		return COREPATH_DROP_FORWARDED;
	/* another CPU had a packet of the same flow, or there is no room */
	other = err == -EEXIST ? bpf_map_lookup_elem(&nat_out, f) : NULL;
	if (claim == NAT_CLAIM_NEW &&
	    !(other && other->port == out.port && addr_equal(&other->addr, addr))) {
		bpf_map_delete_elem(&nat_in, &answers);
		uplink_count(COREPATH_UPLINK_ROLLED_BACK);
	}
	return other ? COREPATH_DROP_FORWARDED : COREPATH_DROP_NAT_FULL;
}

/* The flow's translation if it has one that holds: both entries, and within its time. */
static __always_inline bool nat_known(const struct nat_packet *p, __u64 now,
				      struct corepath_nat_out *out)
{
	struct corepath_nat_out *known = bpf_map_lookup_elem(&nat_out, &p->f);
	struct corepath_nat_in *in;
	struct corepath_flow answers;

	if (!known)
		return false;
	*out = *known;
	nat_answers(&p->f, &out->addr, out->port, &answers);
	in = bpf_map_lookup_elem(&nat_in, &answers);
	if (in && nat_is_of(in, &p->f) && in->expires_ns > now) {
		nat_touch(in, p, false, now);
		return true;
	}
	/* evicted: put back, if the port is still free */
	if (!in && !nat_put_in(&p->f, &answers, now))
		return true;
	bpf_map_delete_elem(&nat_out, &p->f);
	if (in && nat_is_of(in, &p->f))
		bpf_map_delete_elem(&nat_in, &answers);
	return false;
}

/* ---- flows from outside to an endpoint's own address ---- */

static __always_inline void nat_direct_remember(const struct nat_packet *p, __u64 now)
{
	struct corepath_flow answers = {
		.src = p->f.dst,
		.dst = p->f.src,
		.sport = p->f.dport,
		.dport = p->f.sport,
		.proto = p->f.proto,
	};
	__u64 until = now + nat_life(p->f.proto, COREPATH_NAT_REPLIED);

	bpf_map_update_elem(&nat_direct, &answers, &until, BPF_ANY);
}

static __always_inline bool nat_direct_known(const struct nat_packet *p, __u64 now)
{
	__u64 *until = bpf_map_lookup_elem(&nat_direct, &p->f);

	if (!until || *until <= now)
		return false;
	*until = now + nat_life(p->f.proto, COREPATH_NAT_REPLIED);
	return true;
}

#endif
