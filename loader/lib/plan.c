// SPDX-License-Identifier: GPL-2.0-only
/*
 * From one configuration to another, as a list of changes that can be shown and then made.
 *
 * Each change is one call of the library, and so whole. What comes is made before what goes:
 * nothing that is in both configurations is ever without its service. A change that fails is
 * answered by going back: the way from what runs then to what ran before.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "internal.h"

enum kind {
	DEVICE_ADD,
	BALANCER_SET,
	PREFIX_ADD,
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
	struct corepath_prefix prefix;
	const struct corepath_service_spec *service;
	const struct corepath_backend_spec *backend;
};

struct corepath_plan {
	struct change *changes;
	size_t n;
	int err; /* of the first that could not be noted */
};

static struct change *note(struct corepath_plan *plan, enum kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A scratch one if there is no memory, so that nobody has to ask; plan->err has it. */
static struct change *note(struct corepath_plan *plan, enum kind kind, const char *fmt, ...)
{
	static struct change scratch;
	struct change *c;
	va_list ap;

	c = cp_config_more(&plan->changes, &plan->n, sizeof(*c));
	if (!c) {
		plan->err = -ENOMEM;
		return &scratch;
	}
	c->kind = kind;
	va_start(ap, fmt);
	if (vasprintf(&c->text, fmt, ap) < 0) {
		c->text = NULL;
		plan->err = cp_fail(ENOMEM, "plan: out of memory; free some");
	}
	va_end(ap);
	return c;
}

/* ---- what differs ---- */

static const struct cp_config_device *find_device(const struct corepath_config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_devices; i++)
		if (!strcmp(c->devices[i].name, name))
			return &c->devices[i];
	return NULL;
}

/* "auto" is content with what there is. */
static bool device_stays(const struct corepath_config *from, const struct cp_config_device *d)
{
	const struct cp_config_device *now = find_device(from, d->name);

	return now && (d->mode == COREPATH_XDP_AUTO || d->mode == now->mode);
}

static void note_device(struct corepath_plan *plan, enum kind kind,
			const struct cp_config_device *d)
{
	note(plan, kind, kind == DEVICE_ADD ? "+ device %s xdp=%s" : "- device %s", d->name,
	     corepath_xdp_mode_name(d->mode))
		->device = d;
}

/* One that changes its mode goes and comes, and lets everything pass in between. */
static void plan_devices(struct corepath_plan *plan, const struct corepath_config *from,
			 const struct corepath_config *to)
{
	const struct cp_config_device *now;
	size_t i;

	for (i = 0; i < to->n_devices; i++) {
		if (device_stays(from, &to->devices[i]))
			continue;
		now = find_device(from, to->devices[i].name);
		if (now)
			note_device(plan, DEVICE_DEL, now);
		note_device(plan, DEVICE_ADD, &to->devices[i]);
	}
}

static void plan_devices_gone(struct corepath_plan *plan, const struct corepath_config *from,
			      const struct corepath_config *to)
{
	size_t i;

	for (i = 0; i < from->n_devices; i++)
		if (!find_device(to, from->devices[i].name))
			note_device(plan, DEVICE_DEL, &from->devices[i]);
}

static void plan_balancer(struct corepath_plan *plan, const struct corepath_config *from,
			  const struct corepath_config *to)
{
	const struct corepath_balancer *a = &from->balancer, *b = &to->balancer;
	char text4[COREPATH_PREFIX_STRLEN], text6[COREPATH_PREFIX_STRLEN];

	if (!cp_config_compare_prefix(&a->source4, &b->source4) &&
	    !cp_config_compare_prefix(&a->source6, &b->source6) && a->mtu == b->mtu &&
	    a->conn_rate == b->conn_rate)
		return;
	note(plan, BALANCER_SET, "~ balancer source4=%s source6=%s mtu=%u conn-rate=%u",
	     corepath_prefix_format(&b->source4, text4), corepath_prefix_format(&b->source6, text6),
	     b->mtu, b->conn_rate)
		->balancer = b;
}

static struct corepath_prefix *sorted(const struct corepath_config *c)
{
	struct corepath_prefix *copy = calloc(c->n_prefixes + 1, sizeof(*copy));

	if (copy) {
		memcpy(copy, c->prefixes, c->n_prefixes * sizeof(*copy));
		qsort(copy, c->n_prefixes, sizeof(*copy), cp_config_compare_prefix);
	}
	return copy;
}

static void note_prefix(struct corepath_plan *plan, enum kind kind, char sign,
			const struct corepath_prefix *p)
{
	char text[COREPATH_PREFIX_STRLEN];

	note(plan, kind, "%c %s %s", sign, p->verdict == COREPATH_DENY ? "deny" : "allow",
	     corepath_prefix_format(p, text))
		->prefix = *p;
}

/* Only what comes, or only what goes. */
static void plan_prefixes(struct corepath_plan *plan, const struct corepath_config *from,
			  const struct corepath_config *to, bool goes)
{
	struct corepath_prefix *a = sorted(from), *b = sorted(to);
	size_t i = 0, j = 0;
	int d;

	if (!a || !b)
		plan->err = cp_fail(ENOMEM, "plan: out of memory; free some");
	while (!plan->err && (i < from->n_prefixes || j < to->n_prefixes)) {
		d = i == from->n_prefixes ? 1
		    : j == to->n_prefixes ? -1
					  : cp_config_compare_prefix(&a[i], &b[j]);
		if (d < 0 && goes)
			note_prefix(plan, PREFIX_DEL, '-', &a[i]);
		else if (d >= 0 && !goes && (d > 0 || a[i].verdict != b[j].verdict))
			note_prefix(plan, PREFIX_ADD, d ? '+' : '~', &b[j]);
		i += d <= 0;
		j += d >= 0;
	}
	free(a);
	free(b);
}

static bool same_sources(const struct corepath_service_spec *a,
			 const struct corepath_service_spec *b)
{
	size_t i, j;

	if (a->n_sources != b->n_sources)
		return false;
	for (i = 0; i < a->n_sources; i++) {
		for (j = 0; j < b->n_sources; j++)
			if (!cp_config_compare_prefix(&a->sources[i], &b->sources[j]))
				break;
		if (j == b->n_sources)
			return false;
	}
	return true;
}

static bool wants_sockets(const struct corepath_service_spec *s)
{
	return s->sockets == COREPATH_SOCKETS_YES ||
	       (s->sockets == COREPATH_SOCKETS_DEFAULT && s->mode == COREPATH_LB_NAT);
}

static bool same_service(const struct corepath_service_spec *a,
			 const struct corepath_service_spec *b)
{
	return a->mode == b->mode && a->affinity_s == b->affinity_s && a->rate == b->rate &&
	       (!a->rate || a->rate_s == b->rate_s) && wants_sockets(a) == wants_sockets(b) &&
	       same_sources(a, b);
}

static bool same_backend(const struct corepath_backend_spec *a,
			 const struct corepath_backend_spec *b)
{
	return a->weight == b->weight && a->state == b->state &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac));
}

static const struct corepath_backend_spec *find_backend(const struct corepath_service_info *s,
							const struct corepath_backend_spec *b)
{
	size_t i;

	for (i = 0; i < s->n_backends; i++)
		if (s->backends[i].port == b->port &&
		    !memcmp(&s->backends[i].addr, &b->addr, sizeof(b->addr)))
			return &s->backends[i];
	return NULL;
}

static const struct corepath_service_info *find_service(const struct corepath_config *c,
							const struct corepath_service_id *id)
{
	size_t i;

	for (i = 0; i < c->n_services; i++)
		if (!memcmp(&c->services[i].spec.id, id, sizeof(*id)))
			return &c->services[i];
	return NULL;
}

static void note_backend(struct corepath_plan *plan, enum kind kind,
			 const struct corepath_service_spec *service,
			 const struct corepath_backend_spec *b)
{
	char id[COREPATH_SERVICE_STRLEN], text[COREPATH_SERVICE_STRLEN];
	struct change *c;

	c = note(plan, kind, "%c backend %s %s weight=%u state=%s",
		 kind == BACKEND_ADD   ? '+'
		 : kind == BACKEND_DEL ? '-'
				       : '~',
		 corepath_service_format(&service->id, id),
		 corepath_endpoint_format(&b->addr, b->port, text), b->weight,
		 corepath_backend_state_name(b->state));
	c->service = service;
	c->backend = b;
}

static void note_service(struct corepath_plan *plan, enum kind kind,
			 const struct corepath_service_spec *s)
{
	char id[COREPATH_SERVICE_STRLEN];

	note(plan, kind, "%c service %s mode=%s affinity=%u rate=%u sources=%zu",
	     kind == SERVICE_ADD   ? '+'
	     : kind == SERVICE_DEL ? '-'
				   : '~',
	     corepath_service_format(&s->id, id), corepath_lb_mode_name(s->mode), s->affinity_s,
	     s->rate, s->n_sources)
		->service = s;
}

/* What a service's backends lack and have too many; `was` NULL: it is new. */
static void plan_backends(struct corepath_plan *plan, const struct corepath_service_info *was,
			  const struct corepath_service_info *will)
{
	const struct corepath_backend_spec *b;
	size_t i;

	for (i = 0; i < will->n_backends; i++) {
		b = was ? find_backend(was, &will->backends[i]) : NULL;
		if (!b)
			note_backend(plan, BACKEND_ADD, &will->spec, &will->backends[i]);
		else if (!same_backend(b, &will->backends[i]))
			note_backend(plan, BACKEND_SET, &will->spec, &will->backends[i]);
	}
	for (i = 0; was && i < was->n_backends; i++)
		if (!find_backend(will, &was->backends[i]))
			note_backend(plan, BACKEND_DEL, &will->spec, &was->backends[i]);
}

static void plan_services(struct corepath_plan *plan, const struct corepath_config *from,
			  const struct corepath_config *to)
{
	size_t i;

	for (i = 0; i < to->n_services; i++) {
		const struct corepath_service_info *will = &to->services[i];
		const struct corepath_service_info *was = find_service(from, &will->spec.id);
		bool anew = was && (was->spec.mode == COREPATH_LB_NAT) !=
					   (will->spec.mode == COREPATH_LB_NAT);

		if (anew) /* other backends altogether */
			note_service(plan, SERVICE_DEL, &was->spec);
		if (!was || anew)
			note_service(plan, SERVICE_ADD, &will->spec);
		else if (!same_service(&was->spec, &will->spec))
			note_service(plan, SERVICE_SET, &will->spec);
		plan_backends(plan, anew ? NULL : was, will);
	}
	for (i = 0; i < from->n_services; i++)
		if (!find_service(to, &from->services[i].spec.id))
			note_service(plan, SERVICE_DEL, &from->services[i].spec);
}

int corepath_plan_make(const struct corepath_config *from, const struct corepath_config *to,
		       struct corepath_plan **plan)
{
	struct corepath_plan *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return cp_fail(ENOMEM, "plan: out of memory; free some");
	plan_devices(p, from, to);
	plan_balancer(p, from, to);
	plan_prefixes(p, from, to, false);
	plan_services(p, from, to);
	plan_prefixes(p, from, to, true);
	plan_devices_gone(p, from, to);
	err = p->err;
	if (err)
		corepath_plan_free(p);
	else
		*plan = p;
	return err;
}

size_t corepath_plan_size(const struct corepath_plan *plan)
{
	return plan->n;
}

const char *corepath_plan_text(const struct corepath_plan *plan, size_t i)
{
	return plan->changes[i].text;
}

void corepath_plan_free(struct corepath_plan *plan)
{
	size_t i;

	for (i = 0; plan && i < plan->n; i++)
		free(plan->changes[i].text);
	if (plan)
		free(plan->changes);
	free(plan);
}

/* ---- making it so ---- */

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
	case SERVICE_ADD:
		return corepath_service_add(pin_dir, c->service);
	case SERVICE_SET:
		return corepath_service_set(pin_dir, c->service);
	case SERVICE_DEL:
		return corepath_service_del(pin_dir, &c->service->id);
	case BACKEND_ADD:
		return corepath_backend_add(pin_dir, &c->service->id, c->backend);
	case BACKEND_SET:
		return corepath_backend_set(pin_dir, &c->service->id, c->backend);
	case BACKEND_DEL:
		return corepath_backend_del(pin_dir, &c->service->id, &c->backend->addr,
					    c->backend->port);
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

static int make_all(const char *pin_dir, const struct corepath_plan *plan)
{
	const struct change *c = plan->changes, *end = c + plan->n;
	int err = 0;
	size_t n;

	for (; c < end && !err; c += n) {
		for (n = 1; is_prefix(c) && c + n < end && c[n].kind == c->kind; n++)
			;
		err = is_prefix(c) ? make_prefixes(pin_dir, c, n) : make(pin_dir, c);
	}
	return err;
}

/* From what runs now to `to`. */
static int go_to(const char *pin_dir, const struct corepath_config *to)
{
	struct corepath_config *now;
	struct corepath_plan *plan;
	int err;

	err = corepath_config_running(pin_dir, &now);
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

int corepath_config_apply(const char *pin_dir, const struct corepath_config *to)
{
	struct corepath_config *before;
	char why[512];
	int err;

	err = corepath_config_running(pin_dir, &before);
	if (err)
		return err;
	err = go_to(pin_dir, to);
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
