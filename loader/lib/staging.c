// SPDX-License-Identifier: GPL-2.0-only
/* The folder of an upgrade that is on its way: taking it back, or finishing it (upgrade.h). */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "upgrade.h"

int cp_staging_open(const struct cp_dir *dir, struct cp_dir *staging, bool make)
{
	int err;

	if (snprintf(staging->path, sizeof(staging->path), "%s/%s", dir->path, CP_STAGING) >=
	    (int)sizeof(staging->path))
		return -ENAMETOOLONG;
	staging->created = make;
	if (make && mkdir(staging->path, 0700))
		return -errno;
	staging->fd = open(staging->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (staging->fd < 0)
		return -errno;
	err = cp_try_lock(staging->fd, LOCK_EX);
	if (err)
		close(staging->fd);
	return err;
}

/* ---- its entries ---- */

typedef int (*entry_fn)(const struct cp_dir *dir, const struct cp_dir *staging, const char *name);

struct entries {
	const struct cp_dir *dir, *staging;
	entry_fn fn;
};

static int one_entry(const char *name, void *arg)
{
	const struct entries *e = arg;

	return e->fn(e->dir, e->staging, name);
}

/* Calls `fn` for each whose name begins so. */
static int for_each(const struct cp_dir *dir, const struct cp_dir *staging, const char *begins,
		    entry_fn fn)
{
	struct entries e = {dir, staging, fn};

	return cp_pins_each(staging, begins, one_entry, &e);
}

static int drop(const struct cp_dir *dir, const struct cp_dir *staging, const char *name)
{
	(void)dir;
	return unlinkat(staging->fd, name, 0) ? -errno : 0;
}

static int put_in_place(const struct cp_dir *dir, const struct cp_dir *staging, const char *name)
{
	return renameat(staging->fd, name, dir->fd, name + strlen(CP_NEW)) ? -errno : 0;
}

/* ---- one program in another's place ---- */

static int swap_filter(const struct cp_dir *dir, const char *pin, int prog_fd)
{
	struct cp_tc *list;
	size_t i, n;
	int err = cp_tc_read(dir, NULL, &list, &n);

	for (i = 0; i < n && !err; i++)
		if (!strcmp(list[i].pin, pin))
			err = cp_tc_swap(&list[i], prog_fd);
	if (!err)
		free(list);
	return err;
}

int cp_swap(const struct cp_dir *dir, const char *pin, int prog_fd)
{
	int fd, err;

	if (!strncmp(pin, "cls_", 4))
		return swap_filter(dir, pin, prog_fd);
	fd = cp_pin_get(dir, pin);
	if (fd < 0)
		return fd;
	err = bpf_link_update(fd, prog_fd, NULL);
	close(fd);
	return err == -ENOLINK ? 0 : err; /* its device or cgroup is gone */
}

/* ---- taking back ---- */

static int swap_back(const struct cp_dir *dir, const struct cp_dir *staging, const char *name)
{
	int fd = cp_pin_get(staging, name), err;

	if (fd < 0)
		return fd;
	err = cp_swap(dir, name + strlen(CP_OLD), fd);
	close(fd);
	return err;
}

/* What the new programs have written into maps of their own since they ran: connections that began
 * then go on. A shape that lost what the new one added is what the old programs know. */
static int carry_back(const struct cp_dir *dir, const struct cp_dir *staging, const char *name)
{
	int from = cp_pin_get(staging, name), to = -1;
	size_t n = 0;

	if (from < 0)
		return from;
	if (cp_is_map(from)) /* programs and links are staged as well */
		to = cp_pin_get(dir, name + strlen(CP_NEW));
	if (to >= 0) {
		cp_carry(from, to, true, &n);
		close(to);
	}
	close(from);
	return 0;
}

/* Waits until no CPU runs a program that was replaced before (kernel/sched/membarrier.c: an RCU
 * grace period): a slot that its maps lose must not be missed by it. */
static void wait_for_running(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static int take_back(const struct cp_dir *dir, const struct cp_dir *staging)
{
	int err = for_each(dir, staging, CP_OLD, swap_back);

	if (err)
		return err;
	wait_for_running();
	err = for_each(dir, staging, CP_NEW, carry_back);
	if (!err)
		err = for_each(dir, staging, CP_NEW, drop);
	return err ?: for_each(dir, staging, CP_OLD, drop);
}

static int finish(const struct cp_dir *dir, const struct cp_dir *staging)
{
	int err;

	wait_for_running();
	err = for_each(dir, staging, CP_OLD, drop);
	if (!err)
		err = for_each(dir, staging, CP_NEW, put_in_place);
	if (!err && unlinkat(staging->fd, CP_COMMIT, AT_REMOVEDIR))
		err = -errno;
	return err;
}

int cp_staging_settle(const struct cp_dir *dir, struct cp_dir *staging)
{
	bool committed = !faccessat(staging->fd, CP_COMMIT, F_OK, 0);
	int err = committed ? finish(dir, staging) : take_back(dir, staging);

	if (!err && rmdir(staging->path))
		err = -errno;
	close(staging->fd);
	return err ? cp_fail(-err, "%s: %s an upgrade: %s; run as root, or run 'corepath down'",
			     staging->path, committed ? "finish" : "take back", strerror(-err))
		   : 0;
}
