// SPDX-License-Identifier: GPL-2.0-only
/* From repeats to a result line. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/result.h"
#include "perf.h"

/* Under the icount profile one virtual nanosecond is one guest instruction (QEMU -icount shift=0);
 * elsewhere the same figure is wall-clock time of a shared machine, which informs and cannot gate.
 */
static bool counts_instructions(void)
{
	const char *profile = getenv("VMTEST_PROFILE");

	return profile && !strcmp(profile, "icount");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double perf_median(const double *runs)
{
	double sorted[PERF_RUNS];

	memcpy(sorted, runs, sizeof(sorted));
	qsort(sorted, PERF_RUNS, sizeof(*sorted), by_value);
	return sorted[PERF_RUNS / 2];
}

void perf_report(const char *test, const char *what, const double *runs, const double *floor)
{
	double least = runs[0], most = runs[0], value = perf_median(runs);
	json_t *line = result_new(test, RESULT_DONE, NULL);
	json_t *perf = json_object(), *kept = json_array();

	for (int i = 0; i < PERF_RUNS; i++) {
		json_array_append_new(kept, json_real(runs[i]));
		least = runs[i] < least ? runs[i] : least;
		most = runs[i] > most ? runs[i] : most;
	}
	json_object_set_new(perf, "runs", kept);
	json_object_set_new(perf, "spread", json_real(most - least));
	if (floor) {
		json_object_set_new(perf, "floor", json_real(*floor));
		json_object_set_new(perf, "above_floor", json_real(value - *floor));
	}
	if (!counts_instructions())
		json_object_set_new(perf, "advisory", json_true());
	json_object_set_new(line, "number",
			    json_pack("{s:f, s:s++}", "value", value, "unit",
				      counts_instructions() ? "instructions" : "ns", "/", what));
	json_object_set_new(line, "perf", perf);
	result_write(line);
}
