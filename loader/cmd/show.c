// SPDX-License-Identifier: GPL-2.0-only
/* corepath status and counters. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "json.h"

static json_t *usage_json(const struct corepath_usage *u)
{
	return json_pack("{s:I, s:I}", "used", (json_int_t)u->used, "max", (json_int_t)u->max);
}

static json_t *attachment_json(const struct corepath_attachment *a)
{
	json_t *o =
		json_pack("{s:s, s:I, s:s, s:I, s:I}", "dev", a->dev, "ifindex",
			  (json_int_t)a->ifindex, "state", corepath_state_name(a->state),
			  "program_id", (json_int_t)a->prog_id, "link_id", (json_int_t)a->link_id);

	/* the mode is known only of a device we can ask */
	if (a->state != COREPATH_ATTACHED ||
	    !json_object_set_new(o, "mode", json_string(corepath_xdp_mode_name(a->mode))))
		return o;
	json_decref(o);
	return NULL;
}

static int status_json(const struct args *args, const struct corepath_status *st,
		       const struct corepath_running *running,
		       const struct corepath_cgroup *cgroups, size_t n_cgroups)
{
	json_t *devs = json_array();
	size_t i;

	/* a value that could not be made, here and below, makes the whole NULL for print_json */
	for (i = 0; i < st->n_devs; i++) {
		if (json_array_append_new(devs, attachment_json(&st->devs[i]))) {
			json_decref(devs);
			return print_json(NULL);
		}
	}
	return print_json(json_pack(
		"{s:b, s:s, s:s, s:I, s:o, s:{s:o, s:o}, s:o, s:I, s:{s:I, s:I, s:I, s:I, s:I}, s:I}",
		"up", 1, "pin_dir", args->pin_dir, "version", running->version, "layout",
		(json_int_t)running->layout, "devices", devs, "prefixes", "ipv4",
		usage_json(&st->prefixes4), "ipv6", usage_json(&st->prefixes6), "cgroups",
		cgroups_json(cgroups, n_cgroups), "endpoints", (json_int_t)st->n_endpoints,
		"services", "count", (json_int_t)st->n_services, "for_endpoints",
		(json_int_t)st->n_endpoint_services, "packets", (json_int_t)st->served.packets,
		"bytes", (json_int_t)st->served.bytes, "connections",
		(json_int_t)st->served.connections, "proxy_rules", (json_int_t)st->n_proxies));
}

static void status_text(const struct args *args, const struct corepath_status *st,
			const struct corepath_running *running)
{
	size_t i;

	printf("pinned at %s, by corepath %s (layout %u)\n", args->pin_dir, running->version,
	       running->layout);
	if (!st->n_devs)
		puts("attached to no device");
	for (i = 0; i < st->n_devs; i++) {
		const struct corepath_attachment *a = &st->devs[i];

		switch (a->state) {
		case COREPATH_ATTACHED:
			printf("%s: %s mode, program id %u\n", a->dev,
			       corepath_xdp_mode_name(a->mode), a->prog_id);
			break;
		case COREPATH_GONE:
			printf("%s: gone; the device was deleted or its link detached; "
			       "'corepath down --dev %s' forgets it\n",
			       a->dev, a->dev);
			break;
		case COREPATH_ELSEWHERE:
			printf("%s: attached in another network namespace, program id %u\n", a->dev,
			       a->prog_id);
			break;
		}
	}
	printf("prefixes: IPv4 %u of %u, IPv6 %u of %u\n", st->prefixes4.used, st->prefixes4.max,
	       st->prefixes6.used, st->prefixes6.max);
	if (st->n_endpoints)
		printf("endpoints: %zu; what they send to %zu of %zu services is translated\n",
		       st->n_endpoints, st->n_endpoint_services, st->n_services);
	if (st->n_proxies)
		printf("proxies: %zu rules hand connections to one, by mark %#x and table %d\n",
		       st->n_proxies, COREPATH_PROXY_MARK, COREPATH_PROXY_TABLE);
}

int cmd_status(const struct args *args)
{
	struct corepath_cgroup *cgroups = NULL;
	struct corepath_running running;
	struct corepath_status st;
	int err, status = EXIT_DONE;
	size_t n_cgroups = 0;

	err = corepath_status(args->pin_dir, &st);
	if (err == -ENOENT && args->json) /* "nothing is up" is an answer to a program */
		return print_json(json_pack("{s:b, s:s, s:[]}", "up", 0, "pin_dir", args->pin_dir,
					    "devices"));
	if (err)
		return report_failure(args, false);
	if (corepath_running(args->pin_dir, &running) ||
	    corepath_socket_status(args->pin_dir, &cgroups, &n_cgroups)) {
		status = report_failure(args, false);
	} else if (args->json) {
		status = status_json(args, &st, &running, cgroups, n_cgroups);
	} else {
		status_text(args, &st, &running);
		if (n_cgroups)
			print_cgroups(cgroups, n_cgroups);
	}
	corepath_socket_free(cgroups, n_cgroups);
	free(st.devs);
	return status;
}

static json_t *counters_json(const struct corepath_counter c[COREPATH_DROP_COUNT])
{
	json_t *o = json_object();
	int i, err = 0;

	for (i = 0; i < COREPATH_DROP_COUNT && !err; i++)
		err = json_object_set_new(o, corepath_drop_name(i),
					  json_pack("{s:I, s:I}", "packets",
						    (json_int_t)c[i].packets, "bytes",
						    (json_int_t)c[i].bytes));
	if (!err)
		return o;
	json_decref(o);
	return NULL;
}

int cmd_counters(const struct args *args)
{
	struct corepath_counter c[COREPATH_DROP_COUNT];
	int i;

	if (corepath_counters(args->pin_dir, c))
		return report_failure(args, false);
	if (args->json)
		return print_json(counters_json(c));
	printf("%-18s %16s %20s\n", "reason", "packets", "bytes");
	for (i = 0; i < COREPATH_DROP_COUNT; i++)
		printf("%-18s %16llu %20llu  %s\n", corepath_drop_name(i), c[i].packets, c[i].bytes,
		       corepath_drop_text(i));
	return EXIT_DONE;
}
