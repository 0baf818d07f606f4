/* SPDX-License-Identifier: GPL-2.0-only */
/* Conditions of paths, and of who does something, which every op can have. */
#ifndef COREPATH_SUBJECT_H
#define COREPATH_SUBJECT_H

#include "rules.h"

/* The conditions of a path that stands in the scratch's name. */
static __always_inline void path_apply(struct deed *d, struct sec_scratch *s, enum corepath_dim dim)
{
	key_start(s, dim, COREPATH_SEC_DATA);
	bpf_probe_read_kernel(s->key.data, COREPATH_SEC_DATA, &s->name[s->walk.at & SEC_NAME_MASK]);
	key_apply(d->trie, s);
}

/* The path's end, backwards, as the key's data: what a suffix is compared with. */
__attribute__((noinline)) int path_reverse(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	__u32 i, at;

	if (!s)
		return 0;
	for (i = 0; i < COREPATH_SEC_DATA; i++) {
		at = COREPATH_PATH_MAX - 2 - i;
		s->key.data[i] = s->name[at];
		if (at <= s->walk.at) { /* no suffix goes on beyond the path */
			if (i + 1 < COREPATH_SEC_DATA)
				s->key.data[i + 1] = 0;
			break;
		}
	}
	return 0;
}

static __always_inline void path_end_apply(struct deed *d, struct sec_scratch *s)
{
	path_reverse(d->slot);
	key_start(s, COREPATH_DIM_PATH_END, COREPATH_SEC_DATA);
	key_apply(d->trie, s);
}

/* The program of a task; false if it has none, as kernel threads. */
static __always_inline bool exe_start(struct sec_scratch *s, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct path path = {};

	if (!file)
		return false;
	BPF_CORE_READ_INTO(&path, file, f_path);
	path_start(s, &path);
	return true;
}

static __always_inline void exe_apply(struct deed *d, struct sec_scratch *s,
				      struct task_struct *task, enum corepath_dim dim)
{
	if (exe_start(s, task)) {
		path_finish(d->slot);
	} else {
		s->walk.at = COREPATH_PATH_MAX - 1;
		s->name[COREPATH_PATH_MAX - 1] = 0;
	}
	path_apply(d, s, dim);
}

/* Rules of the cgroup or of one above it: as many levels as there are lookups for. */
#define CGROUP_LEVELS 8

static __noinline int cgroup_apply(void *trie, struct sec_scratch *s, struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	__u32 level;
	__u64 id;

	if (!multi_start(trie, s, COREPATH_DIM_CGROUP))
		return 0;
	for (level = 0; level < CGROUP_LEVELS && cgroup; level++) {
		id = BPF_CORE_READ(cgroup, kn, id);
		__builtin_memcpy(s->key.data, &id, sizeof(id));
		key_start(s, COREPATH_DIM_CGROUP, sizeof(id));
		multi_add(trie, s);
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	return multi_end(s);
}

/* The namespaces a process is in. */
#define NS_DIMS                                                                                    \
	(1u << COREPATH_DIM_MNT_NS | 1u << COREPATH_DIM_PID_NS | 1u << COREPATH_DIM_USER_NS |      \
	 1u << COREPATH_DIM_NET_NS)

static __noinline int namespaces_apply(void *trie, struct sec_scratch *s, struct task_struct *task)
{
	struct nsproxy *ns = BPF_CORE_READ(task, nsproxy);

	if (dim_used(COREPATH_DIM_MNT_NS))
		number_apply(trie, s, COREPATH_DIM_MNT_NS, BPF_CORE_READ(ns, mnt_ns, ns.inum));
	if (dim_used(COREPATH_DIM_PID_NS))
		number_apply(trie, s, COREPATH_DIM_PID_NS, pid_namespace_of(task));
	if (dim_used(COREPATH_DIM_USER_NS))
		number_apply(trie, s, COREPATH_DIM_USER_NS,
			     BPF_CORE_READ(task, cred, user_ns, ns.inum));
	if (dim_used(COREPATH_DIM_NET_NS))
		number_apply(trie, s, COREPATH_DIM_NET_NS, BPF_CORE_READ(ns, net_ns, ns.inum));
	return 0;
}

/* The conditions of what a process is, but for programs. */
static __always_inline void identity_apply(struct deed *d, struct sec_scratch *s,
					   struct task_struct *task)
{
	if (dim_used(COREPATH_DIM_UID))
		number_apply(d->trie, s, COREPATH_DIM_UID, BPF_CORE_READ(task, cred, euid.val));
	if (sec_config.dims & NS_DIMS)
		namespaces_apply(d->trie, s, task);
	if (dim_used(COREPATH_DIM_CGROUP))
		cgroup_apply(d->trie, s, task);
}

static __always_inline void parent_apply(struct deed *d, struct sec_scratch *s,
					 struct task_struct *task)
{
	if (dim_used(COREPATH_DIM_PARENT))
		exe_apply(d, s, BPF_CORE_READ(task, real_parent), COREPATH_DIM_PARENT);
}

/* The conditions that every op can have. */
static __always_inline void subject_apply(struct deed *d, struct sec_scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	identity_apply(d, s, task);
	if (dim_used(COREPATH_DIM_EXE))
		exe_apply(d, s, task, COREPATH_DIM_EXE);
	parent_apply(d, s, task);
}

#endif
