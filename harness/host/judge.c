// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include "judge.h"

static void set(struct vm_end *end, enum outcome outcome, const char *reason, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct vm_end *end, enum outcome outcome, const char *reason, ...)
{
	va_list ap;

	end->outcome = outcome;
	va_start(ap, reason);
	vsnprintf(end->reason, sizeof(end->reason), reason, ap);
	va_end(ap);
}

static bool exited_well(const struct judge_facts *f)
{
	return WIFEXITED(f->wait_status) && WEXITSTATUS(f->wait_status) == 0;
}

static void judge_boot(struct vm_end *end, const struct judge_facts *f, const struct splat *panic)
{
	if (panic)
		set(end, OC_NO_BOOT, "%s", panic->line);
	else if (f->killed)
		return;
	else if (f->console->total && exited_well(f))
		set(end, OC_NO_BOOT, "the guest powered off before it reached init");
	else
		set(end, OC_QEMU_DIED, "QEMU ended before the guest was up: %s",
		    f->qemu_said[0] ? f->qemu_said : "it said nothing");
}

static void judge_run(struct vm_end *end, const struct judge_facts *f, const struct splat *panic)
{
	if (panic)
		set(end, OC_PANIC, "%s", panic->line);
	else if (f->killed)
		return;
	else if (WIFSIGNALED(f->wait_status))
		set(end, OC_QEMU_DIED, "QEMU was killed by signal %d", WTERMSIG(f->wait_status));
	else if (!exited_well(f))
		set(end, OC_QEMU_DIED, "QEMU exited with %d: %s", WEXITSTATUS(f->wait_status),
		    f->qemu_said);
	else if (!end->job_ended)
		set(end, OC_CONNECTION_LOST, "the guest powered off while the job ran");
}

void judge_end(struct vm_end *end, const struct judge_facts *f)
{
	const struct splat *worst = console_worst(f->console);
	const struct splat *panic = worst && worst->kind == OC_PANIC ? worst : NULL;

	if (f->killed && end->outcome == OC_INTERRUPTED)
		return;
	if (f->console->init_failed)
		set(end, OC_INIT_DIED, "init: %s",
		    f->console->init_said ? f->console->init_said : "killed");
	else if (f->was_up)
		judge_run(end, f, panic);
	else
		judge_boot(end, f, panic);
}
