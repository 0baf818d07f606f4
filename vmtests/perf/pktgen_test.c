// SPDX-License-Identifier: GPL-2.0-only
/* Host test of the reader of pktgen's reports. The texts are those of pktgen_if_show() and
 * show_results(), net/core/pktgen.c. */
#include <check.h>

#include "pktgen.h"

#define HEAD                                                                                       \
	"Params: count 20000  min_pkt_size: 60  max_pkt_size: 60\n"                                \
	"Current:\n     pkts-sofar: 20000  errors: 7\n"

START_TEST(good)
{
	struct pktgen_result result;

	ck_assert_int_eq(pktgen_parse(HEAD "Result: OK: 65852(c65841+d11) usec, 20000 "
					   "(60byte,0frags)\n  303711pps 145Mb/sec (145781280bps) "
					   "errors: 3\n",
				      &result),
			 0);
	ck_assert_uint_eq(result.usec, 65852);
	ck_assert_uint_eq(result.sent, 20000);
	/* not the 7 above it */
	ck_assert_uint_eq(result.errors, 3);
}
END_TEST

static const char *const bad[] = {
	"",
	HEAD "Result: Idle\n",
	HEAD "Result: Starting\n",
	HEAD "Result: OK: flag=SHARED\n",
	HEAD "Result: No such parameter \"brust\"\n",
	HEAD "Result: OK: 65852(c65841+d11) usec, 20000 (60byte,0frags)\n",
	HEAD "Result: OK: 65852(c65841+d11) usec, ",
};

START_TEST(unfinished)
{
	struct pktgen_result result;

	ck_assert_int_eq(pktgen_parse(bad[_i], &result), -1);
	ck_assert_str_ne(pktgen_error(), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pktgen");
	TCase *tcase = tcase_create("parse");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, good);
	tcase_add_loop_test(tcase, unfinished, 0, sizeof(bad) / sizeof(*bad));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
