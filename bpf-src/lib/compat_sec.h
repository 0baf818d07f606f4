/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels for the programs that watch processes. One function each, which
 * names the commit; the callers know of none.
 */
#ifndef COREPATH_COMPAT_SEC_H
#define COREPATH_COMPAT_SEC_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * Whether the thread that ends is the last of its process. sched_process_exit says so itself
 * from 6.16 on ("exit: move and extend sched_process_exit() tracepoint"); every kernel counts down
 * before it, but two last threads can both see 0 there.
 */
static __always_inline bool compat_may_be_last(struct task_struct *p)
{
	return !BPF_CORE_READ(p, signal, live.counter);
}

/* Flavours: what older or newer kernels have in place of it. */
struct proc_ns_operations___typed {
	int type;
} __attribute__((preserve_access_index));

struct ns_common___typed {
	__u32 ns_type;
} __attribute__((preserve_access_index));

/*
 * The CLONE_NEW flag of a namespace, from its inode's i_private; 0 if it is none. struct ns_common
 * has it from 6.18 on, its operations before.
 */
static __always_inline __u32 compat_namespace_type(void *ns)
{
	struct proc_ns_operations___typed *operations;
	struct ns_common___typed *typed = ns;
	struct ns_common *common = ns;

	if (!ns)
		return 0;
	if (bpf_core_field_exists(typed->ns_type))
		return BPF_CORE_READ(typed, ns_type);
	operations = (void *)BPF_CORE_READ(common, ops);
	return BPF_CORE_READ(operations, type);
}

enum kernel_read_file_id___compressed {
	READING_MODULE_COMPRESSED___compressed = 7,
};

/* Whether enum kernel_read_file_id or enum kernel_load_data_id, which are the same numbers, is of a
 * module; a compressed one has a number of its own in newer kernels. */
static __always_inline bool compat_is_module(__u32 id)
{
	if (id == bpf_core_enum_value(enum kernel_read_file_id, READING_MODULE))
		return true;
	return bpf_core_enum_value_exists(enum kernel_read_file_id___compressed,
					  READING_MODULE_COMPRESSED___compressed) &&
	       id == bpf_core_enum_value(enum kernel_read_file_id___compressed,
					 READING_MODULE_COMPRESSED___compressed);
}

#endif
