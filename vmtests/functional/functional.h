/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of the functional suite. Each adds its test cases to the suite given. */
#ifndef FUNCTIONAL_H
#define FUNCTIONAL_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>

struct selection {
	const char *only; /* a pattern (fnmatch) of the names wanted, or NULL for all */
	bool list;	  /* print the names instead of running */
};

/* Whether to run @test. Prints it when it is only to be listed. */
bool functional_selected(const struct selection *selection, const char *test);

/*
 * Adds one test per row of the JSON table at @path (functional/gen_cases.py makes it); they are
 * named functional.TABLE.ROW after the file. A table that cannot be read ends the program.
 */
void table_add(Suite *suite, const char *path, const struct selection *selection);

/* The line of the Python table that @test comes from, for its result line; NULL if from none. */
json_t *table_source(const char *test);

/* A test that is a function; tests that share one are told apart by their index. */
struct functional_test {
	const char *test; /* functional.GROUP.NAME */
	void (*run)(int index);
	int index;
};

/* Adds those of the table that are selected. The table must stay. */
void functional_add(Suite *suite, const struct selection *selection,
		    const struct functional_test *tests, size_t n);

/* Adds one test, run by @run with @index as its _i. */
void functional_add_case(Suite *suite, const char *test, const TTest *run, int index, int timeout);

/* The same for tests that may take more seconds than CHECKRUN_TIMEOUT. */
void functional_add_long(Suite *suite, const struct selection *selection,
			 const struct functional_test *tests, size_t n, int timeout);

/* Adds the tests that send real packets through the corepath command, functional.traffic.*. */
void traffic_add(Suite *suite, const struct selection *selection);

/* Adds those that send connections through the load balancer, functional.lb_traffic.*. */
void lb_traffic_add(Suite *suite, const struct selection *selection);
void lb_datagrams_add(Suite *suite, const struct selection *selection);

/* Adds those that send malformed packets through the chain, functional.malformed.*. */
void malformed_add(Suite *suite, const struct selection *selection);
void malformed_tc_add(Suite *suite, const struct selection *selection);

/* Adds those of the sockets of this host, functional.sock_lb.*. */
void sock_lb_add(Suite *suite, const struct selection *selection);

/* Adds those of them that need modules on kernels whose BPF cannot close sockets. */
void sock_close_add(Suite *suite, const struct selection *selection);

/* Adds those of a datapath from a file, functional.config.*. */
void config_add(Suite *suite, const struct selection *selection);

/* Adds those of a file with all that is on tc hooks, functional.config_whole.*. */
void config_whole_add(Suite *suite, const struct selection *selection);

/* Adds that of a file with rules of processes, functional.config_rules.*. */
void config_rules_add(Suite *suite, const struct selection *selection);

/* Adds those of what is counted and how it is shown, functional.metrics.*. */
void metrics_add(Suite *suite, const struct selection *selection);

/* Adds that of a file with thousands of services. */
void config_scale_add(Suite *suite, const struct selection *selection);
void config_largest_add(Suite *suite, const struct selection *selection);

/* Adds those of what the command says of this kernel, functional.preflight.*; of tc hooks; and of
 * rules. */
void preflight_add(Suite *suite, const struct selection *selection);
void preflight_tc_add(Suite *suite, const struct selection *selection);
void preflight_rules_add(Suite *suite, const struct selection *selection);

/* Adds those of what stands in a command's way, functional.errors.*. */
void errors_add(Suite *suite, const struct selection *selection);

/* Adds those that watch packets being dropped, functional.events.*. */
void events_add(Suite *suite, const struct selection *selection);
void events_many_add(Suite *suite, const struct selection *selection);

/* Adds those that watch processes, functional.process.*, and those of the paths they are told
 * under. */
void process_add(Suite *suite, const struct selection *selection);
void process_paths_add(Suite *suite, const struct selection *selection);

/* Adds those under rules, functional.rules.*, and those that try to get around them. */
void rules_add(Suite *suite, const struct selection *selection);
void rules_power_add(Suite *suite, const struct selection *selection);
void rules_escape_add(Suite *suite, const struct selection *selection);
void rules_life_add(Suite *suite, const struct selection *selection);
void rules_builtin_add(Suite *suite, const struct selection *selection);
void rules_attr_add(Suite *suite, const struct selection *selection);
void rules_escape_file_add(Suite *suite, const struct selection *selection);
void rules_overlay_add(Suite *suite, const struct selection *selection);
void rules_scope_add(Suite *suite, const struct selection *selection);
void rules_running_add(Suite *suite, const struct selection *selection);

/* Adds those that attach to tc hooks, functional.tc_traffic.*. */
void tc_traffic_add(Suite *suite, const struct selection *selection);

/* Add those of the uplink, functional.uplink.*. */
void uplink_traffic_add(Suite *suite, const struct selection *selection);
void uplink_rollback_add(Suite *suite, const struct selection *selection);
void uplink_forward_add(Suite *suite, const struct selection *selection);
void uplink_host_add(Suite *suite, const struct selection *selection);

/* Adds those of connections between endpoints, functional.tc_flows.*. */
void tc_flows_add(Suite *suite, const struct selection *selection);

/* Adds those of endpoints that connect to services, functional.tc_svc_traffic.*. */
void tc_svc_add(Suite *suite, const struct selection *selection);

/* Adds those of endpoints whose policy names a proxy, functional.tc_proxy.*. */
void tc_proxy_add(Suite *suite, const struct selection *selection);

/* Adds that of a full table of connections, functional.tc_full.*. */
void tc_full_add(Suite *suite, const struct selection *selection);

/* Adds those of what the command may do, functional.privileges.*, and that which needs tc. */
void privileges_add(Suite *suite, const struct selection *selection);
void privileges_tc_add(Suite *suite, const struct selection *selection);

/* Adds those of an upgrade under traffic, functional.upgrade.*. */
void upgrade_add(Suite *suite, const struct selection *selection);
void upgrade_links_add(Suite *suite, const struct selection *selection);

#endif
