// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest builds`: the loader builds and object sets of the matrix. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "config.h"
#include "options.h"
#include "util.h"

static const char help[] =
	"usage: vmtest builds [--names loaders|compilers]\n\n"
	"Lists what `vmtest test --loader` and `--compiler` take: the libbpf versions that user space is\n"
	"linked with and the compilers of the BPF objects, as kernels/matrix.yaml names them. The first\n"
	"of each is the default; `make builds` makes the others.\n\n"
	"  --names KIND   only the names of what can be built, on one line\n";

static void print(const char *name, bool pinned, const char *product, const char *cannot)
{
	char *dir = fmt("%s/build/builds/%s", home_dir(), name);
	char *path = fmt("%s/%s", dir, product), *note = fmt("%s/unavailable", dir);
	char *why = read_file(note, NULL);

	if (why)
		why[strcspn(why, "\n")] = '\0';
	printf("  %-16s %s%s\n", name,
	       pinned			 ? "the default"
	       : cannot			 ? "cannot be built: "
	       : why			 ? "not built: "
	       : access(path, R_OK) == 0 ? "built"
					 : "not built: `make builds`",
	       pinned	? ""
	       : cannot ? cannot
	       : why	? why
			: "");
	free(why);
	free(note);
	free(path);
	free(dir);
}

static void list_names(const struct matrix *m, bool loaders)
{
	for (unsigned i = 0; loaders && i < m->libbpf_count; i++)
		printf("libbpf-%s ", m->libbpf[i].version);
	for (unsigned i = 0; !loaders && i < m->compilers_count; i++)
		if (!m->compilers[i].cannot)
			printf("clang-%s-%s ", m->compilers[i].clang, m->compilers[i].cpu);
	putchar('\n');
}

int cmd_builds(int argc, char **argv)
{
	const char *names = NULL;
	const struct opt own[] = {
		{OPT_WORD, "names", 0, &names, 0, 0, "loaders compilers"},
		{.kind = OPT_END},
	};
	int code = opts_parse(argc, argv, OPT_TABLES(own), false, help);
	const struct matrix *m;

	if (code >= 0)
		return code;
	m = matrix_load();
	if (!m)
		return EXIT_USAGE;
	if (names) {
		list_names(m, !strcmp(names, "loaders"));
		return EXIT_OK;
	}
	puts("loader builds (--loader):");
	for (unsigned i = 0; i < m->libbpf_count; i++) {
		char *name = fmt("libbpf-%s", m->libbpf[i].version);

		print(name, i == 0, "guest/verifier", NULL);
		free(name);
	}
	puts("compilers (--compiler):");
	for (unsigned i = 0; i < m->compilers_count; i++) {
		const struct compiler *c = &m->compilers[i];
		char *name = fmt("clang-%s-%s", c->clang, c->cpu);

		print(name, i == 0, "bpf/xdp_prefilter.bpf.o", c->cannot);
		free(name);
	}
	return EXIT_OK;
}
