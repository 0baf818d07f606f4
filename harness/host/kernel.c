// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "image.h"
#include "kernel.h"
#include "local.h"
#include "lock.h"
#include "packages.h"
#include "series.h"
#include "source.h"
#include "util.h"

bool kernel_strict_lock;

const char *pin_name(enum pin pin)
{
	static const char *const names[] = {
		[PIN_NONE] = "none",
		[PIN_HELD] = "held",
		[PIN_STALE] = "stale",
		[PIN_GONE] = "gone",
	};

	return names[pin];
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
		if (series_holds(name, all->upstream))
			return all;
	return NULL;
}

static struct kernel *kernel_of(const char *asked, char *dir, const struct listed *l)
{
	char *image = fmt("%.*s", (int)strcspn(l->packages, ","), l->packages);
	struct kernel *k = kernel_from_dir(asked, dir, l->version, image);

	free(image);
	free(dir);
	return k;
}

/* A release of the archive: the newest of `asked`, or of a flavour whatever there is. */
static struct kernel *from_archive(const struct matrix *m, const struct series *s,
				   const char *flavour, const char *asked, bool *usage)
{
	const struct listed *l = NULL;
	struct listed *all;
	char *dir;

	/* An index of yesterday may name a release that is gone today: one fresh look, then it
	 * fails. */
	for (int fresh = 0; fresh < 2; fresh++) {
		all = packages_list(m, s->provider, flavour, fresh);
		if (!all)
			return NULL;
		l = kernel_newest(all, asked);
		if (!l) {
			if (!fresh && !packages_list_is_fresh(m, s->provider, flavour))
				continue;
			l = kernel_newest(all, s->series);
			*usage = true;
			err("the archive holds no %s kernel %s%s%s%s", flavour, asked,
			    l ? ": the newest of series " : "", l ? s->series : "",
			    l ? " is " : "");
			if (l)
				fprintf(stderr, "  %s (%s)\n", l->upstream, l->release);
			return NULL;
		}
		dir = packages_fetch(s->provider, l);
		if (dir)
			return kernel_of(asked, dir, l);
	}
	err("kernel %s (%s) could not be fetched", asked, l->release);
	return NULL;
}

/* A kept list is enough to know of a newer release; a run does not go and look for one. */
static void find_newer(struct kernel *k, const struct matrix *m, const struct series *s,
		       const char *flavour, const struct listed *pinned)
{
	const struct listed *all = packages_kept(m, s->provider, flavour), *newest;

	newest = all ? kernel_newest(all, s->series) : NULL;
	k->pin = PIN_HELD;
	if (!newest || !strcmp(newest->version, pinned->version))
		return;
	/* newest first: the pinned one may be behind, or gone; in front it cannot be, unless the
	 * list is older than the lock */
	for (const struct listed *l = all; l->upstream; l++)
		if (!strcmp(l->version, pinned->version) && l < newest)
			return;
	k->pin = PIN_STALE;
	k->newer = fmt("%s (%s)", newest->upstream, newest->version);
	note("kernels/matrix.lock is stale: series %s is pinned at %s, there is %s "
	     "(`vmtest kernels lock` takes it)",
	     s->series, pinned->version, k->newer);
}

/*
 * The pinned release of a series; from the cache without a look at any index. *gone: the archive
 * does not have it any more, nor the cache. NULL after err(), or when gone.
 */
static struct kernel *from_lock(const struct matrix *m, const struct series *s, const char *flavour,
				const struct listed *pinned, bool *gone)
{
	struct listed *all;
	struct kernel *k;
	bool same, known = false;
	char *dir = packages_cached(pinned, &same);

	*gone = false;
	if (dir && !same) {
		err("%s was made of other packages than kernels/matrix.lock pins: remove it, and it is "
		    "fetched again",
		    dir);
		return NULL;
	}
	for (int fresh = 0; !dir && !known && fresh < 2; fresh++) {
		all = packages_list(m, s->provider, flavour, fresh);
		if (!all)
			return NULL;
		for (struct listed *l = all; l->upstream && !known; l++)
			known = !strcmp(l->release, pinned->release) &&
				!strcmp(l->version, pinned->version);
		if (packages_list_is_fresh(m, s->provider, flavour))
			fresh = 1;
	}
	if (!dir && !known) {
		*gone = packages_list_is_fresh(m, s->provider, flavour);
		if (!*gone)
			err("kernel %s (%s), pinned by kernels/matrix.lock, is not in the cache, and "
			    "the archive could not be asked: is there a network?",
			    s->series, pinned->version);
		return NULL;
	}
	if (!dir)
		dir = packages_fetch(s->provider, pinned);
	if (!dir) {
		err("kernel %s (%s), pinned by kernels/matrix.lock, is in the index and could not be "
		    "fetched: try again, or another mirror (VMTEST_DEBIAN_MIRROR), or name another "
		    "release of the series",
		    s->series, pinned->version);
		return NULL;
	}
	k = kernel_of(s->series, dir, pinned);
	if (k)
		find_newer(k, m, s, flavour, pinned);
	return k;
}

/*
 * When a pinned release has left the archive, a fresh machine cannot have it, ever. To fail there
 * would take every commit that pins it out of CI and bisection, and Debian drops releases of sid
 * within days. So the newest of the series is taken, loudly, and the run says so for good; --locked
 * is for who would rather have nothing.
 */
static struct kernel *from_packages(const struct matrix *m, const struct series *s,
				    const char *flavour, const char *asked, bool *usage)
{
	const struct listed *pinned = NULL;
	struct kernel *k;
	bool gone;

	if (!strcmp(asked, s->series) && lock_find(s->series, flavour, &pinned) < 0)
		return NULL;
	if (!pinned && kernel_strict_lock && !strcmp(asked, s->series)) {
		err("--locked: kernels/matrix.lock pins no %s kernel of series %s: run `vmtest kernels "
		    "lock`",
		    flavour, s->series);
		return NULL;
	}
	if (!pinned)
		return from_archive(m, s, flavour, asked, usage);
	k = from_lock(m, s, flavour, pinned, &gone);
	if (k || !gone)
		return k;
	if (kernel_strict_lock) {
		err("kernel %s (%s), pinned by kernels/matrix.lock, has left the archive: run `vmtest "
		    "kernels lock`, or without --locked",
		    s->series, pinned->version);
		return NULL;
	}
	k = from_archive(m, s, flavour, asked, usage);
	if (k) {
		k->pin = PIN_GONE;
		k->newer = fmt("%s (%s)", pinned->upstream, pinned->version);
		warn("kernel %s, pinned by kernels/matrix.lock, has left the archive: using %s instead; "
		     "run `vmtest kernels lock`",
		     pinned->version, k->version);
	}
	return k;
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
	if (series_holds(asked, version)) {
		*k = source_kernel(m, asked, given, usage);
		free(version);
		return true;
	}
	note("KERNEL_SRC is %s: not used for kernel %s", version, asked);
	free(version);
	return false;
}

struct kernel *kernel_get_flavour(const char *asked, const char *flavour, bool *usage)
{
	const struct matrix *m = matrix_load();
	const struct series *s;
	struct kernel *k;

	*usage = false;
	if (!m)
		return NULL;
	s = strchr(asked, '/') ? NULL : series_find(m, asked);
	if (flavour && (!s || s->version)) {
		*usage = true;
		return NULL;
	}
	if (!strncmp(asked, "source:", 7))
		return source_kernel(m, asked, asked + 7, usage);
	if (strchr(asked, '/')) {
		*usage = true;
		return local_kernel(asked);
	}
	if (!flavour && from_given_source(m, asked, &k, usage))
		return k;
	if (series_rank(asked) < 0 || !s) {
		*usage = true;
		series_say_unknown(m, asked);
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
		k = from_packages(m, s, flavour ? flavour : s->flavour, asked, usage);
	}
	if (k) {
		k->required = s->required;
		k->lost = s->lost;
		k->archive = !s->version;
	}
	return k;
}

struct kernel *kernel_get(const char *asked, bool *usage)
{
	return kernel_get_flavour(asked, NULL, usage);
}
