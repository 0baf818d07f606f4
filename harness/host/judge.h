/* SPDX-License-Identifier: GPL-2.0-only */
/* How did a virtual machine end? */
#ifndef VMTEST_JUDGE_H
#define VMTEST_JUDGE_H

#include "vm.h"

struct judge_facts {
	bool was_up;	 /* init said hello, or the restored guest spoke */
	bool killed;	 /* by us: the end already has an outcome and a reason */
	int wait_status; /* of QEMU */
	const char *qemu_said;
	const struct console *console; /* complete */
};

/*
 * Completes *end. What ended the kernel is the outcome, whatever the host saw of it; so is a report
 * of a broken kernel when a bound, a lost connection or QEMU's death came after it. A WARN and its
 * like are only mentioned then: the end has its own cause. Before init, whatever happened is a
 * failed boot. A run stopped from outside stays that.
 */
void judge_end(struct vm_end *end, const struct judge_facts *facts);

#endif
