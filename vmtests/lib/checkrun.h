/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Check as the runner of a suite: every test case (TCase) is one result line of its own name.
 *
 * Each test runs in its own process (Check's CK_FORK). It calls checkrun_begin() first and
 * checkrun_pass() last; what did not get that far is written by checkrun_suite() from Check's own
 * results, so that a test that crashed or hung has its line too.
 */
#ifndef VMTESTS_CHECKRUN_H
#define VMTESTS_CHECKRUN_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>

/* Seconds a test may take: a hang is found, a slow shared host under TCG is not called one. */
#define CHECKRUN_TIMEOUT 120

/* The start line of @test, the name of its TCase. */
void checkrun_begin(const char *test);

/* The PASS line of the test begun, unless it was skipped. */
void checkrun_pass(void);

/* The SKIP line of the test begun, if it needs the JIT and there is none: the test is to return. */
bool checkrun_skip_without_jit(void);

/* The same with a line that says what passed. */
void checkrun_pass_with(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Ends a test whose own means failed (no veth, no memory): status ERROR. A product that is wrong
 * uses ck_abort_msg() and Check's assertions: status FAIL. The first line of the message becomes
 * the reason, all of it the log.
 */
#define checkrun_error(...)		  checkrun_abort("ERROR: ", __VA_ARGS__)
#define checkrun_abort(kind, format, ...) ck_abort_msg(kind format, ##__VA_ARGS__)

/* The "source" of a test that failed, or NULL for the place Check reports. */
typedef json_t *(*checkrun_source_fn)(const char *test);

/* Runs and frees @suite. Returns the number of tests run; all lines are written. */
int checkrun_suite(Suite *suite, checkrun_source_fn source);

#endif
