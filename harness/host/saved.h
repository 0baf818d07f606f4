/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved machines: booted once, saved when init is up, restored for each job. A restore takes a
 * tenth of a boot, which is what makes a fresh machine per test affordable.
 *
 * States are kept in the cache under a name made of everything that went into them: the kernel, the
 * initramfs, QEMU, its arguments, the kernel command line. They appear in one step, are verified by
 * their checksum before the first use in a process, and the least recently used go when they take
 * more room than VMTEST_SAVED_LIMIT_MIB (4096).
 */
#ifndef VMTEST_SAVED_H
#define VMTEST_SAVED_H

#include "vm.h"

/*
 * Called once with the state for machines like the ones asked for: a file descriptor to close after
 * vm_start, or -1 when these machines are to be booted: deterministic ones whose seed is known at
 * boot, and where saving failed, which was said. When the machine to be saved did not even come up,
 * end->outcome tells how that ended and `console` is its console's path. Otherwise end->outcome is
 * OC_PASS and there is no `console`.
 */
typedef void (*saved_cb)(void *ctx, int state_fd, const struct vm_end *end, const char *console);

/*
 * Finds the state, or boots a machine like `config` (its state_fd, save_path and payload are
 * ignored) on the loop and saves it. One that did not come up is booted once more, when it is next
 * asked for: an emulator may fail where its guest would not. After that, all are told how the
 * second one ended. `config` must live until the answer, which may come before this returns.
 */
void saved_get(uv_loop_t *loop, const struct vm_config *config, saved_cb cb, void *ctx);
/* Ends a machine that is being saved for `ctx`; the answer is OC_INTERRUPTED. */
void saved_cancel(void *ctx);

/* A restore from it did not come up: it is not used again. */
void saved_discard(const struct vm_config *config);

#endif
