/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the programs that watch processes put things together. */
#ifndef COREPATH_SEC_MAPS_H
#define COREPATH_SEC_MAPS_H

#include "compat_sec.h"
#include "maps.h"

/* A path on its way from a file to the root of its mount namespace. Pointers are numbers here: they
 * are read through, never followed by the program itself. */
struct path_walk {
	__u64 dentry;
	__u64 mount; /* struct mount */
	__u64 top;   /* the mount's own root, a dentry */
	__u32 at;    /* where in `name` the path begins so far */
	__u32 flags; /* enum path_walk_flags */
};

enum path_walk_flags {
	PATH_CUT = 1 << 0,
	PATH_NOWHERE = 1 << 1,
	PATH_DELETED = 1 << 2,
};

/* The longest event: the longest head, and paths and arguments in full. */
#define SEC_DATA_MAX  (2 * COREPATH_PATH_MAX + COREPATH_ARGS_MAX)
#define SEC_EVENT_MAX (sizeof(struct corepath_rule_event) + SEC_DATA_MAX)

/* Masks, which every verifier follows. Beyond what they let through there is room for one string
 * more. */
#define SEC_NAME_MASK (COREPATH_PATH_MAX - 1)
#define SEC_DATA_MASK 16383

/*
 * Programs that are about to run, by the thread that called execve(): rules that but for their
 * conditions of arguments match. The oldest goes when there is no room, so that one that fails
 * leaves nothing for long.
 */
struct sec_pending {
	__u64 set;  /* of the policy */
	__u64 bprm; /* of the call: a script's interpreter is the same one's */
	__u64 live[COREPATH_RULE_WORDS];
};

struct sec_scratch {
	__u32 used; /* bytes of event.data */
	__u32 pad;
	struct path_walk walk;
	char name[COREPATH_PATH_MAX + 256]; /* filled from its end; then a name's 255 */
	struct corepath_sec_key key;
	__u64 live[COREPATH_RULE_WORDS]; /* rules that may still match */
	__u64 before[COREPATH_RULE_WORDS];
	__u64 met[COREPATH_RULE_WORDS]; /* rules of which one of several things meets a condition */
	__u64 banned[COREPATH_RULE_WORDS]; /* rules which one of them must not meet */
	struct sec_pending pending;
	struct corepath_running_process running;
	union {
		struct corepath_exec_event exec;
		struct corepath_fork_event fork;
		struct corepath_exit_event exit;
		struct corepath_rule_event rule;
		char bytes[sizeof(struct corepath_rule_event) + SEC_DATA_MASK + 1 +
			   COREPATH_PATH_MAX];
	} event;
};

/*
 * Some hooks can be preempted, so one CPU can need more than one at a time: each has
 * SEC_SCRATCH_PER_CPU, and an event that finds none is lost, and counted. User space sets the
 * number of entries.
 */
#define SEC_SCRATCH_PER_CPU 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEC_SCRATCH_PER_CPU);
	__type(key, __u32);
	__type(value, struct sec_scratch);
} sec_scratch SEC(".maps");

/*
 * Those that are taken. Adding one that is not there is a test-and-set on every kernel; an object
 * with a compare-and-exchange in it, wherever it is, is refused before 5.12 (5ffa25502b5a "bpf: Add
 * instructions for atomic_[cmp]xchg").
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SEC_SCRATCH_PER_CPU);
	__type(key, __u32);
	__type(value, __u8);
} sec_taken SEC(".maps");

/* Processes that have just ended. Who adds one tells of it: of two last threads, one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct corepath_process_key);
	__type(value, __u8);
} sec_ended SEC(".maps");

/* The number of a scratch that is ours from here on, or -1. */
static __always_inline int scratch_take(void)
{
	__u32 first = bpf_get_smp_processor_id() * SEC_SCRATCH_PER_CPU, slot, i;
	__u8 one = 1;

#pragma unroll
	for (i = 0; i < SEC_SCRATCH_PER_CPU; i++) {
		slot = first + i;
		if (!bpf_map_update_elem(&sec_taken, &slot, &one, BPF_NOEXIST))
			return slot;
	}
	return -1;
}

static __always_inline struct sec_scratch *scratch_of(__u32 slot)
{
	return bpf_map_lookup_elem(&sec_scratch, &slot);
}

static __always_inline void scratch_give(__u32 slot)
{
	bpf_map_delete_elem(&sec_taken, &slot);
}

#endif
