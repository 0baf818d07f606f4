/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Result lines: what a suite in the VM tells the host.
 *
 * One JSON object per line, written with one write(2) loop to the descriptor named by the
 * environment variable VMTEST_RESULT_FD, or to standard output when it is unset (running by hand).
 * The status words are KCIDB's (github.com/kernelci/kcidb, "status" of a test): FAIL, the product
 * is wrong; ERROR, the test itself broke; PASS; DONE, a number without a verdict; SKIP.
 */
#ifndef VMTESTS_RESULT_H
#define VMTESTS_RESULT_H

#include <jansson.h>
#include <stddef.h>

enum result_status { RESULT_PASS, RESULT_FAIL, RESULT_ERROR, RESULT_SKIP, RESULT_DONE };

/* The longest "log" a line may carry, bytes; the host's schema says the same. */
#define RESULT_LOG_MAX 16384
/* The longest "reason", bytes. */
#define RESULT_REASON_MAX 1024

/*
 * Says that @test (suite.group.case, [A-Za-z0-9_.-]) begins, so that a panic or a hang can be
 * attributed to it, and starts the clock of its "duration_ns".
 */
void result_start(const char *test);

/*
 * A new line for @test. @reason is a format; NULL is allowed for PASS and DONE only.
 * Never returns NULL: running out of memory ends the program with a message.
 */
json_t *result_new(const char *test, enum result_status status, const char *reason, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts the last RESULT_LOG_MAX bytes of @text (@len bytes) under "log". */
void result_set_log(json_t *line, const char *text, size_t len);

/* A JSON string of @len bytes of @text: what is not UTF-8 or is a control code becomes '?'. */
json_t *result_string(const char *text, size_t len);

/* Writes and frees @line. A line that cannot be written ends the program with a message. */
void result_write(json_t *line);

/* Shorthand: result_write(result_new(...)). */
#define result_report(...) result_write(result_new(__VA_ARGS__))

/* Copies @text into @out (@size bytes) with every byte a test name may not hold turned to '_'. */
void result_name(char *out, size_t size, const char *text);

/* Ends the program as "the suite broke": message on standard error, exit status 3. */
void result_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
