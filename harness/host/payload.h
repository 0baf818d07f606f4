/* SPDX-License-Identifier: GPL-2.0-only */
/* What a virtual machine is given: its initramfs, and the payload with its job. */
#ifndef VMTEST_PAYLOAD_H
#define VMTEST_PAYLOAD_H

#include <jansson.h>

#include "config.h"
#include "initrd.h"
#include "kernel.h"

/*
 * The initramfs for a kernel: init, and the modules every VM needs. Built once per kernel; a new fd
 * of it, or -1 after err().
 */
int payload_initramfs(const struct kernel *kernel);

/*
 * The suites' files, in the guest's /work, and their modules (`base`: what relative names are
 * below, or NULL). Built once for the same kernel and suites: with a VM for each test it would be
 * built for each. A new fd of it, or -1 after err().
 */
int payload_files(const struct kernel *kernel, const struct suite *const *suites, unsigned n,
		  const char *base);

/* Those files and the job's description (stolen): the payload. fd, or -1 after err(). */
int payload_with_job(int files_fd, json_t *job);

/* The modules a job needs beyond those, for its payload. 0, or -1 after err(). */
int payload_add_modules(struct cpio_writer *w, const struct kernel *kernel,
			const char *const *names, size_t n);

/* Machines restored from one state have one clock and one random seed, unless their job says
 * better. */
void payload_refresh(json_t *job);

/*
 * One archive of both: nothing reaches an unattended guest while it runs, so its payload is part of
 * its initramfs. fd, or -1 after err().
 */
int payload_join(int initrd_fd, int payload_fd);

#endif
