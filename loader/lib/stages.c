// SPDX-License-Identifier: GPL-2.0-only
/* What the prefilter hands packets on to: the slots of xdp_stages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "internal.h"

static int write_slot(const struct cp_dir *dir, int stages, __u32 slot, const char *pin)
{
	int prog, err;

	if (!pin) {
		err = bpf_map_delete_elem(stages, &slot);
		return err == -ENOENT ? 0 : err;
	}
	prog = cp_pin_get(dir, pin);
	if (prog < 0)
		return prog;
	err = bpf_map_update_elem(stages, &slot, &prog, BPF_ANY);
	close(prog);
	return err;
}

static bool is_filled(int stages, __u32 slot)
{
	__u32 id;

	return !bpf_map_lookup_elem(stages, &slot, &id);
}

/*
 * Kernels refuse tail calls beside calls of functions without the JIT (check_max_stack_depth() in
 * kernel/bpf/verifier.c), which the guard has; and where the interpreter runs the balancer by a
 * tail call, 6.12.117 was seen to return to address 0. Neither is to be found out by an operator.
 */
int cp_stage_needs_jit(const char *what)
{
	FILE *f = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int on = 1;

	if (f) {
		if (fscanf(f, "%d", &on) != 1)
			on = 1;
		fclose(f);
	}
	return on ? 0
		  : cp_fail(EOPNOTSUPP,
			    "%s needs the kernel's JIT, which is off; switch it on: sysctl "
			    "net.core.bpf_jit_enable=1",
			    what);
}

int cp_stage_set(const struct cp_dir *dir, enum corepath_stage stage, bool on)
{
	int stages = cp_map_get(dir, CP_MAP_STAGES), err = 0;
	const char *first = NULL, *pin = stage == COREPATH_STAGE_GUARD ? CP_PROG_GUARD : CP_PROG_LB;

	if (stages < 0)
		return stages;
	/* filled before the first leads there, emptied when it no longer does */
	if (on)
		err = write_slot(dir, stages, stage, pin);
	if (stage == COREPATH_STAGE_GUARD ? on : is_filled(stages, COREPATH_STAGE_GUARD))
		first = CP_PROG_GUARD;
	else if (stage == COREPATH_STAGE_LB ? on : is_filled(stages, COREPATH_STAGE_LB))
		first = CP_PROG_LB;
	if (!err)
		err = write_slot(dir, stages, COREPATH_STAGE_FIRST, first);
	if (!err && !on)
		err = write_slot(dir, stages, stage, NULL);
	close(stages);
	return err ? cp_fail(-err, "map %s/%s: write: %s; run as root", dir->path, CP_MAP_STAGES,
			     strerror(-err))
		   : 0;
}
