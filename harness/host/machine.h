/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine a configuration stands for, as QEMU's arguments. */
#ifndef VMTEST_MACHINE_H
#define VMTEST_MACHINE_H

#include "kernel.h"
#include "options.h"
#include "vm.h"

/*
 * A machine of this kernel as the options want it, attended and booted unless changed: no
 * initramfs, no payload, no console, no bound for a job yet.
 */
void machine_config(struct vm_config *c, const struct vm_options *o, const struct kernel *k,
		    const struct profile *profile, enum accel accel);
/*
 * Makes it deterministic, with this seed: its random numbers, and, unless the profile is there to
 * count instructions, the moments at which init preempts the job. cold: it is booted with its seed;
 * otherwise it is saved when the job is about to begin, and given its seed then.
 */
void machine_seed(struct vm_config *c, unsigned seed, bool cold);

/* All but what concerns only one run of it: the state it begins from, its monitor. */
void machine_compose(struct qemu *q, const struct vm_config *c, int initrd_fd, int console_fd,
		     int control_fd);

/*
 * What makes two machines the same one: QEMU's arguments, less the descriptors. To free(). The
 * contents of the files they name are not in it.
 */
char *machine_identity(const struct vm_config *config);

#endif
