/* SPDX-License-Identifier: GPL-2.0-only */
/* One thing that is done, from the hook that sees it to what the rules make of it. */
#ifndef COREPATH_DEED_H
#define COREPATH_DEED_H

#include "subject.h"

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

static __always_inline void scratch_tell(struct deed *d, struct sec_scratch *s,
					 struct task_struct *task, __u32 rule)
{
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
	e->head.hook = d->hook;
	event_finish(d->slot);
}

/* While processes that run already are looked for: the program that this one is about to run, or
 * has `begun`, has been judged. begin_new_exec() of fs/exec.c counts self_exec_id. */
static __noinline int exec_note(void *trie, struct sec_scratch *s, bool begun)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct corepath_running_process *r = &s->running;
	struct corepath_process_key key = {};
	struct corepath_sec_bits *set = set_of(trie, s);
	__u32 i;

	if (!set)
		return 0;
	process_key(&key, task);
	r->set = set->yes[0];
	r->exec_id = BPF_CORE_READ(task, self_exec_id) + !begun;
	r->told = 1;
	r->kill = 0;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		r->args[i] = 0;
	bpf_map_update_elem(&sec_running, &key, r, BPF_ANY);
	return 0;
}

static __always_inline void hit_count(__u32 rule)
{
	__u64 *hits = bpf_map_lookup_elem(&sec_hits, &rule);

	if (hits)
		__sync_fetch_and_add(hits, 1);
}

/* What the live rules say is done and told. Returns the hook's answer. */
static __always_inline int deed_judge(struct deed *d, struct sec_scratch *s, bool exec)
{
	struct corepath_rule_event *e = &s->event.rule;
	__u8 action = 0;
	int answer = 0;
	__u32 rule;

	rule = choose(d->trie, s, &action);
	if (rule >= COREPATH_RULES_MAX) {
		scratch_give(d->slot);
		return 0;
	}
	hit_count(rule);
	if (exec && sec_config.running)
		exec_note(d->trie, s, d->hook == COREPATH_HOOK_TRACEPOINT);
	e->action = action;
	e->prevented = preventable(d) && action >= COREPATH_ACTION_DENY;
	if (e->prevented)
		answer = -EPERM;
	/* who may not do it and cannot be refused is dead before it returns to user space */
	e->killed = (action == COREPATH_ACTION_KILL ||
		     (action == COREPATH_ACTION_DENY && !e->prevented)) &&
		    !bpf_send_signal(SIGKILL);
	scratch_tell(d, s, (void *)bpf_get_current_task(), rule);
	return answer;
}

static __always_inline int deed_do(struct deed *d, struct sec_scratch *s)
{
	return deed_judge(d, s, false);
}

/* The same of exec. */
static __always_inline int exec_do(struct deed *d, struct sec_scratch *s)
{
	return deed_judge(d, s, true);
}

/* The end of every hook that began. */
static __always_inline int deed_end(struct deed *d, struct sec_scratch *s)
{
	if (live_left(s))
		subject_apply(d, s);
	return deed_do(d, s);
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
		*answer = preventable(d) ? -EPERM : 0;
		return false;
	}
	(*s)->used = 0;
	(*s)->event.rule.path_len = 0;
	(*s)->event.rule.port = 0;
	(*s)->event.rule.value = 0;
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

/* Of a deed that could have a file and has none: rules with a path do not match. */
static __always_inline void no_file_apply(struct deed *d, struct sec_scratch *s)
{
	s->walk.at = COREPATH_PATH_MAX - 1;
	s->name[COREPATH_PATH_MAX - 1] = 0;
	s->name[COREPATH_PATH_MAX - 2] = 0; /* what a suffix is compared with */
	path_conditions(d, s);
}

#endif
