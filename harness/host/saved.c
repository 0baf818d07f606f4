// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "machine.h"
#include "saved.h"
#include "util.h"

#define LIMIT_MIB_DEFAULT 4096
#define SAVE_MS		  30000
#define BOOTS_MOST	  2 /* of a machine that does not come up */

struct waiter {
	saved_cb cb;
	void *ctx;
	struct waiter *next;
};

/* What this process knows of a state: it is looked at, or made, once. */
struct known {
	char name[DIGEST_HEX];
	int fd;		   /* -1: boot instead */
	struct vm_end end; /* of the machine that was to be saved */
	char *console;	   /* of that machine */
	unsigned boots;	   /* of such machines */
	struct vm *saving; /* the machine that is to be saved, while it runs */
	char *tmp;	   /* where to */
	int lock;	   /* held while it is made */
	struct waiter *waiters;
	struct known *next;
};

static struct known *known;

/* QEMU itself, by its identity on disk: reading 15 MB for its checksum would be no better. */
static void digest_qemu(struct digest *d)
{
	char *file = find_in_path(QEMU_PROGRAM), *id;
	struct stat st;

	if (file && stat(file, &st) == 0) {
		id = fmt("%s %lld %lld", file, (long long)st.st_size, (long long)st.st_mtime);
		digest_add_text(d, id);
		free(id);
	}
	free(file);
}

static int name_of(const struct vm_config *c, char name[DIGEST_HEX])
{
	int fd = open(c->vmlinuz, O_RDONLY | O_CLOEXEC), ret = -1;
	struct digest *d = digest_new();
	char *identity = machine_identity(c);

	digest_add_text(d, identity);
	digest_qemu(d);
	if (fd >= 0 && digest_add_fd(d, fd) == 0 && digest_add_fd(d, c->initrd_fd) == 0) {
		digest_hex(d, name);
		ret = 0;
	}
	if (fd >= 0)
		close(fd);
	free(identity);
	digest_free(d);
	return ret;
}

static char *saved_dir(void)
{
	return fmt("%s/saved", cache_dir());
}

/* The checksum is part of the file's name: there is no moment at which one lacks the other. */
static char *find_state(const char *dir, const char *name, char sum[DIGEST_HEX])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char *found = NULL;

	while (d && !found && (e = readdir(d))) {
		if (strlen(e->d_name) != 65 || strncmp(e->d_name, name, 32) || e->d_name[32] != '.')
			continue;
		memcpy(sum, e->d_name + 33, 33);
		found = fmt("%s/%s", dir, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static int open_verified(const char *dir, const char *name)
{
	char sum[DIGEST_HEX], now[DIGEST_HEX], *path = find_state(dir, name, sum);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && (digest_of_fd(fd, now) < 0 || strcmp(sum, now))) {
		note("the saved machine %s is damaged: making it anew", path);
		unlink(path);
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		futimens(fd, NULL); /* used now */
	free(path);
	return fd;
}

struct state_file {
	char *path;
	struct timespec used;
	off_t size;
};

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct state_file *)a)->used;
	const struct timespec *y = &((const struct state_file *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* A state in use stays readable: an unlinked file lives as long as somebody has it open. */
static void evict(const char *dir)
{
	const char *limit_text = getenv("VMTEST_SAVED_LIMIT_MIB");
	off_t limit = (limit_text ? atoll(limit_text) : LIMIT_MIB_DEFAULT) << 20, total = 0;
	struct state_file *files = NULL;
	size_t n = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		struct state_file f = {.path = fmt("%s/%s", dir, e->d_name)};
		struct stat st;

		if (e->d_name[0] == '.' || stat(f.path, &st) < 0) {
			free(f.path);
			continue;
		}
		files = grow(files, n, sizeof(f));
		f.used = st.st_mtim;
		f.size = st.st_size;
		total += f.size;
		files[n++] = f;
	}
	if (d)
		closedir(d);
	if (n)
		qsort(files, n, sizeof(*files), by_use);
	for (size_t i = 0; i < n; i++) {
		if (total > limit && i + 1 < n) { /* the newest stays, whatever its size */
			unlink(files[i].path);
			total -= files[i].size;
		}
		free(files[i].path);
	}
	free(files);
}

static char *lock_path(const char *dir, const char *name)
{
	return fmt("%s/.lock-%s", dir, name);
}

static bool is_named(int fd, const char *path)
{
	struct stat open, named;

	return fstat(fd, &open) == 0 && stat(path, &named) == 0 && open.st_dev == named.st_dev &&
	       open.st_ino == named.st_ino;
}

/*
 * The lock of who makes this machine: a descriptor, or -1 when another has it. It dies with its
 * holder. As drop_lock() removes the file, one that was opened before may be locked after: a lock
 * that nobody else would meet, so it is taken again.
 */
static int take_lock(const char *dir, const char *name)
{
	char *path = lock_path(dir, name);
	bool held;
	int fd;

	do {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
		if (held && is_named(fd, path))
			break;
		if (fd >= 0)
			close(fd);
		fd = -1;
	} while (held);
	free(path);
	return fd;
}

static void drop_lock(const char *dir, const char *name, int fd)
{
	char *path = lock_path(dir, name);

	unlink(path);
	close(fd);
	free(path);
}

/*
 * What was left by whoever was killed, half saved machines of 70 MB each: of the machine `name`,
 * whose lock is held, and of others, which may never be wanted again.
 */
static void remove_stale(const char *dir, const char *name)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	char whose[DIGEST_HEX];

	while (d && (e = readdir(d))) {
		bool saving = sscanf(e->d_name, ".saving-%32[0-9a-f].", whose) == 1;
		bool ours, known = saving || sscanf(e->d_name, ".lock-%32[0-9a-f]", whose) == 1;
		int lock;

		if (!known)
			continue;
		ours = !strcmp(whose, name);
		lock = ours ? -1 : take_lock(dir, whose);
		if (saving && (ours || lock >= 0)) {
			char *path = fmt("%s/%s", dir, e->d_name);

			unlink(path);
			free(path);
		}
		if (lock >= 0)
			drop_lock(dir, whose, lock);
	}
	if (d)
		closedir(d);
}

/* A new open file: each QEMU reads from the beginning, at its own pace. */
static int reopen(int fd)
{
	char path[64];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Names the finished file by its checksum. 0, or -1 with errno. */
static int keep(const struct known *k, const char *dir)
{
	int fd = open(k->tmp, O_RDONLY | O_CLOEXEC), ret = -1;
	char sum[DIGEST_HEX], *path;

	if (fd < 0)
		return -1;
	if (digest_of_fd(fd, sum) == 0) {
		path = fmt("%s/%s.%s", dir, k->name, sum);
		ret = rename(k->tmp, path);
		free(path);
	}
	close(fd);
	return ret;
}

static void answer_all(struct known *k)
{
	struct waiter *w = k->waiters, *next;

	k->waiters = NULL;
	for (; w; w = next) {
		next = w->next;
		w->cb(w->ctx, reopen(k->fd), &k->end,
		      k->end.outcome == OC_PASS ? NULL : k->console);
		free(w);
	}
}

static void forget(struct known *k)
{
	struct known **at = &known;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	free(k->console);
	free(k);
}

static void save_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	struct known *k = ctx;
	char *dir = saved_dir();

	(void)console;
	k->saving = NULL;
	k->end = *end;
	if (end->saved && keep(k, dir) == 0) {
		k->fd = open_verified(dir, k->name);
		evict(dir);
	} else if (end->boot_ns && end->outcome != OC_INTERRUPTED) {
		note("the machine could not be saved (%s): booting each one",
		     end->reason[0] ? end->reason : strerror(errno));
		k->end.outcome = OC_PASS;
	}
	unlink(k->tmp);
	free(k->tmp);
	drop_lock(dir, k->name, k->lock);
	free(dir);
	answer_all(k);
	if (k->end.outcome == OC_INTERRUPTED)
		forget(k);
}

static const struct vm_ops save_ops = {vm_ignore_line, vm_ignore_output, vm_no_step, save_done};

/* Looks for the state and, when there is none and nobody else makes it, begins to make it. */
static void find_or_make(struct known *k, uv_loop_t *loop, const struct vm_config *like)
{
	char *dir = saved_dir();
	struct vm_config config = *like;

	k->fd = k->lock = -1;
	k->end.outcome = OC_PASS;
	if (make_dirs(dir) < 0) {
		note("%s: %s: booting each machine", dir, strerror(errno));
		goto out;
	}
	k->fd = open_verified(dir, k->name);
	if (k->fd >= 0)
		goto out;
	k->lock = take_lock(dir, k->name);
	if (k->lock < 0) /* another vmtest makes it: to boot is no slower than to wait */
		goto out;
	k->fd = open_verified(dir, k->name); /* by now another may have made it */
	if (k->fd >= 0) {
		drop_lock(dir, k->name, k->lock);
		goto out;
	}
	remove_stale(dir, k->name);
	k->tmp = fmt("%s/.saving-%s.%d", dir, k->name, (int)getpid());
	config.save_path = k->tmp;
	config.state_fd = config.payload_fd = -1;
	config.job_ms = SAVE_MS;
	free(k->console);
	k->console = xstrdup(config.console_path);
	k->boots++;
	k->saving = vm_start(loop, &config, &save_ops, k);
	if (!k->saving) {
		free(k->tmp);
		drop_lock(dir, k->name, k->lock);
	}
out:
	free(dir);
}

static struct known *lookup(const char *name)
{
	struct known *k;

	for (k = known; k && strcmp(k->name, name); k = k->next)
		;
	return k;
}

void saved_get(uv_loop_t *loop, const struct vm_config *c, saved_cb cb, void *ctx)
{
	static const struct vm_end boot = {.outcome = OC_PASS};
	struct waiter *w;
	char name[DIGEST_HEX];
	struct known *k;

	if ((c->deterministic && !c->seed_later) || name_of(c, name) < 0) {
		cb(ctx, -1, &boot, NULL);
		return;
	}
	k = lookup(name);
	if (!k) {
		k = xcalloc(1, sizeof(*k));
		memcpy(k->name, name, sizeof(name));
		k->next = known;
		known = k;
		find_or_make(k, loop, c);
	} else if (!k->saving && k->end.outcome != OC_PASS && k->boots < BOOTS_MOST) {
		find_or_make(k, loop, c);
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct waiter){cb, ctx, k->waiters};
	k->waiters = w;
	if (!k->saving)
		answer_all(k);
}

void saved_cancel(void *ctx)
{
	for (struct known *k = known; k; k = k->next)
		for (struct waiter *w = k->waiters; w; w = w->next)
			if (w->ctx == ctx && k->saving)
				vm_kill(k->saving, OC_INTERRUPTED, "the run was stopped");
}

void saved_discard(const struct vm_config *c)
{
	char name[DIGEST_HEX], sum[DIGEST_HEX], *dir = saved_dir(), *path;
	struct known *k;

	if (name_of(c, name) == 0 && (k = lookup(name)) && k->fd >= 0) {
		path = find_state(dir, name, sum);
		if (path)
			unlink(path);
		free(path);
		close(k->fd);
		k->fd = -1;
	}
	free(dir);
}
