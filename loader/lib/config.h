/* SPDX-License-Identifier: GPL-2.0-only */
/* What a configuration is: the same for a file and for what runs. */
#ifndef COREPATH_CONFIG_H
#define COREPATH_CONFIG_H

#include "corepath.h"

struct cp_config_device {
	char name[IF_NAMESIZE];
	enum corepath_xdp_mode mode;
};

struct cp_config_tc_device {
	char name[IF_NAMESIZE];
	enum corepath_tc_mode mode;
};

struct cp_config_endpoint {
	struct corepath_endpoint_spec spec;
	enum corepath_tc_mode mode;
	bool gone; /* its device is; of what runs */
};

/* A specification first, so that it can be taken for one; and where a file has it. */
struct cp_config_policy {
	struct corepath_policy_spec spec;
	size_t line;
};

struct cp_config_identity {
	struct corepath_identity_info info;
	size_t line;
};

struct cp_config_cgroup {
	char *path;
	__u64 id; /* its inode number; 0: there is none there */
};

/* What a file may leave to the commands that it is of: then it is as they leave it. */
enum cp_config_part {
	CP_PART_UPLINK = 1 << 0,
	CP_PART_ENDPOINTS = 1 << 1,
	CP_PART_POLICIES = 1 << 2,
	CP_PART_IDENTITIES = 1 << 3,
	CP_PART_SOCKETS = 1 << 4,
	CP_PART_SECURITY = 1 << 5,
	CP_PART_CT = 1 << 6,
	CP_PARTS_ALL = (1 << 7) - 1,
};

struct corepath_config {
	unsigned int parts; /* bits of enum cp_config_part: those there are */
	struct cp_config_device *devices;
	size_t n_devices;
	__u32 max_prefixes; /* of each family that there is room for; 0: whatever the tries have */
	struct corepath_prefix *prefixes;
	size_t n_prefixes;
	struct corepath_signature *signatures; /* their slots mean nothing */
	size_t n_signatures;
	struct corepath_rates rates;
	struct corepath_balancer balancer;
	struct corepath_service_info *services;
	size_t n_services;
	struct corepath_ct_settings ct; /* max 0: whatever the tables have */
	struct corepath_uplink uplink;
	struct cp_config_tc_device *uplink_devices;
	size_t n_uplink_devices;
	struct corepath_prefix *uplink_lists[2]; /* by enum corepath_uplink_list */
	size_t n_uplink_lists[2];
	struct cp_config_endpoint *endpoints;
	size_t n_endpoints;
	struct cp_config_policy *policies; /* of endpoints that are there, and of the host */
	size_t n_policies;
	struct cp_config_identity *identities; /* but for those of endpoints' own addresses */
	size_t n_identities;
	struct cp_config_cgroup *cgroups; /* whose sockets are balanced */
	size_t n_cgroups;
	struct cp_config_rules *rules; /* of processes; NULL: none */
};

/* config_tc.c: what runs of these, and freeing them. */
int cp_config_running_tc(const char *pin_dir, struct corepath_config *c);
void cp_config_free_tc(struct corepath_config *c);

/* config_host.c: sockets and rules, likewise. */
int cp_config_running_host(const char *pin_dir, struct corepath_config *c);
void cp_config_free_host(struct corepath_config *c);

/* The endpoint of that device, if it is there and not gone. */
const struct cp_config_endpoint *cp_config_find_endpoint(const struct corepath_config *c,
							 const char *dev);

/* Grows an array to hold one more element and returns that, zeroed; NULL after an error text. Only
 * for arrays that were never grown by anything else. */
void *cp_config_more(void *array, size_t *n, size_t size);

/* By family, address, length: the order of corepath_prefix_list(). */
int cp_config_compare_prefix(const void *a, const void *b);

/* By their numbers. */
const struct corepath_signature *cp_config_find_signature(const struct corepath_config *c,
							  __u32 id);

/* Of two services, struct corepath_service_info, which one each is. */
int cp_config_compare_service(const void *a, const void *b);

#endif
