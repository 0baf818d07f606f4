/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deterministic machines that ended badly are kept, complete, in results/RUN/replay: the initramfs
 * with the test and its files, the kernel's checksum, every argument. `vmtest replay` runs them
 * again, bit for bit, whatever was built since.
 */
#ifndef VMTEST_REPLAY_H
#define VMTEST_REPLAY_H

#include "kernel.h"
#include "vm.h"

/*
 * Keeps a machine below `run_dir`: replay/LABEL.json, and its initramfs under a name made of its
 * contents, which machines that differ in their seed share. `console` is relative to run_dir,
 * `counts` is what its lines said. 0, or -1 after err().
 */
int replay_keep(const char *run_dir, const char *label, const struct vm_config *config,
		const struct kernel *kernel, const char *console, const struct vm_end *end,
		const unsigned counts[OC_COUNT]);

/* `vmtest replay` */
int cmd_replay(int argc, char **argv);

#endif
