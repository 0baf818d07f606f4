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
#include "config.h"
#include "internal.h"
#include "plan.h"

struct change *cp_plan_note(struct corepath_plan *plan, enum kind kind, const char *fmt, ...)
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
	cp_plan_note(plan, kind, kind == DEVICE_ADD ? "+ device %s xdp=%s" : "- device %s", d->name,
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

static bool same_limit(__u32 rate_a, __u32 seconds_a, __u32 rate_b, __u32 seconds_b)
{
	return cp_same_pace(cp_pace_of(rate_a, seconds_a), cp_pace_of(rate_b, seconds_b));
}

static void plan_balancer(struct corepath_plan *plan, const struct corepath_config *from,
			  const struct corepath_config *to)
{
	const struct corepath_balancer *a = &from->balancer, *b = &to->balancer;
	char text4[COREPATH_PREFIX_STRLEN], text6[COREPATH_PREFIX_STRLEN];

	if (!cp_config_compare_prefix(&a->source4, &b->source4) &&
	    !cp_config_compare_prefix(&a->source6, &b->source6) && a->mtu == b->mtu &&
	    same_limit(a->conn_rate, 1, b->conn_rate, 1))
		return;
	cp_plan_note(plan, BALANCER_SET, "~ balancer source4=%s source6=%s mtu=%u conn-rate=%u",
		     corepath_prefix_format(&b->source4, text4),
		     corepath_prefix_format(&b->source6, text6), b->mtu, b->conn_rate)
		->balancer = b;
}

/* ---- lists whose order means nothing ---- */

static int compare_by(const void *a, const void *b, void *compare)
{
	return ((cp_plan_compare *)compare)(*(const void *const *)a, *(const void *const *)b);
}

/* The elements in their order. NULL: no memory. */
static const void **sorted(const void *list, size_t n, size_t size, cp_plan_compare *compare)
{
	const void **all = calloc(n + 1, sizeof(*all));
	size_t i;

	for (i = 0; all && i < n; i++)
		all[i] = (const char *)list + i * size;
	if (all)
		qsort_r(all, n, sizeof(*all), compare_by, compare);
	return all;
}

void cp_plan_pairs(struct corepath_plan *plan, struct cp_plan_list was, struct cp_plan_list will,
		   size_t size, cp_plan_compare *compare, cp_plan_pair *fn)
{
	const void **a = sorted(was.list, was.n, size, compare);
	const void **b = sorted(will.list, will.n, size, compare);
	size_t i = 0, j = 0;
	int d;

	if (!a || !b)
		plan->err = cp_fail(ENOMEM, "plan: out of memory; free some");
	while (!plan->err && (i < was.n || j < will.n)) {
		d = i == was.n ? 1 : j == will.n ? -1 : compare(a[i], b[j]);
		fn(plan, d <= 0 ? a[i] : NULL, d >= 0 ? b[j] : NULL);
		i += d <= 0;
		j += d >= 0;
	}
	free(a);
	free(b);
}

static void note_prefix(struct corepath_plan *plan, enum kind kind, char sign,
			const struct corepath_prefix *p)
{
	char text[COREPATH_PREFIX_STRLEN];

	cp_plan_note(plan, kind, "%c %s %s", sign, p->verdict == COREPATH_DENY ? "deny" : "allow",
		     corepath_prefix_format(p, text))
		->prefix = p;
}

static void prefix_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct corepath_prefix *a = was, *b = will;

	if (b && (!a || a->verdict != b->verdict))
		note_prefix(plan, PREFIX_ADD, a ? '~' : '+', b);
}

static void prefix_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	if (!will)
		note_prefix(plan, PREFIX_DEL, '-', was);
}

bool cp_plan_keeps_size(struct corepath_plan *plan, const char *key, const char *maps, __u32 has,
			__u32 wants)
{
	if (!has || !wants || has == wants)
		return true;
	plan->err = cp_fail(EINVAL,
			    "%s: the %s are there with %u, and the file has %u; leave it out, or "
			    "run 'corepath down' and 'corepath up -f'",
			    key, maps, has, wants);
	return false;
}

static void plan_prefixes(struct corepath_plan *plan, const struct corepath_config *from,
			  const struct corepath_config *to, cp_plan_pair *fn)
{
	cp_plan_pairs(plan, CP_PLAN_LIST(from, prefixes), CP_PLAN_LIST(to, prefixes),
		      sizeof(*to->prefixes), cp_config_compare_prefix, fn);
}

/* All of them change by one call: what comes, changes and goes is for the reader. */
static void plan_signatures(struct corepath_plan *plan, const struct corepath_config *from,
			    const struct corepath_config *to)
{
	char was[COREPATH_SIGNATURE_STRLEN], will[COREPATH_SIGNATURE_STRLEN];
	const struct corepath_signature *old;
	size_t i;

	for (i = 0; i < to->n_signatures; i++) {
		corepath_signature_format(&to->signatures[i], will);
		old = cp_config_find_signature(from, to->signatures[i].id);
		if (!old || strcmp(corepath_signature_format(old, was), will))
			cp_plan_note(plan, SIGNATURES, "%c signature %s", old ? '~' : '+', will)
				->signatures = to;
	}
	for (i = 0; i < from->n_signatures; i++)
		if (!cp_config_find_signature(to, from->signatures[i].id))
			cp_plan_note(plan, SIGNATURES, "- signature %s",
				     corepath_signature_format(&from->signatures[i], was))
				->signatures = to;
}

static bool same_rate(const struct corepath_rate *a, const struct corepath_rate *b)
{
	return same_limit(a->rate, a->seconds, b->rate, b->seconds) && a->len4 == b->len4 &&
	       a->len6 == b->len6;
}

static void plan_rates(struct corepath_plan *plan, const struct corepath_config *from,
		       const struct corepath_config *to)
{
	const struct corepath_rate *p = &to->rates.packets, *c = &to->rates.conns;

	if (same_rate(&from->rates.packets, p) && same_rate(&from->rates.conns, c))
		return;
	cp_plan_note(plan, RATES_SET,
		     "~ rate packets=%u/%u packets-prefix=%u,%u conns=%u/%u conns-prefix=%u,%u",
		     p->rate, p->seconds, p->len4, p->len6, c->rate, c->seconds, c->len4, c->len6)
		->rates = &to->rates;
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

static bool same_service(const struct corepath_service_spec *a,
			 const struct corepath_service_spec *b)
{
	return a->mode == b->mode && a->affinity_s == b->affinity_s &&
	       same_limit(a->rate, a->rate_s, b->rate, b->rate_s) &&
	       cp_serves_sockets(a) == cp_serves_sockets(b) && same_sources(a, b);
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

static int compare_pointers(const void *a, const void *b)
{
	return cp_config_compare_service(*(const void *const *)a, *(const void *const *)b);
}

/* The services of a configuration in their order, to look up in; there may be thousands. */
static struct corepath_service_info **in_order(const struct corepath_config *c)
{
	struct corepath_service_info **all = calloc(c->n_services + 1, sizeof(*all));
	size_t i;

	for (i = 0; all && i < c->n_services; i++)
		all[i] = &c->services[i];
	if (all)
		qsort(all, c->n_services, sizeof(*all), compare_pointers);
	return all;
}

static const struct corepath_service_info *
find_service(struct corepath_service_info **all, size_t n, const struct corepath_service_info *like)
{
	struct corepath_service_info **found =
		bsearch(&like, all, n, sizeof(*all), compare_pointers);

	return found ? *found : NULL;
}

static void note_backend(struct corepath_plan *plan, enum kind kind,
			 const struct corepath_service_spec *service,
			 const struct corepath_backend_spec *b)
{
	char id[COREPATH_SERVICE_STRLEN], text[COREPATH_SERVICE_STRLEN];
	struct change *c;

	c = cp_plan_note(plan, kind, "%c backend %s %s weight=%u state=%s",
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

	cp_plan_note(plan, kind, "%c service %s mode=%s affinity=%u rate=%u sources=%zu",
		     kind == SERVICE_ADD   ? '+'
		     : kind == SERVICE_DEL ? '-'
					   : '~',
		     corepath_service_format(&s->id, id), corepath_lb_mode_name(s->mode),
		     s->affinity_s, s->rate, s->n_sources)
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

/* What comes and what changes. */
static void plan_service(struct corepath_plan *plan, const struct corepath_service_info *was,
			 const struct corepath_service_info *will)
{
	bool anew =
		was && (was->spec.mode == COREPATH_LB_NAT) != (will->spec.mode == COREPATH_LB_NAT);

	if (anew) /* other backends altogether */
		note_service(plan, SERVICE_DEL, &was->spec);
	if (!was || anew)
		note_service(plan, SERVICE_ADD, &will->spec);
	else if (!same_service(&was->spec, &will->spec))
		note_service(plan, SERVICE_SET, &will->spec);
	plan_backends(plan, anew ? NULL : was, will);
}

static void plan_services(struct corepath_plan *plan, const struct corepath_config *from,
			  const struct corepath_config *to)
{
	struct corepath_service_info **old = in_order(from), **new = in_order(to);
	size_t i;

	if (!old || !new)
		plan->err = cp_fail(ENOMEM, "plan: out of memory; free some");
	for (i = 0; !plan->err && i < to->n_services; i++)
		plan_service(plan, find_service(old, from->n_services, &to->services[i]),
			     &to->services[i]);
	for (i = 0; !plan->err && i < from->n_services; i++)
		if (!find_service(new, to->n_services, &from->services[i]))
			note_service(plan, SERVICE_DEL, &from->services[i].spec);
	free(old);
	free(new);
}

int corepath_plan_make(const struct corepath_config *from, const struct corepath_config *to,
		       struct corepath_plan **plan)
{
	struct corepath_plan *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return cp_fail(ENOMEM, "plan: out of memory; free some");
	p->from = from;
	p->to = to;
	cp_plan_keeps_size(p, "prefilter.max", "tries", from->max_prefixes, to->max_prefixes);
	plan_devices(p, from, to);
	plan_balancer(p, from, to);
	plan_prefixes(p, from, to, prefix_comes);
	plan_signatures(p, from, to);
	plan_rates(p, from, to);
	plan_services(p, from, to);
	cp_plan_tc(p);
	cp_plan_sockets(p);
	plan_prefixes(p, from, to, prefix_goes);
	plan_devices_gone(p, from, to);
	cp_plan_rules(p);
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
