/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's monitor (QMP), for the things it is used for: saving a machine, letting one go that was
 * saved standing still, and knowing when one is complete.
 * https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html
 */
#ifndef VMTEST_QMP_H
#define VMTEST_QMP_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

enum qmp_goal {
	QMP_NONE,
	/*
	 * Save it when qmp_save_now() is called, while it runs: its guest waits for us and dirties
	 * next to nothing, and a machine saved running goes on by itself when it is restored.
	 */
	QMP_SAVE,
	/* Save it when its guest stops it: always at the same instruction. */
	QMP_SAVE_STOPPED,
	/* Let it go on as soon as it is restored. */
	QMP_RESUME,
	/* Tell when it is complete: at once, or when it has been restored. It stays as it is. */
	QMP_TELL_LOADED,
};

struct qmp {
	uv_pipe_t pipe; /* close it; its data pointer is the owner's */
	enum qmp_goal goal;
	char line[8192];
	size_t have;
	bool ready, saving, loaded;
	const char *path;
	void (*done)(void *ctx, const char *error);
	void *ctx;
};

/*
 * done(): the file at `path` is complete and the machine stands still, or it is loaded, or, with an
 * error, the goal was not reached. It is not called when a machine was let go. `path` is only for
 * who saves.
 */
void qmp_open(struct qmp *q, uv_loop_t *loop, int fd, enum qmp_goal goal, const char *path,
	      void (*done)(void *ctx, const char *error), void *ctx);
void qmp_save_now(struct qmp *q);

#endif
