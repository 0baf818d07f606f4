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
	struct corepath_prefix prefix;
	const struct corepath_service_spec *service;
	const struct corepath_backend_spec *backend;
};

struct corepath_plan {
	struct change *changes;
	size_t n;
	int err; /* of the first that could not be noted */
};

#endif
