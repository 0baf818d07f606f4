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
#include "config.h"
#include "lb_state.h"
#include "plan.h"

static int add_device(const char *pin_dir, const struct cp_config_device *d)
{
	const char *name = d->name;
	struct corepath_up_request req = {
		.pin_dir = pin_dir, .devs = &name, .n_devs = 1, .mode = d->mode};
	struct corepath_attachment at;

	return corepath_up(&req, &at);
}

static int make(const char *pin_dir, const struct change *c)
{
	const char *name = c->device ? c->device->name : NULL;

	switch (c->kind) {
	case DEVICE_ADD:
		return add_device(pin_dir, c->device);
	case DEVICE_DEL:
		return corepath_down(pin_dir, &name, 1);
	case BALANCER_SET:
		return corepath_balancer_set(pin_dir, c->balancer);
	case SIGNATURES:
		return corepath_signatures_set(pin_dir, c->signatures->signatures,
					       c->signatures->n_signatures);
	case RATES_SET:
		return corepath_rates_set(pin_dir, c->rates);
	case SERVICE_ADD: /* make_services() */
	case SERVICE_SET:
	case SERVICE_DEL:
	case BACKEND_ADD:
	case BACKEND_SET:
	case BACKEND_DEL:
	case PREFIX_ADD: /* make_prefixes() */
	case PREFIX_DEL:
		break;
	}
	return cp_fail(EINVAL, "plan: a change of no kind");
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
		list[i] = c[i].prefix;
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

static int make_all(const char *pin_dir, const struct corepath_plan *plan)
{
	const struct change *c = plan->changes, *end = c + plan->n;
	int err = 0;
	size_t n;

	for (; c < end && !err; c += n) {
		n = 1;
		if (is_prefix(c)) {
			while (c + n < end && c[n].kind == c->kind)
				n++;
			err = make_prefixes(pin_dir, c, n);
		} else if (is_service(c)) {
			while (c + n < end && is_service(&c[n]))
				n++;
			err = make_services(pin_dir, c, n);
		} else {
			while (c->kind == SIGNATURES && c + n < end && c[n].kind == SIGNATURES)
				n++; /* all by one call */
			err = make(pin_dir, c);
		}
	}
	return err;
}

static int go(const char *pin_dir, const struct corepath_config *from,
	      const struct corepath_config *to)
{
	struct corepath_plan *plan;
	int err = corepath_plan_make(from, to, &plan);

	if (!err) {
		err = make_all(pin_dir, plan);
		corepath_plan_free(plan);
	}
	return err;
}

/* From what runs now, whatever that is, to `to`. */
static int go_to(const char *pin_dir, const struct corepath_config *to)
{
	struct corepath_config *now;
	int err = corepath_config_running(pin_dir, &now);

	if (!err) {
		err = go(pin_dir, now, to);
		corepath_config_free(now);
	}
	return err;
}

int corepath_config_apply(const char *pin_dir, const struct corepath_config *to)
{
	struct corepath_config *before;
	char why[512];
	int err;

	err = corepath_config_running(pin_dir, &before);
	if (err)
		return err;
	err = go(pin_dir, before, to);
	if (err) {
		snprintf(why, sizeof(why), "%s", corepath_error());
		if (go_to(pin_dir, before)) {
			char worse[256];

			snprintf(worse, sizeof(worse), "%s", corepath_error());
			cp_fail(-err, "%s; and going back to what ran before failed: %s", why,
				worse);
		} else {
			cp_fail(-err, "%s; what ran before runs again", why);
		}
	}
	corepath_config_free(before);
	return err;
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
	err = add_device(pin_dir, &to->devices[0]);
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
