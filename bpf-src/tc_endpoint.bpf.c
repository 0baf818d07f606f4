// SPDX-License-Identifier: GPL-2.0-only
/*
 * tc_from_endpoint, tc_to_endpoint: both ends of the wire to one workload, on the host's side of
 *it.
 *
 *	tc_from_endpoint  ingress of the device: what the workload sends
 *	tc_to_endpoint	  egress of the device: what is sent to it
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/ep_maps.h"
#include "lib/event_skb.h"
#include "lib/skb.h"

static __always_inline enum corepath_drop look(struct __sk_buff *ctx)
{
	__u32 ifindex = ctx->ifindex;
	struct packet p = {};
	bool ip;

	/* a device that was just given to another, or is no longer ours */
	if (!bpf_map_lookup_elem(&endpoints, &ifindex))
		return COREPATH_DROP_FORWARDED;
	skb_open(ctx, &p);
	return skb_parse(&p, &ip);
}

SEC("tc")
int tc_from_endpoint(struct __sk_buff *ctx)
{
	enum corepath_drop reason = look(ctx);

	skb_done(ctx, COREPATH_HOOK_TC_INGRESS, reason, ctx->len);
	return reason ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int tc_to_endpoint(struct __sk_buff *ctx)
{
	enum corepath_drop reason = look(ctx);

	skb_done(ctx, COREPATH_HOOK_TC_EGRESS, reason, ctx->len);
	return reason ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
