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
 * The state for machines like `config` (its state_fd, save_path and payload are ignored): made now
 * if there is none. A file descriptor to close after vm_start, or -1 when these machines are better
 * booted: unattended ones, and where saving failed, which is said. When the machine to be saved did
 * not even come up, *end tells how that ended and its console is at config->console_path: booting
 * again would end the same way. Otherwise end->outcome is OC_PASS.
 */
int saved_open(const struct vm_config *config, struct vm_end *end);

/* A restore from it did not come up: it is not used again. */
void saved_discard(const struct vm_config *config);

#endif
