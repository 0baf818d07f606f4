/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels that are built already, wherever they are: an image, or the tree it was built in. */
#ifndef VMTEST_LOCAL_H
#define VMTEST_LOCAL_H

#include "kernel.h"

/*
 * The kernel at a path: a bzImage, or a tree (or folder of objects, as of make O=) that holds
 * arch/x86/boot/bzImage and its modules. VMTEST_MODULES in the environment names the folder of its
 * modules: /lib/modules/RELEASE, or one that has such a folder below it (INSTALL_MOD_PATH). Nothing
 * is copied: what is built next is what boots next. NULL after err(), always the user's to mend.
 */
struct kernel *local_kernel(const char *path);

#endif
