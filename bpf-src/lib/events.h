/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling watchers what became of packets.
 *
 * A program asks event_wanted() once it knows a packet's fate, and only then has the frame parsed
 * again for what a watcher is told. So what nobody watches costs next to nothing, and no program
 * keeps anything for an event that may not come. An event is given to every watcher that wants it,
 * or counted as lost for that watcher.
 */
#ifndef COREPATH_EVENTS_H
#define COREPATH_EVENTS_H

#include "event_ring.h"
#include "place.h"

static __always_inline bool event_wanted(enum corepath_drop reason)
{
	__u32 number = reason;

	/* where clang knows what a global function returns it drops the mask; the verifier does not
	 */
	barrier_var(number);
	return event_config.wanted[number & (COREPATH_REASONS_MAX - 1)];
}

/* Where an event is put together: the verifier does not follow what is in a map, and what it knows
 * of a stack's every byte it takes along every way through the parser. Programs of packets run with
 * softirqs off, so none meets another here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct corepath_packet_event);
} event_scratch SEC(".maps");

static __always_inline struct corepath_packet_event *event_scratched(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&event_scratch, &zero);
}

/* Gives what is in event_scratch to all who want it. Verified once, as a global function, and not
 * on every way through the parser. */
__attribute__((noinline, unused)) int event_send(__u32 reason)
{
	__u8 wanted = event_config.wanted[reason & (COREPATH_REASONS_MAX - 1)];
	struct corepath_packet_event *e = event_scratched();
	__u32 i;

	if (!e)
		return 0;
#pragma unroll
	for (i = 0; i < COREPATH_WATCHERS; i++)
		if (wanted & 1u << i)
			event_put(i, e, sizeof(*e));
	return 0;
}

/* As much of the flow as the frame has. */
static __always_inline void event_read_flow(struct packet *p, struct corepath_packet_event *e)
{
	struct wire_udp *udp;
	struct wire_ip4 *ip4;
	struct wire_ip6 *ip6;

	if (parse_l2(p))
		return;
	e->l3_proto = p->l3_proto;
	if (p->l3_proto == ETH_P_IP) {
		if (parse_ip4(p, &ip4))
			return;
		addr_from4(&e->flow.src, ip4->saddr);
		addr_from4(&e->flow.dst, ip4->daddr);
	} else if (p->l3_proto == ETH_P_IPV6) {
		if (parse_ip6(p, &ip6))
			return;
		__builtin_memcpy(&e->flow.src, ip6->saddr, sizeof(e->flow.src));
		__builtin_memcpy(&e->flow.dst, ip6->daddr, sizeof(e->flow.dst));
		if (parse_ip6_ext(p))
			return;
	} else {
		return;
	}
	e->flow.proto = p->l4_proto;
	udp = p->data + (p->l4_off & LIMIT_L4_OFF);
	if (p->frag & PACKET_FRAG_LATER || (void *)(udp + 1) > p->data_end)
		return;
	/* the ports are where UDP has them in TCP too */
	if (p->l4_proto == IPPROTO_TCP || p->l4_proto == IPPROTO_UDP) {
		e->flow.sport = udp->sport;
		e->flow.dport = udp->dport;
	}
}

/* `p` has data and data_end. */
static __always_inline void event_packet(struct packet *p, enum corepath_hook hook, __u32 ifindex,
					 enum corepath_drop reason, __u32 bytes)
{
	struct corepath_packet_event *e = event_scratched();

	if (!e)
		return;
	*e = (struct corepath_packet_event){
		.head.time_ns = bpf_ktime_get_ns(),
		.head.size = sizeof(*e),
		.head.kind = COREPATH_EVENT_PACKET,
		.head.hook = hook,
		.head.cpu = bpf_get_smp_processor_id(),
		.ifindex = ifindex,
		.bytes = bytes,
		.reason = reason,
	};
	event_read_flow(p, e);
	event_send(reason);
}

#endif
