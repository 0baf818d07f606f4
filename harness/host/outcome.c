// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "outcome.h"
#include "util.h"

static const char *const status_names[] = {
	[ST_PASS] = "PASS", [ST_DONE] = "DONE",	  [ST_SKIP] = "SKIP",
	[ST_MISS] = "MISS", [ST_ERROR] = "ERROR", [ST_FAIL] = "FAIL",
};

static const struct {
	const char *name;
	enum status status;
	const char *about;
} outcomes[OC_COUNT] = {
	[OC_PASS] = {"pass", ST_PASS, "the test asserted what it should and it held"},
	[OC_DONE] = {"done", ST_DONE, "a number was measured; there is no verdict"},
	[OC_SKIP] = {"skip", ST_SKIP, "the kernel lacks a feature, which the line names"},
	[OC_FAIL] = {"fail", ST_FAIL, "an assertion did not hold, or the verifier rejected"},
	[OC_PANIC] = {"panic", ST_FAIL, "the kernel panicked while the test ran"},
	[OC_OOPS] = {"oops", ST_FAIL, "the kernel reported an oops or a BUG"},
	[OC_SANITIZER] = {"sanitizer", ST_FAIL,
			  "KASAN, KCSAN, KMSAN, KFENCE, UBSAN, SLUB or kmemleak reported a bug"},
	[OC_LOCKUP] = {"lockup", ST_FAIL, "a CPU, a workqueue or a spinlock was stuck"},
	[OC_RCU_STALL] = {"rcu_stall", ST_FAIL, "an RCU grace period did not end"},
	[OC_HUNG_TASK] = {"hung_task", ST_FAIL,
			  "a task was blocked for too long, or a network device never became free"},
	[OC_LOCKDEP] = {"lockdep", ST_FAIL, "the kernel's lock checker reported a wrong use"},
	[OC_WARN] = {"warn", ST_FAIL, "the kernel printed a WARN"},
	[OC_OOM] = {"oom", ST_FAIL, "the guest's memory was used up (see --memory)"},
	[OC_RESET] = {"reset", ST_FAIL, "the machine reset without a word while the test ran"},
	[OC_HANG] = {"hang", ST_FAIL, "the guest stopped answering while the test ran"},
	[OC_TIMEOUT] = {"timeout", ST_FAIL, "the guest was alive, the test outlived its bound"},
	[OC_ERROR] = {"error", ST_ERROR, "the test itself broke"},
	[OC_NO_RESULTS] = {"no_results", ST_ERROR, "the suite ended without a single result"},
	[OC_UNFINISHED] = {"unfinished", ST_ERROR,
			   "the test began; the suite ended without its result"},
	[OC_CONSOLE_FLOOD] = {"console_flood", ST_ERROR, "the guest wrote more than its bound"},
	[OC_NO_BOOT] = {"no_boot", ST_MISS, "the guest never reached init"},
	[OC_INIT_DIED] = {"init_died", ST_MISS, "the harness's init ended or could not go on"},
	[OC_QEMU_DIED] = {"qemu_died", ST_MISS, "QEMU did not start, crashed or was killed"},
	[OC_CONNECTION_LOST] = {"connection_lost", ST_MISS, "the guest went away without a word"},
	[OC_INTERRUPTED] = {"interrupted", ST_MISS, "the run was stopped from outside"},
	[OC_NO_KERNEL] = {"no_kernel", ST_MISS, "the kernel could not be had"},
};

const char *outcome_name(enum outcome o)
{
	return outcomes[o].name;
}

const char *outcome_about(enum outcome o)
{
	return outcomes[o].about;
}

enum status outcome_status(enum outcome o)
{
	return outcomes[o].status;
}

int outcome_exit(enum outcome o)
{
	switch (outcomes[o].status) {
	case ST_FAIL:
		return EXIT_PRODUCT;
	case ST_ERROR:
	case ST_MISS:
		return EXIT_HARNESS;
	default:
		return EXIT_OK;
	}
}

const char *status_name(enum status s)
{
	return status_names[s];
}

int outcome_of_word(const char *status)
{
	static const enum outcome said_by_tests[] = {OC_PASS, OC_DONE, OC_SKIP, OC_FAIL, OC_ERROR};

	for (size_t i = 0; i < ARRAY_SIZE(said_by_tests); i++)
		if (!strcmp(status, status_names[outcomes[said_by_tests[i]].status]))
			return said_by_tests[i];
	return -1;
}

json_t *outcomes_json(const unsigned counts[OC_COUNT])
{
	json_t *o = json_object();

	for (int i = 0; i < OC_COUNT; i++)
		if (counts[i])
			json_object_set_new(o, outcome_name(i), json_integer(counts[i]));
	return o;
}

int cmd_outcomes(int argc, char **argv)
{
	bool as_json = argc == 2 && !strcmp(argv[1], "--json");

	if (argc > 1 && !as_json) {
		puts("usage: vmtest outcomes [--json]\n\n"
		     "Lists every way a test can end, its status and the exit code of a run in which it\n"
		     "is the worst that happened.");
		return strcmp(argv[1], "--help") ? EXIT_USAGE : EXIT_OK;
	}
	if (as_json) {
		json_t *all = json_array();

		for (int i = 0; i < OC_COUNT; i++)
			json_array_append_new(
				all, json_pack("{s:s, s:s, s:i, s:s}", "outcome", outcome_name(i),
					       "status", status_name(outcome_status(i)), "exit",
					       outcome_exit(i), "about", outcome_about(i)));
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(all);
		return EXIT_OK;
	}
	for (int i = 0; i < OC_COUNT; i++)
		printf("%-16s %-6s exit %d  %s\n", outcome_name(i), status_name(outcome_status(i)),
		       outcome_exit(i), outcome_about(i));
	return EXIT_OK;
}
