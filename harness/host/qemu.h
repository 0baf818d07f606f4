/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A QEMU command line, built from parts: each part adds its arguments and what the kernel must be
 * told of it.
 */
#ifndef VMTEST_QEMU_H
#define VMTEST_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile.h"

#define QEMU_PROGRAM "qemu-system-x86_64"

/* "7.2.22", or "" when it cannot be run. To free(). */
char *qemu_version(void);

enum accel { ACCEL_TCG, ACCEL_KVM };

const char *accel_name(enum accel a);

struct qemu {
	char *argv[96];
	size_t argc;
	char *append;
};

/* one_thread: TCG runs all CPUs in turn, as icount needs. */
void qemu_machine(struct qemu *q, enum accel accel, unsigned cpus, unsigned mem_mib,
		  bool one_thread);
/*
 * One virtual nanosecond is one instruction, and the clock begins at a fixed time: with the seed
 * fixed too (of RDRAND and whatever else QEMU draws), every run is the same, whatever the host
 * does.
 */
void qemu_icount(struct qemu *q);
void qemu_seed(struct qemu *q, unsigned seed);
/*
 * The same for a machine that is saved before its seed is known: the guest reads it, after it was
 * restored, from a firmware configuration file of fixed size, and has a device by which to stop
 * itself (docs/specs/{fw_cfg,pvpanic} of QEMU). save: this is the one that will be saved.
 */
void qemu_seed_later(struct qemu *q, unsigned seed, bool save);
/* The initrd is read from an inherited file descriptor. */
void qemu_kernel(struct qemu *q, const char *vmlinuz, int initrd_fd);
/* The serial console, on an inherited socket. */
void qemu_console(struct qemu *q, int fd);
/* Named virtio-serial ports, each on an inherited socket. Call qemu_serial_bus once before. */
void qemu_serial_bus(struct qemu *q, bool synchronous);
void qemu_port(struct qemu *q, const char *name, int fd);
/* A monitor (QMP), on an inherited socket. The guest sees nothing of it. */
void qemu_monitor(struct qemu *q, int fd);
/* What a debugger needs of a machine: inherited sockets. */
struct qemu_debug {
	int stub_fd;	/* a listening one, for gdb */
	int monitor_fd; /* QMP */
};

/* Stopped until a debugger lets it go; NULL adds nothing. The guest sees nothing of it. */
void qemu_debug(struct qemu *q, const struct qemu_debug *d);
/* Begin from a saved machine instead of booting. Everything else must be as it was saved. */
void qemu_incoming(struct qemu *q, int state_fd);
void qemu_append(struct qemu *q, const char *text);
/* Adds -append and the final NULL. No part may be added after. */
void qemu_finish(struct qemu *q);
/*
 * Starts it with these descriptors (those below 0 are passed over) and its standard error in
 * stderr_fd. It dies with us. The child's process ID, or -1 after err().
 */
pid_t qemu_fork(const struct qemu *q, int stderr_fd, const int *inherit, size_t count);
void qemu_free(struct qemu *q);

#endif
