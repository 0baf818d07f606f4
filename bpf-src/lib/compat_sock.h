/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels for the programs of sockets. */
#ifndef COREPATH_COMPAT_SOCK_H
#define COREPATH_COMPAT_SOCK_H

#include <bpf/bpf_helpers.h>

/* From 6.5 on (4ddbcb886268 "bpf: Add bpf_sock_destroy kfunc"), and not without the JIT, as no
 * kfunc is. */
int bpf_sock_destroy(struct sock_common *sk) __ksym __weak;

static __always_inline bool compat_can_destroy(void)
{
	return bpf_ksym_exists(bpf_sock_destroy);
}

#endif
