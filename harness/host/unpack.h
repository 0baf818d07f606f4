/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMTEST_UNPACK_H
#define VMTEST_UNPACK_H

/*
 * Unpacks every *.deb in `dir` and removes it, keeping of each what a VM needs, in one layout
 * whatever the Debian release: vmlinuz, config, modules/ (kernel/, modules.builtin). 0, or -1 after
 * err().
 */
int unpack_kernel_packages(const char *dir, const char *release);

#endif
