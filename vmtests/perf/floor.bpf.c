// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least an XDP program can do: what a measurement costs by itself. The difference to it is what
 * the datapath costs.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("xdp")
int floor_drop(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
