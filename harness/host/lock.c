// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "lock.h"
#include "series.h"
#include "util.h"

static const char head[] =
	"# SPDX-License-Identifier: GPL-2.0-only\n"
	"#\n"
	"# What each series of matrix.yaml stands for, until `vmtest kernels lock` is run again: one line\n"
	"# per package, the first of a kernel holds its image. The sums are those of the archive's signed\n"
	"# index.\n"
	"#\n"
	"# series flavour upstream release version package sha256\n";

struct entry {
	char *series, *flavour;
	struct listed kernel;
};

struct lock {
	struct entry *all;
	unsigned n;
	bool exists;
};

static char *lock_path(void)
{
	return fmt("%s/kernels/matrix.lock", home_dir());
}

static struct entry *find(const struct lock *l, const char *series, const char *flavour)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->all[i].series, series) && !strcmp(l->all[i].flavour, flavour))
			return &l->all[i];
	return NULL;
}

static struct entry *add(struct lock *l, const char *series, const char *flavour)
{
	l->all = grow(l->all, l->n, sizeof(*l->all));
	l->all[l->n] = (struct entry){.series = xstrdup(series), .flavour = xstrdup(flavour)};
	return &l->all[l->n++];
}

static char *join(char *list, const char *more)
{
	char *joined = list ? fmt("%s,%s", list, more) : xstrdup(more);

	free(list);
	return joined;
}

static bool is_sum(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* One line into its entry, which further lines of the same kernel complete. */
static int read_line(struct lock *l, char *line)
{
	char series[64], flavour[64], up[64], rel[128], ver[64], pkg[256], sum[65], more[2];
	struct entry *e;

	if (sscanf(line, "%63s %63s %63s %127s %63s %255s %64s %1s", series, flavour, up, rel, ver,
		   pkg, sum, more) != 7 ||
	    !is_sum(sum))
		return -1;
	e = find(l, series, flavour);
	if (!e) {
		e = add(l, series, flavour);
		e->kernel = (struct listed){xstrdup(up), xstrdup(rel), xstrdup(ver), NULL, NULL};
	} else if (strcmp(e->kernel.release, rel) || strcmp(e->kernel.version, ver)) {
		return -1;
	}
	e->kernel.packages = join(e->kernel.packages, pkg);
	e->kernel.sums = join(e->kernel.sums, sum);
	return 0;
}

/* Read once. NULL after err(). */
static struct lock *lock_load(void)
{
	static struct lock lock;
	static bool loaded, broken;
	char *path, *text, *line, *next;
	unsigned number = 0;

	if (loaded)
		return broken ? NULL : &lock;
	loaded = true;
	path = lock_path();
	text = read_file(path, NULL);
	if (!text && errno != ENOENT) {
		err("%s: %s", path, strerror(errno));
		broken = true;
	}
	lock.exists = text;
	for (line = text; line && *line && !broken; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		number++;
		if (*line == '#' || !*line || read_line(&lock, line) == 0)
			continue;
		err("%s:%u: expected series, flavour, upstream version, release, version, package, "
		    "sha256, and one release of each series: remove the file, and run `vmtest "
		    "kernels lock`",
		    path, number);
		broken = true;
	}
	free(text);
	free(path);
	return broken ? NULL : &lock;
}

int lock_find(const char *series, const char *flavour, const struct listed **pinned)
{
	const struct lock *l = lock_load();
	const struct entry *e = l ? find(l, series, flavour) : NULL;

	*pinned = e ? &e->kernel : NULL;
	return l ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int difference = series_rank(x->series) - series_rank(y->series);

	return difference ? difference : strcmp(x->flavour, y->flavour);
}

static char *lock_text(struct lock *l)
{
	char *text = xstrdup(head);

	qsort(l->all, l->n, sizeof(*l->all), by_name);
	for (unsigned i = 0; i < l->n; i++) {
		const struct entry *e = &l->all[i];
		char *names = xstrdup(e->kernel.packages), *sums = xstrdup(e->kernel.sums);
		char *name, *sum, *save_name, *save_sum;

		name = strtok_r(names, ",", &save_name);
		sum = strtok_r(sums, ",", &save_sum);
		for (; name && sum;
		     name = strtok_r(NULL, ",", &save_name), sum = strtok_r(NULL, ",", &save_sum)) {
			char *more = fmt("%s%s %s %s %s %s %s %s\n", text, e->series, e->flavour,
					 e->kernel.upstream, e->kernel.release, e->kernel.version,
					 name, sum);

			free(text);
			text = more;
		}
		free(names);
		free(sums);
	}
	return text;
}

static bool is_same(const struct listed *a, const struct listed *b)
{
	return !strcmp(a->version, b->version) && !strcmp(a->release, b->release) &&
	       !strcmp(a->packages, b->packages) && !strcmp(a->sums, b->sums);
}

/* 1 when the entry is another than it was, 0 when not, -1 after err(). */
static int renew(struct lock *l, const struct matrix *m, const struct series *s,
		 const char *flavour, bool refresh)
{
	const struct listed *all = packages_list(m, s->provider, flavour, refresh), *newest;
	struct entry *e = find(l, s->series, flavour);

	if (!all)
		return -1;
	if (refresh && !packages_list_is_fresh(m, s->provider, flavour))
		return err("the archive could not be asked for what is newest: nothing is locked");
	newest = kernel_newest(all, s->series);
	if (!newest) {
		if (e || !strcmp(flavour, s->flavour)) /* a profile's flavour need not exist */
			warn("%s %s: not in the archive%s%s", s->series, flavour,
			     e ? "; stays at " : "", e ? e->kernel.version : "");
		return 0;
	}
	/* A sum that the index does not have would never be checked. */
	for (const char *at = newest->sums; *at; at += 64 + (at[64] == ','))
		if (strspn(at, "0123456789abcdef") != 64)
			return err("the index has no sha256 of %s", newest->packages);
	if (e && is_same(&e->kernel, newest))
		return 0;
	printf("%-7s %-6s %s -> %s\n", s->series, flavour, e ? e->kernel.version : "(not pinned)",
	       newest->version);
	if (!e)
		e = add(l, s->series, flavour);
	e->kernel = *newest;
	return 1;
}

static bool is_named(const char *series, char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(names[i], series))
			return true;
	return !names;
}

/* A series that left the matrix leaves the lock. */
static int drop_others(struct lock *l, const struct matrix *m)
{
	int changed = 0;
	unsigned kept = 0;

	for (unsigned i = 0; i < l->n; i++) {
		const struct series *s = series_find(m, l->all[i].series);

		if (s && !strcmp(s->series, l->all[i].series) && !s->version) {
			l->all[kept++] = l->all[i];
			continue;
		}
		printf("%-7s %-6s no longer in kernels/matrix.yaml\n", l->all[i].series,
		       l->all[i].flavour);
		changed = 1;
	}
	l->n = kept;
	return changed;
}

int lock_update(char *const *names, unsigned n, bool check)
{
	const struct matrix *m = matrix_load();
	struct lock *l = lock_load();
	bool changed, refreshed = false;
	char *path, *text;
	int ret;

	if (!m)
		return EXIT_USAGE;
	if (!l)
		return EXIT_HARNESS;
	for (unsigned i = 0; i < n; i++) {
		const struct series *s = series_find(m, names[i]);

		if (s && !strcmp(s->series, names[i]) && !s->version)
			continue;
		err("lock: \"%s\": only a series that comes as packages can be locked", names[i]);
		return EXIT_USAGE;
	}
	changed = drop_others(l, m) || !l->exists;
	for (unsigned i = 0; i < m->kernels_count; i++) {
		const struct series *s = &m->kernels[i];

		if (s->version || !is_named(s->series, names, n))
			continue;
		/* one refresh of the index; its lists of the other flavours follow from it */
		ret = renew(l, m, s, s->flavour, !refreshed);
		refreshed = true;
		if (ret < 0)
			return EXIT_HARNESS;
		changed |= ret;
		for (unsigned k = 0; k < m->profiles_count; k++) {
			const char *flavour = m->profiles[k].flavour;

			if (!flavour || !strcmp(flavour, s->flavour))
				continue;
			ret = renew(l, m, s, flavour, false);
			if (ret < 0)
				return EXIT_HARNESS;
			changed |= ret;
		}
	}
	if (!changed) {
		note("kernels/matrix.lock is up to date");
		return EXIT_OK;
	}
	if (check) {
		note("kernels/matrix.lock is stale: `vmtest kernels lock` renews it");
		return EXIT_HARNESS;
	}
	path = lock_path();
	text = lock_text(l);
	ret = write_file(path, text, strlen(text));
	if (ret < 0)
		err("%s: %s", path, strerror(errno));
	free(text);
	free(path);
	return ret < 0 ? EXIT_HARNESS : EXIT_OK;
}
