/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that ran before their rules, and what is told of them. */
#ifndef FUNCTIONAL_RUNNING_H
#define FUNCTIONAL_RUNNING_H

#include <corepath.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a child does before it becomes the program; 0 if it could. */
typedef int (*running_before)(void);

/* What every test begins and ends with: the cgroups and the copy are there, nothing is in force,
 * and rules' events are read. */
void running_set_up(void);
void running_tear_down(void);

/* Runs "copy HOW WORD" of the test's folder (vmtests/act/act.c); it is in place when this returns.
 * Its standard input ends with *input, or is at its end if that is NULL. */
pid_t running_start(running_before before, const char *how, const char *word, int *input);

bool running_still(pid_t pid);
void running_end(pid_t pid);
void running_expect_killed(pid_t pid);

#define RUNNING_TOLD 1000

/* Rules' events since the last load. */
extern struct running_told {
	pid_t pid, parent;
	__u32 uid;
	bool running, killed, prevented;
	char rule[COREPATH_RULE_NAME_MAX], path[256], exe[256];
} running_told[RUNNING_TOLD];
extern size_t running_n_told;

/* Reads those that are there. */
void running_read(void);

/* Loads "rules:\n" and the text, formatted, and reads what is told. */
struct corepath_running_report running_load(bool kill_them, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As many are reported and told of, and counted as matches. Frees the report's list. */
void running_expect(const struct corepath_running_report *report, size_t n, size_t killed);

#endif
