/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes under rules: what a child may do while a policy file is in force. */
#ifndef FUNCTIONAL_RULED_H
#define FUNCTIONAL_RULED_H

#include <stdbool.h>

/* What a child does; 0, or the error it got. */
typedef int (*ruled_act)(void);

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

/* The end of who does what a rule denies, here: refused, or killed where the kernel cannot prevent.
 */
enum ruled_end ruled_denied(void);

const char *ruled_end_name(enum ruled_end end);

/* How often the rules in force have matched, all together. */
unsigned long long ruled_hits(void);

/* Fails the test unless @act ends so. */
void ruled_expect(const char *what, ruled_act act, enum ruled_end want);

#endif
