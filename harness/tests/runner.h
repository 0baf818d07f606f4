/* SPDX-License-Identifier: GPL-2.0-only */
/* What every unit test ends with, here and in loader/tests/: its tests run by Check, its exit
 * status. */
#ifndef VMTEST_TESTS_RUNNER_H
#define VMTEST_TESTS_RUNNER_H

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

/* A test that runs for each of _i = 0 ... times - 1. */
struct test {
	const TTest *test;
	int times;
};

#define ONCE(test)	      {test, 1}
#define FOR_EACH(test, table) {test, sizeof(table) / sizeof((table)[0])}

#define RUN(name, tests) run_tests(name, tests, sizeof(tests) / sizeof((tests)[0]))

static int run_tests(const char *name, const struct test *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	/* a hang is found; a busy machine, where Check's own 4 s are short, is not called one */
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < n; i++)
		tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].times);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
