/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of tc programs. */
#ifndef COREPATH_EVENT_SKB_H
#define COREPATH_EVENT_SKB_H

#include "drop.h"
#include "events.h"
#include "skb.h"

/* A global function: lib/event_xdp.h says why. */
__attribute__((noinline)) int event_skb(struct __sk_buff *ctx, __u32 hook, __u32 reason,
					__u32 bytes)
{
	struct packet p = {};

	skb_open(ctx, &p);
	event_packet(&p, hook, ctx->ifindex, reason, bytes);
	return 0;
}

/* Counts the packet, and tells who watches. `bytes` is what it had when it came. */
static __always_inline void skb_done(struct __sk_buff *ctx, enum corepath_hook hook,
				     enum corepath_drop reason, __u32 bytes)
{
	count(reason, bytes);
	if (reason && event_wanted(reason))
		event_skb(ctx, hook, reason, bytes);
}

#endif
