/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gdb on a virtual machine: QEMU's stub behind a Unix socket in a directory of our own, no port
 * that others could reach, and gdb on our terminal.
 */
#ifndef VMTEST_GDB_H
#define VMTEST_GDB_H

#include <stdbool.h>

#include <uv.h>

#include "kernel.h"
#include "options.h"
#include "qemu.h"
#include "qmp.h"

struct gdb_options {
	const char *symbols; /* a vmlinux with what the user wants gdb to know, or NULL: ours */
	struct opt_list scripts, commands;
	bool batch;
};

struct gdb {
	const struct gdb_options *o;
	char *symbols;
	char *dir, *path;	 /* of the socket */
	struct qemu_debug debug; /* for vm_config */
	uv_loop_t *loop;
	struct qmp monitor;
	uv_poll_t exited;
	pid_t pid; /* of gdb while it runs, else 0 */
	int pidfd;
	void (*ended)(void *ctx);
	void *ctx;
};

bool gdb_installed(void);

/*
 * Makes what gdb is to know of the kernel: a file in the cache, made once per
 * kernel from what a guest says of itself. 0, or -1 after err().
 */
int gdb_prepare(struct gdb *g, const struct gdb_options *o, const struct kernel *k,
		const struct vm_options *vm, const struct profile *profile);

/*
 * Makes the socket, and starts gdb as soon as a QEMU that was given g->debug has its machine
 * complete. ended() follows when gdb has ended, if it was started. NULL after err().
 */
const struct qemu_debug *gdb_open(struct gdb *g, uv_loop_t *loop, void (*ended)(void *ctx),
				  void *ctx);
/* QEMU has its descriptors, or will not be started. */
void gdb_opened(struct gdb *g);
/* Ends gdb, if it runs; ended() follows. */
void gdb_stop(struct gdb *g);
/* Leaves nothing behind in the file system. */
void gdb_close(struct gdb *g);

#endif
