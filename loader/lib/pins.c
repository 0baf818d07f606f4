// SPDX-License-Identifier: GPL-2.0-only
/* The pin directory: its lock, its making and its going. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "upgrade.h"

static int fail_path(int err, const char *path)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return cp_fail(err, "pin directory %s: %s; run as root, or where you may write",
			       path, strerror(err));
	case ENOENT:
		return cp_fail(
			err,
			"no datapath at %s: nothing is pinned there; run 'corepath up' or "
			"'corepath socket-lb up' first, or name another place with --pin-dir",
			path);
	case EROFS:
		return cp_fail(err,
			       "pin directory %s: %s, and nothing was changed; mount it to be "
			       "written (mount -o remount,rw /sys/fs/bpf), or name another place "
			       "with --pin-dir",
			       path, strerror(err));
	default:
		return cp_fail(err, "pin directory %s: %s; name another place with --pin-dir", path,
			       strerror(err));
	}
}

/* Only a BPF file system can hold pins; find out before the kernel says a bare EPERM. */
static int check_parent(const char *path)
{
	char copy[PATH_MAX];
	struct statfs fs;
	char *parent;

	strcpy(copy, path);
	parent = dirname(copy);
	if (statfs(parent, &fs))
		return cp_fail(errno,
			       "pin directory %s: %s: %s; mount a BPF file system "
			       "(mount -t bpf bpf /sys/fs/bpf) or make the folder",
			       path, parent, strerror(errno));
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC)
		return cp_fail(EINVAL,
			       "pin directory %s: %s is not on a BPF file system; mount one "
			       "(mount -t bpf bpf /sys/fs/bpf) or choose --pin-dir on one",
			       path, parent);
	return 0;
}

static int make(struct cp_dir *dir)
{
	if (mkdir(dir->path, 0700) == 0)
		dir->created = true;
	else if (errno != EEXIST)
		return fail_path(errno, dir->path);
	return 0;
}

int cp_try_lock(int fd, int how)
{
	return flock(fd, how | LOCK_NB) ? -errno : 0;
}

/* The process that has the lock, 0 if that cannot be told. */
static int holder_of(int fd)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned int maj, min;
	unsigned long inode;
	int pid = 0, found;
	char line[256];
	struct stat st;

	while (locks && !pid && !fstat(fd, &st) && fgets(line, sizeof(line), locks))
		/* "1: FLOCK  ADVISORY  WRITE 1234 00:1f:5678 0 EOF" (fs/locks.c) */
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &found, &maj, &min, &inode) ==
			    4 &&
		    makedev(maj, min) == st.st_dev && inode == st.st_ino)
			pid = found;
	if (locks)
		fclose(locks);
	return pid;
}

static void (*on_wait)(int pid, const char *path);

void corepath_on_wait(void (*fn)(int pid, const char *path))
{
	on_wait = fn;
}

/* Others need less than that for most of what they do. */
#define PATIENCE_MS 1000
#define STEP_MS	    10

static int fail_busy(const char *path, int pid)
{
	return cp_fail(EBUSY,
		       "%s: another corepath (process %d) is changing it; wait until it ends", path,
		       pid);
}

/* Waits for the lock, and says so if that takes long. */
static int wait_lock(int fd, enum cp_access access, const char *path)
{
	int how = access == CP_READ || access == CP_READ_ANY ? LOCK_SH : LOCK_EX, waited, err;
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

	err = cp_try_lock(fd, how);
	for (waited = 0; err == -EWOULDBLOCK && waited < PATIENCE_MS; waited += STEP_MS) {
		nanosleep(&step, NULL);
		err = cp_try_lock(fd, how);
	}
	if (err != -EWOULDBLOCK)
		return err ? fail_path(-err, path) : 0;
	if (access == CP_UPGRADE)
		return fail_busy(path, holder_of(fd));
	if (on_wait)
		on_wait(holder_of(fd), path);
	while (flock(fd, how))
		if (errno != EINTR)
			return fail_path(errno, path);
	return 0;
}

static bool changes(enum cp_access access)
{
	return access != CP_READ && access != CP_READ_ANY;
}

/* What a killed upgrade left is taken back or finished. One that lives lets readers in while it
 * probes, and nobody else: -EAGAIN when it may have ended. */
static int settle(struct cp_dir *dir, enum cp_access access)
{
	struct cp_dir staging;
	int fd, err;

	if (!changes(access))
		return 0;
	err = cp_staging_open(dir, &staging, false);
	if (!err)
		return cp_staging_settle(dir, &staging);
	if (err != -EWOULDBLOCK)
		return err == -ENOENT ? 0 : fail_path(-err, dir->path);
	fd = openat(dir->fd, CP_STAGING, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	flock(dir->fd, LOCK_UN); /* it will want it back */
	err = fd < 0 ? 0 : wait_lock(fd, access, dir->path);
	if (fd >= 0)
		close(fd);
	return err ?: -EAGAIN;
}

/* The directory as it is now, locked; -EAGAIN if it went meanwhile. */
static int open_locked(struct cp_dir *dir, enum cp_access access)
{
	struct stat st;
	int err = 0;

	dir->created = false;
	if (access == CP_CREATE)
		err = make(dir);
	if (err)
		return err;
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0)
		return errno == ENOENT && access == CP_CREATE ? -EAGAIN
							      : fail_path(errno, dir->path);
	/* a link can be detached where its pin cannot be removed: not one step of the way */
	if (changes(access) && faccessat(dir->fd, ".", W_OK, 0) && errno == EROFS)
		err = fail_path(EROFS, dir->path);
	else
		err = wait_lock(dir->fd, access, dir->path);
	if (!err && fstat(dir->fd, &st))
		err = fail_path(errno, dir->path);
	/* a `down` removed it while we waited */
	if (!err && !st.st_nlink)
		err = -EAGAIN;
	if (!err)
		err = settle(dir, access);
	if (err)
		close(dir->fd);
	return err;
}

int cp_dir_open(struct cp_dir *dir, const char *path, enum cp_access access)
{
	int err;

	dir->created = false;
	if (strlen(path) >= sizeof(dir->path))
		return cp_fail(ENAMETOOLONG, "pin directory: longer than %zu bytes; shorten it",
			       sizeof(dir->path) - 1);
	strcpy(dir->path, path);
	err = check_parent(path);
	if (err)
		return err;
	do {
		err = open_locked(dir, access);
	} while (err == -EAGAIN);
	if (err || access == CP_READ_ANY)
		return err;
	err = cp_version_check(dir, access);
	if (err) {
		if (dir->created)
			rmdir(dir->path);
		close(dir->fd);
	}
	return err;
}

/* bpffs has no names with a dot but its own two. */
static int is_pin(const struct dirent *e)
{
	return *e->d_name != '.';
}

int cp_pins_each(const struct cp_dir *dir, const char *begins, cp_pin_fn fn, void *arg)
{
	struct dirent **list;
	int n = scandir(dir->path, &list, is_pin, alphasort), err = 0, i;

	if (n < 0)
		return cp_fail(errno, "pin directory %s: %s; run as root", dir->path,
			       strerror(errno));
	for (i = 0; i < n; i++) {
		if (!err && !strncmp(list[i]->d_name, begins, strlen(begins)))
			err = fn(list[i]->d_name, arg);
		free(list[i]);
	}
	free(list);
	return err;
}

static int found(const char *name, void *arg)
{
	(void)name;
	(void)arg;
	return 1;
}

bool cp_pins_any(const struct cp_dir *dir, const char *begins)
{
	return cp_pins_each(dir, begins, found, NULL) > 0;
}

static int refuse_pin(const char *name, void *arg)
{
	(void)arg;
	return strcmp(name, CP_VERSION) ? -ENOTEMPTY : 0;
}

int cp_dir_remove(const struct cp_dir *dir)
{
	int err = cp_pins_each(dir, "", refuse_pin, NULL);

	if (err)
		return err;
	cp_pin_unlink(dir, CP_VERSION);
	return rmdir(dir->path) ? -errno : 0;
}

void cp_dir_close(struct cp_dir *dir)
{
	close(dir->fd);
}

static int pin_path(const struct cp_dir *dir, const char *name, char *out)
{
	char *c;

	if (snprintf(out, PATH_MAX, "%s/%s", dir->path, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (c = out + strlen(dir->path) + 1; *c; c++)
		if (*c == '.')
			*c = ':';
	return 0;
}

int cp_pin_get(const struct cp_dir *dir, const char *name)
{
	char path[PATH_MAX];
	int err = pin_path(dir, name, path);

	return err ? err : bpf_obj_get(path);
}

int cp_pin_put(const struct cp_dir *dir, const char *name, int fd)
{
	char path[PATH_MAX];
	int err = pin_path(dir, name, path);

	return err ? err : bpf_obj_pin(fd, path);
}

bool cp_pin_there(const struct cp_dir *dir, const char *name)
{
	char path[PATH_MAX];

	return !pin_path(dir, name, path) && !access(path, F_OK);
}

int cp_pin_unlink(const struct cp_dir *dir, const char *name)
{
	char path[PATH_MAX];
	int err = pin_path(dir, name, path);

	return err ? err : unlink(path) ? -errno : 0;
}

int cp_pin_remove(const struct cp_dir *dir, const char *name)
{
	int err = cp_pin_unlink(dir, name);

	return err && err != -ENOENT ? cp_fail(-err, "unpin %s/%s: %s; run as root", dir->path,
					       name, strerror(-err))
				     : 0;
}

bool cp_map_is_shared(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map) || *bpf_map__name(map) == '.';
}

static int share_map(const struct cp_dir *dir, struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int fd, err;

	fd = cp_pin_get(dir, name);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cp_fail(-fd, "map %s/%s: %s; run as root", dir->path, name, strerror(-fd));
	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (!err && (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
		     info.value_size != bpf_map__value_size(map)))
		err = cp_fail(EINVAL,
			      "map %s/%s: made by another version of corepath, in another shape; "
			      "run 'corepath upgrade'",
			      dir->path, name);
	else if (!err)
		err = bpf_map__reuse_fd(map, fd);
	close(fd);
	if (err == -EINVAL)
		return err;
	if (err)
		return cp_fail(-err, "map %s/%s: reuse: %s; run as root", dir->path, name,
			       strerror(-err));
	return 0;
}

int cp_maps_share(const struct cp_dir *dir, struct bpf_object *obj)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map (map, obj) {
		if (!err && cp_map_is_shared(map))
			err = share_map(dir, map);
	}
	return err;
}

int cp_map_get(const struct cp_dir *dir, const char *name)
{
	int fd = cp_pin_get(dir, name);

	if (fd >= 0)
		return fd;
	return cp_fail(-fd, "map %s/%s: %s; if an earlier 'corepath up' was killed, run it again",
		       dir->path, name, strerror(-fd));
}

int cp_maps_pin(const struct cp_dir *dir, struct bpf_object *obj)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map (map, obj) {
		if (!err && cp_map_is_shared(map) && !cp_pin_there(dir, bpf_map__name(map)))
			err = cp_pin_put(dir, bpf_map__name(map), bpf_map__fd(map));
	}
	return err;
}

int cp_map_keys(int fd, __u32 **keys, size_t *n)
{
	__u32 key, *prev = NULL, *grown;

	*keys = NULL;
	*n = 0;
	while (!bpf_map_get_next_key(fd, prev, &key)) {
		grown = reallocarray(*keys, *n + 1, sizeof(**keys));
		if (!grown) {
			free(*keys);
			return cp_fail(ENOMEM, "list of endpoints: out of memory; free some");
		}
		*keys = grown;
		grown[(*n)++] = key;
		prev = &grown[*n - 1];
	}
	return 0;
}
