/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel image holds, read without booting it. */
#ifndef VMTEST_IMAGE_H
#define VMTEST_IMAGE_H

#include <stddef.h>

/* The version string of a bzImage ("6.12.117+deb13-cloud-amd64"), to free(). NULL after err(). */
char *image_release(const char *path);

/*
 * The ELF kernel inside a bzImage, decompressed, or an ELF vmlinux as it is, to free(). NULL after
 * err(): not a kernel, or a compression nobody here knows.
 */
void *image_vmlinux(const char *path, size_t *len);

/*
 * A copy of the bytes of an ELF file's section, with a NUL behind, to free(). NULL, and nothing is
 * said, when it is no ELF file or has no such section.
 */
void *image_section(const void *elf, size_t len, const char *name, size_t *out);

/*
 * The BTF of a bzImage or an ELF vmlinux, as the bytes of its .BTF section, to free().
 * NULL after err(): not a kernel, a compression nobody here knows, or built without BTF.
 */
void *image_btf(const char *path, size_t *len);

#endif
