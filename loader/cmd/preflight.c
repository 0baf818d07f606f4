// SPDX-License-Identifier: GPL-2.0-only
/* corepath preflight. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "json.h"

static json_t *list_json(const struct corepath_feature *list, size_t n)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		if (json_array_append_new(
			    array,
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "feature",
				      list[i].name, "support", corepath_support_name(list[i].state),
				      "about", list[i].text, "decided_by", list[i].decides,
				      "found_by", corepath_found_name(list[i].found), "without",
				      list[i].without, "why", list[i].why))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int cmd_preflight(const struct args *args)
{
	struct corepath_feature *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_preflight(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(list_json(list, n));
	for (i = 0; !args->json && i < n; i++) {
		printf("%-17s  %-8s  %s (%s)\n", list[i].name, corepath_support_name(list[i].state),
		       list[i].text, list[i].why);
		if (list[i].state > COREPATH_DEGRADED)
			printf("%-17s            without it: %s\n", "", list[i].without);
	}
	free(list);
	return status;
}
