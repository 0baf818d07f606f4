/* SPDX-License-Identifier: GPL-2.0-only */
/* Simulating tc hooks: whose packets are run, and what is told of them besides. */
#ifndef COREPATH_SIMULATE_TC_H
#define COREPATH_SIMULATE_TC_H

#include "config.h"
#include "corepath_simulate.h"
#include "internal.h"

struct cp_sim_tc {
	const char *dev;
	const struct cp_config_endpoint *endpoint; /* whose it is; NULL: an uplink's */
	bool both_ways, egress;
	int programs[2]; /* of ingress and egress */
	__u32 ifindex;
	int identities, nat_out;
	int flows[2]; /* connections that were answered, and others */
	struct corepath_policy_info *rules;
	size_t n_rules;
	const struct corepath_config *config;
	const char *pin_dir;
	unsigned char mac[6]; /* the device's, if it was given one */
	bool no_origin;	      /* the kernel takes none (before 5.17) */
};

/* simulate_net.c: makes devices of these names, veth pairs whose other ends are in another network
 * namespace, as workloads have them. Returns that one's descriptor: they go when it is closed. */
int cp_sim_devices(const struct corepath_config *config);

/* Gives the device that MAC address. */
int cp_sim_own(const char *dev, const unsigned char *mac);

/* Whose hook it is: that device's, or (NULL) the only one's of the configuration, which must stay.
 */
int cp_sim_tc_find(struct cp_sim_tc *tc, const struct corepath_config *config,
		   const struct corepath_simulate_request *req);

/* Opens what the hook is about, when that is up. */
int cp_sim_tc_open(struct cp_sim_tc *tc, const char *pin_dir);
void cp_sim_tc_close(struct cp_sim_tc *tc);

/* Runs a frame; v has the hook, the action, the frame that is left, identities, and whether the
 * flow was masqueraded before. */
int cp_sim_tc_run(struct cp_sim_tc *tc, const void *frame, size_t length,
		  struct corepath_outcome *v);

/* After v->reason is known: which rule decided, and the connection. */
int cp_sim_tc_tell(struct cp_sim_tc *tc, struct corepath_outcome *v);

#endif
