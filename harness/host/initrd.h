/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The archives a VM is given: the initramfs (init and modules) and the payload (the job and its
 * files). Both are newc cpio in memory files, so that nothing is left behind however we end, and
 * both are byte-identical for identical inputs: names, order, owners and times are fixed.
 */
#ifndef VMTEST_INITRD_H
#define VMTEST_INITRD_H

#include <stddef.h>

#include "modules.h"

struct cpio_writer;

struct cpio_writer *cpio_new(void);
/* All return 0, or -1 after err(). `mode` is the permission bits. */
int cpio_add(struct cpio_writer *w, const char *name, unsigned mode, const void *data, size_t len);
int cpio_add_file(struct cpio_writer *w, const char *name, unsigned mode, const char *path);
/* A program at its own path, which several that are added may need: it is there once. */
int cpio_add_shared(struct cpio_writer *w, const char *path);
int cpio_add_dir(struct cpio_writer *w, const char *name);
/* Appends another finished archive, as the kernel takes concatenated ones. */
int cpio_append(struct cpio_writer *w, int fd);
/* Finishes and returns the file descriptor, at offset 0, or -1. The writer is gone. */
int cpio_close(struct cpio_writer *w);

/* The chosen modules below /modules, and `list` naming them in order. 0, or -1 after err(). */
int cpio_add_modules(struct cpio_writer *w, const char *list, const struct module_set *modules);

/* The initramfs: init, its directories, the chosen modules. An fd, or -1 after err(). */
int initramfs_build(const char *init_path, const struct module_set *modules);

#endif
