/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rules match what a process does, and what follows (abi_rules.h has how they are kept).
 *
 * `trie` is the policy set as it is when the hook begins: it is looked up once and handed on, so
 * that all of a decision is of one set. That is why what takes it is no global function, which
 * takes no map on 5.10.
 */
#ifndef COREPATH_RULES_H
#define COREPATH_RULES_H

#include "bits.h"
#include "path.h"
#include "process.h"
#include "ratelimit.h"

#define SIGKILL 9 /* include/uapi/asm-generic/signal.h */
#define EPERM	1 /* include/uapi/asm-generic/errno-base.h */

/* In a section of its own, which is a map by that name. Who is about no rule pays a load and a
 * jump. */
struct corepath_sec_config sec_config SEC(".data.sec");

struct sec_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1); /* a form for those that the loader makes, of any size */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct corepath_sec_key));
	__uint(value_size, sizeof(struct corepath_sec_bits));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct sec_trie);
} sec_policy SEC(".maps");

/* By rule: how often it matched, and when its next event is due. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COREPATH_RULES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sec_hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COREPATH_RULES_MAX);
	__type(key, __u32);
	__type(value, struct corepath_bucket);
} sec_rates SEC(".maps");

/* What one hook knows of what is done. */
struct deed {
	void *trie;
	__u32 slot; /* of the scratch */
	__u32 op;
	bool preventable; /* the hook's answer counts */
};

static __always_inline void key_start(struct sec_scratch *s, __u32 dim, __u32 bytes)
{
	s->key.dim = dim;
	s->key.prefixlen = 8 + 8 * bytes;
}

/* Takes from the live rules those that have a condition of the key's dim which the key does not
 * meet. */
static __noinline int key_apply(void *trie, struct sec_scratch *s)
{
	struct corepath_sec_bits *met = bpf_map_lookup_elem(trie, &s->key), *any;
	__u32 i;

	s->key.data[0] = s->key.dim;
	s->key.dim = COREPATH_DIM_ANY;
	s->key.prefixlen = 16;
	any = bpf_map_lookup_elem(trie, &s->key);
	if (!any)
		return 0;
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		__u64 live = s->live[i];

		if (met)
			live &= (met->yes[i] | any->yes[i]) & ~met->no[i];
		else
			live &= any->yes[i];
		s->live[i] = live;
	}
	return 0;
}

/* Begins with the rules about the op. False if there are none. */
static __always_inline bool live_start(void *trie, struct sec_scratch *s, __u8 op)
{
	struct corepath_sec_bits *bits;
	__u32 i;

	s->key.data[0] = op;
	key_start(s, COREPATH_DIM_OP, 1);
	bits = bpf_map_lookup_elem(trie, &s->key);
	if (!bits)
		return false;
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->live[i] = bits->yes[i];
	return true;
}

static __always_inline bool live_left(struct sec_scratch *s)
{
	__u64 left = 0;
	__u32 i;

	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		left |= s->live[i];
	return left;
}

static __always_inline bool dim_used(enum corepath_dim dim)
{
	return sec_config.dims & 1u << dim;
}

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
	struct corepath_sec_bits *met, *any;
	__u32 level, i;
	__u64 id;

	s->key.data[0] = COREPATH_DIM_CGROUP;
	key_start(s, COREPATH_DIM_ANY, 1);
	any = bpf_map_lookup_elem(trie, &s->key);
	if (!any)
		return 0;
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->met[i] = any->yes[i];
	for (level = 0; level < CGROUP_LEVELS && cgroup; level++) {
		id = BPF_CORE_READ(cgroup, kn, id);
		__builtin_memcpy(s->key.data, &id, sizeof(id));
		key_start(s, COREPATH_DIM_CGROUP, sizeof(id));
		met = bpf_map_lookup_elem(trie, &s->key);
		if (met)
			for (i = 0; i < COREPATH_RULE_WORDS; i++)
				s->met[i] |= met->yes[i];
		cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
	}
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->live[i] &= s->met[i];
	return 0;
}

/* The conditions that every op can have. */
static __always_inline void subject_apply(struct deed *d, struct sec_scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 uid;

	if (dim_used(COREPATH_DIM_UID)) {
		uid = BPF_CORE_READ(task, cred, euid.val);
		__builtin_memcpy(s->key.data, &uid, sizeof(uid));
		key_start(s, COREPATH_DIM_UID, sizeof(uid));
		key_apply(d->trie, s);
	}
	if (dim_used(COREPATH_DIM_CGROUP))
		cgroup_apply(d->trie, s, task);
	if (dim_used(COREPATH_DIM_EXE))
		exe_apply(d, s, task, COREPATH_DIM_EXE);
	if (dim_used(COREPATH_DIM_PARENT))
		exe_apply(d, s, BPF_CORE_READ(task, real_parent), COREPATH_DIM_PARENT);
}

/* The first live rule of an action; -1 if there is none. */
static __noinline int first_of(void *trie, struct sec_scratch *s, __u8 action)
{
	struct corepath_sec_bits *bits;
	__u64 both;
	__u32 i;

	s->key.data[0] = action;
	key_start(s, COREPATH_DIM_ACTION, 1);
	bits = bpf_map_lookup_elem(trie, &s->key);
	if (!bits)
		return -1;
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		both = s->live[i] & bits->yes[i];
		if (both)
			return i * 64 + lowest_bit(both);
	}
	return -1;
}

/* The strongest rule that is live, and its action; -1 if none is. */
static __always_inline int choose(void *trie, struct sec_scratch *s, __u8 *action)
{
	int rule, a;

	for (a = COREPATH_ACTION_KILL; a >= COREPATH_ACTION_LOG; a--) {
		rule = first_of(trie, s, a);
		if (rule >= 0) {
			*action = a;
			return rule;
		}
	}
	return -1;
}

/* Appends to the event what is in the scratch's name; returns its length. */
static __always_inline __u32 name_append(struct sec_scratch *s)
{
	__u32 at = s->walk.at & SEC_NAME_MASK, len = COREPATH_PATH_MAX - 1 - at, used = s->used;

	bpf_probe_read_kernel(&s->event.rule.data[used & SEC_DATA_MASK], len & SEC_NAME_MASK,
			      &s->name[at]);
	s->used = used + len;
	return len;
}

/* Tells who watches, unless the rule has told enough. */
static __noinline int rule_tell(void *trie, struct sec_scratch *s, __u32 rule)
{
	struct corepath_rule_event *e = &s->event.rule;
	struct corepath_rule_name *name;
	struct corepath_bucket *bucket;

	__builtin_memcpy(s->key.data, &rule, sizeof(rule));
	key_start(s, COREPATH_DIM_NAME, sizeof(rule));
	name = bpf_map_lookup_elem(trie, &s->key);
	bucket = bpf_map_lookup_elem(&sec_rates, &rule);
	if (!name || !bucket)
		return 0;
	if (name->interval_ns && !bucket_take(bucket, name->interval_ns, name->window_ns))
		return 0;
	__builtin_memcpy(e->name, name->name, sizeof(e->name));
	return 1;
}

static __always_inline void scratch_tell(struct deed *d, struct sec_scratch *s, __u32 rule)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct corepath_rule_event *e = &s->event.rule;

	if (!kind_wanted(COREPATH_EVENT_RULE) || !rule_tell(d->trie, s, rule)) {
		scratch_give(d->slot);
		return;
	}
	e->op = d->op;
	e->pad = 0;
	e->exe_len = 0;
	process_fill(&e->process, task);
	if (exe_start(s, task)) {
		path_finish(d->slot);
		e->exe_len = name_append(s);
	}
	head_fill(&e->head, COREPATH_EVENT_RULE, sizeof(*e) + s->used);
	e->head.hook = d->preventable ? COREPATH_HOOK_LSM : COREPATH_HOOK_FENTRY;
	event_finish(d->slot);
}

/* The end of every hook that began: what the live rules say is done and told. Returns the hook's
 * answer. */
static __always_inline int deed_end(struct deed *d, struct sec_scratch *s)
{
	struct corepath_rule_event *e = &s->event.rule;
	__u8 action = 0;
	int answer = 0;
	__u32 rule;
	__u64 *hits;

	if (live_left(s))
		subject_apply(d, s);
	rule = choose(d->trie, s, &action);
	if (rule >= COREPATH_RULES_MAX) {
		scratch_give(d->slot);
		return 0;
	}
	hits = bpf_map_lookup_elem(&sec_hits, &rule);
	if (hits)
		__sync_fetch_and_add(hits, 1);
	e->action = action;
	e->killed = action == COREPATH_ACTION_KILL && !bpf_send_signal(SIGKILL);
	e->prevented = d->preventable && action >= COREPATH_ACTION_DENY;
	if (e->prevented)
		answer = -EPERM;
	scratch_tell(d, s, rule);
	return answer;
}

/* Whether some rule is about the op; then `d` is whole, and *s is its scratch. *answer is the
 * hook's if not. */
static __always_inline bool deed_begin(struct deed *d, struct sec_scratch **s, int *answer)
{
	__u32 zero = 0;

	*answer = 0;
	if (!(sec_config.ops & 1u << d->op))
		return false;
	d->trie = bpf_map_lookup_elem(&sec_policy, &zero);
	if (!d->trie)
		return false;
	d->slot = scratch_take();
	*s = scratch_of(d->slot);
	if (!*s) { /* four hooks of one CPU at a time: what cannot be judged is not let through */
		*answer = d->preventable ? -EPERM : 0;
		return false;
	}
	(*s)->used = 0;
	(*s)->event.rule.path_len = 0;
	(*s)->event.rule.port = 0;
	if (live_start(d->trie, *s, d->op))
		return true;
	scratch_give(d->slot);
	return false;
}

static __always_inline void path_conditions(struct deed *d, struct sec_scratch *s)
{
	if (dim_used(COREPATH_DIM_PATH))
		path_apply(d, s, COREPATH_DIM_PATH);
	if (dim_used(COREPATH_DIM_PATH_END))
		path_end_apply(d, s);
}

/* The path of a file of the host's root file system from that one's own root, wherever it is
 * mounted. */
static __always_inline bool origin_start(struct sec_scratch *s, const struct path *path)
{
	struct super_block *sb = BPF_CORE_READ(path->dentry, d_sb);

	if (BPF_CORE_READ(sb, s_dev) != sec_config.root)
		return false;
	path_start(s, path);
	s->walk.top = (__u64)BPF_CORE_READ(sb, s_root);
	s->walk.mount = 0; /* and no further */
	return true;
}

/*
 * The conditions of the file's path. A bind mount gives it another one, and a user namespace lets
 * anybody make one: so a file of the root file system has two, and a rule that matches under either
 * matches.
 */
static __always_inline void file_apply(struct deed *d, struct sec_scratch *s,
				       const struct path *path)
{
	__u64 before;
	__u32 i;

	path_start(s, path);
	path_finish(d->slot);
	s->event.rule.path_len = name_append(s);
	if (!dim_used(COREPATH_DIM_PATH) && !dim_used(COREPATH_DIM_PATH_END))
		return;
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->before[i] = s->live[i];
	path_conditions(d, s);
	if (!origin_start(s, path))
		return;
	path_finish(d->slot);
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		before = s->before[i];
		s->before[i] = s->live[i];
		s->live[i] = before;
	}
	path_conditions(d, s);
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->live[i] |= s->before[i];
}

#endif
