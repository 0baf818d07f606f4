// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "kconfig.h"
#include "util.h"

#define IKCONFIG_START "IKCFG_ST"
#define IKCONFIG_MAX   (4u << 20) /* a config is some 150 KiB */

json_t *kconfig_parse(const char *text)
{
	json_t *values = json_object();
	bool config = false;

	for (const char *p = text, *end; *p; p = *end ? end + 1 : end) {
		const char *equals;
		size_t n;

		end = strchrnul(p, '\n');
		config |= !strncmp(p, "# CONFIG_", 9);
		if (strncmp(p, "CONFIG_", 7))
			continue;
		p += 7;
		equals = memchr(p, '=', end - p);
		if (!equals)
			continue;
		config = true;
		n = end - equals - 1;
		if (n >= 2 && equals[1] == '"' && end[-1] == '"') {
			equals++;
			n -= 2;
		}
		char *name = fmt("%.*s", (int)(strcspn(p, "=")), p);

		json_object_set_new(values, name, json_stringn(equals + 1, n));
		free(name);
	}
	if (config)
		return values;
	json_decref(values);
	return NULL;
}

char *kconfig_in_image(const void *elf, size_t len)
{
	const char *mark = memmem(elf, len, IKCONFIG_START, strlen(IKCONFIG_START)), *data;
	struct archive *a;
	struct archive_entry *entry;
	char *text = NULL;
	la_ssize_t n = -1;

	if (!mark)
		return NULL;
	data = mark + strlen(IKCONFIG_START);
	a = archive_read_new();
	archive_read_support_filter_gzip(a);
	archive_read_support_format_raw(a);
	/* gzip knows its own end, what follows is not looked at */
	if (archive_read_open_memory(a, data, (const char *)elf + len - data) == ARCHIVE_OK &&
	    archive_read_next_header(a, &entry) == ARCHIVE_OK) {
		size_t have = 0;

		text = xcalloc(1, IKCONFIG_MAX + 1);
		while ((n = archive_read_data(a, text + have, IKCONFIG_MAX - have)) > 0)
			have += n;
		if (have == 0) {
			free(text);
			text = NULL;
		}
	}
	archive_read_free(a);
	return text;
}

static json_t *from_file(char *path, char **source)
{
	char *text = read_file(path, NULL);
	json_t *values = text ? kconfig_parse(text) : NULL;

	free(text);
	if (values)
		*source = path;
	else
		free(path);
	return values;
}

json_t *kconfig_find(const char *vmlinuz, const char *release, const void *elf, size_t len,
		     char **source)
{
	const char *slash = strrchr(vmlinuz, '/');
	char *dir = slash ? fmt("%.*s", (int)(slash - vmlinuz), vmlinuz) : xstrdup(".");
	json_t *values = from_file(fmt("%s/config", dir), source);
	char *text = values ? NULL : kconfig_in_image(elf, len);

	if (text) {
		values = kconfig_parse(text);
		*source = values ? xstrdup("IKCONFIG in the image") : NULL;
		free(text);
	}
	if (!values)
		values = from_file(fmt("%s/config-%s", dir, release), source);
	/* arch/x86/boot/bzImage; the last choice, as a tree's .config may be newer than its image
	 */
	if (!values && strlen(dir) >= 9 && !strcmp(dir + strlen(dir) - 9, "/x86/boot"))
		values = from_file(fmt("%s/../../../.config", dir), source);
	free(dir);
	return values;
}
