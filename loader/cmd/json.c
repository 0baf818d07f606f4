// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include "cmd.h"
#include "json.h"

int print_json(json_t *value)
{
	int err = !value || json_dumpf(value, stdout, JSON_INDENT(2));

	json_decref(value);
	if (err) {
		fputs("corepath: JSON: could not be built or written; see that there is memory and "
		      "that standard output is open\n",
		      stderr);
		return EXIT_FAILED;
	}
	putchar('\n');
	return EXIT_DONE;
}
