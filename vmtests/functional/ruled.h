/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes under rules: what a child may do while a policy file is in force. */
#ifndef FUNCTIONAL_RULED_H
#define FUNCTIONAL_RULED_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* What a child does; 0, or the error it got. */
typedef int (*ruled_act)(void);

/* That, of what a system call returned. */
static inline int ruled_result(long value)
{
	return value < 0 ? errno : 0;
}

enum ruled_end { RULED_DONE, RULED_REFUSED, RULED_KILLED };

/* What every test begins and ends with: no rule but one that nothing meets. The programs stay, as
 * loading them takes longer than all that a test does. */
void ruled_none(void);

/* Puts rules in force: "rules:\n" and then the text, formatted. A failure ends the test. */
void ruled_load(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, but returns the exit status; command_output has what was said. */
int ruled_try(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs @act in a child. Any end but these three ends the test as ERROR. */
enum ruled_end ruled_run(ruled_act act);

const char *ruled_end_name(enum ruled_end end);

/* A deed: makes a file "x" whose path is about as long as one can be, below the test's folder; its
 * folder is the working directory then. */
int ruled_go_deep(void);

/* How often the rules in force have matched, all together. */
unsigned long long ruled_hits(void);

/* Fails the test unless @act ends so. */
void ruled_expect(const char *what, ruled_act act, enum ruled_end want);

/* Whether the BPF LSM is active, by what the kernel says. */
bool ruled_lsm(void);

/* Whether the kernel's types have a function, or a struct a member. */
bool ruled_kernel_has(const char *function);
bool ruled_kernel_has_member(const char *structure, const char *member);

/* What becomes of who does what is denied. */
enum ruled_denial {
	DENIAL_REFUSES,
	DENIAL_KILLS,		      /* no kernel can refuse it */
	DENIAL_KILLS_WITHOUT_LSM,     /* it cannot be refused without the BPF LSM */
	DENIAL_KILLS_WITHOUT_USERNS,  /* nor before 6.1, which asks security modules */
	DENIAL_CANNOT_WITHOUT_STRUCT, /* before 6.1 it cannot even be seen */
};

/* A row of a table of tests. @ in a condition is the test's folder. */
struct ruled_deed {
	const char *name, *on;
	const char *met, *unmet;
	ruled_act act;
	enum ruled_denial denial;
};

/* The tables: of programs, files and connections (rules.c), of powers (rules_power.c). */
struct ruled_table {
	const struct ruled_deed *deeds;
	size_t n;
};

extern const struct ruled_table ruled_common, ruled_powers, ruled_attributes;

/* A file of the test's folder that was open before the rules came. */
extern int ruled_fd;

#define RULED_CGROUP "/sys/fs/cgroup/ruled"

/* Begins a test: a network and cgroups of its own. */
void ruled_begin(void);

/* Puts the deed's rule in force, with @action, on the folder as it is at first. */
void ruled_deed_load(const struct ruled_deed *deed, const char *action, const char *condition);

/* Tries to load it where it cannot be seen: whether that is what was said. command_output has it.
 */
bool ruled_deed_unseen(const struct ruled_deed *deed);

/* The test: with each action, and with a condition that is not met. */
void ruled_deed(const struct ruled_deed *deed);

/* Adds a test for each row, functional.rules.NAME; @tests and @names have room for them. */
struct selection;
struct functional_test;
void ruled_add(Suite *suite, const struct selection *selection, const struct ruled_table *table,
	       struct functional_test *tests, char (*names)[64], void (*run)(int));

#endif
