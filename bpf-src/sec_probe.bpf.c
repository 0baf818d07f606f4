// SPDX-License-Identifier: GPL-2.0-only
/*
 * sec_probe: whether the BPF LSM is asked at all. Programs load and attach where it is not (lsm=
 * does not name bpf) and are never run, so the loader opens a file and looks.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang diagnostic ignored "-Wunused-parameter"

__u32 probe_pid; /* who asks */
__u32 probe_seen;

SEC("lsm/file_open")
int BPF_PROG(sec_probe, struct file *file)
{
	if (bpf_get_current_pid_tgid() >> 32 == probe_pid)
		probe_seen = 1;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
