// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cache.h"
#include "util.h"

int cache_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return err("%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		note("waiting for another vmtest (%s)", path);
		if (flock(fd, LOCK_EX) < 0) {
			err("%s: %s", path, strerror(errno));
			close(fd);
			return -1;
		}
	}
	return fd;
}

/*
 * What interrupted runs left of this kernel: we hold the lock, so nobody works there, except
 * perhaps a downloader that outlived its run. It loses its directory; ours has another name.
 */
static void remove_stale(const char *base, const char *partial)
{
	const char *name = strrchr(partial, '/') + 1, *pid = strrchr(name, '.');
	struct dirent *e;
	DIR *d = opendir(base);

	while (d && (e = readdir(d))) {
		const char *rest = e->d_name + (pid - name + 1);

		if (!strncmp(e->d_name, name, pid - name + 1) &&
		    !rest[strspn(rest, "0123456789")]) {
			char *path = fmt("%s/%s", base, e->d_name);

			remove_tree(path);
			free(path);
		}
	}
	if (d)
		closedir(d);
}

char *cache_kernel(const char *name, int (*fill)(const char *dir, void *context), void *context)
{
	char *base = fmt("%s/kernels", cache_dir()), *dir = fmt("%s/%s", base, name);
	char *partial = fmt("%s/.partial-%s.%d", base, name, (int)getpid());
	char *lock_path = fmt("%s/.lock-%s", base, name);
	bool ok = false;
	int fd = -1;

	if (make_dirs(base) < 0) {
		err("%s: %s", base, strerror(errno));
		goto out;
	}
	if (access(dir, R_OK) == 0) {
		ok = true;
		goto out;
	}
	fd = cache_lock(lock_path);
	if (fd < 0)
		goto out;
	if (access(dir, R_OK) == 0) { /* the other one brought it */
		ok = true;
		goto out;
	}
	remove_stale(base, partial);
	if (make_dirs(partial) < 0) {
		err("%s: %s", partial, strerror(errno));
	} else if (fill(partial, context) == 0) {
		if (rename(partial, dir) == 0)
			ok = true;
		else
			err("%s: %s", dir, strerror(errno));
	}
	if (!ok)
		remove_tree(partial);
out:
	if (fd >= 0)
		close(fd);
	free(base);
	free(partial);
	free(lock_path);
	if (!ok) {
		free(dir);
		return NULL;
	}
	return dir;
}
