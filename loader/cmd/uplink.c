// SPDX-License-Identifier: GPL-2.0-only
/* corepath uplink. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "json.h"

int cmd_uplink_attach(const struct args *args)
{
	struct corepath_uplink_device at;

	if (corepath_uplink_attach(args->pin_dir, args->operands[0], args->tc_mode, &at))
		return report_failure(args, true);
	printf("%s: uplink, %s\n", at.dev, corepath_tc_mode_name(at.mode));
	return EXIT_DONE;
}

int cmd_uplink_detach(const struct args *args)
{
	if (corepath_uplink_detach(args->pin_dir, args->operands[0]))
		return report_failure(args, false);
	return EXIT_DONE;
}

int cmd_uplink_set(const struct args *args)
{
	struct corepath_uplink u;
	size_t i;

	if (corepath_uplink_get(args->pin_dir, &u))
		return report_failure(args, false);
	for (i = 0; i < args->n_operands; i++)
		if (corepath_uplink_option(args->operands[i], &u))
			return report_usage("%s", corepath_error());
	if (corepath_uplink_set(args->pin_dir, &u))
		return report_failure(args, true);
	return EXIT_DONE;
}

static int change(const struct args *args, enum corepath_uplink_list which)
{
	size_t i, n = args->n_operands - 1;
	bool add = !strcmp(args->operands[0], "add");
	struct corepath_prefix *list;
	int status = EXIT_DONE, err;

	if (!add && strcmp(args->operands[0], "del"))
		return report_usage("'%s': neither add nor del; for example: corepath uplink %s "
				    "add 10.0.0.0/16",
				    args->operands[0],
				    which == COREPATH_UPLINK_SOURCES ? "source" : "exclude");
	list = calloc(n, sizeof(*list));
	if (!list)
		return report_usage("out of memory; free some");
	for (i = 0; i < n && !status; i++)
		if (corepath_prefix_parse(args->operands[i + 1], &list[i]) < 0)
			status = report_usage("%s", corepath_error());
	if (!status) {
		err = add ? corepath_uplink_add(args->pin_dir, which, list, n)
			  : corepath_uplink_del(args->pin_dir, which, list, n);
		if (err)
			status = report_failure(args, add);
	}
	free(list);
	return status;
}

int cmd_uplink_source(const struct args *args)
{
	return change(args, COREPATH_UPLINK_SOURCES);
}

int cmd_uplink_exclude(const struct args *args)
{
	return change(args, COREPATH_UPLINK_EXCLUDES);
}

/* ---- show ---- */

struct shown {
	struct corepath_uplink settings;
	struct corepath_uplink_device *devs;
	struct corepath_prefix *lists[2]; /* by enum corepath_uplink_list */
	size_t n_devs, n_lists[2];
	__u64 counters[COREPATH_UPLINK_COUNTERS];
};

static const char *const list_names[] = {"source", "exclude"};

static int read_all(const char *pin_dir, struct shown *s)
{
	int err = corepath_uplink_get(pin_dir, &s->settings), i;

	if (!err)
		err = corepath_uplink_devices(pin_dir, &s->devs, &s->n_devs);
	for (i = 0; i < 2 && !err; i++)
		err = corepath_uplink_prefixes(pin_dir, i, &s->lists[i], &s->n_lists[i]);
	return err ? err : corepath_uplink_counters(pin_dir, s->counters);
}

static json_t *devices_json(const struct shown *s)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < s->n_devs; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:I, s:s, s:s}", "dev", s->devs[i].dev,
						"ifindex", (json_int_t)s->devs[i].ifindex, "state",
						corepath_state_name(s->devs[i].state), "mode",
						corepath_tc_mode_name(s->devs[i].mode)));
	return array;
}

static json_t *list_json(const struct shown *s, int which)
{
	char text[COREPATH_PREFIX_STRLEN];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < s->n_lists[which]; i++)
		json_array_append_new(
			array, json_string(corepath_prefix_format(&s->lists[which][i], text)));
	return array;
}

static json_t *counters_json(const struct shown *s)
{
	json_t *o = json_object();
	int i;

	for (i = 0; i < COREPATH_UPLINK_COUNTERS; i++)
		json_object_set_new(o, corepath_uplink_counter_name(i),
				    json_integer(s->counters[i]));
	return o;
}

static int show_json(const struct shown *s)
{
	char v4[COREPATH_SERVICE_STRLEN], v6[COREPATH_SERVICE_STRLEN];
	char failsafe[COREPATH_FAILSAFE_STRLEN];

	return print_json(json_pack(
		"{s:o, s:s, s:s, s:I, s:I, s:s, s:b, s:s, s:o, s:o, s:o}", "devices",
		devices_json(s), "masquerade4",
		corepath_uplink_address(&s->settings.masquerade4, v4), "masquerade6",
		corepath_uplink_address(&s->settings.masquerade6, v6), "port_min",
		(json_int_t)s->settings.port_min, "port_max", (json_int_t)s->settings.port_max,
		"forward", s->settings.direct ? "direct" : "stack", "audit", (int)s->settings.audit,
		"failsafe", corepath_uplink_failsafe(&s->settings, failsafe), "sources",
		list_json(s, COREPATH_UPLINK_SOURCES), "excludes",
		list_json(s, COREPATH_UPLINK_EXCLUDES), "counters", counters_json(s)));
}

static void show_text(const struct shown *s)
{
	char text[COREPATH_SERVICE_STRLEN], more[COREPATH_SERVICE_STRLEN];
	char failsafe[COREPATH_FAILSAFE_STRLEN];
	size_t i;
	int l;

	for (i = 0; i < s->n_devs; i++)
		printf("device %s state=%s mode=%s\n", s->devs[i].dev,
		       corepath_state_name(s->devs[i].state),
		       corepath_tc_mode_name(s->devs[i].mode));
	printf("masquerade4=%s masquerade6=%s ports=%u-%u forward=%s\n",
	       corepath_uplink_address(&s->settings.masquerade4, text),
	       corepath_uplink_address(&s->settings.masquerade6, more), s->settings.port_min,
	       s->settings.port_max, s->settings.direct ? "direct" : "stack");
	printf("host audit=%s failsafe=%s\n", s->settings.audit ? "yes" : "no",
	       corepath_uplink_failsafe(&s->settings, failsafe));
	for (l = 0; l < 2; l++)
		for (i = 0; i < s->n_lists[l]; i++)
			printf("%s %s\n", list_names[l],
			       corepath_prefix_format(&s->lists[l][i], text));
	for (l = 0; l < COREPATH_UPLINK_COUNTERS; l++)
		printf("counter %s %llu\n", corepath_uplink_counter_name(l), s->counters[l]);
}

int cmd_uplink_show(const struct args *args)
{
	struct shown s = {};
	int status = EXIT_DONE;

	if (read_all(args->pin_dir, &s))
		status = report_failure(args, false);
	else if (args->json)
		status = show_json(&s);
	else
		show_text(&s);
	free(s.devs);
	free(s.lists[0]);
	free(s.lists[1]);
	return status;
}

/* ---- flows ---- */

static const char *proto_name(__u8 proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "icmp";
}

static void print_flow(const struct corepath_nat_flow *f)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN],
		out[COREPATH_SERVICE_STRLEN];

	printf("%s %s to %s as %s%s%s, %u s left\n", proto_name(f->flow.proto),
	       corepath_endpoint_format(&f->flow.src, ntohs(f->flow.sport), src),
	       corepath_endpoint_format(&f->flow.dst, ntohs(f->flow.dport), dst),
	       corepath_endpoint_format(&f->addr, ntohs(f->port), out),
	       f->replied ? " replied" : "", f->closing ? " closing" : "", f->left_ms / 1000);
}

static json_t *flows_json(const struct corepath_nat_flow *list, size_t n)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN],
		out[COREPATH_SERVICE_STRLEN];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		const struct corepath_nat_flow *f = &list[i];

		if (json_array_append_new(
			    array,
			    json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:I}", "proto",
				      proto_name(f->flow.proto), "source",
				      corepath_endpoint_format(&f->flow.src, ntohs(f->flow.sport),
							       src),
				      "destination",
				      corepath_endpoint_format(&f->flow.dst, ntohs(f->flow.dport),
							       dst),
				      "masqueraded",
				      corepath_endpoint_format(&f->addr, ntohs(f->port), out),
				      "replied", (int)f->replied, "closing", (int)f->closing,
				      "left_ms", (json_int_t)f->left_ms))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int cmd_uplink_flows(const struct args *args)
{
	struct corepath_nat_flow *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_nat_list(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(flows_json(list, n));
	for (i = 0; !args->json && i < n; i++)
		print_flow(&list[i]);
	free(list);
	return status;
}

int cmd_uplink_sweep(const struct args *args)
{
	size_t n;

	if (corepath_nat_sweep(args->pin_dir, &n))
		return report_failure(args, false);
	printf("%zu entries forgotten\n", n);
	return EXIT_DONE;
}
