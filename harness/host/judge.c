// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "judge.h"
#include "splat.h"

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

static void add(struct vm_end *end, const char *between, const char *more)
{
	size_t have = strlen(end->reason);

	snprintf(end->reason + have, sizeof(end->reason) - have, "%s%s", between, more);
}

static bool exited_well(const struct judge_facts *f)
{
	return WIFEXITED(f->wait_status) && WEXITSTATUS(f->wait_status) == 0;
}

static void judge_boot(struct vm_end *end, const struct judge_facts *f)
{
	const struct splat *said = console_worst_of_boot(f->console);

	if (said && said->fatal)
		set(end, said->kind == OC_INIT_DIED ? OC_INIT_DIED : OC_NO_BOOT, "%s", said->line);
	else if (!f->killed && f->console->tail.total && exited_well(f))
		set(end, OC_NO_BOOT, "the guest powered off before it reached init");
	else if (!f->killed)
		set(end, OC_QEMU_DIED, "QEMU ended before the guest was up: %s",
		    f->qemu_said[0] ? f->qemu_said : "it said nothing");
	if (said && !said->fatal)
		add(end, "; the kernel had said: ", said->line);
}

static void judge_run(struct vm_end *end, const struct judge_facts *f)
{
	if (f->killed)
		return;
	if (WIFSIGNALED(f->wait_status))
		set(end, OC_QEMU_DIED, "QEMU was killed by signal %d", WTERMSIG(f->wait_status));
	else if (!exited_well(f))
		set(end, OC_QEMU_DIED, "QEMU exited with %d: %s", WEXITSTATUS(f->wait_status),
		    f->qemu_said);
	else if (end->job_ended)
		return;
	else if (f->console->went_down)
		set(end, OC_CONNECTION_LOST, "the guest powered off while the job ran");
	else
		set(end, OC_RESET, "the machine reset without a word: a triple fault?");
}

/* A report of a broken kernel is the cause of a bad end; a mere complaint is worth a mention. */
static void lay_to(struct vm_end *end, const struct splat *said)
{
	char consequence[sizeof(end->reason)];

	if (!said || (end->outcome == OC_PASS && !said->fatal))
		return;
	if (said->fatal) {
		set(end, said->kind, "%s", said->line);
	} else if (splat_gravity(said->kind) > splat_gravity(OC_WARN)) {
		memcpy(consequence, end->reason, sizeof(consequence));
		set(end, said->kind, "%s", said->line);
		add(end, "; then: ", consequence);
	} else {
		add(end, "; the kernel had said: ", said->line);
	}
}

void judge_end(struct vm_end *end, const struct judge_facts *f)
{
	if (f->killed && end->outcome == OC_INTERRUPTED)
		return;
	if (f->was_up)
		judge_run(end, f);
	else
		judge_boot(end, f);
	if (f->console->init_failed)
		set(end, OC_INIT_DIED, "%s", f->console->init_said);
	if (f->was_up)
		lay_to(end, console_worst(f->console));
}
