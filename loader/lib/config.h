/* SPDX-License-Identifier: GPL-2.0-only */
/* What a configuration is: the same for a file and for what runs. */
#ifndef COREPATH_CONFIG_H
#define COREPATH_CONFIG_H

#include "corepath.h"

struct cp_config_device {
	char name[IF_NAMESIZE];
	enum corepath_xdp_mode mode;
};

struct corepath_config {
	struct cp_config_device *devices;
	size_t n_devices;
	struct corepath_prefix *prefixes;
	size_t n_prefixes;
	struct corepath_signature *signatures; /* their slots mean nothing */
	size_t n_signatures;
	struct corepath_rates rates;
	struct corepath_balancer balancer;
	struct corepath_service_info *services;
	size_t n_services;
};

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
