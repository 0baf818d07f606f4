/* SPDX-License-Identifier: GPL-2.0-only */
/* libcorepath: all that counts, at one time. Part of corepath.h, which includes it. */
#ifndef COREPATH_METRICS_H
#define COREPATH_METRICS_H

#include <stdio.h>
#include <corepath.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A table that packets or commands fill. */
struct corepath_table_usage {
	const char *name; /* as it is pinned */
	struct corepath_usage usage;
};

/* What the datapath is attached to by one program. */
struct corepath_hooked {
	enum corepath_hook hook; /* XDP, TC_INGRESS or TC_EGRESS */
	const char *role;	 /* "prefilter", "endpoint", "uplink" */
	char dev[IF_NAMESIZE];
	const char *mode; /* "native", "generic", "tcx", "clsact"; "" if it is not known */
	enum corepath_state state;
};

struct corepath_sample {
	bool up; /* else nothing below is set */
	struct corepath_running running;

	bool has_counters; /* there is a device, or an endpoint */
	struct corepath_counter counters[COREPATH_DROP_COUNT];
	__u64 lost[COREPATH_WATCHERS]; /* events, by watcher, since it began */

	struct corepath_service_info *services;
	size_t n_services;

	struct corepath_signature_info signatures[COREPATH_SIGNATURES_MAX];
	size_t n_signatures;

	struct corepath_hooked *hooks;
	size_t n_hooks;
	size_t n_cgroups[COREPATH_CGROUP_GONE + 1]; /* by enum corepath_cgroup_state */

	struct corepath_table_usage *tables; /* those that are there */
	size_t n_tables;

	struct corepath_endpoint_info *endpoints;
	size_t n_endpoints;
	struct corepath_policy_info *policies;
	size_t n_policies;

	bool has_uplink;
	__u64 uplink[COREPATH_UPLINK_COUNTERS];

	bool has_security;
	struct corepath_security_status security;
};

/*
 * Looks at all there is, and changes nothing. That nothing is up is no error. Each part is whole in
 * itself; a command that runs meanwhile may come between two of them. Takes CAP_BPF alone.
 * corepath_sample_free() frees what it holds.
 */
int corepath_sample(const char *pin_dir, struct corepath_sample *s);
void corepath_sample_free(struct corepath_sample *s);

enum corepath_metrics_format {
	COREPATH_METRICS_TEXT,	      /* Prometheus' text format, version 0.0.4 */
	COREPATH_METRICS_OPENMETRICS, /* OpenMetrics 1.0.0 */
};

/* Its value of Content-Type. */
const char *corepath_metrics_type(enum corepath_metrics_format format);

/* Writes the sample. What could not be written, ferror() says. */
void corepath_metrics_write(const struct corepath_sample *s, enum corepath_metrics_format format,
			    FILE *to);

/* Where 'corepath metrics' listens if nothing is said. 9435 would be ebpf_exporter's, which is at
 * home on the same hosts, and all of 9100 to 9999 is given away:
 * https://github.com/prometheus/prometheus/wiki/Default-port-allocations */
#define COREPATH_METRICS_PORT 19435

#ifdef __cplusplus
}
#endif

#endif
