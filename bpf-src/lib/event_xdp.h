/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of XDP programs. */
#ifndef COREPATH_EVENT_XDP_H
#define COREPATH_EVENT_XDP_H

#include "drop.h"
#include "events.h"

/* A global function: verified once, and not again on every way by which a program ends
 * (lib/place.h says more). */
__attribute__((noinline, unused)) int event_xdp(struct xdp_md *ctx, __u32 reason, __u32 bytes)
{
	struct packet p = {
		.data = (void *)(long)ctx->data,
		.data_end = (void *)(long)ctx->data_end,
	};

	event_packet(&p, COREPATH_HOOK_XDP, ctx->ingress_ifindex, reason, bytes);
	return 0;
}

/* Counts the packet, and tells who watches. What passes on is not told of: most packets do, and
 * the next hook has more to say of them. */
static __always_inline void xdp_done(struct xdp_md *ctx, enum corepath_drop reason, __u64 bytes)
{
	count(reason, bytes);
	if (reason && event_wanted(reason))
		event_xdp(ctx, reason, bytes);
}

/*
 * The same of a packet that is dropped, for programs with tail calls: the program xdp_event tells,
 * and drops it. They call no function, as kernels take both in one program only with the JIT on
 * (check_max_stack_depth() in kernel/bpf/verifier.c).
 */
static __always_inline int xdp_drop(struct xdp_md *ctx, void *stages, enum corepath_drop reason,
				    __u64 bytes)
{
	struct corepath_packet_event *e;

	count(reason, bytes);
	if (!event_wanted(reason))
		return XDP_DROP;
	e = event_scratched();
	if (!e)
		return XDP_DROP;
	e->reason = reason;
	e->bytes = bytes;
	bpf_tail_call(ctx, stages, COREPATH_STAGE_EVENT);
	return XDP_DROP;
}

#endif
