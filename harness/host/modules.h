/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMTEST_MODULES_H
#define VMTEST_MODULES_H

#include <stdbool.h>
#include <stddef.h>

struct module {
	char *name; /* "virtio_console": dashes are underscores */
	char *path; /* below the modules directory */
	void *data; /* the decompressed ELF, when chosen */
	size_t size;
	char **deps;
	bool chosen, builtin;
};

struct module_set {
	struct module *all;
	size_t count;
	struct module **order; /* the chosen ones, dependencies first */
	size_t order_count;
};

/* All there are in a kernel's modules directory, as files or built in; none of them read. */
void modules_list(const char *dir, struct module_set *set);
/* Whether it is the folder a kernel and its modules were built in; such a one serves as well. */
bool modules_is_tree(const char *dir);
/* Reads and decompresses one into ->data. 0, or -1 after err(). */
int module_load(struct module *m, const char *dir);

/*
 * Chooses modules by name and all they depend on (their .modinfo "depends"), from a kernel's
 * modules directory; what is built in counts as loaded. `missing` gets the name of a module that
 * exists in neither form, or NULL. 0, or -1 after err(). dir NULL: every module is missing.
 */
int modules_choose(const char *dir, const char *const *names, size_t n, struct module_set *set,
		   const char **missing);
void modules_free(struct module_set *set);

#endif
