// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest kernels`: which there are, where they are, what they hold. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "config.h"
#include "features.h"
#include "image.h"
#include "kernel.h"
#include "lock.h"
#include "packages.h"
#include "series.h"
#include "source.h"
#include "util.h"

static int kernels_list(bool refresh)
{
	const struct matrix *m = matrix_load();

	if (!m)
		return EXIT_USAGE;
	printf("%-8s %-30s %-20s %-9s %-7s %s\n", "series", "newest release", "version", "gate",
	       "cached", "pinned (kernels/matrix.lock)");
	for (unsigned i = 0; i < m->kernels_count; i++) {
		const struct series *s = &m->kernels[i];
		const struct listed *l, *pinned;
		struct listed *all;
		char *dir;

		if (s->version) {
			printf("%-8s %-30s %-20s %-9s %-7s %s\n", s->series, "(built from source)",
			       s->version, "by name", source_is_built(s->version) ? "yes" : "no",
			       s->version);
			continue;
		}
		all = packages_list(m, s->provider, s->flavour, refresh && i == 0);
		l = all ? kernel_newest(all, s->series) : NULL;

		if (!all || lock_find(s->series, s->flavour, &pinned) < 0)
			return EXIT_HARNESS;
		dir = l ? fmt("%s/kernels/%s_%s", cache_dir(), l->release, l->version) : NULL;
		printf("%-8s %-30s %-20s %-9s %-7s %s%s\n", s->series,
		       l ? l->release : "(not in the archive)", l ? l->version : "",
		       s->required ? "required" : "informs",
		       dir && access(dir, R_OK) == 0 ? "yes" : "no",
		       pinned ? pinned->version : "no", s->lost ? ", modules lost" : "");
		free(dir);
	}
	return EXIT_OK;
}

static int kernels_lock(char **lists, int n, bool check)
{
	char *joined = xstrdup(""), **names = NULL;
	unsigned names_n = 0;

	for (int i = 0; i < n; i++) {
		char *more = fmt("%s%s,", joined, lists[i]);

		free(joined);
		joined = more;
	}
	if (n)
		names = kernel_select(joined, &names_n);
	free(joined);
	return n && !names ? EXIT_USAGE : lock_update(names, names_n, check);
}

static int with_kernel(const char *asked, const char *verb, const char *output)
{
	bool usage;
	struct kernel *k = kernel_get(asked, &usage);

	if (!k)
		return usage ? EXIT_USAGE : EXIT_HARNESS;
	if (!strcmp(verb, "btf")) {
		size_t len;
		void *btf = image_btf(k->vmlinuz, &len);

		if (!btf)
			return EXIT_HARNESS;
		if (write_file(output, btf, len) < 0) {
			err("%s: %s", output, strerror(errno));
			return EXIT_HARNESS;
		}
		free(btf);
		note("%s: BTF of %s, %zu bytes", output, k->release, len);
		return EXIT_OK;
	}
	printf("series   %s\nrelease  %s\nversion  %s\npackage  %s\nimage    %s\nmodules  %s\n",
	       k->asked, k->release, k->version, k->package, k->vmlinuz,
	       k->modules ? k->modules : "none");
	return EXIT_OK;
}

static int kernel_features(const char *asked, char **names, int n, bool as_json)
{
	unsigned count;
	char **kernels = kernel_select(asked, &count);
	struct kernel *k;
	bool usage;

	if (!kernels || count != 1) {
		if (kernels)
			err("features: one kernel at a time, not \"%s\"", asked);
		return EXIT_USAGE;
	}
	k = kernel_get(kernels[0], &usage);
	if (!k)
		return usage ? EXIT_USAGE : EXIT_HARNESS;
	return features_print(k, names, n, as_json);
}

static const char kernels_help[] =
	"usage: vmtest kernels list [--refresh]\n"
	"       vmtest kernels fetch K...\n"
	"       vmtest kernels show K\n"
	"       vmtest kernels btf K --output FILE\n"
	"       vmtest kernels lock [--check] [SERIES...]\n"
	"       vmtest kernels features K [--json] [KIND:NAME... | KIND:]\n\n"
	"K is a series of kernels/matrix.yaml (6.12), a release within one (6.12.107), a range of series\n"
	"(6.1..6.18, 6.12..), \"newest\", \"required\", \"all\", a list with commas, the path of a bzImage or built tree, or a source to build: source:6.12\n"
	"(Debian's), source:PATH (a tree or tarball). KERNEL_SRC=PATH in the environment is the source of\n"
	"the series it is one of; VMTEST_MODULES=DIR, the modules of a bzImage.\n\n"
	"  list    what each series stands for today, and whether it is in the cache\n"
	"  fetch   bring kernels to the cache, for work without a network\n"
	"  show    where one kernel's image and modules are\n"
	"  lock    pin each series, or those named, to its newest release, in kernels/matrix.lock: what a\n"
	"          series stands for then changes only when this is run again. --check writes nothing and\n"
	"          exits with 3 when it would have\n"
	"  btf     the kernel's type information, read from its image without booting it\n"
	"  features  what it has: helpers, maps, kfuncs, hooks, config; read from image and modules.\n"
	"          With names: yes, no or unknown for each, and how that is known. KIND is helper, map,\n"
	"          prog, attach, link, cmd, lsm, tracepoint, kfunc, module, config, type, field, func;\n"
	"          with nothing behind it, all of that kind are listed\n\n"
	"examples:\n"
	"  vmtest kernels features 6.1 helper:bpf_loop config:LSM=bpf field:sk_buff.mark\n"
	"  vmtest kernels btf 7.2 --output vmlinux.btf && bpftool btf dump file vmlinux.btf format c\n";

int cmd_kernels(int argc, char **argv)
{
	static const struct option options[] = {
		{"refresh", no_argument, NULL, 'r'}, {"output", required_argument, NULL, 'o'},
		{"json", no_argument, NULL, 'j'},    {"check", no_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},    {},
	};
	const char *verb, *output = NULL;
	bool refresh = false, as_json = false, check = false;
	int c, ret = EXIT_OK;

	while ((c = getopt_long(argc, argv, "ro:h", options, NULL)) >= 0) {
		if (c == 'h') {
			fputs(kernels_help, stdout);
			return EXIT_OK;
		}
		if (c == 'r')
			refresh = true;
		else if (c == 'o')
			output = optarg;
		else if (c == 'j')
			as_json = true;
		else if (c == 'c')
			check = true;
		else
			return EXIT_USAGE;
	}
	verb = optind < argc ? argv[optind++] : "";
	if (!strcmp(verb, "list") && optind == argc)
		return kernels_list(refresh);
	if (!strcmp(verb, "lock"))
		return kernels_lock(argv + optind, argc - optind, check);
	if (!strcmp(verb, "features") && optind < argc)
		return kernel_features(argv[optind], argv + optind + 1, argc - optind - 1, as_json);
	if ((!strcmp(verb, "fetch") || (!strcmp(verb, "show") && argc - optind == 1) ||
	     (!strcmp(verb, "btf") && argc - optind == 1 && output)) &&
	    optind < argc) {
		for (; optind < argc && ret == EXIT_OK; optind++) {
			unsigned n;
			char **names = kernel_select(argv[optind], &n);

			if (!names)
				return EXIT_USAGE;
			for (unsigned i = 0; names && i < n && ret == EXIT_OK; i++)
				ret = with_kernel(names[i], verb, output);
		}
		return ret;
	}
	fputs(kernels_help, stderr);
	return EXIT_USAGE;
}
