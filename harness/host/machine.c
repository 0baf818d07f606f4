// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../common/proto.h"
#include "machine.h"
#include "util.h"

void machine_compose(struct qemu *q, const struct vm_config *c, int initrd_fd, int console_fd,
		     int control_fd)
{
	qemu_machine(q, c->accel, c->cpus, c->mem_mib);
	if (c->profile->icount)
		qemu_icount(q, 1);
	qemu_kernel(q, c->vmlinuz, initrd_fd);
	qemu_console(q, console_fd);
	qemu_serial_bus(q, c->profile->icount);
	qemu_port(q, VT_PORT_CONTROL, control_fd);
	qemu_append(q, c->profile->append);
	if (c->append)
		qemu_append(q, c->append);
}

char *machine_identity(const struct vm_config *config)
{
	struct qemu q = {0};
	char *text = xstrdup("");

	machine_compose(&q, config, 0, 0, 0);
	qemu_finish(&q);
	for (size_t i = 0; i < q.argc; i++) {
		char *more = fmt("%s%s\n", text, q.argv[i]);

		free(text);
		text = more;
	}
	qemu_free(&q);
	return text;
}
