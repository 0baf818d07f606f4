/* SPDX-License-Identifier: GPL-2.0-only */
/* A plan: what plan.c makes and apply.c makes so. */
#ifndef COREPATH_PLAN_H
#define COREPATH_PLAN_H

#include "config.h"

enum kind {
	DEVICE_ADD,
	BALANCER_SET,
	PREFIX_ADD,
	SIGNATURES,
	RATES_SET,
	SERVICE_ADD,
	SERVICE_SET,
	BACKEND_ADD,
	BACKEND_SET,
	BACKEND_DEL,
	SERVICE_DEL,
	ENDPOINT_ADD,
	ENDPOINT_SET,
	ENDPOINT_DEL,
	POLICY_ADD,
	POLICY_DEL,
	IDENTITY_ADD,
	IDENTITY_DEL,
	CT_SET,
	UPLINK_SET,
	UPLINK_ADD, /* to one of its lists */
	UPLINK_DEL,
	UPLINK_ATTACH,
	UPLINK_DETACH,
	SOCKETS_UP,
	SOCKETS_DOWN,
	SECURITY,
	PREFIX_DEL,
	DEVICE_DEL,
};

/* What a change is of: elements of the configurations the plan was made from, which must stay. */
struct change {
	enum kind kind;
	char *text;
	const struct cp_config_device *device;
	const struct corepath_balancer *balancer;
	const struct corepath_config *signatures; /* whose are to be in force */
	const struct corepath_rates *rates;
	const struct corepath_prefix *prefix;
	const struct corepath_service_spec *service;
	const struct corepath_backend_spec *backend;
	const struct cp_config_endpoint *endpoint;
	const struct corepath_policy_spec *policy;
	const struct corepath_identity_info *identity;
	const struct corepath_ct_settings *ct;
	const struct corepath_uplink *uplink;
	enum corepath_uplink_list which; /* whose prefix */
	const struct cp_config_tc_device *uplink_device;
	const struct cp_config_cgroup *cgroup;
	const struct cp_config_rules *rules;
};

struct corepath_plan {
	const struct corepath_config *from, *to;
	struct change *changes;
	size_t n;
	int err; /* of the first that could not be noted */
};

/* A scratch one if there is no memory, so that nobody has to ask; plan->err has it. */
struct change *cp_plan_note(struct corepath_plan *plan, enum kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Maps that are there have the size they were made with: a file that wants another one (0: none is
 * given) is told so before anything is changed. */
bool cp_plan_keeps_size(struct corepath_plan *plan, const char *key, const char *maps, __u32 has,
			__u32 wants);

typedef int cp_plan_compare(const void *a, const void *b);

/* `was` or `will` NULL: it comes, or goes. */
typedef void cp_plan_pair(struct corepath_plan *plan, const void *was, const void *will);

struct cp_plan_list {
	const void *list;
	size_t n;
};

#define CP_PLAN_LIST(config, name) ((struct cp_plan_list){(config)->name, (config)->n_##name})

/* Calls fn for each element of either list, in their order, with those that compare equal in one
 * call. */
void cp_plan_pairs(struct corepath_plan *plan, struct cp_plan_list was, struct cp_plan_list will,
		   size_t size, cp_plan_compare *compare, cp_plan_pair *fn);

/* plan_tc.c: connection tracking, endpoints, policies, identities, the uplink. */
void cp_plan_tc(struct corepath_plan *plan);
void cp_plan_policy(struct corepath_plan *plan, enum kind kind, char sign,
		    const struct corepath_policy_spec *p);

/* plan_host.c: sockets; and, after all else, rules of processes. */
void cp_plan_sockets(struct corepath_plan *plan);
void cp_plan_rules(struct corepath_plan *plan);

#endif
