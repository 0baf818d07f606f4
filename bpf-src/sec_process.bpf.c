// SPDX-License-Identifier: GPL-2.0-only
/*
 * sec_process: tells watchers of processes: that they begin, run another program, and end.
 *
 * Raw tracepoints, which every kernel has with these arguments and which none can turn off. They
 * are attached while somebody watches, and who watches something else costs them a load and a jump.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "lib/path.h"
#include "lib/process.h"

/* BPF_PROG() gives each program a context, which none here asks for. */
#pragma clang diagnostic ignored "-Wunused-parameter"

/* signal_group_exit() and wait_task_zombie() in kernel/exit.c: include/linux/sched/signal.h */
#define SIGNAL_GROUP_EXIT 4

/* Appends to the event what is at `from`. */
static __always_inline void data_put(struct sec_scratch *s, const void *from, __u32 len)
{
	__u32 used = s->used;

	if (len > COREPATH_PATH_MAX)
		len = COREPATH_PATH_MAX;
	bpf_probe_read_kernel(&s->event.exec.data[used & SEC_DATA_MASK], len, from);
	s->used = used + len;
}

/* Appends the path in the scratch's name; returns its length. */
static __always_inline __u32 path_append(struct sec_scratch *s)
{
	__u32 at = s->walk.at & SEC_NAME_MASK, len = COREPATH_PATH_MAX - 1 - at;

	data_put(s, &s->name[at], len);
	return len;
}

static __always_inline void args_append(struct sec_scratch *s, struct mm_struct *mm)
{
	struct corepath_exec_event *e = &s->event.exec;
	__u64 start = BPF_CORE_READ(mm, arg_start);
	__u64 len = BPF_CORE_READ(mm, arg_end) - start;
	__u32 used = s->used;

	if (len > COREPATH_ARGS_MAX) {
		len = COREPATH_ARGS_MAX;
		e->flags |= COREPATH_EXEC_ARGS_CUT;
	}
	if (bpf_probe_read_user(&e->data[used & SEC_DATA_MASK], len, (void *)start)) {
		e->flags |= COREPATH_EXEC_ARGS_UNREAD;
		len = 0;
	}
	e->args_len = len;
	s->used = used + len;
}

__attribute__((noinline)) int exec_path(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	struct corepath_exec_event *e;

	if (!s)
		return 0;
	path_finish(slot);
	e = &s->event.exec;
	e->path_len = path_append(s);
	if (s->walk.flags & PATH_CUT)
		e->flags |= COREPATH_EXEC_PATH_CUT;
	if (s->walk.flags & PATH_NOWHERE)
		e->flags |= COREPATH_EXEC_PATH_NOWHERE;
	if (s->walk.flags & PATH_DELETED)
		e->flags |= COREPATH_EXEC_PATH_DELETED;
	return 0;
}

__attribute__((noinline)) int exec_cwd(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	struct corepath_exec_event *e;

	if (!s)
		return 0;
	path_finish(slot);
	e = &s->event.exec;
	e->cwd_len = path_append(s);
	if (s->walk.flags & PATH_CUT)
		e->flags |= COREPATH_EXEC_CWD_CUT;
	return 0;
}

static __always_inline void tell_exec(__u32 slot, struct sec_scratch *s, struct task_struct *p,
				      __u32 old_tid, struct linux_binprm *bprm)
{
	struct corepath_exec_event *e = &s->event.exec;
	struct path path = {};

	e->old_tid = old_tid;
	e->flags = 0;
	e->pad = 0;
	s->used = 0;
	process_fill(&e->process, p);
	BPF_CORE_READ_INTO(&path, bprm, file, f_path);
	path_start(s, &path);
	exec_path(slot);
	BPF_CORE_READ_INTO(&path, p, fs, pwd);
	path_start(s, &path);
	exec_cwd(slot);
	args_append(s, BPF_CORE_READ(p, mm));
	head_fill(&e->head, COREPATH_EVENT_EXEC, sizeof(*e) + s->used);
	event_finish(slot);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sec_exec, struct task_struct *p, pid_t old_tid, struct linux_binprm *bprm)
{
	struct sec_scratch *s;
	int slot;

	if (!kind_wanted(COREPATH_EVENT_EXEC))
		return 0;
	slot = scratch_take();
	s = scratch_of(slot);
	if (s)
		tell_exec(slot, s, p, old_tid, bprm);
	else
		kind_lose(COREPATH_EVENT_EXEC);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sec_fork, struct task_struct *parent, struct task_struct *child)
{
	struct corepath_fork_event *e;
	struct sec_scratch *s;
	int slot;

	if (!kind_wanted(COREPATH_EVENT_FORK) || child->pid != child->tgid)
		return 0;
	slot = scratch_take();
	s = scratch_of(slot);
	if (!s) {
		kind_lose(COREPATH_EVENT_FORK);
		return 0;
	}
	e = &s->event.fork;
	process_fill(&e->process, child);
	head_fill(&e->head, COREPATH_EVENT_FORK, sizeof(*e));
	event_finish(slot);
	return 0;
}

/* What wait() says: of the group's end, or of the leader's if its threads ended one by one. */
static __always_inline void end_fill(struct corepath_exit_event *e, struct task_struct *p)
{
	__u32 code;

	if (BPF_CORE_READ(p, signal, flags) & SIGNAL_GROUP_EXIT)
		code = BPF_CORE_READ(p, signal, group_exit_code);
	else
		code = BPF_CORE_READ(p, group_leader, exit_code);
	e->code = code >> 8 & 0xff;
	e->signal = code & 0x7f;
	e->core = code >> 7 & 1;
	e->pad = 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sec_exit, struct task_struct *p)
{
	struct corepath_process_key key = {};
	struct corepath_exit_event *e;
	struct sec_scratch *s;
	__u8 one = 1;
	int slot;

	if (!kind_wanted(COREPATH_EVENT_EXIT) || !compat_may_be_last(p))
		return 0;
	process_key(&key, p);
	if (bpf_map_update_elem(&sec_ended, &key, &one, BPF_NOEXIST))
		return 0;
	slot = scratch_take();
	s = scratch_of(slot);
	if (!s) {
		kind_lose(COREPATH_EVENT_EXIT);
		return 0;
	}
	e = &s->event.exit;
	process_fill(&e->process, p);
	end_fill(e, p);
	head_fill(&e->head, COREPATH_EVENT_EXIT, sizeof(*e));
	event_finish(slot);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
