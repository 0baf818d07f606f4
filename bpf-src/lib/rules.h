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

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct sec_pending);
} sec_pending SEC(".maps");

/* Processes that ran when the rules came, and those whose program a hook has judged meanwhile. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, COREPATH_RUNNING_MAX);
	__type(key, struct corepath_process_key);
	__type(value, struct corepath_running_process);
} sec_running SEC(".maps");

/* What one hook knows of what is done. */
struct deed {
	void *trie;
	__u32 slot; /* of the scratch */
	__u32 op;
	__u32 hook; /* enum corepath_hook */
};

/* Whether the hook's answer counts: of the BPF LSM, and of BPF_MODIFY_RETURN, which has it returned
 * in place of calling the function. */
static __always_inline bool preventable(const struct deed *d)
{
	return d->hook == COREPATH_HOOK_LSM || d->hook == COREPATH_HOOK_FMOD_RET;
}

static __always_inline void key_start(struct sec_scratch *s, __u32 dim, __u32 bytes)
{
	s->key.dim = dim;
	s->key.prefixlen = 8 + 8 * bytes;
}

/* What is known of the policy set as a whole. */
static __always_inline struct corepath_sec_bits *set_of(void *trie, struct sec_scratch *s)
{
	key_start(s, COREPATH_DIM_SET, 0);
	return bpf_map_lookup_elem(trie, &s->key);
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
#pragma unroll
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
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->live[i] = bits->yes[i];
	return true;
}

static __always_inline bool live_left(struct sec_scratch *s)
{
	__u64 left = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		left |= s->live[i];
	return left;
}

static __always_inline bool dim_used(enum corepath_dim dim)
{
	return sec_config.dims & 1u << dim;
}

/*
 * Conditions of which one process or deed can meet several: multi_start(), then multi_add() with
 * each in the scratch's key, then multi_end().
 */
static __noinline bool multi_start(void *trie, struct sec_scratch *s, __u8 dim)
{
	struct corepath_sec_bits *any;
	__u32 i;

	s->key.data[0] = dim;
	key_start(s, COREPATH_DIM_ANY, 1);
	any = bpf_map_lookup_elem(trie, &s->key);
	if (!any)
		return false;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		s->met[i] = any->yes[i];
		s->banned[i] = 0;
	}
	return true;
}

static __noinline int multi_add(void *trie, struct sec_scratch *s)
{
	struct corepath_sec_bits *bits = bpf_map_lookup_elem(trie, &s->key);
	__u32 i;

	if (!bits)
		return 0;
#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++) {
		s->met[i] |= bits->yes[i];
		s->banned[i] |= bits->no[i];
	}
	return 1;
}

static __noinline int multi_end(struct sec_scratch *s)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < COREPATH_RULE_WORDS; i++)
		s->live[i] &= s->met[i] & ~s->banned[i];
	return 0;
}

/* The condition of a number. */
static __noinline int number_apply(void *trie, struct sec_scratch *s, __u32 dim, __u32 number)
{
	__builtin_memcpy(s->key.data, &number, sizeof(number));
	key_start(s, dim, sizeof(number));
	return key_apply(trie, s);
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

#endif
