// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <string.h>

#include "splat.h"
#include "util.h"

/*
 * The first row that fits decides: a message that begins with `text` and has `with` somewhere in
 * it. Subsystem prefixes (below) are taken off before. The texts are those of Linux 5.10 to 7.2,
 * where they are printed from; OC_PASS stands for what only looks like a report.
 */
static const struct {
	const char *text, *with;
	enum outcome kind;
	bool fatal;
} table[] = {
	/* kernel/panic.c; mm/oom_kill.c: the guest's memory is what failed, not its kernel */
	{"Kernel panic - not syncing: System is deadlocked on memory", "", OC_OOM, true},
	{"Kernel panic - not syncing: Out of memory", "", OC_OOM, true},
	{"Kernel panic - not syncing", "", OC_PANIC, true},
	{"PANIC: early exception", "", OC_PANIC, true}, /* arch/x86/mm/extable.c */

	/* lockdep's tables are full: a limit of the checker (kernel/locking/lockdep.c) */
	{"BUG: MAX_LOCK", "too low", OC_PASS, false},
	{"BUG: MAX_STACK_TRACE_ENTRIES", "too low", OC_PASS, false},
	/* the machine's description, kernel/sched/topology.c */
	{"BUG: arch topology borken", "", OC_PASS, false},

	/* kernel/watchdog.c, kernel/watchdog_hld.c, kernel/workqueue.c, spinlock_debug.c */
	{"BUG: soft lockup", "", OC_LOCKUP, false},
	{"BUG: workqueue lockup", "", OC_LOCKUP, false},
	{"BUG: spinlock lockup suspected", "", OC_LOCKUP, false},
	{"Watchdog detected hard LOCKUP", "", OC_LOCKUP, false},
	{"CPU", "Watchdog detected hard LOCKUP", OC_LOCKUP, false},

	/* kernel/rcu/tree_stall.h, tree_exp.h, tasks.h */
	{"INFO: ", "detected stall", OC_RCU_STALL, false},
	{"INFO: ", "detected expedited stall", OC_RCU_STALL, false},
	{"rcu_", "kthread starved for", OC_RCU_STALL, false},

	/* kernel/hung_task.c; since 6.17 "blocked in I/O wait for more than"; net/core/dev.c */
	{"INFO: task ", " for more than ", OC_HUNG_TASK, false},
	{"unregister_netdevice: waiting for ", "to become free", OC_HUNG_TASK, false},

	/* mm/kasan, kernel/kcsan, mm/kmsan, mm/kfence, lib/ubsan.c, mm/slub.c, mm/kmemleak.c */
	{"BUG: KASAN: ", "", OC_SANITIZER, false},
	{"BUG: KCSAN: ", "", OC_SANITIZER, false},
	{"BUG: KMSAN: ", "", OC_SANITIZER, false},
	{"BUG: KFENCE: ", "", OC_SANITIZER, false},
	{"UBSAN: ", " in ", OC_SANITIZER, false},
	{"BUG ", "ainted", OC_SANITIZER, false}, /* "BUG kmalloc-64 (Not tainted): Poison ..." */
	{"kmemleak: ", "new suspected memory leaks", OC_SANITIZER, false},

	/* kernel/locking/lockdep.c; one WARNING: line each, without a WARN() */
	{"BUG: Invalid wait context", "", OC_LOCKDEP, false},
	{"WARNING: possible ", " detected", OC_LOCKDEP, false},
	{"WARNING: ", "-safe -> ", OC_LOCKDEP, false},
	{"WARNING: inconsistent lock state", "", OC_LOCKDEP, false},
	{"WARNING: suspicious RCU usage", "", OC_LOCKDEP, false},
	{"WARNING: bad unlock balance detected", "", OC_LOCKDEP, false},
	{"WARNING: bad contention detected", "", OC_LOCKDEP, false},
	{"WARNING: held lock freed", "", OC_LOCKDEP, false},
	{"WARNING: lock held when returning to user space", "", OC_LOCKDEP, false},
	{"WARNING: ", "still has locks held", OC_LOCKDEP, false},
	{"WARNING: Nested lock was not taken", "", OC_LOCKDEP, false},
	{"INFO: trying to register non-static key", "", OC_LOCKDEP, false},

	/* mm/oom_kill.c. "Memory cgroup out of memory" is a limit that a test has set. */
	{"Out of memory", "Killed process", OC_OOM, false},
	{"Out of memory and no killable processes", "", OC_OOM, false},

	/* lib/bug.c, arch/x86/mm/fault.c, arch/x86/kernel/{dumpstack,traps}.c; "[#1]" counts
	 * die()s, and tells them from a program's own faults ("traps: prog[7] trap invalid opcode")
	 */
	{"BUG: ", "", OC_OOPS, false},
	{"kernel BUG at ", "", OC_OOPS, false},
	{"Oops", "[#", OC_OOPS, false},
	{"general protection fault", "[#", OC_OOPS, false},
	{"invalid opcode: ", "[#", OC_OOPS, false},
	{"divide error: ", "[#", OC_OOPS, false},
	{"stack segment: ", "[#", OC_OOPS, false},
	{"segment not present: ", "[#", OC_OOPS, false},
	{"alignment check: ", "[#", OC_OOPS, false},
	{"int3: ", "[#", OC_OOPS, false},
	{"PANIC: double fault", "", OC_OOPS, false},
	{"Internal error: ", "[#", OC_OOPS, false},	  /* arm64 */
	{"Unable to handle kernel ", "", OC_OOPS, false}, /* arm64, riscv, s390 */
	{"list_add corruption", "", OC_OOPS, false},	  /* lib/list_debug.c: then a BUG() */
	{"list_add double add", "", OC_OOPS, false},
	{"list_del corruption", "", OC_OOPS, false},
	{"usercopy: Kernel memory ", "attempt detected", OC_OOPS, false}, /* mm/usercopy.c */

	/* kernel/panic.c, __warn(): until 6.18 "CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1/0x2", from
	 * 6.19 "net/core/dev.c:1 at f+0x1/0x2, CPU#0: comm/1". Other lines that begin so are plain
	 * messages (BIOS bugs, mitigations, the unwinder's doubts). */
	{"WARNING: CPU: ", " at ", OC_WARN, false},
	{"WARNING: ", ", CPU#", OC_WARN, false},
	/* arch/x86/kernel/unwind_frame.c */
	{"WARNING: kernel stack regs at ", "", OC_WARN, false},
	{"WARNING: kernel stack frame pointer at ", "", OC_WARN, false},
};

/* pr_fmt() of the files above, and the frame around lockdep's "[ BUG: ... ]". */
static const char *const prefixes[] = {"NMI watchdog: ", "watchdog: ", "rcu: ", "traps: ", "[ "};

/* Panics that end what a report began: their text after "not syncing: ", and the report's kind. */
static const struct {
	const char *text;
	enum outcome kind;
} follows[] = {
	{"Fatal exception", OC_OOPS},
	{"Fatal exception", OC_SANITIZER},
	{"Aiee, killing interrupt handler", OC_OOPS},
	{"Attempted to kill init", OC_OOPS},
	{"Attempted to kill the idle task", OC_OOPS},
	{"Oopsed too often", OC_OOPS},
	{"Machine halted", OC_OOPS}, /* a double fault */
	{"panic_on_warn set", OC_WARN},
	{"panic_on_warn set", OC_SANITIZER},
	{"panic_on_warn set", OC_LOCKDEP},
	{"panic_on_warn set", OC_OOPS}, /* scheduling while atomic */
	{"warned too often", OC_WARN},
	{"kasan.fault=panic set", OC_SANITIZER},
	{"softlockup: hung tasks", OC_LOCKUP},
	{"Hard LOCKUP", OC_LOCKUP},
	{"hung_task: blocked tasks", OC_HUNG_TASK},
	{"RCU Stall", OC_RCU_STALL},
	{"System is deadlocked on memory", OC_OOM},
};

/* "[   12.345678]", or NULL. The end is returned. */
static const char *time_stamp(const char *p)
{
	const char *digits;

	if (*p++ != '[')
		return NULL;
	while (*p == ' ')
		p++;
	for (digits = p; isdigit((unsigned char)*p); p++)
		;
	if (p == digits || *p++ != '.')
		return NULL;
	for (digits = p; isdigit((unsigned char)*p); p++)
		;
	return p - digits == 6 && *p == ']' ? p + 1 : NULL;
}

/* "[  T42]", "[ C0]" and what newer kernels add inside (CONFIG_PRINTK_CALLER), or NULL. */
static const char *caller(const char *p)
{
	const char *end;

	if (*p++ != '[')
		return NULL;
	while (*p == ' ')
		p++;
	if ((*p != 'T' && *p != 'C') || !isdigit((unsigned char)p[1]))
		return NULL;
	end = strchr(p, ']');
	return end ? end + 1 : NULL;
}

/* Terminal codes go, a carriage return starts the line anew as it does on a screen. */
static void tidy(char *line, size_t len)
{
	size_t out = 0;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = line[i];

		if (c == 0x1b) {
			if (i + 1 < len && line[++i] == '[')
				while (++i < len && (line[i] < 0x40 || line[i] > 0x7e))
					;
		} else if (c == '\r') {
			out = 0;
		} else if (c >= 0x7f) {
			line[out++] = '?';
		} else if (c >= ' ' || c == '\t') {
			line[out++] = c;
		}
	}
	line[out] = '\0';
}

char *splat_message(char *line, size_t len)
{
	const char *message = line, *end;

	tidy(line, len);
	if (line[0] == '<' && isdigit((unsigned char)line[1]) && line[2] == '>')
		message += 3;
	/* The last stamp: another writer may have left the beginning of a line before it. */
	for (const char *p = strchr(message, '['); p; p = strchr(p + 1, '['))
		if ((end = time_stamp(p)))
			message = end;
	while ((end = caller(message)))
		message = end;
	while (*message == ' ')
		message++;
	return (char *)message;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

bool splat_is_cut(const char *message)
{
	return begins(message, "------------[ cut here ]------------");
}

bool splat_recognise(const char *message, bool after_cut, struct splat_sign *sign)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (begins(message, prefixes[i])) {
			message += strlen(prefixes[i]);
			break;
		}
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].text[0] != message[0] || !begins(message, table[i].text) ||
		    !strstr(message, table[i].with))
			continue;
		*sign = (struct splat_sign){table[i].kind, table[i].fatal};
		return table[i].kind != OC_PASS;
	}
	*sign = (struct splat_sign){OC_WARN, false};
	return after_cut && begins(message, "WARNING: ");
}

bool splat_follows(const char *panic, enum outcome kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(follows); i++)
		if (follows[i].kind == kind && strstr(panic, follows[i].text))
			return true;
	return false;
}

int splat_gravity(enum outcome kind)
{
	return kind == OC_WARN || kind == OC_LOCKDEP ? 1 : 2;
}
