// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <gelf.h>

#include "image.h"
#include "util.h"

/* Documentation/arch/x86/boot.rst: the real-mode header. Offsets in bytes from the image's start.
 */
#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202 /* "HdrS" */
#define BOOT_VERSION   0x206 /* protocol; the payload fields exist since 2.08 */
#define KERNEL_VERSION 0x20e /* pointer to the version string, less 0x200 */
#define PAYLOAD_OFFSET 0x248 /* from the start of the protected-mode code */
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250
#define SECTOR	       512

/* x86-64 kernels decompress to some 60 MB; a damaged image must not eat the machine. */
#define VMLINUX_MAX (512ul << 20)

static uint16_t le16(const unsigned char *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t le32(const unsigned char *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static int is_bzimage(const unsigned char *data, size_t len)
{
	return len > HEADER_END && !memcmp(data + HEADER_MAGIC, "HdrS", 4) &&
	       le16(data + BOOT_VERSION) >= 0x208;
}

char *image_release(const char *path)
{
	size_t len, at, n = 0;
	char *data = read_file(path, &len), *release = NULL;

	if (!data) {
		err("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!is_bzimage((unsigned char *)data, len)) {
		err("%s: not an x86 bzImage", path);
		goto out;
	}
	at = le16((unsigned char *)data + KERNEL_VERSION) + 0x200ul;
	while (at + n < len && data[at + n] && data[at + n] != ' ')
		n++;
	if (n == 0 || at + n >= len) {
		err("%s: no version string in the image", path);
		goto out;
	}
	release = fmt("%.*s", (int)n, data + at);
out:
	free(data);
	return release;
}

/* gzip, xz, zstd, lz4 (also the kernel's legacy frames), bzip2, lzma, lzop: libarchive finds out.
 */
static void *decompress(const char *path, const void *data, size_t len, size_t *out_len)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	size_t have = 0, room = 64ul << 20;
	char *out = NULL;
	ssize_t n;

	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, data, len) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		goto fail;
	out = xcalloc(1, room);
	while ((n = archive_read_data(a, out + have, room - have)) > 0) {
		have += n;
		if (have == room && room < VMLINUX_MAX) {
			char *more = realloc(out, room *= 2);

			if (!more)
				goto fail;
			out = more;
		}
		if (have >= VMLINUX_MAX)
			goto fail;
	}
	/* What follows the payload's end may be reported as damage; the ELF check decides. */
	archive_read_free(a);
	*out_len = have;
	return out;
fail:
	err("%s: the compressed kernel inside cannot be read: %s", path,
	    archive_error_string(a) ? archive_error_string(a) : "too large");
	archive_read_free(a);
	free(out);
	return NULL;
}

void *image_section(const void *elf_data, size_t len, const char *name, size_t *out)
{
	Elf *elf;
	Elf_Scn *scn = NULL;
	size_t strings;
	char *copy = NULL;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)elf_data, len);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &strings)) {
		elf_end(elf);
		return NULL;
	}
	while (!copy && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *text;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		text = elf_strptr(elf, strings, sh.sh_name);
		if (!text || strcmp(text, name) || sh.sh_offset > len ||
		    sh.sh_size > len - sh.sh_offset)
			continue;
		copy = xcalloc(1, sh.sh_size + 1);
		memcpy(copy, (const char *)elf_data + sh.sh_offset, sh.sh_size);
		*out = sh.sh_size;
	}
	elf_end(elf);
	return copy;
}

void *image_vmlinux(const char *path, size_t *len)
{
	size_t size;
	unsigned char *data = (unsigned char *)read_file(path, &size);
	void *elf = NULL;

	if (!data) {
		err("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (is_bzimage(data, size)) {
		unsigned sects = data[SETUP_SECTS] ? data[SETUP_SECTS] : 4;
		size_t at = (sects + 1ul) * SECTOR + le32(data + PAYLOAD_OFFSET);
		size_t n = le32(data + PAYLOAD_LENGTH);

		/* The payload ends with the decompressed size, 4 bytes that are no part of it. */
		if (n < 4 || at > size || n > size - at)
			err("%s: damaged: the payload lies outside the file", path);
		else
			elf = decompress(path, data + at, n - 4, len);
	} else if (size > SELFMAG && !memcmp(data, ELFMAG, SELFMAG)) {
		*len = size;
		return data;
	} else {
		err("%s: neither a bzImage nor an ELF kernel", path);
	}
	free(data);
	if (elf && (*len <= SELFMAG || memcmp(elf, ELFMAG, SELFMAG))) {
		err("%s: holds no ELF kernel", path);
		free(elf);
		return NULL;
	}
	return elf;
}

void *image_btf(const char *path, size_t *len)
{
	size_t size;
	void *elf = image_vmlinux(path, &size), *btf;

	if (!elf)
		return NULL;
	btf = image_section(elf, size, ".BTF", len);
	if (!btf)
		err("%s: no .BTF section: built without CONFIG_DEBUG_INFO_BTF", path);
	free(elf);
	return btf;
}
