// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"
#include "local.h"
#include "modules.h"
#include "util.h"

static bool exists(const char *dir, const char *name)
{
	char *path = fmt("%s/%s", dir, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool holds_modules(const char *dir)
{
	return exists(dir, "kernel") || exists(dir, "modules.builtin") ||
	       exists(dir, "modules.order");
}

/* Where in `given` the modules of a release are, to free(); NULL after err(). */
static char *find_modules(const char *given, const char *release)
{
	char *candidates[] = {fmt("%s/lib/modules/%s", given, release),
			      fmt("%s/%s", given, release), xstrdup(given)};
	char *found = NULL;
	const char *last;

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
		if (!found && is_dir(candidates[i]) && holds_modules(candidates[i]))
			found = candidates[i];
		else
			free(candidates[i]);
	}
	if (!found) {
		err("%s: no modules of %s: neither kernel/ nor modules.builtin is there, nor in "
		    "lib/modules/%s below",
		    given, release, release);
		return NULL;
	}
	/* The kernel would refuse them one by one, by their version magic. */
	last = strrchr(found, '/') ? strrchr(found, '/') + 1 : found;
	if (isdigit((unsigned char)last[0]) && strchr(last, '.') && strcmp(last, release)) {
		err("%s: modules of %s, but the kernel is %s: give those that were built with it",
		    found, last, release);
		free(found);
		return NULL;
	}
	return found;
}

/* True when the tree's image is of its present configuration: `make` does both, `make bzImage` may
 * have been long ago. */
static bool is_current(const char *tree, const char *release)
{
	char *path = fmt("%s/include/config/kernel.release", tree), *text = read_file(path, NULL);
	bool same = true;

	if (text) {
		text[strcspn(text, "\n")] = '\0';
		same = !strcmp(text, release);
		if (!same)
			err("%s: the image is %s, the tree is configured as %s since: run make "
			    "there",
			    tree, release, text);
	}
	free(text);
	free(path);
	return same;
}

static char *image_of(const char *path)
{
	char *image;

	if (!is_dir(path)) {
		if (access(path, R_OK) == 0)
			return xstrdup(path);
		err("%s: %s: give a bzImage, or the tree it was built in", path, strerror(errno));
		return NULL;
	}
	image = fmt("%s/arch/x86/boot/bzImage", path);
	if (access(image, R_OK) == 0)
		return image;
	if (exists(path, "Kconfig") && exists(path, "Makefile"))
		err("%s: a kernel tree that is not built: run make there, or have vmtest build it: "
		    "KERNEL=source:%s",
		    path, path);
	else
		err("%s: no arch/x86/boot/bzImage in it: give a bzImage, or the tree it was built "
		    "in",
		    path);
	free(image);
	return NULL;
}

struct kernel *local_kernel(const char *path)
{
	const char *given = getenv("VMTEST_MODULES");
	char *image = image_of(path), *release, *modules = NULL;
	bool tree = is_dir(path);
	struct kernel *k;

	if (!image)
		return NULL;
	release = image_release(image);
	if (!release || (tree && !is_current(path, release)))
		goto fail;
	if (given && *given) {
		modules = find_modules(given, release);
		if (!modules)
			goto fail;
	} else if (tree && modules_is_tree(path)) {
		modules = xstrdup(path);
	} else if (tree) {
		note("%s: no modules.order: only what is built in is there (make modules builds "
		     "the rest)",
		     path);
	}
	k = xcalloc(1, sizeof(*k));
	k->asked = xstrdup(path);
	k->release = release;
	k->version = xstrdup("");
	k->package = xstrdup("local");
	k->vmlinuz = image;
	k->modules = modules;
	return k;
fail:
	free(release);
	free(image);
	return NULL;
}
