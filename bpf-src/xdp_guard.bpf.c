// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp_guard: what the prefilter lets pass, against signatures and rates of its source.
 *
 * A stage of its own, there only while there is a signature or a rate: what is not used costs
 * nothing. Signatures come first, so that what one drops is not taken off its source's rate.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/event_xdp.h"
#include "lib/guard_maps.h"
#include "lib/parse.h"
#include "lib/prefilter_maps.h"
#include "lib/ratelimit.h"
#include "lib/signature.h"

#define GLOBAL __attribute__((noinline))

GLOBAL int guard_signatures(struct xdp_md *ctx, __u64 where)
{
	struct place at;

	return place_open(ctx, where, &at) && signatures_drop(ctx, &at);
}

/* Whether the source is within the limit. One that is new, beyond what this CPU may remember a
 * second, is: a flood of made-up sources must not push out those that are real. */
static __always_inline bool source_take(const struct corepath_addr *src, bool v6, __u32 what,
					const struct corepath_guard_limit *limit)
{
	const struct corepath_addr *mask = v6 ? &limit->mask6 : &limit->mask4;
	struct corepath_guard_source key = {.what = what};
	struct corepath_bucket *b, fresh;

	key.addr.w[0] = src->w[0] & mask->w[0];
	key.addr.w[1] = src->w[1] & mask->w[1];
	key.addr.w[2] = src->w[2] & mask->w[2];
	key.addr.w[3] = src->w[3] & mask->w[3];
	b = bpf_map_lookup_elem(&guard_sources, &key);
	if (b)
		return bucket_take(b, limit->interval_ns, limit->window_ns);
	if (!guard_take(&guard_new, 0, 1000000000 / LIMIT_GUARD_NEW))
		return true;
	fresh.due_ns = bpf_ktime_get_ns() + limit->interval_ns;
	bpf_map_update_elem(&guard_sources, &key, &fresh, BPF_ANY);
	return true;
}

GLOBAL int guard_limits(struct xdp_md *ctx, __u64 where)
{
	const struct corepath_guard_config *cfg;
	struct corepath_addr src, dst;
	struct place at;
	__u32 zero = 0;

	cfg = bpf_map_lookup_elem(&guard_config, &zero);
	if (!cfg || !place_open(ctx, where, &at) || !read_addrs(&at, &src, &dst))
		return COREPATH_DROP_FORWARDED;
	if (cfg->packets.interval_ns &&
	    !source_take(&src, at.v6, COREPATH_GUARD_PACKETS, &cfg->packets))
		return COREPATH_DROP_SOURCE_RATE;
	if (cfg->conns.interval_ns && opens_connection(&at) &&
	    !source_take(&src, at.v6, COREPATH_GUARD_CONNS, &cfg->conns))
		return COREPATH_DROP_SOURCE_CONN_RATE;
	return COREPATH_DROP_FORWARDED;
}

static __always_inline enum corepath_drop guard(struct xdp_md *ctx, struct packet *p)
{
	enum corepath_drop reason = parse_all(p);
	__u64 where;

	if (reason || !parse_is_ip(p))
		return reason;
	where = place_pack(p);
	if (guard_signatures(ctx, where))
		return COREPATH_DROP_SIGNATURE;
	return guard_limits(ctx, where);
}

SEC("xdp")
int xdp_guard(struct xdp_md *ctx)
{
	struct packet p = {
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
	};
	__u64 bytes = p.data_end - p.data;
	enum corepath_drop reason = guard(ctx, &p);

	/* the next program counts it then */
	if (!reason)
		bpf_tail_call(ctx, &xdp_stages, COREPATH_STAGE_LB);
	xdp_done(ctx, reason, bytes);
	return reason ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
