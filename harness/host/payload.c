// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../common/proto.h"
#include "hostprog.h"
#include "objects.h"
#include "payload.h"
#include "util.h"

/* What every VM needs to talk to us; built in on some kernels, modules on others. */
static const char *const base_modules[] = {"virtio_pci", "virtio_console"};

/* Chooses; a bare bzImage may have them built in, which the boot will tell. */
static int choose(const struct kernel *k, const char *const *names, size_t n,
		  struct module_set *set)
{
	const char *missing;

	if (modules_choose(k->modules, names, n, set, &missing) < 0)
		return -1;
	if (missing && k->modules)
		return err("kernel %s has no module %s, nor is it built in", k->release, missing);
	return 0;
}

/* What was built in this process, by what it was built of. */
struct built {
	const struct kernel *kernel;
	const struct suite *const *suites; /* NULL: the initramfs */
	int fd;
	struct built *next;
};

static struct built *built;

static struct built *find_built(const struct kernel *k, const struct suite *const *suites)
{
	struct built *b;

	for (b = built; b && (b->kernel != k || b->suites != suites); b = b->next)
		;
	return b;
}

/* A new descriptor of the archive; nobody moves its offset, which all of them share. */
static int remember(const struct kernel *k, const struct suite *const *suites, int fd)
{
	struct built *b;

	if (fd < 0)
		return -1;
	b = xcalloc(1, sizeof(*b));
	*b = (struct built){k, suites, fd, built};
	built = b;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

int payload_initramfs(const struct kernel *k)
{
	struct built *b = find_built(k, NULL);
	char *init;
	struct module_set set;
	int fd = -1;

	if (b)
		return fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
	init = fmt("%s/build/guest/init", home_dir());
	if (choose(k, base_modules, ARRAY_SIZE(base_modules), &set) == 0)
		fd = initramfs_build(init, &set);
	modules_free(&set);
	free(init);
	return remember(k, NULL, fd);
}

struct files {
	const char *names[256], *from[256];
	unsigned n;
};

/* Suites that share a machine may share a file, but not a name for two. */
static bool is_new(struct files *all, const char *name, const char *file, bool *clash)
{
	for (unsigned i = 0; i < all->n; i++) {
		if (strcmp(all->names[i], name))
			continue;
		*clash = strcmp(all->from[i], file);
		return false;
	}
	if (all->n < ARRAY_SIZE(all->names)) {
		all->names[all->n] = name;
		all->from[all->n++] = file;
	}
	return true;
}

static int add_files(struct cpio_writer *w, const struct suite *s, const char *base,
		     struct files *all)
{
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < s->files_count; i++) {
		const char *file = s->files[i], *slash = strrchr(file, '/'),
			   *last = slash ? slash + 1 : file;
		bool clash = false;
		char *name, *path;

		if (!is_new(all, last, file, &clash)) {
			if (clash)
				return err(
					"suite %s: %s: another file is also called %s in the guest",
					s->name, file, last);
			continue;
		}
		name = fmt("work/%s", last);
		path = file[0] == '/' || !base ? xstrdup(file) : fmt("%s/%s", base, file);
		ret = cpio_add_file(w, name, 0755, path);
		if (ret == 0)
			ret = hostprog_add_libraries(w, path);
		free(name);
		free(path);
	}
	return ret;
}

static int add_programs(struct cpio_writer *w, const struct suite *s)
{
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < s->programs_count; i++) {
		const char *name = s->programs[i];
		char *found = hostprog_find(name);

		/* under the name that is given, though it may be a link here */
		ret = found ? hostprog_add(w, name[0] == '/' ? name : found) : -1;
		free(found);
		if (ret < 0)
			err("suite %s needs the program %s; scripts/deps installs what is missing",
			    s->name, name);
	}
	return ret;
}

/* The modules the suites ask for, and those their objects' kfuncs live in. 0, or -1 after err(). */
static int add_modules(struct cpio_writer *w, const struct kernel *k,
		       const struct suite *const *suites, unsigned n, const char *base)
{
	struct object_needs needs;
	const char *names[256];
	unsigned count = 0;
	int ret;

	if (objects_of_suites(k, suites, n, base, &needs) < 0)
		return -1;
	for (unsigned s = 0; s < n; s++)
		for (unsigned i = 0; i < suites[s]->modules_count && count < ARRAY_SIZE(names); i++)
			names[count++] = suites[s]->modules[i];
	for (unsigned i = 0; i < needs.modules_n && count < ARRAY_SIZE(names); i++)
		names[count++] = needs.modules[i];
	ret = payload_add_modules(w, k, names, count);
	object_needs_free(&needs);
	return ret;
}

int payload_files(const struct kernel *k, const struct suite *const *suites, unsigned n,
		  const char *base)
{
	struct built *b = find_built(k, suites);
	struct files all = {.n = 0};
	struct cpio_writer *w;
	int ret;

	if (b)
		return fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
	w = cpio_new();
	if (!w)
		return -1;
	ret = cpio_add_dir(w, "work");
	if (ret == 0)
		ret = cpio_add_dir(w, "vmtest");
	for (unsigned i = 0; ret == 0 && i < n; i++)
		ret = add_files(w, suites[i], base, &all);
	for (unsigned i = 0; ret == 0 && i < n; i++)
		ret = add_programs(w, suites[i]);
	if (ret == 0)
		ret = add_modules(w, k, suites, n, base);
	if (ret < 0) {
		close(cpio_close(w));
		return -1;
	}
	return remember(k, suites, cpio_close(w));
}

int payload_with_job(int files_fd, json_t *job)
{
	struct cpio_writer *w = cpio_new();
	char *text = json_dumps(job, JSON_COMPACT);
	int ret = -1;

	json_decref(job);
	if (w && cpio_add(w, VT_JOB_PATH, 0644, text, strlen(text)) == 0 &&
	    cpio_append(w, files_fd) == 0)
		ret = 0;
	free(text);
	if (ret < 0) {
		if (w)
			close(cpio_close(w));
		return -1;
	}
	return cpio_close(w);
}

int payload_add_modules(struct cpio_writer *w, const struct kernel *k, const char *const *names,
			size_t n)
{
	struct module_set set;
	int ret = choose(k, names, n, &set);

	if (ret == 0)
		ret = cpio_add_modules(w, VT_JOB_MODULES_PATH, &set);
	modules_free(&set);
	return ret;
}

void payload_refresh(json_t *job)
{
	unsigned char bytes[64];
	char hex[2 * sizeof(bytes) + 1];
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	json_object_set_new(job, "time_ns", json_integer(ts.tv_sec * 1000000000ll + ts.tv_nsec));
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	json_object_set_new(job, "entropy", json_string(hex));
}

/* Everything in one initramfs: nothing reaches an unattended guest while it runs. */
int payload_join(int initrd_fd, int payload_fd)
{
	struct cpio_writer *w = cpio_new();

	if (!w || cpio_append(w, initrd_fd) < 0 || cpio_append(w, payload_fd) < 0)
		return -1;
	return cpio_close(w);
}
