// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gelf.h>

#include "features.h"
#include "objects.h"
#include "util.h"

#define KSYMS ".ksyms"

/* As libbpf does it: bpf_core_essential_name_len(). */
char *object_kernel_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = n; i >= 5; i--) {
		const char *p = name + i - 5;

		if (p[0] != '_' && !strncmp(p + 1, "___", 3) && p[4] != '_')
			return fmt("%.*s", (int)(p + 1 - name), name);
	}
	return xstrdup(name);
}

static char **functions_of(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, KSYMS, BTF_KIND_DATASEC);
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, id) : NULL;
	unsigned n = section ? btf_vlen(section) : 0, count = 0;
	char **names = xcalloc(n + 1, sizeof(char *));

	for (unsigned i = 0; i < n; i++) {
		const struct btf_type *t = btf__type_by_id(btf, btf_var_secinfos(section)[i].type);

		if (btf_is_func(t))
			names[count++] = object_kernel_name(btf__name_by_offset(btf, t->name_off));
	}
	if (count)
		return names;
	free(names);
	return NULL;
}

char **object_kfuncs(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char **names = NULL;
	struct btf *btf;
	GElf_Ehdr header;
	Elf *elf;

	if (fd < 0)
		return NULL;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && gelf_getehdr(elf, &header) && header.e_machine == EM_BPF) {
		libbpf_set_print(NULL);
		btf = btf__parse_elf(path, NULL);
		if (btf)
			names = functions_of(btf);
		btf__free(btf);
	}
	elf_end(elf);
	close(fd);
	return names;
}

static void append(char ***list, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp((*list)[i], name))
			return;
	*list = grow(*list, *n, sizeof(char *));
	(*list)[(*n)++] = xstrdup(name);
}

int objects_modules(const struct kernel *k, const char *const *paths, size_t n,
		    struct object_needs *needs)
{
	struct features *f = NULL;
	int ret = 0;

	*needs = (struct object_needs){0};
	for (size_t i = 0; i < n && ret == 0; i++) {
		char **kfuncs = object_kfuncs(paths[i]);

		if (kfuncs && !f && !(f = features_of(k)))
			ret = -1;
		for (size_t j = 0; kfuncs && kfuncs[j]; j++) {
			const char *module = f ? features_kfunc_module(f, kfuncs[j]) : NULL;

			if (module && *module)
				append(&needs->modules, &needs->modules_n, module);
			free(kfuncs[j]);
		}
		free(kfuncs);
	}
	return ret;
}

int objects_of_suites(const struct kernel *k, const struct suite *const *suites, unsigned n,
		      const char *base, struct object_needs *needs)
{
	size_t room = 0, count = 0;
	char **paths;
	int ret;

	for (unsigned s = 0; s < n; s++)
		room += suites[s]->files_count;
	paths = xcalloc(room + 1, sizeof(char *));
	for (unsigned s = 0; s < n; s++)
		for (unsigned i = 0; i < suites[s]->files_count; i++) {
			const char *file = suites[s]->files[i];

			paths[count++] =
				file[0] == '/' || !base ? xstrdup(file) : fmt("%s/%s", base, file);
		}
	ret = objects_modules(k, (const char *const *)paths, count, needs);
	while (count)
		free(paths[--count]);
	free(paths);
	return ret;
}

void object_needs_free(struct object_needs *needs)
{
	for (size_t i = 0; i < needs->modules_n; i++)
		free(needs->modules[i]);
	free(needs->modules);
	*needs = (struct object_needs){0};
}
