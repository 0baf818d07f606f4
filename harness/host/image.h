/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel image holds, read without booting it. */
#ifndef VMTEST_IMAGE_H
#define VMTEST_IMAGE_H

#include <stddef.h>

/* The version string of a bzImage ("6.12.117+deb13-cloud-amd64"), to free(). NULL after err(). */
char *image_release(const char *path);

/*
 * The BTF of a bzImage or an ELF vmlinux, as the bytes of its .BTF section, to free().
 * NULL after err(): not a kernel, a compression nobody here knows, or built without BTF.
 */
void *image_btf(const char *path, size_t *len);

#endif
