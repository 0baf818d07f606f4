// SPDX-License-Identifier: GPL-2.0-only
/* How a machine ended, from what was seen of it: judge_end() over a table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/exceptions.h"
#include "../host/judge.h"
#include "../host/util.h"
#include "runner.h"

#define EXITED(n)  ((n) << 8) /* as waitpid() gives it */
#define UP	   "[    1.000000] vmtest: ready\n[    1.100000] vmtest: start a.b\n"
#define OOPS	   "[    2.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"
#define WARN	   "[    2.000000] WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1/0x2\n"
#define PANIC	   "[    3.000000] Kernel panic - not syncing: Fatal exception\n"
#define DOWN	   "[    4.000000] reboot: Power down\n"
#define NULL_DEREF "BUG: kernel NULL pointer dereference, address: 0000000000000000"

static const struct {
	const char *name, *log;
	bool was_up, killed, job_ended;
	int wait_status;
	enum outcome before; /* what the host had decided when it killed the VM */
	const char *reason_before;
	enum outcome expected;
	const char *reason;
} ends[] = {
	{"well", UP DOWN, true, false, true, 0, OC_PASS, "", OC_PASS, ""},
	{"a late oops is the console's", UP OOPS DOWN, true, false, true, 0, OC_PASS, "", OC_PASS,
	 ""},
	{"panic", UP OOPS PANIC, true, false, false, 0, OC_PASS, "", OC_PANIC,
	 NULL_DEREF " (Kernel panic - not syncing: Fatal exception)"},
	{"panic after the job", UP PANIC, true, false, true, 0, OC_PASS, "", OC_PANIC,
	 "Kernel panic - not syncing: Fatal exception"},
	{"panic outranks a bound", UP PANIC, true, true, false, 9, OC_TIMEOUT, "late", OC_PANIC,
	 "Kernel panic - not syncing: Fatal exception"},
	{"out of memory for good",
	 UP "[    2.000000] Kernel panic - not syncing: System is deadlocked on memory\n", true,
	 false, false, 0, OC_PASS, "", OC_OOM,
	 "Kernel panic - not syncing: System is deadlocked on memory: give the VM more by --memory"},
	{"an oops, then silence", UP OOPS, true, true, false, 9, OC_HANG, "no sign of life",
	 OC_OOPS, NULL_DEREF "; then: no sign of life"},
	{"an oops, then no power-off", UP OOPS, true, true, true, 9, OC_HANG, "did not power off",
	 OC_OOPS, NULL_DEREF "; then: did not power off"},
	{"an oops without end", UP OOPS, true, true, false, 9, OC_CONSOLE_FLOOD, "too much",
	 OC_OOPS, NULL_DEREF "; then: too much"},
	{"an oops, then QEMU's death", UP OOPS, true, false, false, 11, OC_PASS, "", OC_OOPS,
	 NULL_DEREF "; then: QEMU was killed by signal 11"},
	{"a warning, then silence", UP WARN, true, true, false, 9, OC_TIMEOUT, "not finished",
	 OC_TIMEOUT,
	 "not finished; the kernel had said: WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1/0x2"},
	{"timeout", UP, true, true, false, 9, OC_TIMEOUT, "not finished", OC_TIMEOUT,
	 "not finished"},
	{"interrupted", UP PANIC, true, true, false, 9, OC_INTERRUPTED, "the run was stopped",
	 OC_INTERRUPTED, "the run was stopped"},
	{"reset", UP, true, false, false, 0, OC_PASS, "", OC_RESET,
	 "the machine reset without a word: a triple fault?"},
	{"an oops, then a reset", UP OOPS, true, false, false, 0, OC_PASS, "", OC_OOPS,
	 NULL_DEREF "; then: the machine reset without a word: a triple fault?"},
	{"powered off too early", UP DOWN, true, false, false, 0, OC_PASS, "", OC_CONNECTION_LOST,
	 "the guest powered off while the job ran"},
	{"QEMU's error", UP, true, false, false, EXITED(1), OC_PASS, "", OC_QEMU_DIED,
	 "QEMU exited with 1: qemu said"},
	{"QEMU killed", UP, true, false, true, 9, OC_PASS, "", OC_QEMU_DIED,
	 "QEMU was killed by signal 9"},
	{"init gave up", UP "[    2.000000] vmtest: init: poll: Bad address\n" DOWN, true, false,
	 false, 0, OC_PASS, "", OC_INIT_DIED, "init: poll: Bad address"},
	{"init died",
	 UP
	 "[    2.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n",
	 true, false, false, 0, OC_PASS, "", OC_INIT_DIED,
	 "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"},
	{"init died of an oops",
	 UP OOPS
	 "[    2.100000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009\n",
	 true, false, false, 0, OC_PASS, "", OC_PANIC,
	 NULL_DEREF " (Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009)"},

	{"panic before init", OOPS PANIC, false, false, false, 0, OC_PASS, "", OC_NO_BOOT,
	 NULL_DEREF " (Kernel panic - not syncing: Fatal exception)"},
	{"no end of the boot", "", false, true, false, 9, OC_NO_BOOT, "init was not reached",
	 OC_NO_BOOT, "init was not reached"},
	{"a stuck boot that said why", OOPS, false, true, false, 9, OC_NO_BOOT,
	 "init was not reached", OC_NO_BOOT,
	 "init was not reached; the kernel had said: " NULL_DEREF},
	{"off before init", "[    1.000000] text\n", false, false, false, 0, OC_PASS, "",
	 OC_NO_BOOT, "the guest powered off before it reached init"},
	{"a silent end of QEMU", "", false, false, false, 0, OC_PASS, "", OC_QEMU_DIED,
	 "QEMU ended before the guest was up: qemu said"},
	{"an end that raced the bound", "[    1.000000] text\n", false, true, false, 0, OC_NO_BOOT,
	 "init was not reached", OC_NO_BOOT, "init was not reached"},
	{"QEMU did not start", "", false, false, false, EXITED(1), OC_PASS, "", OC_QEMU_DIED,
	 "QEMU ended before the guest was up: qemu said"},
	{"init gave up early", "[    1.000000] vmtest: init: /proc: No such device\n" DOWN, false,
	 false, false, 0, OC_PASS, "", OC_INIT_DIED, "init: /proc: No such device"},
	{"init died early",
	 "[    1.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\n",
	 false, false, false, 0, OC_PASS, "", OC_INIT_DIED,
	 "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100"},
};

START_TEST(ending)
{
	struct vm_end end = {.outcome = ends[_i].before, .job_ended = ends[_i].job_ended};
	struct console console;

	snprintf(end.reason, sizeof(end.reason), "%s", ends[_i].reason_before);
	ck_assert_int_eq(exceptions_load("harness/exceptions.yaml"), 0);
	ck_assert_int_eq(console_open(&console, "/dev/null"), 0);
	console_feed(&console, ends[_i].log, strlen(ends[_i].log));
	console_close(&console);
	judge_end(&end, &(struct judge_facts){
				.was_up = ends[_i].was_up,
				.killed = ends[_i].killed,
				.wait_status = ends[_i].wait_status,
				.qemu_said = "qemu said",
				.console = &console,
			});
	ck_assert_msg(end.outcome == ends[_i].expected, "%s: should be %s, is %s: %s",
		      ends[_i].name, outcome_name(ends[_i].expected), outcome_name(end.outcome),
		      end.reason);
	ck_assert_msg(!strcmp(end.reason, ends[_i].reason), "%s: should say \"%s\", says \"%s\"",
		      ends[_i].name, ends[_i].reason, end.reason);
	console_free(&console);
}
END_TEST

/* A reason longer than its place is cut, not overrun. */
START_TEST(long_reason)
{
	struct vm_end end = {.outcome = OC_TIMEOUT};
	struct console console;

	memset(end.reason, 'x', sizeof(end.reason) - 1);
	ck_assert_int_eq(console_open(&console, "/dev/null"), 0);
	console_feed(&console, UP WARN, strlen(UP WARN));
	console_close(&console);
	judge_end(&end,
		  &(struct judge_facts){
			  .was_up = true, .killed = true, .qemu_said = "", .console = &console});
	ck_assert_uint_eq(strlen(end.reason), sizeof(end.reason) - 1);
	console_free(&console);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(ending, ends),
		ONCE(long_reason),
	};

	return RUN("judge", tests);
}
