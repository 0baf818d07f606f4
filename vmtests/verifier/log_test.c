// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host test of the log parser: every log in testdata/ against testdata/expected.json.
 *
 *	verifier_log_test [TESTDATA_DIR]
 *
 * From the tree's top the folder is found without being named.
 */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifier_log.h"

static const char *testdata;
static json_t *expected;

static char *read_log(const char *name)
{
	char path[4096], *text;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", testdata, name);
	file = fopen(path, "r");
	ck_assert_msg(file, "%s cannot be opened", path);
	text = calloc(1, 1 << 20);
	ck_assert_ptr_nonnull(text);
	n = fread(text, 1, (1 << 20) - 1, file);
	ck_assert_msg(!ferror(file) && n < (1 << 20) - 1, "%s cannot be read whole", path);
	fclose(file);
	return text;
}

/* @want: a string, null for "must be NULL", or absent for "not looked at". */
static void compare_string(const char *log, const char *key, json_t *want, const char *got)
{
	const char *text = json_string_value(want);

	if (!want)
		return;
	if (!text)
		ck_assert_msg(!got, "%s: %s: expected none, got '%s'", log, key, got);
	else
		ck_assert_msg(got && !strcmp(got, text), "%s: %s: expected '%s', got '%s'", log,
			      key, text, got ? got : "(none)");
}

/* @want: a number, null for "must be -1", or absent for "not looked at". */
static void compare_number(const char *log, const char *key, json_t *want, long got)
{
	long value = json_is_integer(want) ? (long)json_integer_value(want) : -1;

	if (want)
		ck_assert_msg(got == value, "%s: %s: expected %ld, got %ld", log, key, value, got);
}

START_TEST(golden_log)
{
	json_t *row = json_array_get(expected, _i), *stack = json_object_get(row, "stack");
	const char *name = json_string_value(json_object_get(row, "log"));
	struct verifier_log log;
	char *text;

	ck_assert_ptr_nonnull(name);
	text = read_log(name);
	ck_assert_int_eq(verifier_log_parse(text, &log), 0);
	ck_assert_msg(log.complete == json_is_true(json_object_get(row, "complete")),
		      "%s: complete is %d", name, log.complete);
	compare_string(name, "reason", json_object_get(row, "reason"), log.reason);
	compare_string(name, "text", json_object_get(row, "text"), log.text);
	compare_string(name, "file", json_object_get(row, "file"), log.file);
	compare_number(name, "line", json_object_get(row, "line"), log.line);
	compare_number(name, "insn", json_object_get(row, "insn"), log.insn);
	compare_number(name, "insns", json_object_get(row, "insns"), log.insns);
	compare_number(name, "max_states_per_insn", json_object_get(row, "max_states_per_insn"),
		       log.max_states_per_insn);
	compare_number(name, "total_states", json_object_get(row, "total_states"),
		       log.total_states);
	compare_number(name, "peak_states", json_object_get(row, "peak_states"), log.peak_states);
	if (stack) {
		ck_assert_msg(log.stack_count == (int)json_array_size(stack),
			      "%s: %d subprograms with a stack depth", name, log.stack_count);
		for (int i = 0; i < log.stack_count; i++)
			compare_number(name, "stack", json_array_get(stack, i), log.stack[i]);
	}
	verifier_log_free(&log);
	free(text);
}
END_TEST

int main(int argc, char **argv)
{
	SRunner *runner;
	Suite *suite;
	TCase *tcase;
	json_error_t error;
	char path[4096];
	int failed;

	if (argc > 2) {
		fputs("usage: verifier_log_test [TESTDATA_DIR]\n", stderr);
		return 2;
	}
	testdata = argc == 2 ? argv[1] : "vmtests/verifier/testdata";
	snprintf(path, sizeof(path), "%s/expected.json", testdata);
	expected = json_load_file(path, 0, &error);
	if (!json_array_size(expected)) {
		fprintf(stderr, "%s:%d: %s\n", path, error.line,
			expected ? "no rows: nothing would be tested" : error.text);
		return 1;
	}
	suite = suite_create("verifier_log");
	tcase = tcase_create("golden");
	tcase_add_loop_test(tcase, golden_log, 0, (int)json_array_size(expected));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	json_decref(expected);
	return failed ? 1 : 0;
}
