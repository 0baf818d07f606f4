/* SPDX-License-Identifier: GPL-2.0-only */
/* What an event says of a process, and giving it to who watches. */
#ifndef COREPATH_PROCESS_H
#define COREPATH_PROCESS_H

#include "event_ring.h"
#include "sec_maps.h"

static __always_inline __u8 kind_wanted(enum corepath_event_kind kind)
{
	return event_config.kinds[kind];
}

/* As many events as are `wanted`, all lost. */
static __always_inline void kind_lose(enum corepath_event_kind kind)
{
	__u8 wanted = kind_wanted(kind);
	__u32 i;

#pragma unroll
	for (i = 0; i < COREPATH_WATCHERS; i++)
		if (wanted & 1u << i)
			event_lose(i);
}

static __always_inline void head_fill(struct corepath_event *head, enum corepath_event_kind kind,
				      __u32 size)
{
	head->time_ns = bpf_ktime_get_ns();
	head->size = size;
	head->kind = kind;
	head->hook = COREPATH_HOOK_TRACEPOINT;
	head->cpu = bpf_get_smp_processor_id();
}

/* The innermost PID namespace that the process has a number in: task_active_pid_ns(). */
static __always_inline __u32 pid_namespace_of(struct task_struct *p)
{
	struct pid *pid = BPF_CORE_READ(p, thread_pid);
	struct pid_namespace *ns = NULL;
	__u32 level = BPF_CORE_READ(pid, level);

	bpf_probe_read_kernel(&ns, sizeof(ns),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, ns));
	return BPF_CORE_READ(ns, ns.inum);
}

/* `key` is zeroed. */
static __always_inline void process_key(struct corepath_process_key *key, struct task_struct *p)
{
	key->start_ns = BPF_CORE_READ(p, group_leader, start_boottime);
	key->pid = BPF_CORE_READ(p, tgid);
}

static __always_inline void process_fill(struct corepath_process *out, struct task_struct *p)
{
	struct task_struct *leader = BPF_CORE_READ(p, group_leader);
	struct nsproxy *ns = BPF_CORE_READ(p, nsproxy);
	const struct cred *cred = BPF_CORE_READ(p, real_cred);

	out->start_ns = BPF_CORE_READ(leader, start_boottime);
	out->cgroup = BPF_CORE_READ(p, cgroups, dfl_cgrp, kn, id);
	out->pid = BPF_CORE_READ(p, tgid);
	out->ppid = BPF_CORE_READ(p, real_parent, tgid);
	out->uid = BPF_CORE_READ(cred, uid.val);
	out->euid = BPF_CORE_READ(cred, euid.val);
	out->gid = BPF_CORE_READ(cred, gid.val);
	out->egid = BPF_CORE_READ(cred, egid.val);
	out->ns[COREPATH_NS_MNT] = BPF_CORE_READ(ns, mnt_ns, ns.inum);
	out->ns[COREPATH_NS_PID] = pid_namespace_of(p);
	out->ns[COREPATH_NS_NET] = BPF_CORE_READ(ns, net_ns, ns.inum);
	out->ns[COREPATH_NS_USER] = BPF_CORE_READ(cred, user_ns, ns.inum);
	out->ns[COREPATH_NS_CGROUP] = BPF_CORE_READ(ns, cgroup_ns, ns.inum);
	out->ns[COREPATH_NS_IPC] = BPF_CORE_READ(ns, ipc_ns, ns.inum);
	out->ns[COREPATH_NS_UTS] = BPF_CORE_READ(ns, uts_ns, ns.inum);
	out->pad = 0;
	BPF_CORE_READ_INTO(&out->comm, p, comm);
}

/* Gives the scratch's event to all who want its kind, and the scratch back. */
__attribute__((noinline)) int event_finish(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	__u32 size, kind, i;
	__u8 wanted;

	if (!s)
		return 0;
	size = s->event.exec.head.size;
	kind = s->event.exec.head.kind;
	barrier_var(size);
	barrier_var(kind);
	wanted = event_config.kinds[kind & (COREPATH_KINDS_MAX - 1)];
	if (size <= SEC_EVENT_MAX) {
#pragma unroll
		for (i = 0; i < COREPATH_WATCHERS; i++)
			if (wanted & 1u << i)
				event_put(i, s->event.bytes, size);
	}
	scratch_give(slot);
	return 0;
}

#endif
