/* SPDX-License-Identifier: GPL-2.0-only */
/* The folder where kernels are kept. What is in it is whole: a kernel appears there in one step. */
#ifndef VMTEST_CACHE_H
#define VMTEST_CACHE_H

/*
 * Takes the lock of that file, waiting for whoever has it (and saying so). Returns a descriptor:
 * close() gives it back, as does the end of the process. -1 after err().
 */
int cache_lock(const char *path);

/*
 * The directory of the kernel `name` in the cache, to free(). When it is not there, `fill` is
 * called with an empty one; if it returns 0 that one becomes the kernel's, else it is removed. Safe
 * against interruption and against another vmtest doing the same. NULL after err().
 */
char *cache_kernel(const char *name, int (*fill)(const char *dir, void *context), void *context);

#endif
