// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "image.h"
#include "kernel.h"
#include "local.h"
#include "packages.h"
#include "source.h"
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
		"  your own: give the path of a bzImage, e.g. --kernel ./arch/x86/boot/bzImage, or of"
		" a built tree;\n"
		"    of a source, to be built: --kernel source:/path/to/linux-6.13.tar.xz; what a kernel"
		" must have is in kernels/README.md\n");
}

struct kernel *kernel_from_dir(const char *asked, const char *dir, const char *version,
			       const char *package)
{
	struct kernel *k = xcalloc(1, sizeof(*k));

	k->asked = xstrdup(asked);
	k->version = xstrdup(version);
	k->package = xstrdup(package);
	k->vmlinuz = fmt("%s/vmlinuz", dir);
	k->release = image_release(k->vmlinuz);
	k->modules = fmt("%s/modules", dir);
	if (access(k->modules, R_OK) < 0) {
		free(k->modules);
		k->modules = NULL;
	}
	return k->release ? k : NULL;
}

const struct listed *kernel_newest(const struct listed *all, const char *name)
{
	for (; all->upstream; all++)
		if (in_series(all->upstream, name))
			return all;
	return NULL;
}

static struct kernel *from_packages(const struct matrix *m, const struct series *s,
				    const char *asked, bool *usage)
{
	const struct listed *l;
	struct listed *all;
	struct kernel *k;
	char *dir;

	/* An index of yesterday may name a release that is gone today: one fresh look, then it
	 * fails. */
	for (int fresh = 0; fresh < 2; fresh++) {
		all = packages_list(m, s->provider, s->flavour, fresh);
		if (!all)
			return NULL;
		l = kernel_newest(all, asked);
		if (!l) {
			if (!fresh)
				continue;
			l = kernel_newest(all, s->series);
			*usage = true;
			err("the archive holds no kernel %s%s%s%s", asked,
			    l ? ": the newest of series " : "", l ? s->series : "",
			    l ? " is " : "");
			if (l)
				fprintf(stderr, "  %s (%s)\n", l->upstream, l->release);
			return NULL;
		}
		dir = packages_fetch(s->provider, l);
		if (dir) {
			char *image = fmt("%.*s", (int)strcspn(l->packages, ","), l->packages);

			k = kernel_from_dir(asked, dir, l->version, image);
			free(image);
			free(dir);
			return k;
		}
	}
	err("kernel %s (%s) could not be fetched", asked, l->release);
	return NULL;
}

/*
 * KERNEL_SRC is the source of whichever of the kernels asked for it is one of; the others are had
 * as ever. True when it decides about `asked`; then *k, or NULL after err().
 */
static bool from_given_source(const struct matrix *m, const char *asked, struct kernel **k,
			      bool *usage)
{
	const char *given = getenv("KERNEL_SRC");
	char *version;

	if (!given || !*given || series_rank(asked) < 0)
		return false;
	*k = NULL;
	version = source_version(given, usage);
	if (!version)
		return true;
	if (in_series(version, asked)) {
		*k = source_kernel(m, asked, given, usage);
		free(version);
		return true;
	}
	note("KERNEL_SRC is %s: not used for kernel %s", version, asked);
	free(version);
	return false;
}

struct kernel *kernel_get(const char *asked, bool *usage)
{
	const struct matrix *m = matrix_load();
	const struct series *s;
	struct kernel *k;

	*usage = false;
	if (!m)
		return NULL;
	if (!strncmp(asked, "source:", 7))
		return source_kernel(m, asked, asked + 7, usage);
	if (strchr(asked, '/')) {
		*usage = true;
		return local_kernel(asked);
	}
	if (from_given_source(m, asked, &k, usage))
		return k;
	s = find_series(m, asked);
	if (series_rank(asked) < 0 || !s) {
		*usage = true;
		say_unknown(m, asked);
		return NULL;
	}
	if (s->version) {
		if (strcmp(asked, s->series) && strcmp(asked, s->version)) {
			*usage = true;
			err("kernel %s: kernels/matrix.yaml pins series %s at %s; give another's "
			    "source: KERNEL_SRC=/path/to/linux-%s.tar.xz",
			    asked, s->series, s->version, asked);
			return NULL;
		}
		k = source_kernel(m, asked, s->series, usage);
	} else {
		k = from_packages(m, s, asked, usage);
	}
	if (k)
		k->required = s->required;
	return k;
}

/* Of those that come ready made: what "newest" and "all" mean depends on no hour of compiling. */
static const struct series *newest_series(const struct matrix *m)
{
	const struct series *best = NULL;

	for (unsigned i = 0; i < m->kernels_count; i++)
		if (!m->kernels[i].version &&
		    (!best || series_rank(m->kernels[i].series) > series_rank(best->series)))
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
				if (!m->kernels[i].version && (all || m->kernels[i].required))
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
