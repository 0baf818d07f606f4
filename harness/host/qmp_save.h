/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saving a running machine through QEMU's monitor (QMP), the one thing it is used for.
 * https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html
 */
#ifndef VMTEST_QMP_SAVE_H
#define VMTEST_QMP_SAVE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

struct qmp_save {
	uv_pipe_t pipe; /* close it; its data pointer is the owner's */
	char line[8192];
	size_t have;
	bool begun;
	const char *path;
	void (*done)(void *ctx, const char *error); /* error NULL: the file is complete */
	void *ctx;
};

void qmp_save_open(struct qmp_save *q, uv_loop_t *loop, int fd, const char *path,
		   void (*done)(void *ctx, const char *error), void *ctx);
/*
 * The machine is saved while it runs: its guest waits for us and dirties next to nothing, and a
 * machine saved running goes on by itself when it is restored. When done() was called it is
 * stopped.
 */
void qmp_save_begin(struct qmp_save *q);

#endif
