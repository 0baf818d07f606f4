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

#endif
