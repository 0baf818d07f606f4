// SPDX-License-Identifier: GPL-2.0-only
/* The pin directory: its lock, its making and its going. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "internal.h"

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

int cp_dir_open(struct cp_dir *dir, const char *path, enum cp_access access)
{
	struct stat st;
	int err;

	dir->created = false;
	if (strlen(path) >= sizeof(dir->path))
		return cp_fail(ENAMETOOLONG, "pin directory: longer than %zu bytes; shorten it",
			       sizeof(dir->path) - 1);
	strcpy(dir->path, path);
	err = check_parent(path);
	if (err)
		return err;

	/* again if a `down` removed the directory while we waited for its lock */
	for (;;) {
		if (access == CP_CREATE) {
			err = make(dir);
			if (err)
				return err;
		}
		dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir->fd < 0) {
			if (errno == ENOENT && access == CP_CREATE)
				continue;
			return fail_path(errno, path);
		}
		if (flock(dir->fd, access == CP_READ ? LOCK_SH : LOCK_EX) || fstat(dir->fd, &st)) {
			err = errno;
			close(dir->fd);
			return fail_path(err, path);
		}
		if (st.st_nlink)
			return 0;
		close(dir->fd);
		dir->created = false;
	}
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
			      "run 'corepath down' and start anew",
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
