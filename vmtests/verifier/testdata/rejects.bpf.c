// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs whose verifier logs are kept in this folder (README.md says how to take them again).
 * Each is rejected by every kernel, for one reason each.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} slots SEC(".maps");

/* Packet read without a bounds check. */
SEC("xdp")
int packet_oob(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data;

	return data[13] == 0x45 ? XDP_DROP : XDP_PASS;
}

/* A loop that ends by a chance the verifier cannot bound. */
SEC("xdp")
int endless_loop(struct xdp_md *ctx)
{
	__u32 i = ctx->rx_queue_index;

	while (bpf_get_prandom_u32())
		i++;
	return i & 1 ? XDP_DROP : XDP_PASS;
}

/* A bounded loop with more steps than the verifier is ready to take (one million, since 5.2). */
SEC("xdp")
int too_complex(struct xdp_md *ctx)
{
	__u32 sum = ctx->rx_queue_index;

	for (__u32 i = 0; i < 1 << 20; i++)
		sum += bpf_get_prandom_u32();
	return sum ? XDP_DROP : XDP_PASS;
}

/* Read behind the end of a map value. */
SEC("xdp")
int map_value_oob(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	__u64 *slot = bpf_map_lookup_elem(&slots, &key);

	return slot && slot[1] ? XDP_DROP : XDP_PASS;
}

/* A helper given a pointer that may be NULL; the call is in a subprogram, so that instruction
 * numbers differ from the object's section offsets. */
static __noinline int keep(__u64 *slot)
{
	__u32 zero = 0;

	return bpf_map_update_elem(&slots, &zero, slot, BPF_ANY);
}

SEC("xdp")
int helper_null(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	__u64 *slot = bpf_map_lookup_elem(&slots, &key);

	return keep(slot) ? XDP_DROP : XDP_PASS;
}

struct task_struct___elsewhere {
	int no_kernel_has_this;
} __attribute__((preserve_access_index));

/* A field no kernel has: libbpf poisons the instruction, the verifier meets the poison. */
SEC("raw_tp/sched_switch")
int core_missing(void *ctx)
{
	struct task_struct___elsewhere *task = (void *)bpf_get_current_task();
	int value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), &task->no_kernel_has_this);
	return ctx && value;
}

char LICENSE[] SEC("license") = "GPL";
