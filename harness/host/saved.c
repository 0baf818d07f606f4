// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "../common/proto.h"
#include "saved.h"
#include "util.h"

#define LIMIT_MIB_DEFAULT 4096
#define SAVE_MS		  30000

/* States verified (or found impossible) by this process: a name is looked at once. */
struct known {
	char name[33];
	int fd;		   /* -1: boot instead */
	struct vm_end end; /* of the machine that was to be saved */
	struct known *next;
};

static struct known *known;

static void digest_text(XXH3_state_t *s, const char *text)
{
	XXH3_128bits_update(s, text, strlen(text) + 1);
}

static int digest_fd(XXH3_state_t *s, int fd)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) < 0)
		return -1;
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -1;
	XXH3_128bits_update(s, data, st.st_size);
	munmap(data, st.st_size);
	return 0;
}

static void digest_hex(XXH3_state_t *s, char hex[33])
{
	XXH128_hash_t h = XXH3_128bits_digest(s);

	snprintf(hex, 33, "%016llx%016llx", (unsigned long long)h.high64,
		 (unsigned long long)h.low64);
}

/* QEMU itself, by its identity on disk: reading 15 MB for its checksum would be no better. */
static void digest_qemu(XXH3_state_t *s)
{
	const char *path = getenv("PATH");
	char *dirs = xstrdup(path ? path : "/usr/bin"), *dir, *save;
	struct stat st;

	for (dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		char *file = fmt("%s/%s", dir, QEMU_PROGRAM), *id;

		if (stat(file, &st) == 0) {
			id = fmt("%s %lld %lld", file, (long long)st.st_size,
				 (long long)st.st_mtime);
			digest_text(s, id);
			free(id);
			free(file);
			break;
		}
		free(file);
	}
	free(dirs);
}

static int name_of(const struct vm_config *c, char name[33])
{
	XXH3_state_t *s = XXH3_createState();
	int fd = open(c->vmlinuz, O_RDONLY | O_CLOEXEC), ret = -1;
	char *rest;

	XXH3_128bits_reset(s);
	rest = fmt("%x %s %s %s %d %u %u", VT_MAGIC, c->profile->name, c->profile->append,
		   c->append ? c->append : "", c->accel, c->cpus, c->mem_mib);
	digest_text(s, rest);
	digest_qemu(s);
	if (fd >= 0 && digest_fd(s, fd) == 0 && digest_fd(s, c->initrd_fd) == 0) {
		digest_hex(s, name);
		ret = 0;
	}
	if (fd >= 0)
		close(fd);
	free(rest);
	XXH3_freeState(s);
	return ret;
}

static int sum_file(int fd, char hex[33])
{
	XXH3_state_t *s = XXH3_createState();
	int ret;

	XXH3_128bits_reset(s);
	ret = digest_fd(s, fd);
	if (ret == 0)
		digest_hex(s, hex);
	XXH3_freeState(s);
	return ret;
}

static char *saved_dir(void)
{
	return fmt("%s/saved", cache_dir());
}

/* The checksum is part of the file's name: there is no moment at which one lacks the other. */
static char *find_state(const char *dir, const char *name, char sum[33])
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
	char sum[33], now[33], *path = find_state(dir, name, sum);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0 && (sum_file(fd, now) < 0 || strcmp(sum, now))) {
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
		struct state_file f = {.path = fmt("%s/%s", dir, e->d_name)}, *more;
		struct stat st;

		if (e->d_name[0] == '.' || stat(f.path, &st) < 0 ||
		    !(more = realloc(files, (n + 1) * sizeof(f)))) {
			free(f.path);
			continue;
		}
		files = more;
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

static void ignore_bytes(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
}

static void save_done(void *ctx, const struct vm_end *end, const struct console *console)
{
	(void)console;
	*(struct vm_end *)ctx = *end;
}

/* Boots and saves. 0, or -1 after note(): the caller boots instead. */
static int make_state(const struct vm_config *like, const char *dir, const char *name,
		      struct vm_end *end)
{
	static const struct vm_ops ops = {ignore_bytes, ignore_bytes, save_done};
	char *tmp = fmt("%s/.saving-%s.%d", dir, name, (int)getpid()), sum[33];
	struct vm_config config = *like;
	int fd = -1, ret = -1;
	uv_loop_t loop;

	config.save_path = tmp;
	config.state_fd = config.payload_fd = -1;
	config.job_ms = SAVE_MS;
	uv_loop_init(&loop);
	if (vm_start(&loop, &config, &ops, end))
		uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	if (end->saved && (fd = open(tmp, O_RDONLY | O_CLOEXEC)) >= 0 && sum_file(fd, sum) == 0) {
		char *path = fmt("%s/%s.%s", dir, name, sum);

		ret = rename(tmp, path);
		free(path);
	}
	if (fd >= 0)
		close(fd);
	if (ret < 0 && end->boot_ns) {
		note("the machine could not be saved (%s): booting each one",
		     end->reason[0] ? end->reason : strerror(errno));
		end->outcome = OC_PASS;
	}
	if (ret < 0)
		unlink(tmp);
	free(tmp);
	return ret;
}

static void remove_stale(const char *dir, const char *name)
{
	char *prefix = fmt(".saving-%s.", name);
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		if (!strncmp(e->d_name, prefix, strlen(prefix))) {
			char *path = fmt("%s/%s", dir, e->d_name);

			unlink(path);
			free(path);
		}
	}
	if (d)
		closedir(d);
	free(prefix);
}

static int open_or_make(const struct vm_config *c, const char *name, struct vm_end *end)
{
	char *dir = saved_dir(), *lock_path = fmt("%s/.lock-%s", dir, name);
	int fd = -1, lock;

	if (make_dirs(dir) < 0) {
		note("%s: %s: booting each machine", dir, strerror(errno));
		goto out;
	}
	lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		goto out;
	fd = open_verified(dir, name);
	if (fd < 0) {
		remove_stale(dir, name);
		if (make_state(c, dir, name, end) == 0) {
			fd = open_verified(dir, name);
			evict(dir);
		}
	}
	close(lock);
out:
	free(dir);
	free(lock_path);
	return fd;
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

static struct known *lookup(const char *name)
{
	struct known *k;

	for (k = known; k && strcmp(k->name, name); k = k->next)
		;
	return k;
}

int saved_open(const struct vm_config *c, struct vm_end *end)
{
	char name[33];
	struct known *k;

	*end = (struct vm_end){.outcome = OC_PASS};
	if (c->profile->icount || name_of(c, name) < 0)
		return -1;
	k = lookup(name);
	if (!k) {
		k = xcalloc(1, sizeof(*k));
		memcpy(k->name, name, sizeof(name));
		k->end.outcome = OC_PASS;
		k->fd = open_or_make(c, name, &k->end);
		k->next = known;
		known = k;
	}
	*end = k->end;
	return reopen(k->fd);
}

void saved_discard(const struct vm_config *c)
{
	char name[33], sum[33], *dir = saved_dir(), *path;
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
