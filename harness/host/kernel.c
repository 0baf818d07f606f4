// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "image.h"
#include "kernel.h"
#include "packages.h"
#include "util.h"

/* "6.12" -> 6012, "6.12.117" the same; -1 for anything else. Orders series, which strings do not.
 */
static int series_rank(const char *name)
{
	int major, minor, n = 0;

	if (sscanf(name, "%d.%d%n", &major, &minor, &n) != 2 || major < 0 || minor < 0)
		return -1;
	return name[n] && name[n] != '.' ? -1 : major * 1000 + minor;
}

/* True when release "6.12.117" is one of series "6.12": never "6.1" of "6.12". */
static bool in_series(const char *upstream, const char *series)
{
	size_t n = strlen(series);

	return !strncmp(upstream, series, n) && (upstream[n] == '\0' || upstream[n] == '.');
}

static const struct series *find_series(const struct matrix *m, const char *name)
{
	for (unsigned i = 0; i < m->kernels_count; i++)
		if (in_series(name, m->kernels[i].series))
			return &m->kernels[i];
	return NULL;
}

static void say_unknown(const struct matrix *m, const char *asked)
{
	const char *below = NULL, *above = NULL;
	int rank = series_rank(asked), lo = -1, hi = 1 << 30;

	err("no kernel \"%s\"", asked);
	fprintf(stderr, "  available:");
	for (unsigned i = 0; i < m->kernels_count; i++) {
		const char *s = m->kernels[i].series;
		int r = series_rank(s);

		fprintf(stderr, " %s", s);
		if (r < rank && r > lo) {
			lo = r;
			below = s;
		}
		if (r > rank && r < hi) {
			hi = r;
			above = s;
		}
	}
	fprintf(stderr, " (kernels/matrix.yaml), or a release of one of them, or \"all\"\n");
	if (rank >= 0)
		fprintf(stderr, "  nearest: %s%s%s\n", below ? below : "",
			below && above ? " and " : "", above ? above : "");
	fprintf(stderr,
		"  your own: give the path of a bzImage, e.g. --kernel ./arch/x86/boot/bzImage\n"
		"    or make vmtest KERNEL=/path/to/bzImage; what it must have is in"
		" kernels/README.md\n");
}

static struct kernel *local_kernel(const char *path)
{
	struct stat st;
	struct kernel *k;
	char *release;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
		err("%s: %s", path,
		    S_ISDIR(st.st_mode) ? "a directory: give the bzImage in it" : strerror(errno));
		return NULL;
	}
	release = image_release(path);
	if (!release)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	k->asked = xstrdup(path);
	k->release = release;
	k->version = xstrdup("");
	k->package = xstrdup("local");
	k->vmlinuz = xstrdup(path);
	return k;
}

static struct kernel *from_cache(const char *asked, const struct series *s, const struct listed *l,
				 char *dir)
{
	struct kernel *k = xcalloc(1, sizeof(*k));
	char *comma;

	k->asked = xstrdup(asked);
	k->release = xstrdup(l->release);
	k->version = xstrdup(l->version);
	k->package = xstrdup(l->packages);
	if ((comma = strchr(k->package, ',')))
		*comma = '\0';
	k->vmlinuz = fmt("%s/vmlinuz", dir);
	k->modules = fmt("%s/modules", dir);
	if (access(k->modules, R_OK) < 0) {
		free(k->modules);
		k->modules = NULL;
	}
	k->required = s->required;
	free(dir);
	return k;
}

static const struct listed *newest_of(const struct listed *all, const char *name)
{
	for (; all->upstream; all++)
		if (in_series(all->upstream, name))
			return all;
	return NULL;
}

struct kernel *kernel_get(const char *asked, bool *usage)
{
	const struct matrix *m = matrix_load();
	const struct series *s;
	const struct listed *l;
	struct listed *all;
	char *dir;

	*usage = false;
	if (!m)
		return NULL;
	if (strchr(asked, '/')) {
		*usage = true;
		return local_kernel(asked);
	}
	s = find_series(m, asked);
	if (series_rank(asked) < 0 || !s) {
		*usage = true;
		say_unknown(m, asked);
		return NULL;
	}
	/* An index of yesterday may name a release that is gone today: one fresh look, then it
	 * fails. */
	for (int fresh = 0; fresh < 2; fresh++) {
		all = packages_list(m, s->provider, s->flavour, fresh);
		if (!all)
			return NULL;
		l = newest_of(all, asked);
		if (!l) {
			if (!fresh)
				continue;
			l = newest_of(all, s->series);
			*usage = true;
			err("the archive holds no kernel %s%s%s%s", asked,
			    l ? ": the newest of series " : "", l ? s->series : "",
			    l ? " is " : "");
			if (l)
				fprintf(stderr, "  %s (%s)\n", l->upstream, l->release);
			return NULL;
		}
		dir = packages_fetch(s->provider, l);
		if (dir)
			return from_cache(asked, s, l, dir);
	}
	err("kernel %s (%s) could not be fetched", asked, l->release);
	return NULL;
}

static const struct series *newest_series(const struct matrix *m)
{
	const struct series *best = &m->kernels[0];

	for (unsigned i = 1; i < m->kernels_count; i++)
		if (series_rank(m->kernels[i].series) > series_rank(best->series))
			best = &m->kernels[i];
	return best;
}

char **kernel_select(const char *list, unsigned *n)
{
	const struct matrix *m = matrix_load();
	char *copy = xstrdup(list), *save, *name, **out;
	unsigned room = strlen(list) + (m ? m->kernels_count : 0) + 1;

	*n = 0;
	if (!m)
		return NULL;
	out = xcalloc(room, sizeof(char *));
	for (name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		bool all = !strcmp(name, "all"), required = !strcmp(name, "required");

		if (!strcmp(name, "newest")) {
			out[(*n)++] = newest_series(m)->series;
		} else if (all || required) {
			for (unsigned i = 0; i < m->kernels_count && *n < room; i++)
				if (all || m->kernels[i].required)
					out[(*n)++] = m->kernels[i].series;
		} else {
			out[(*n)++] = xstrdup(name);
		}
	}
	free(copy);
	if (*n == 0)
		err("no kernel named: \"%s\"", list);
	return *n ? out : NULL;
}

static int kernels_list(bool refresh)
{
	const struct matrix *m = matrix_load();

	if (!m)
		return EXIT_USAGE;
	printf("%-8s %-30s %-20s %-9s %s\n", "series", "newest release", "version", "gate",
	       "cached");
	for (unsigned i = 0; i < m->kernels_count; i++) {
		const struct series *s = &m->kernels[i];
		struct listed *all = packages_list(m, s->provider, s->flavour, refresh && i == 0);
		const struct listed *l = all ? newest_of(all, s->series) : NULL;
		char *dir;

		if (!all)
			return EXIT_HARNESS;
		dir = l ? fmt("%s/kernels/%s_%s", cache_dir(), l->release, l->version) : NULL;
		printf("%-8s %-30s %-20s %-9s %s\n", s->series,
		       l ? l->release : "(not in the archive)", l ? l->version : "",
		       s->required ? "required" : "informs",
		       dir && access(dir, R_OK) == 0 ? "yes" : "no");
		free(dir);
	}
	return EXIT_OK;
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

static const char kernels_help[] =
	"usage: vmtest kernels list [--refresh]\n"
	"       vmtest kernels fetch K...\n"
	"       vmtest kernels show K\n"
	"       vmtest kernels btf K --output FILE\n\n"
	"K is a series of kernels/matrix.yaml (6.12), a release within one (6.12.107), \"newest\",\n"
	"\"required\", \"all\", or the path of a bzImage.\n\n"
	"  list    what each series stands for today, and whether it is in the cache\n"
	"  fetch   bring kernels to the cache, for work without a network\n"
	"  show    where one kernel's image and modules are\n"
	"  btf     the kernel's type information, read from its image without booting it\n\n"
	"example: vmtest kernels btf 7.2 --output vmlinux.btf && bpftool btf dump file vmlinux.btf format c\n";

int cmd_kernels(int argc, char **argv)
{
	static const struct option options[] = {
		{"refresh", no_argument, NULL, 'r'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	const char *verb, *output = NULL;
	bool refresh = false;
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
		else
			return EXIT_USAGE;
	}
	verb = optind < argc ? argv[optind++] : "";
	if (!strcmp(verb, "list") && optind == argc)
		return kernels_list(refresh);
	if ((!strcmp(verb, "fetch") || (!strcmp(verb, "show") && argc - optind == 1) ||
	     (!strcmp(verb, "btf") && argc - optind == 1 && output)) &&
	    optind < argc) {
		for (; optind < argc && ret == EXIT_OK; optind++) {
			unsigned n;
			char **names = kernel_select(argv[optind], &n);

			for (unsigned i = 0; names && i < n && ret == EXIT_OK; i++)
				ret = with_kernel(names[i], verb, output);
		}
		return ret;
	}
	fputs(kernels_help, stderr);
	return EXIT_USAGE;
}

static const char libbpf_help[] =
	"usage: vmtest libbpf fetch [VERSION] --output FILE\n\n"
	"Brings the pinned libbpf sources of kernels/matrix.yaml (the first one listed unless VERSION is\n"
	"given) to FILE, by their sha256.\n";

int cmd_libbpf(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	const struct matrix *m = matrix_load();
	const struct libbpf_build *b = NULL;
	const char *output = NULL, *version;
	char *program, *state, *dir, *file;
	int c, ret = EXIT_HARNESS;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0) {
		if (c != 'o') {
			fputs(libbpf_help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_OK : EXIT_USAGE;
		}
		output = optarg;
	}
	if (!m)
		return EXIT_USAGE;
	if (!output || optind >= argc || strcmp(argv[optind], "fetch")) {
		fputs(libbpf_help, stderr);
		return EXIT_USAGE;
	}
	version = optind + 1 < argc ? argv[optind + 1] : m->libbpf[0].version;
	for (unsigned i = 0; i < m->libbpf_count; i++)
		if (!strcmp(m->libbpf[i].version, version))
			b = &m->libbpf[i];
	if (!b) {
		err("libbpf %s is not in kernels/matrix.yaml", version);
		return EXIT_USAGE;
	}
	program = fmt("%s/kernels/providers/packages", home_dir());
	state = fmt("%s/packages", cache_dir());
	dir = fmt("%s/sources", cache_dir());
	file = fmt("%s/%s", dir, b->file);
	if (make_dirs(dir) < 0 || make_dirs(state) < 0) {
		err("%s: %s", dir, strerror(errno));
	} else {
		char *argv_fetch[] = {program,	 "source", state,     dir, b->suite,
				      b->source, b->file,  b->sha256, NULL};
		size_t len;
		char *data;

		if (access(file, R_OK) < 0)
			note("fetching libbpf %s", b->version);
		if (run_command(argv_fetch, NULL) == 0 && (data = read_file(file, &len))) {
			if (write_file(output, data, len) == 0)
				ret = EXIT_OK;
			else
				err("%s: %s", output, strerror(errno));
			free(data);
		}
	}
	free(program);
	free(state);
	free(dir);
	free(file);
	return ret;
}
