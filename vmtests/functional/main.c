// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional: what the datapath does with packets, one result line per test.
 *
 *	functional [--list] [--only PATTERN] [--GROUP...] [TABLE.json...]
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

typedef void (*add_fn)(Suite *suite, const struct selection *selection);

/* What is tested besides tables; the kernel modules that a group needs are in vmtests/README.md. */
static const struct group {
	const char *flag, *text;
	add_fn add[12];
} groups[] = {
	{"traffic",
	 "real traffic between namespaces",
	 {traffic_add, lb_traffic_add, lb_datagrams_add, config_add, config_scale_add, events_add,
	  metrics_add, sock_close_add, errors_add}},
	{"sockets", "sockets of this host, in a cgroup", {sock_lb_add, privileges_add}},
	{"tc",
	 "traffic of endpoints and the uplink, on tc hooks",
	 {tc_traffic_add, tc_flows_add, tc_full_add, tc_svc_add, tc_proxy_add, uplink_traffic_add,
	  uplink_rollback_add, uplink_forward_add, uplink_host_add, privileges_tc_add,
	  config_whole_add, malformed_tc_add}},
	{"security",
	 "processes, watched and under rules",
	 {process_add, process_paths_add, rules_add, rules_power_add, rules_escape_add,
	  rules_life_add, rules_builtin_add, rules_scope_add, rules_running_add, rules_attr_add,
	  rules_escape_file_add, config_rules_add}},
	{"preflight",
	 "what preflight says of this kernel, and what then happens",
	 {preflight_add, preflight_tc_add, preflight_rules_add}},
	{"overlay", "rules about files of an overlay", {rules_overlay_add}},
	{"largest",
	 "10,000 services with ten backends each, and a million events",
	 {config_largest_add, events_many_add}},
	{"upgrade",
	 "other versions in the place of the one that runs",
	 {upgrade_add, upgrade_links_add}},
	{"malformed", "a hundred thousand broken packets", {malformed_add}},
};

#define GROUPS (sizeof(groups) / sizeof(*groups))

static void usage(FILE *to)
{
	fputs("usage: functional [--list] [--only PATTERN] [--GROUP...] [TABLE.json...]\n"
	      "Runs each row of the tables through the datapath, and the groups of tests named.\n"
	      "  --list          print the names of the tests, run none\n"
	      "  --only PATTERN  tests whose name matches, such as 'functional.prefilter.v6_*'\n",
	      to);
	for (size_t i = 0; i < GROUPS; i++)
		fprintf(to, "  --%-13s %s\n", groups[i].flag, groups[i].text);
	fputs("example: functional prefilter.json --traffic\n", to);
}

static void add_group(const struct group *group, Suite *suite, const struct selection *selection)
{
	for (size_t i = 0; i < sizeof(group->add) / sizeof(*group->add) && group->add[i]; i++)
		group->add[i](suite, selection);
}

int main(int argc, char **argv)
{
	enum { LIST = GROUPS, ONLY, HELP };
	struct option options[GROUPS + 4] = {
		[LIST] = {"list", no_argument, NULL, LIST},
		[ONLY] = {"only", required_argument, NULL, ONLY},
		[HELP] = {"help", no_argument, NULL, HELP},
	};
	Suite *suite = suite_create("functional");
	struct selection selection = {};
	bool wanted[GROUPS] = {}, any = false;
	int option;

	for (size_t i = 0; i < GROUPS; i++)
		options[i] = (struct option){groups[i].flag, no_argument, NULL, i};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == ONLY) {
			selection.only = optarg;
		} else if (option == LIST) {
			selection.list = true;
		} else if (option >= 0 && option < (int)GROUPS) {
			wanted[option] = any = true;
		} else {
			usage(option == HELP ? stdout : stderr);
			return option == HELP ? 0 : 2;
		}
	}
	if (optind == argc && !any) {
		fputs("functional: neither a table nor a group: nothing to test\n", stderr);
		usage(stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		table_add(suite, argv[i], &selection);
	for (size_t i = 0; i < GROUPS; i++)
		if (wanted[i])
			add_group(&groups[i], suite, &selection);
	if (selection.list)
		return 0;
	if (!checkrun_suite(suite, table_source)) {
		fprintf(stderr, "functional: no test matches '%s'\n",
			selection.only ? selection.only : "");
		return 2;
	}
	return 0;
}
