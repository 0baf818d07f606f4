/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running a program. It is judged when the kernel looks for what can run the file, where it can be
 * refused; but its arguments are in the new process's memory, where nobody can read them until the
 * program is in place. So rules with a condition of arguments wait until then, and who they are
 * about is killed before its first instruction.
 */
#ifndef COREPATH_DEEDS_EXEC_H
#define COREPATH_DEEDS_EXEC_H

#include "deed.h"

/* How many pieces of arguments are looked at, each of up to COREPATH_SEC_DATA bytes: each is a
 * lookup that the verifier goes through by itself. */
#define ARG_PIECES 48

/* Keeps the live rules about arguments for later; the others stay live. */
static __noinline int args_defer(void *trie, struct sec_scratch *s, struct linux_binprm *bprm)
{
	struct corepath_sec_bits *set = set_of(trie, s);
	__u32 tid = bpf_get_current_pid_tgid(), i;
	struct sec_pending *before;
	__u64 left = 0;

	if (!set)
		return 0;
	s->pending.set = set->yes[0];
	s->pending.bprm = (__u64)bprm;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		s->pending.live[i] = s->live[i] & set->no[i];
		s->live[i] &= ~set->no[i];
	}
	before = bpf_map_lookup_elem(&sec_pending, &tid);
	if (before && before->bprm == s->pending.bprm && before->set == s->pending.set) {
#pragma unroll
		for (i = 0; i < COREPATH_RULE_WORDS; i++)
			s->pending.live[i] |= before->live[i]; /* the script's */
	}
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		left |= s->pending.live[i];
	if (left)
		bpf_map_update_elem(&sec_pending, &tid, &s->pending, BPF_ANY);
	else if (before)
		bpf_map_delete_elem(&sec_pending, &tid);
	return 0;
}

static __always_inline int on_exec(struct linux_binprm *bprm, __u32 hook)
{
	struct deed d = {.op = COREPATH_OP_EXEC, .hook = hook};
	struct sec_scratch *s;
	struct path path = {};
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	BPF_CORE_READ_INTO(&path, bprm, file, f_path);
	file_apply(&d, s, &path);
	if (dim_used(COREPATH_DIM_ARGC))
		number_apply(d.trie, s, COREPATH_DIM_ARGC, BPF_CORE_READ(bprm, argc));
	if (live_left(s))
		subject_apply(&d, s);
	if (dim_used(COREPATH_DIM_ARG))
		args_defer(d.trie, s, bprm);
	return exec_do(&d, s);
}

/* The arguments of the program that is in place, as far as there is room, into the scratch's name.
 * Where in them we are stands in the walk, not in registers: whatever a verifier knows of it would
 * make one iteration of the loop differ from the next. */
static __always_inline void args_start(struct sec_scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 start = BPF_CORE_READ(mm, arg_start);
	__u64 len = BPF_CORE_READ(mm, arg_end) - start;

	if (len > COREPATH_ARGS_MAX)
		len = COREPATH_ARGS_MAX;
	if (bpf_probe_read_user(s->name, len, (void *)start))
		len = 0;
	s->walk.top = len;
	s->walk.at = 0;
	s->walk.flags = 1; /* what is at `at` begins an argument */
}

/* The next piece as the key's data. -1: there is none; 1 if it begins an argument. */
__attribute__((noinline)) int args_next(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	__u32 at, begins;
	long n;

	if (!s)
		return -1;
	at = s->walk.at;
	begins = s->walk.flags;
	if (at >= s->walk.top)
		return -1;
	n = bpf_probe_read_kernel_str(s->key.data, COREPATH_SEC_DATA, &s->name[at & SEC_NAME_MASK]);
	if (n <= 0)
		return -1;
	/* what did not fit ends with a NUL all the same */
	s->walk.flags = n < COREPATH_SEC_DATA;
	s->walk.at = at + (n < COREPATH_SEC_DATA ? n : COREPATH_SEC_DATA - 1);
	return begins;
}

static __noinline int args_apply(void *trie, struct sec_scratch *s, __u32 slot)
{
	int begins;
	__u32 i;

	if (!multi_start(trie, s, COREPATH_DIM_ARG))
		return 0;
	for (i = 0; i < ARG_PIECES; i++) {
		begins = args_next(slot);
		if (begins < 0)
			break;
		if (!begins)
			continue;
		key_start(s, COREPATH_DIM_ARG, COREPATH_SEC_DATA);
		multi_add(trie, s);
	}
	return multi_end(s);
}

/* The program is in place: what is waiting for its arguments. `tid` is the thread's that called. */
static __always_inline void on_args(__u32 tid, struct linux_binprm *bprm, __u32 hook)
{
	struct deed d = {.op = COREPATH_OP_EXEC, .hook = hook};
	struct sec_pending *pending;
	struct sec_scratch *s;
	struct path path = {};
	struct corepath_sec_bits *set;
	__u64 same;
	int answer;
	__u32 i;

	if (!dim_used(COREPATH_DIM_ARG))
		return;
	pending = bpf_map_lookup_elem(&sec_pending, &tid);
	if (!pending)
		return;
	if (deed_begin(&d, &s, &answer)) {
		set = set_of(d.trie, s);
		same = set && pending->set == set->yes[0] ? ~0ull : 0;
#pragma unroll
		for (i = 0; i < COREPATH_RULE_WORDS; i++)
			s->live[i] = pending->live[i] & same;
		args_start(s);
		args_apply(d.trie, s, d.slot);
		if (live_left(s)) {
			BPF_CORE_READ_INTO(&path, bprm, file, f_path);
			path_start(s, &path);
			path_finish(d.slot);
			s->event.rule.path_len = name_append(s);
		}
		exec_do(&d, s);
	}
	bpf_map_delete_elem(&sec_pending, &tid);
}

#endif
