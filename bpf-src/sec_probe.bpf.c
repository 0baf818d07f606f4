// SPDX-License-Identifier: GPL-2.0-only
/*
 * sec_probe: whether the BPF LSM is asked at all, and whether BPF_MODIFY_RETURN is. Programs of the
 * BPF LSM load and attach where it is not active (lsm= does not name bpf) and are never run, so the
 * loader opens a file and looks.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang diagnostic ignored "-Wunused-parameter"

__u32 probe_pid; /* who asks */
__u32 probe_seen;

static __always_inline void look(void)
{
	if (bpf_get_current_pid_tgid() >> 32 == probe_pid)
		probe_seen = 1;
}

SEC("lsm/file_open")
int BPF_PROG(sec_probe, struct file *file)
{
	look();
	return 0;
}

SEC("fmod_ret/security_file_open")
int BPF_PROG(sec_probe_mod, struct file *file)
{
	look();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
