// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional: what the datapath does with packets, one result line per test.
 *
 *	functional [--list] [--only PATTERN] [--traffic] [--malformed] [TABLE.json...]
 *
 * Exit status: 0 when every test ran, whatever the verdicts; 2 for wrong usage; 3 when the suite
 * broke.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "../lib/checkrun.h"
#include "functional.h"

bool functional_selected(const struct selection *selection, const char *test)
{
	if (selection->only && fnmatch(selection->only, test, 0))
		return false;
	if (selection->list)
		puts(test);
	return !selection->list;
}

static void usage(FILE *to)
{
	fputs("usage: functional [--list] [--only PATTERN] [--traffic] [--malformed]\n"
	      "                  [TABLE.json...]\n"
	      "Runs each row of the tables through the datapath, real traffic with --traffic, and a\n"
	      "hundred thousand broken packets with --malformed.\n"
	      "  --list          print the names of the tests, run none\n"
	      "  --only PATTERN  tests whose name matches, such as 'functional.prefilter.v6_*'\n"
	      "example: functional prefilter.json --traffic\n",
	      to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"list", no_argument, NULL, 'l'},    {"only", required_argument, NULL, 'o'},
		{"traffic", no_argument, NULL, 't'}, {"malformed", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},    {},
	};
	Suite *suite = suite_create("functional");
	struct selection selection = {};
	bool traffic = false, broken = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o') {
			selection.only = optarg;
		} else if (option == 'l') {
			selection.list = true;
		} else if (option == 't') {
			traffic = true;
		} else if (option == 'm') {
			broken = true;
		} else {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (optind == argc && !traffic && !broken) {
		fputs("functional: neither a table nor --traffic nor --malformed: nothing to test\n",
		      stderr);
		usage(stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		table_add(suite, argv[i], &selection);
	if (traffic) {
		traffic_add(suite, &selection);
		lb_traffic_add(suite, &selection);
		sock_lb_add(suite, &selection);
		events_add(suite, &selection);
	}
	if (broken)
		malformed_add(suite, &selection);
	if (selection.list)
		return 0;
	if (!checkrun_suite(suite, table_source)) {
		fprintf(stderr, "functional: no test matches '%s'\n",
			selection.only ? selection.only : "");
		return 2;
	}
	return 0;
}
