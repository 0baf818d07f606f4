/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether this kernel compiles programs: without, some can't be loaded (kfuncs; tail calls beside
 * calls of functions), and a test of those is skipped for VMTESTS_JIT. */
#ifndef VMTESTS_JIT_H
#define VMTESTS_JIT_H

#include <stdbool.h>
#include <stdio.h>

/* In the words of `vmtest kernels features`. */
#define VMTESTS_JIT "config:BPF_JIT"

/* net.core.bpf_jit_enable; a kernel that cannot switch it off has no such file, or 1 in it. */
static inline bool jit_is_on(void)
{
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int on = 1;

	if (file) {
		if (fscanf(file, "%d", &on) != 1)
			on = 1;
		fclose(file);
	}
	return on;
}

#endif
