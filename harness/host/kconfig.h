/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel's configuration: from the file beside its image, or from the image itself. */
#ifndef VMTEST_KCONFIG_H
#define VMTEST_KCONFIG_H

#include <stddef.h>

#include <jansson.h>

/*
 * The options that are set in the text of a config: {"BPF_SYSCALL": "y", "LSM": "yama,bpf", ...},
 * names without CONFIG_, strings without their quotes. NULL when the text is no config (not one
 * option).
 */
json_t *kconfig_parse(const char *text);

/*
 * The text that CONFIG_IKCONFIG puts into a kernel, decompressed, to free(). `elf` is what
 * image_vmlinux() gives. NULL when there is none. As scripts/extract-ikconfig does: gzip between
 * the marks IKCFG_ST and IKCFG_ED (kernel/configs.c).
 */
char *kconfig_in_image(const void *elf, size_t len);

/*
 * The configuration of the kernel whose image is at `vmlinuz`, and where it was found in *source
 * (to free()): "config" beside the image, the image's own IKCONFIG, config-RELEASE beside it as in
 * /boot, or .config of the built tree the image lies in. NULL when nobody says.
 */
json_t *kconfig_find(const char *vmlinuz, const char *release, const void *elf, size_t len,
		     char **source);

#endif
