// SPDX-License-Identifier: GPL-2.0-only
/* Rates of services and of packets' fates, and their tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "rates.h"

/* What was counted since; a counter that went back began anew. */
static double since(__u64 before, __u64 now, double seconds)
{
	return (now < before ? now : now - before) / seconds;
}

static int busiest(const void *va, const void *vb)
{
	const struct rate *a = va, *b = vb;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	if (a->connections != b->connections)
		return a->connections < b->connections ? 1 : -1;
	return strcmp(a->name, b->name);
}

/* ---- services ---- */

static int compare_ids(const void *va, const void *vb)
{
	const struct corepath_service_id *a =
		&(*(struct corepath_service_info *const *)va)->spec.id;
	const struct corepath_service_id *b =
		&(*(struct corepath_service_info *const *)vb)->spec.id;
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	if (!order)
		order = a->len < b->len ? -1 : a->len > b->len;
	if (!order)
		order = a->port - b->port;
	return order ? order : a->proto - b->proto;
}

static const struct corepath_service_info **by_id(const struct corepath_sample *s)
{
	const struct corepath_service_info **list = calloc(s->n_services + 1, sizeof(*list));
	size_t i;

	for (i = 0; list && i < s->n_services; i++)
		list[i] = &s->services[i];
	if (list)
		qsort(list, s->n_services, sizeof(*list), compare_ids);
	return list;
}

static void rate_service(const struct corepath_served *was, const struct corepath_service_info *s,
			 double seconds, struct rate *r)
{
	size_t i;

	corepath_service_format(&s->spec.id, r->name);
	r->packets = since(was->packets, s->served.packets, seconds);
	r->bits = 8 * since(was->bytes, s->served.bytes, seconds);
	r->connections = since(was->connections, s->served.connections, seconds);
	r->backends = s->n_backends;
	for (i = 0; i < s->n_backends; i++)
		r->active += s->backends[i].state == COREPATH_BACKEND_ACTIVE;
}

int rates_of_services(const struct corepath_sample *before, const struct corepath_sample *now,
		      double seconds, struct rate **list, size_t *n)
{
	const struct corepath_service_info **old = by_id(before), **found, *s;
	const struct corepath_served none = {};
	size_t i;

	*n = 0;
	*list = old ? calloc(now->n_services + 1, sizeof(**list)) : NULL;
	for (i = 0; *list && i < now->n_services; i++) {
		s = &now->services[i];
		found = bsearch(&s, old, before->n_services, sizeof(*old), compare_ids);
		rate_service(found ? &(*found)->served : &none, s, seconds, &(*list)[(*n)++]);
	}
	free(old);
	if (!*list)
		return -ENOMEM;
	qsort(*list, *n, sizeof(**list), busiest);
	return 0;
}

/* ---- reasons ---- */

int rates_of_reasons(const struct corepath_sample *before, const struct corepath_sample *now,
		     double seconds, struct rate **list, size_t *n)
{
	int i;

	*n = 0;
	*list = calloc(COREPATH_DROP_COUNT, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (i = 0; i < COREPATH_DROP_COUNT; i++) {
		struct rate *r = &(*list)[*n];

		r->packets = since(before->counters[i].packets, now->counters[i].packets, seconds);
		r->bits = 8 * since(before->counters[i].bytes, now->counters[i].bytes, seconds);
		r->dropped = corepath_is_drop(i);
		snprintf(r->name, sizeof(r->name), "%s", corepath_drop_name(i));
		*n += r->packets > 0;
	}
	qsort(*list, *n, sizeof(**list), busiest);
	return 0;
}

/* ---- tables ---- */

static const char *amount(double v, bool human, char buf[32])
{
	static const char units[] = " kMGTP";
	size_t i = 0;

	while (human && v >= 999.5 && units[i + 1]) {
		v /= 1000;
		i++;
	}
	if (i)
		snprintf(buf, 32, "%.3g%c", v, units[i]);
	else
		snprintf(buf, 32, v > 0 && v < 10 ? "%.1f" : "%.0f", v);
	return buf;
}

/* What is left of the lines is halved if both tables want more than that. */
static void share(const struct rate_style *style, size_t *services, size_t *reasons)
{
	size_t room = style->lines > 3 ? style->lines - 3 : 0, half = room / 2;

	if (!style->lines || *services + *reasons <= room)
		return;
	if (*reasons <= half)
		*services = room - *reasons;
	else if (*services <= half)
		*reasons = room - *services;
	else
		*services = room - (*reasons = half);
}

int rates_write(const struct corepath_sample *before, const struct corepath_sample *now,
		double seconds, const struct rate_style *style, FILE *to)
{
	struct rate *services = NULL, *reasons = NULL;
	size_t n_services, n_reasons, i;
	char packets[32], bits[32], connections[32];
	int err = rates_of_services(before, now, seconds, &services, &n_services);

	if (!err)
		err = rates_of_reasons(before, now, seconds, &reasons, &n_reasons);
	if (err)
		goto out;
	share(style, &n_services, &n_reasons);
	fprintf(to, "%-44s %12s %14s %12s %9s%s\n", "SERVICE", "PACKETS/S", "BITS/S", "SOCKETS/S",
		"BACKENDS", style->end);
	for (i = 0; i < n_services; i++)
		fprintf(to, "%-44s %12s %14s %12s %5zu/%-3zu%s\n", services[i].name,
			amount(services[i].packets, style->human, packets),
			amount(services[i].bits, style->human, bits),
			amount(services[i].connections, style->human, connections),
			services[i].active, services[i].backends, style->end);
	fprintf(to, "%s\n%-44s %12s %14s %12s%s\n", style->end, "REASON", "PACKETS/S", "BITS/S",
		"VERDICT", style->end);
	for (i = 0; i < n_reasons; i++)
		fprintf(to, "%-44s %12s %14s %12s%s\n", reasons[i].name,
			amount(reasons[i].packets, style->human, packets),
			amount(reasons[i].bits, style->human, bits),
			reasons[i].dropped ? "dropped" : "passed", style->end);
out:
	free(services);
	free(reasons);
	return err;
}
