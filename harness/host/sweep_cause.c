// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"
#include "sweep.h"
#include "sweep_cause.h"
#include "util.h"

enum cause {
	VERIFIER_REJECTED,
	HELPER_MISSING,
	HELPER_NOT_ALLOWED,
	TOO_COMPLEX,
	LOOP,
	CALLBACK_UNKNOWN,
	KFUNC_MISSING,
	CORE_RELOCATION,
	MAP_REFUSED,
	TARGET_MISSING,
	NOT_LOADED,
	OUTCOMES, /* and from here on: what the kernel did instead of answering */
};

static const char *const names[] = {
	[VERIFIER_REJECTED] = "verifier-rejected",
	[HELPER_MISSING] = "helper-missing",
	[HELPER_NOT_ALLOWED] = "helper-not-allowed",
	[TOO_COMPLEX] = "too-complex",
	[LOOP] = "loop-refused",
	[CALLBACK_UNKNOWN] = "callback-unknown",
	[KFUNC_MISSING] = "kfunc-missing",
	[CORE_RELOCATION] = "core-relocation",
	[MAP_REFUSED] = "map-refused",
	[TARGET_MISSING] = "target-missing",
	[NOT_LOADED] = "not-loaded",
};

/* By stage, and by words of the reason; the first that fits. Words are of kernels 5.10 to 7.3. */
static const struct {
	const char *stage, *words;
	enum cause cause;
} table[] = {
	{"verifier", "invalid func ", HELPER_MISSING},
	{"verifier", "cannot use helper", HELPER_NOT_ALLOWED}, /* since 6.10 */
	{"verifier", "unknown func ", HELPER_NOT_ALLOWED},
	{"verifier", "is too large", TOO_COMPLEX},
	{"verifier", "too complex", TOO_COMPLEX},
	{"verifier", "back-edge", LOOP},
	{"verifier", "infinite loop", LOOP},
	/* before 5.13 an address of a function (BPF_PSEUDO_FUNC) is only a number */
	{"verifier", "number of funcs in func_info doesn't match", CALLBACK_UNKNOWN},
	{"verifier", "The address of function", TARGET_MISSING},
	{"verifier", "", VERIFIER_REJECTED},
	{"kfunc", "", KFUNC_MISSING},
	{"core", "", CORE_RELOCATION},
	{"map", "", MAP_REFUSED},
	{"other", "failed to find kernel BTF type ID", TARGET_MISSING},
	{"", "", NOT_LOADED},
};

int sweep_cause_of_line(const json_t *line)
{
	const json_t *verifier = json_object_get(line, "verifier");
	const char *status = json_string_value(json_object_get(line, "status"));
	const char *outcome = json_string_value(json_object_get(line, "outcome"));
	const char *stage = json_string_value(json_object_get(verifier, "stage"));
	const char *reason = json_string_value(json_object_get(line, "reason"));

	if (status && !strcmp(status, "PASS"))
		return SWEEP_WORKS;
	if (!status || strcmp(status, "FAIL") || !outcome)
		return SWEEP_NO_VERDICT;
	for (int o = 0; o < OC_COUNT; o++)
		if (o != OC_FAIL && !strcmp(outcome, outcome_name(o)))
			return SWEEP_FAILS + OUTCOMES + o;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if ((!*table[i].stage || (stage && !strcmp(stage, table[i].stage))) &&
		    strstr(reason ? reason : "", table[i].words))
			return SWEEP_FAILS + table[i].cause;
	return SWEEP_FAILS + NOT_LOADED;
}

const char *sweep_cause_name(int verdict)
{
	static char *kernel[OC_COUNT];
	int cause = verdict - SWEEP_FAILS, o = cause - OUTCOMES;

	if (verdict < SWEEP_FAILS)
		return verdict == SWEEP_WORKS ? "works" : "no-verdict";
	if (o < 0)
		return names[cause];
	if (!kernel[o])
		kernel[o] = fmt("kernel-%s", outcome_name(o));
	return kernel[o];
}

/* Helpers that take a callback came with callbacks (5.13) or later: without the one, no other. */
static bool takes_callback(const char *need)
{
	static const char *const helpers[] = {
		"helper:bpf_for_each_map_elem",	 "helper:bpf_timer_set_callback",
		"helper:bpf_find_vma",		 "helper:bpf_loop",
		"helper:bpf_user_ringbuf_drain",
	};

	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(need, helpers[i]))
			return true;
	return false;
}

bool sweep_cause_is_of(int verdict, const char *need)
{
	static const struct {
		const char *kind;
		enum cause cause;
	} of[] = {
		{"helper:", HELPER_MISSING},	 {"kfunc:", KFUNC_MISSING},
		{"map:", MAP_REFUSED},		 {"func:", TARGET_MISSING},
		{"tracepoint:", TARGET_MISSING}, {"lsm:", TARGET_MISSING},
		{"prog:", NOT_LOADED},		 {"attach:", NOT_LOADED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		if (!strncmp(need, of[i].kind, strlen(of[i].kind)) &&
		    verdict == SWEEP_FAILS + (int)of[i].cause)
			return true;
	return verdict == SWEEP_FAILS + CALLBACK_UNKNOWN && takes_callback(need);
}

bool sweep_cause_may_be_module(int verdict)
{
	int cause = verdict - SWEEP_FAILS;

	return cause == KFUNC_MISSING || cause == TARGET_MISSING || cause == CORE_RELOCATION ||
	       cause == NOT_LOADED;
}

bool sweep_need_may_be_module(const char *need)
{
	return !strncmp(need, "kfunc:", 6) || !strncmp(need, "func:", 5) ||
	       !strncmp(need, "tracepoint:", 11);
}
