/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that ran already when the rules came: an iterator over tasks, which every kernel has
 * (eaaacd23910f "bpf: Add task and task/file iterator targets", 5.8), judges them by the rules
 * about exec. The hooks are attached and have the rules by then, so nobody begins unseen; what one
 * of them has judged meanwhile it notes, and is not told twice. An iterator kills nobody
 * (bpf_send_signal() is of the current task), and it cannot read the arguments of another process
 * (bpf_copy_from_user_task() is of 5.18): both are done by who reads it, in two passes.
 */
#ifndef COREPATH_DEEDS_RUNNING_H
#define COREPATH_DEEDS_RUNNING_H

#include "deed.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/* One thread for each process: its leader, or, when that has ended, each that is left. A kernel
 * thread can have somebody's memory for a while (kthread_use_mm()). */
static __always_inline bool stands_for_process(struct task_struct *task)
{
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD || !BPF_CORE_READ(task, mm))
		return false;
	return BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid) ||
	       !BPF_CORE_READ(task, group_leader, mm);
}

/* Begins with the rules that who runs can be judged by. False if there are none. */
static __noinline bool running_start(void *trie, struct sec_scratch *s)
{
	struct corepath_sec_bits *can;
	__u32 i;

	if (!live_start(trie, s, COREPATH_OP_EXEC))
		return false;
	key_start(s, COREPATH_DIM_RUNNING, 0);
	can = bpf_map_lookup_elem(trie, &s->key);
	if (!can)
		return false;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->live[i] &= can->yes[i];
	return live_left(s);
}

/* Whether a live rule asks for arguments. With what is known of them, those go that it decides. */
static __noinline bool running_args(void *trie, struct sec_scratch *s,
				    struct corepath_running_process *known, bool decide)
{
	struct corepath_sec_bits *can;
	__u64 ask = 0;
	__u32 i;

	key_start(s, COREPATH_DIM_RUNNING, 0);
	can = bpf_map_lookup_elem(trie, &s->key);
	if (!can)
		return false;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		ask |= s->live[i] & can->no[i];
		if (decide)
			s->live[i] &= ~can->no[i] | (known ? known->args[i] : 0);
	}
	return ask;
}

/* That it is told of is noted, in what is known of it or anew. */
static __always_inline void running_told(struct sec_scratch *s,
					 struct corepath_running_process *known,
					 const struct corepath_running_match *m)
{
	struct corepath_running_process *r = &s->running;
	__u32 i;

	if (known) {
		known->told = 1;
		return;
	}
	r->set = m->set;
	r->exec_id = m->exec_id;
	r->told = 1;
	r->kill = 0;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		r->args[i] = 0;
	bpf_map_update_elem(&sec_running, &m->process, r, BPF_ANY);
}

/* What its live rules come to. `how` is enum corepath_running_how. False if it is not to be told.
 */
static __always_inline bool running_judge(struct deed *d, struct sec_scratch *s,
					  struct seq_file *seq, struct task_struct *task, __u32 how,
					  struct corepath_running_match *m)
{
	struct corepath_running_process *known;
	struct corepath_sec_bits *set = set_of(d->trie, s);
	bool tell = how & COREPATH_RUNNING_TELL;

	if (!set)
		return false;
	m->set = set->yes[0];
	m->exec_id = BPF_CORE_READ(task, self_exec_id);
	process_key(&m->process, task);
	known = bpf_map_lookup_elem(&sec_running, &m->process);
	if (known && (known->set != m->set || known->exec_id != m->exec_id))
		known = NULL;
	if (known && (known->told || !tell)) /* has been looked at */
		return false;
	m->asks_args = running_args(d->trie, s, known, tell);
	m->rule = choose(d->trie, s, &m->action);
	if (m->rule >= COREPATH_RULES_MAX)
		return false;
	/* who is to be killed is found by a look first */
	if (m->action == COREPATH_ACTION_KILL && !known && how & COREPATH_RUNNING_KILL && tell)
		return false;
	m->killed = tell && known && known->kill && m->action == COREPATH_ACTION_KILL;
	/* with no room for it the kernel comes back with the same task (bpf_seq_read()) */
	if (bpf_seq_write(seq, m, sizeof(*m)) || !tell)
		return false;
	running_told(s, known, m);
	return true;
}

/* 1: the same task once more. */
static __always_inline int on_running(struct seq_file *seq, struct task_struct *task)
{
	struct deed d = {.op = COREPATH_OP_EXEC, .hook = COREPATH_HOOK_ITERATOR};
	__u32 zero = 0, how = sec_config.running;
	struct corepath_running_match m = {};
	struct corepath_rule_event *e;
	struct sec_scratch *s;
	struct path path = {};

	if (!(how & (COREPATH_RUNNING_LOOK | COREPATH_RUNNING_TELL)) || !task ||
	    !stands_for_process(task))
		return 0;
	d.trie = bpf_map_lookup_elem(&sec_policy, &zero);
	if (!d.trie)
		return 0;
	d.slot = scratch_take();
	s = scratch_of(d.slot);
	if (!s)
		return 1;
	e = &s->event.rule;
	s->used = 0;
	e->port = 0;
	e->value = 0;
	if (!running_start(d.trie, s))
		goto out;
	BPF_CORE_READ_INTO(&path, task, mm, exe_file, f_path);
	if (!path.dentry)
		goto out;
	file_apply(&d, s, &path);
	identity_apply(&d, s, task);
	parent_apply(&d, s, task);
	if (!live_left(s) || !running_judge(&d, s, seq, task, how, &m))
		goto out;
	hit_count(m.rule);
	e->action = m.action;
	e->prevented = 0;
	e->killed = m.killed;
	scratch_tell(&d, s, task, m.rule); /* gives the scratch back */
	return 0;
out:
	scratch_give(d.slot);
	return 0;
}

#endif
