// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp_prefilter: drops packets by source prefix before the kernel spends anything on them.
 *
 * A frame we cannot understand far enough to see its source is dropped (it could carry a denied
 * one); a frame that is not IP at all passes (ARP, LLDP and the like have no source to deny).
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/event_xdp.h"
#include "lib/parse.h"
#include "lib/prefilter_maps.h"

static __always_inline bool denied4(const struct wire_ip4 *ip)
{
	struct corepath_prefix4 key = {.prefixlen = 32};
	struct corepath_prefix_value *v;

	__builtin_memcpy(key.addr, &ip->saddr, sizeof(key.addr));
	v = bpf_map_lookup_elem(&prefilter_src4, &key);
	return v && v->verdict == COREPATH_DENY;
}

static __always_inline bool denied6(const struct wire_ip6 *ip)
{
	struct corepath_prefix6 key = {.prefixlen = 128};
	struct corepath_prefix_value *v;

	__builtin_memcpy(key.addr, ip->saddr, sizeof(key.addr));
	v = bpf_map_lookup_elem(&prefilter_src6, &key);
	return v && v->verdict == COREPATH_DENY;
}

static __always_inline enum corepath_drop filter4(struct packet *p)
{
	enum corepath_drop reason;
	struct wire_ip4 *ip;

	reason = parse_ip4(p, &ip);
	if (reason)
		return reason;
	return denied4(ip) ? COREPATH_DROP_DENIED_SRC4 : COREPATH_DROP_FORWARDED;
}

static __always_inline enum corepath_drop filter6(struct packet *p)
{
	enum corepath_drop reason;
	struct wire_ip6 *ip;

	reason = parse_ip6(p, &ip);
	if (reason)
		return reason;
	/* before the extension headers: no chain, however odd, changes this verdict */
	if (denied6(ip))
		return COREPATH_DROP_DENIED_SRC6;
	return parse_ip6_ext(p);
}

static __always_inline enum corepath_drop filter(struct packet *p)
{
	enum corepath_drop reason;

	reason = parse_l2(p);
	if (reason)
		return reason;
	switch (p->l3_proto) {
	case ETH_P_IP:
		return filter4(p);
	case ETH_P_IPV6:
		return filter6(p);
	default:
		return COREPATH_DROP_FORWARDED;
	}
}

SEC("xdp")
int xdp_prefilter(struct xdp_md *ctx)
{
	struct packet p = {
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
	};
	enum corepath_drop reason = filter(&p);

	if (reason)
		return xdp_drop(ctx, &xdp_stages, reason, p.data_end - p.data);
	/* the next program counts it then; we go on here only if there is none */
	bpf_tail_call(ctx, &xdp_stages, COREPATH_STAGE_FIRST);
	count(reason, p.data_end - p.data);
	return XDP_PASS;
}

/* Tells who watches of a packet that a program with tail calls drops. */
SEC("xdp")
int xdp_event(struct xdp_md *ctx)
{
	struct corepath_packet_event *e = event_scratched();

	if (e)
		event_xdp(ctx, e->reason, e->bytes);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
