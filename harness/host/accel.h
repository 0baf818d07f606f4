/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMTEST_ACCEL_H
#define VMTEST_ACCEL_H

#include "kernel.h"
#include "qemu.h"

/*
 * KVM or TCG. /dev/kvm may exist and not work (nested virtualization that hangs in the kernel's
 * decompressor), so KVM is used only when `kernel` was seen to reach init under it within a few
 * seconds. The answer is kept per host kernel and QEMU, in the cache.
 */
enum accel accel_probe(const struct kernel *kernel);

/* What the word stands for; auto probes with `kernel`. */
enum accel accel_choose(const char *word, const struct kernel *kernel);

#endif
