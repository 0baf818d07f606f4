// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../common/proto.h"
#include "machine.h"
#include "util.h"

/* Milliseconds; see vm.h. */
#define SILENCE_MS 30000
#define END_MS	   15000

void machine_config(struct vm_config *c, const struct vm_options *o, const struct kernel *k,
		    const struct profile *profile, enum accel accel)
{
	*c = (struct vm_config){
		.vmlinuz = k->vmlinuz,
		.release = k->release,
		.initrd_fd = -1,
		.payload_fd = -1,
		.state_fd = -1,
		.append = o->append,
		.profile = profile,
		.accel = profile->icount ? ACCEL_TCG : accel,
		.cpus = o->cpus ? o->cpus : 1,
		.mem_mib = o->mem_mib,
		.deterministic = profile->icount,
		.seed = 1,
		.boot_ms = o->boot_s * 1000,
		.job_ms = o->timeout_s * 1000,
		.silence_ms = SILENCE_MS,
		.end_ms = END_MS,
	};
}

void machine_seed(struct vm_config *c, unsigned seed, bool cold)
{
	c->accel = ACCEL_TCG;
	c->deterministic = true;
	c->seed = seed;
	c->disturbed = !c->profile->icount;
	c->seed_later = !cold && c->disturbed;
}

void machine_compose(struct qemu *q, const struct vm_config *c, int initrd_fd, int console_fd,
		     int control_fd)
{
	qemu_machine(q, c->accel, c->cpus, c->mem_mib, c->deterministic);
	if (c->deterministic)
		qemu_icount(q);
	if (c->deterministic && !c->seed_later)
		qemu_seed(q, c->seed);
	qemu_kernel(q, c->vmlinuz, initrd_fd);
	qemu_console(q, console_fd);
	qemu_serial_bus(q, c->deterministic);
	qemu_port(q, VT_PORT_CONTROL, control_fd);
	if (c->profile->append)
		qemu_append(q, c->profile->append);
	if (c->disturbed) {
		char *text = c->seed_later ? xstrdup(VT_DISTURB_OPTION VT_DISTURB_LATER)
					   : fmt(VT_DISTURB_OPTION "%u", c->seed);

		qemu_append(q, text);
		free(text);
	}
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
