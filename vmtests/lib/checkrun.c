// SPDX-License-Identifier: GPL-2.0-only
/* Check as the runner of a suite: see checkrun.h. */
#include "checkrun.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit.h"
#include "result.h"

/* The longest message of a test, bytes: a whole packet three times in hexadecimal, or all a command
 * said. Check ends a test whose message is longer (8 KiB by default) as if the test had broken. */
#define MESSAGE_MAX (256 * 1024)

static char current[256];
static bool skipped; /* in the process of the test */

void checkrun_begin(const char *test)
{
	snprintf(current, sizeof(current), "%s", test);
	result_start(test);
}

void checkrun_pass(void)
{
	if (!skipped)
		result_report(current, RESULT_PASS, NULL);
}

bool checkrun_skip_without_jit(void)
{
	json_t *line;

	if (jit_is_on())
		return false;
	line = result_new(current, RESULT_SKIP, "its program needs the JIT");
	json_object_set_new(line, "missing", json_string(VMTESTS_JIT));
	result_write(line);
	skipped = true;
	return true;
}

void checkrun_pass_with(const char *format, ...)
{
	char text[RESULT_REASON_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	result_report(current, RESULT_PASS, "%s", text);
}

static void write_failure(TestResult *result, checkrun_source_fn source)
{
	const char *test = tr_tcname(result), *message = tr_msg(result);
	enum result_status status = RESULT_FAIL;
	json_t *line, *where = source ? source(test) : NULL;

	if (!message)
		message = "Check gives no message";
	if (tr_rtype(result) == CK_ERROR) {
		/* A signal, an exit, or the time limit: not the verdict of an assertion. */
		status = RESULT_ERROR;
	} else if (!strncmp(message, "ERROR: ", strlen("ERROR: "))) {
		status = RESULT_ERROR;
		message += strlen("ERROR: ");
	}
	line = result_new(test, status, "%.*s", (int)strcspn(message, "\n"), message);
	if (strchr(message, '\n'))
		result_set_log(line, message, strlen(message));
	if (!where && tr_lno(result) > 0)
		where = json_pack("{s:s, s:i}", "file", tr_lfile(result), "line", tr_lno(result));
	if (where)
		json_object_set_new(line, "source", where);
	result_write(line);
}

int checkrun_suite(Suite *suite, checkrun_source_fn source)
{
	SRunner *runner = srunner_create(suite);
	TestResult **results;
	int run;

	check_set_max_msg_size(MESSAGE_MAX);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_SILENT);
	run = srunner_ntests_run(runner);
	results = srunner_results(runner);
	for (int i = 0; i < run; i++)
		if (tr_rtype(results[i]) != CK_PASS)
			write_failure(results[i], source);
	free(results);
	srunner_free(runner);
	return run;
}
