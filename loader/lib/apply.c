// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a configuration run. Each change of a plan is one call of the library, and so whole. A
 * change that fails is answered by going back: the way from what runs then to what ran before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "apply.h"
#include "config.h"
#include "config_rules.h"
#include "lb_state.h"

/* Of a configuration `to`, which says how large the tries are if this makes them. */
static int add_device(const char *pin_dir, const struct corepath_config *to,
		      const struct cp_config_device *d)
{
	const char *name = d->name;
	struct corepath_up_request req = {
		.pin_dir = pin_dir,
		.devs = &name,
		.n_devs = 1,
		.mode = d->mode,
		.max_prefixes = to->max_prefixes,
	};
	struct corepath_attachment at;

	return corepath_up(&req, &at);
}

/* They are the last change of a plan, and if it fails, are as they were: there is no way back to
 * make. */
static int make_rules(const char *pin_dir, const struct cp_config_rules *r)
{
	struct cp_rules rules;

	if (!r)
		return corepath_security_unload(pin_dir);
	if (!r->rules.n)
		return cp_fail(EINVAL, "security: no rule is in force any more; run 'corepath "
				       "security load'");
	rules = r->rules;
	return cp_security_put(pin_dir, &rules);
}

static int make(const char *pin_dir, const struct corepath_config *to, const struct change *c)
{
	const char *name = c->device ? c->device->name : NULL;

	switch (c->kind) {
	case DEVICE_ADD:
		return add_device(pin_dir, to, c->device);
	case DEVICE_DEL:
		return corepath_down(pin_dir, &name, 1);
	case BALANCER_SET:
		return corepath_balancer_set(pin_dir, c->balancer);
	case SIGNATURES:
		return corepath_signatures_set(pin_dir, c->signatures->signatures,
					       c->signatures->n_signatures);
	case RATES_SET:
		return corepath_rates_set(pin_dir, c->rates);
	case SOCKETS_UP:
		return corepath_socket_up(pin_dir, c->cgroup->path);
	case SOCKETS_DOWN:
		return corepath_socket_down(pin_dir, c->cgroup->path);
	case SECURITY:
		return make_rules(pin_dir, c->rules);
	default: /* make_run() */
		return cp_fail(EINVAL, "plan: a change of no kind");
	}
}

static bool is_prefix(const struct change *c)
{
	return c->kind == PREFIX_ADD || c->kind == PREFIX_DEL;
}

/* A run of changes of prefixes, of which there may be tens of thousands, in one call. */
static int make_prefixes(const char *pin_dir, const struct change *c, size_t n)
{
	struct corepath_prefix *list = calloc(n, sizeof(*list));
	size_t i;
	int err;

	if (!list)
		return cp_fail(ENOMEM, "prefixes: out of memory; free some");
	for (i = 0; i < n; i++)
		list[i] = *c[i].prefix;
	err = c->kind == PREFIX_ADD ? corepath_prefix_add(pin_dir, list, n)
				    : corepath_prefix_del(pin_dir, list, n);
	free(list);
	return err;
}

static bool is_service(const struct change *c)
{
	return c->kind == SERVICE_ADD || c->kind == SERVICE_SET || c->kind == SERVICE_DEL ||
	       c->kind == BACKEND_ADD || c->kind == BACKEND_SET || c->kind == BACKEND_DEL;
}

static int make_service(struct cp_lb *lb, const struct change *c)
{
	switch (c->kind) {
	case SERVICE_ADD:
		return cp_service_add(lb, c->service);
	case SERVICE_SET:
		return cp_service_set(lb, c->service);
	case SERVICE_DEL:
		return cp_service_del(lb, &c->service->id);
	case BACKEND_ADD:
		return cp_backend_add(lb, &c->service->id, c->backend);
	case BACKEND_SET:
		return cp_backend_set(lb, &c->service->id, c->backend);
	default:
		return cp_backend_del(lb, &c->service->id, c->backend);
	}
}

/* A run of changes of services and backends, of which there may be thousands: what is there is read
 * once. */
static int make_services(const char *pin_dir, const struct change *c, size_t n)
{
	struct cp_lb lb;
	size_t i;
	int err;

	cp_note("%s", "");
	err = cp_lb_open(&lb, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = make_service(&lb, &c[i]);
	return cp_lb_finish(&lb, err);
}

/* The change, or the run of changes that begins with it and that one call makes: *n of them. */
static int make_run(const char *pin_dir, const struct corepath_config *to, const struct change *c,
		    const struct change *end, size_t *n)
{
	int err = cp_apply_tc(pin_dir, c, end, n);

	if (err || *n)
		return err;
	*n = 1;
	if (is_prefix(c)) {
		while (c + *n < end && c[*n].kind == c->kind)
			++*n;
		return make_prefixes(pin_dir, c, *n);
	}
	if (is_service(c)) {
		while (c + *n < end && is_service(&c[*n]))
			++*n;
		return make_services(pin_dir, c, *n);
	}
	while ((c->kind == SIGNATURES || c->kind == SECURITY) && c + *n < end &&
	       c[*n].kind == c->kind)
		++*n; /* all by one call */
	return make(pin_dir, to, c);
}

static int make_all(const char *pin_dir, const struct corepath_plan *plan)
{
	const struct change *c = plan->changes, *end = c + plan->n;
	int err = 0;
	size_t n;

	for (; c < end && !err; c += n)
		err = make_run(pin_dir, plan->to, c, end, &n);
	return err;
}

/* From what runs now, whatever that is, to `to`. */
static int go_to(const char *pin_dir, const struct corepath_config *to)
{
	struct corepath_config *now;
	struct corepath_plan *plan;
	int err = corepath_config_running(pin_dir, &now);

	if (err)
		return err;
	err = corepath_plan_make(now, to, &plan);
	if (!err) {
		err = make_all(pin_dir, plan);
		corepath_plan_free(plan);
	}
	corepath_config_free(now);
	return err;
}

int corepath_plan_apply(const char *pin_dir, const struct corepath_plan *plan)
{
	int err = make_all(pin_dir, plan);
	char why[512], worse[256];

	if (!err)
		return 0;
	snprintf(why, sizeof(why), "%s", corepath_error());
	if (go_to(pin_dir, plan->from)) {
		snprintf(worse, sizeof(worse), "%s", corepath_error());
		return cp_fail(-err, "%s; and going back to what ran before failed: %s", why,
			       worse);
	}
	return cp_fail(-err, "%s; what ran before runs again", why);
}

int corepath_config_up(const char *pin_dir, const struct corepath_config *to)
{
	char why[512];
	int err;

	if (!to->n_devices)
		return cp_fail(EINVAL, "no device to attach to; name one under 'devices'");
	if (!access(pin_dir, F_OK))
		return cp_fail(EEXIST,
			       "%s: the datapath is up already; 'corepath reload' changes it, "
			       "'corepath down' ends it",
			       pin_dir);
	err = add_device(pin_dir, to, &to->devices[0]);
	if (err)
		return err;
	err = go_to(pin_dir, to);
	if (err) {
		snprintf(why, sizeof(why), "%s", corepath_error());
		corepath_down(pin_dir, NULL, 0);
		cp_fail(-err, "%s; nothing was left up", why);
	}
	return err;
}
