// SPDX-License-Identifier: GPL-2.0-only
/* Groups of tests given as tables of functions. */
#include <stdlib.h>

#include "../lib/checkrun.h"
#include "functional.h"

/* What Check's loop variable counts. */
static const struct functional_test **added;
static int n_added;

START_TEST(run_one)
{
	checkrun_begin(added[_i]->test);
	added[_i]->run(added[_i]->index);
	checkrun_pass();
}
END_TEST

void functional_add_case(Suite *suite, const char *test, const TTest *run, int index, int timeout)
{
	TCase *tcase = tcase_create(test);

	tcase_set_timeout(tcase, timeout);
	tcase_add_loop_test(tcase, run, index, index + 1);
	suite_add_tcase(suite, tcase);
}

void functional_add(Suite *suite, const struct selection *selection,
		    const struct functional_test *tests, size_t n)
{
	functional_add_long(suite, selection, tests, n, CHECKRUN_TIMEOUT);
}

void functional_add_long(Suite *suite, const struct selection *selection,
			 const struct functional_test *tests, size_t n, int timeout)
{
	for (size_t i = 0; i < n; i++) {
		if (!functional_selected(selection, tests[i].test))
			continue;
		added = reallocarray(added, n_added + 1, sizeof(*added));
		if (!added)
			abort();
		added[n_added] = &tests[i];
		functional_add_case(suite, tests[i].test, run_one, n_added, timeout);
		n_added++;
	}
}
