/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the corepath command share. */
#ifndef COREPATH_CMD_H
#define COREPATH_CMD_H

#include "corepath.h"

/* The exit status, in every command. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The command line, parsed. */
struct args {
	const char *pin_dir;
	const char **devs;
	size_t n_devs;
	const char *cgroup; /* NULL if not given */
	enum corepath_xdp_mode mode;
	enum corepath_tc_mode tc_mode;
	__u32 max_prefixes;
	__u32 count;
	__u32 port;
	const char *reason, *kind, *address, *proto, *verdict, *process;
	__u32 seconds;
	const char *from, *since; /* NULL if not given */
	__u32 last;
	__u32 mib;
	bool follow;
	const char *file, *output, *verdicts; /* NULL if not given */
	const char *hook;
	__u32 mtu; /* 0 if not given */
	const char *probe;
	__u32 probe_timeout;
	const char *listen; /* NULL if not given */
	bool once;
	__u32 interval; /* seconds; 0 if not given */
	bool allow;
	bool kill_running;
	bool json;
	bool verbose;
	char **operands;
	size_t n_operands;
};

/* Prints the library's last error, and its log if `with_log`. Returns EXIT_FAILED. */
int report_failure(const struct args *args, bool with_log);

/* Prints which cgroups' sockets are balanced. */
void print_cgroups(const struct corepath_cgroup *list, size_t n);

/* Prints what is wrong with the command line. Returns EXIT_USAGE. */
int report_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The commands. Each returns an exit status. */
int cmd_up(const struct args *args);
int cmd_upgrade(const struct args *args);
int cmd_up_file(const struct args *args);
int cmd_reload(const struct args *args);
int cmd_diff(const struct args *args);
int cmd_preflight(const struct args *args);
int cmd_down(const struct args *args);
int cmd_status(const struct args *args);
int cmd_prefilter_add(const struct args *args);
int cmd_prefilter_del(const struct args *args);
int cmd_prefilter_list(const struct args *args);
int cmd_prefilter_load(const struct args *args);
int cmd_signature_add(const struct args *args);
int cmd_signature_del(const struct args *args);
int cmd_signature_list(const struct args *args);
int cmd_rate_set(const struct args *args);
int cmd_rate_show(const struct args *args);
int cmd_service_add(const struct args *args);
int cmd_service_del(const struct args *args);
int cmd_service_list(const struct args *args);
int cmd_backend_add(const struct args *args);
int cmd_backend_del(const struct args *args);
int cmd_backend_set_state(const struct args *args);
int cmd_balancer_set(const struct args *args);
int cmd_balancer_show(const struct args *args);
int cmd_socket_up(const struct args *args);
int cmd_socket_down(const struct args *args);
int cmd_socket_status(const struct args *args);
int cmd_security_load(const struct args *args);
int cmd_security_unload(const struct args *args);
int cmd_security_status(const struct args *args);
int cmd_security_builtins(const struct args *args);
int cmd_observe(const struct args *args);
int cmd_record(const struct args *args);
int cmd_endpoint_add(const struct args *args);
int cmd_endpoint_del(const struct args *args);
int cmd_endpoint_list(const struct args *args);
int cmd_uplink_attach(const struct args *args);
int cmd_uplink_detach(const struct args *args);
int cmd_uplink_set(const struct args *args);
int cmd_uplink_source(const struct args *args);
int cmd_uplink_exclude(const struct args *args);
int cmd_uplink_show(const struct args *args);
int cmd_uplink_flows(const struct args *args);
int cmd_uplink_sweep(const struct args *args);
int cmd_policy_add(const struct args *args);
int cmd_policy_del(const struct args *args);
int cmd_policy_list(const struct args *args);
int cmd_identity_add(const struct args *args);
int cmd_identity_del(const struct args *args);
int cmd_identity_list(const struct args *args);
int cmd_ct_list(const struct args *args);
int cmd_ct_flush(const struct args *args);
int cmd_ct_gc(const struct args *args);
int cmd_ct_set(const struct args *args);
int cmd_ct_show(const struct args *args);
int cmd_counters(const struct args *args);
int cmd_metrics(const struct args *args);
int cmd_top(const struct args *args);
int cmd_simulate(const struct args *args);
int cmd_help(const struct args *args);
int cmd_version(const struct args *args);

#endif
