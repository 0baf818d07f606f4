/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine a configuration stands for, as QEMU's arguments. */
#ifndef VMTEST_MACHINE_H
#define VMTEST_MACHINE_H

#include "vm.h"

/* All but what concerns only one run of it: the state it begins from, its monitor. */
void machine_compose(struct qemu *q, const struct vm_config *c, int initrd_fd, int console_fd,
		     int control_fd);

/*
 * What makes two machines the same one: QEMU's arguments, less the descriptors. To free(). The
 * contents of the files they name are not in it.
 */
char *machine_identity(const struct vm_config *config);

#endif
