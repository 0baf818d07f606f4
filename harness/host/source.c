// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "image.h"
#include "packages.h"
#include "source.h"
#include "util.h"

/* What the provider calls a kernel that it can build. */
struct buildable {
	char *upstream; /* "6.6.119" */
	char *name;	/* "6.6.119-vmtest-1a2b3c4d" */
	char *version;	/* "source-" and a digest of all it is made of */
};

/* Its exit codes are ours: 2 is for what the user named. */
static int run_provider(const char *verb, const char *dir, const char *what, char **out,
			bool *usage)
{
	char *program = fmt("%s/kernels/providers/source", home_dir());
	char *state = fmt("%s/source", cache_dir());
	char *argv[] = {program,
			(char *)verb,
			state,
			(char *)(dir ? dir : what),
			(char *)(dir ? what : NULL),
			NULL};
	int ret = make_dirs(state);

	if (ret < 0)
		err("%s: %s", state, strerror(errno));
	else
		ret = run_command(argv, out);
	*usage = ret == EXIT_USAGE;
	free(program);
	free(state);
	return ret == 0 ? 0 : -1;
}

static int identify(const char *what, struct buildable *b, bool *usage)
{
	char *out = NULL, upstream[64], name[128], version[64];
	int ret = run_provider("list", NULL, what, &out, usage);

	if (ret == 0 && sscanf(out, "%63s %127s %63s", upstream, name, version) == 3)
		*b = (struct buildable){xstrdup(upstream), xstrdup(name), xstrdup(version)};
	else if (ret == 0)
		ret = err("the source provider says \"%s\" of %s", out, what);
	free(out);
	return ret;
}

static void buildable_free(struct buildable *b)
{
	free(b->upstream);
	free(b->name);
	free(b->version);
}

char *source_version(const char *path, bool *usage)
{
	static char *known_path, *known;
	struct buildable b;

	if (!known || strcmp(known_path, path)) {
		if (identify(path, &b, usage) < 0)
			return NULL;
		free(known_path);
		free(known);
		known_path = xstrdup(path);
		known = xstrdup(b.upstream);
		buildable_free(&b);
	}
	return xstrdup(known);
}

struct job {
	const char *what;
	bool *usage;
};

static int build(const char *dir, void *context)
{
	const struct job *j = context;
	char *image = fmt("%s/vmlinuz", dir);
	int ret = run_provider("fetch", dir, j->what, NULL, j->usage);

	if (ret == 0 && access(image, R_OK) < 0)
		ret = err("%s: the build left no image", j->what);
	free(image);
	return ret;
}

/* What the series stands for, in the provider's words, to free(). */
static char *of_series(const struct matrix *m, const char *series, bool *usage)
{
	const struct listed *all, *l;

	for (unsigned i = 0; i < m->kernels_count; i++) {
		const struct series *s = &m->kernels[i];

		if (!s->version || (strcmp(series, s->series) && strcmp(series, s->version)))
			continue;
		return fmt("kernel.org:%s:%s", s->version, s->sha256);
	}
	all = packages_list(m, "packages", "source", false);
	if (!all)
		return NULL;
	l = kernel_newest(all, series);
	if (l)
		return fmt("debian:%s=%s", l->packages, l->version);
	*usage = true;
	err("no source of kernel %s: Debian has none, and kernels/matrix.yaml pins none", series);
	fprintf(stderr,
		"  give it yourself: make vmtest KERNEL=%s KERNEL_SRC=/path/to/linux-%s.tar.xz,"
		" or the path of a tree\n",
		series, series);
	return NULL;
}

struct kernel *source_kernel(const struct matrix *m, const char *asked, const char *what,
			     bool *usage)
{
	bool is_path = strchr(what, '/') || access(what, F_OK) == 0;
	char *spec = is_path ? xstrdup(what) : of_series(m, what, usage), *name, *dir;
	const char *last;
	struct buildable b;
	struct kernel *k = NULL;

	if (!spec)
		return NULL;
	if (identify(spec, &b, usage) < 0) {
		free(spec);
		return NULL;
	}
	name = fmt("%s_%s", b.name, b.version);
	dir = cache_kernel(name, build, &(struct job){spec, usage});
	if (dir) {
		last = is_path && strrchr(spec, '/') ? strrchr(spec, '/') + 1 : spec;
		k = kernel_from_dir(asked, dir, b.version, *last ? last : "source");
		free(dir);
	}
	free(name);
	free(spec);
	buildable_free(&b);
	return k;
}

bool source_is_built(const char *version)
{
	char *base = fmt("%s/kernels", cache_dir()), *begin = fmt("%s-vmtest-", version);
	struct dirent *e;
	DIR *d = opendir(base);
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = !strncmp(e->d_name, begin, strlen(begin));
	if (d)
		closedir(d);
	free(base);
	free(begin);
	return found;
}
