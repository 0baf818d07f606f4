// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian's packages carry no modules.dep: depmod runs at installation. What a module needs is in
 * the module itself (.modinfo "depends="), so that is read instead. Modules are decompressed here,
 * on the host: kernels before 5.17 can't (b1ae6dc41eaa "module: add in-kernel support for
 * decompressing").
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <gelf.h>

#include "modules.h"
#include "util.h"

static struct module_set *walking; /* nftw has no context argument */
static size_t walk_root;

static char *module_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *name = xstrdup(slash ? slash + 1 : file), *dot = strstr(name, ".ko");

	if (dot)
		*dot = '\0';
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

static struct module *add(struct module_set *set, const char *path, bool builtin)
{
	set->all = grow(set->all, set->count, sizeof(*set->all));
	set->all[set->count] = (struct module){
		.name = module_name(path), .path = xstrdup(path), .builtin = builtin};
	return &set->all[set->count++];
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_F && strstr(path, ".ko"))
		add(walking, path + walk_root, false);
	return 0;
}

static void read_builtin(struct module_set *set, const char *dir)
{
	char *path = fmt("%s/modules.builtin", dir), *text = read_file(path, NULL), *line, *save;

	if (text)
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			add(set, line, true);
	free(text);
	free(path);
}

/* The folder a kernel was built in: its modules lie beside their objects, all over. */
bool modules_is_tree(const char *dir)
{
	char *order = fmt("%s/modules.order", dir), *image = fmt("%s/arch/x86/boot/bzImage", dir);
	bool tree = access(order, R_OK) == 0 && access(image, R_OK) == 0;

	free(order);
	free(image);
	return tree;
}

/* A tree's list of its modules: "drivers/net/veth.ko" (since 1bd9a468018d "kbuild: get rid of
 * kernel/ prefix from in-tree modules.{order,builtin}", 5.3), or of their objects in newer ones. */
static void read_order(struct module_set *set, const char *dir)
{
	char *path = fmt("%s/modules.order", dir), *text = read_file(path, NULL), *line, *save;

	if (text)
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			char *dot = strrchr(line, '.'), *name;

			name = fmt("%.*s.ko", (int)(dot ? dot - line : 0), line);
			if (dot)
				add(set, name, false);
			free(name);
		}
	free(text);
	free(path);
}

static struct module *find(struct module_set *set, const char *name)
{
	char *canonical = module_name(name);
	struct module *m = NULL;

	for (size_t i = 0; i < set->count && !m; i++)
		if (!strcmp(set->all[i].name, canonical))
			m = &set->all[i];
	free(canonical);
	return m;
}

int module_load(struct module *m, const char *dir)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	char *path = fmt("%s/%s", dir, m->path), *out = NULL;
	size_t have = 0, room = 1 << 20;
	ssize_t n = -1;

	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK &&
	    archive_read_next_header(a, &e) == ARCHIVE_OK) {
		out = xcalloc(1, room);
		while ((n = archive_read_data(a, out + have, room - have)) > 0) {
			have += n;
			if (have == room)
				out = realloc(out, room *= 2);
			if (!out)
				break;
		}
	}
	if (n < 0)
		err("%s: %s", path, archive_error_string(a));
	archive_read_free(a);
	free(path);
	m->data = out;
	m->size = have;
	return n < 0 ? -1 : 0;
}

/* .modinfo is a list of NUL-terminated key=value; depends is a comma list. */
static int read_depends(struct module *m)
{
	Elf *elf;
	Elf_Scn *scn = NULL;
	size_t strings;

	elf_version(EV_CURRENT);
	elf = elf_memory(m->data, m->size);
	if (!elf || elf_getshdrstrndx(elf, &strings)) {
		elf_end(elf);
		return err("module %s: not an ELF file", m->path);
	}
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *name, *p, *end;

		if (!gelf_getshdr(scn, &sh) || !(name = elf_strptr(elf, strings, sh.sh_name)) ||
		    strcmp(name, ".modinfo") || sh.sh_offset + sh.sh_size > m->size)
			continue;
		p = (char *)m->data + sh.sh_offset;
		for (end = p + sh.sh_size; p < end; p += strnlen(p, end - p) + 1) {
			char *list, *dep, *save;
			size_t n = 0;

			if (strncmp(p, "depends=", 8))
				continue;
			list = fmt("%.*s", (int)strnlen(p + 8, end - p - 8), p + 8);
			m->deps = xcalloc(strlen(list) + 1, sizeof(char *));
			for (dep = strtok_r(list, ",", &save); dep;
			     dep = strtok_r(NULL, ",", &save))
				m->deps[n++] = xstrdup(dep);
			free(list);
		}
	}
	elf_end(elf);
	return 0;
}

static int choose(struct module_set *set, const char *dir, const char *name, const char **missing)
{
	struct module *m = find(set, name);

	if (!m) {
		*missing = name;
		return 0;
	}
	if (m->chosen || m->builtin)
		return 0;
	m->chosen = true;
	if (module_load(m, dir) < 0 || read_depends(m) < 0)
		return -1;
	for (char **d = m->deps; d && *d; d++)
		if (choose(set, dir, *d, missing) < 0)
			return -1;
	set->order[set->order_count++] = m;
	return 0;
}

void modules_list(const char *dir, struct module_set *set)
{
	*set = (struct module_set){0};
	if (modules_is_tree(dir)) {
		read_order(set, dir);
	} else {
		char *kernel_dir = fmt("%s/kernel", dir);

		walking = set;
		walk_root = strlen(dir) + 1;
		nftw(kernel_dir, visit, 16, FTW_PHYS);
		free(kernel_dir);
	}
	read_builtin(set, dir);
}

int modules_choose(const char *dir, const char *const *names, size_t n, struct module_set *set,
		   const char **missing)
{
	*set = (struct module_set){0};
	*missing = NULL;
	if (!dir) {
		*missing = n ? names[0] : NULL;
		return 0;
	}
	modules_list(dir, set);
	set->order = xcalloc(set->count + 1, sizeof(*set->order));
	for (size_t i = 0; i < n && !*missing; i++)
		if (choose(set, dir, names[i], missing) < 0)
			return -1;
	return 0;
}

void modules_free(struct module_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct module *m = &set->all[i];

		for (char **d = m->deps; d && *d; d++)
			free(*d);
		free(m->deps);
		free(m->name);
		free(m->path);
		free(m->data);
	}
	free(set->all);
	free(set->order);
	*set = (struct module_set){0};
}
