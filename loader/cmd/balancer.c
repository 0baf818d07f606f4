// SPDX-License-Identifier: GPL-2.0-only
/* corepath service, backend and balancer. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "json.h"

/* ---- service ---- */

int cmd_service_add(const struct args *args)
{
	struct corepath_service_spec spec = {.mode = COREPATH_LB_TUNNEL};
	int status = EXIT_DONE;
	size_t i;

	if (corepath_service_parse(args->operands[0], args->operands[1], &spec.id))
		return report_usage("%s", corepath_error());
	for (i = 2; i < args->n_operands && !status; i++)
		if (corepath_service_option(args->operands[i], &spec))
			status = report_usage("%s", corepath_error());
	if (!status && corepath_service_add(args->pin_dir, &spec))
		status = report_failure(args, false);
	free(spec.sources);
	return status;
}

int cmd_service_del(const struct args *args)
{
	struct corepath_service_id id;

	if (corepath_service_parse(args->operands[0], args->operands[1], &id))
		return report_usage("%s", corepath_error());
	if (corepath_service_del(args->pin_dir, &id))
		return report_failure(args, false);
	return EXIT_DONE;
}

static json_t *backends_json(const struct corepath_service_info *s)
{
	char text[COREPATH_SERVICE_STRLEN], mac[18];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < s->n_backends; i++) {
		const struct corepath_backend_spec *b = &s->backends[i];

		/* a value that could not be made makes the whole NULL for print_json */
		if (json_array_append_new(
			    array, json_pack("{s:s, s:I, s:s, s:s?}", "address",
					     corepath_endpoint_format(&b->addr, b->port, text),
					     "weight", (json_int_t)b->weight, "state",
					     corepath_backend_state_name(b->state), "mac",
					     mac_text(b->mac, mac)))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *sources_json(const struct corepath_service_spec *spec)
{
	char text[COREPATH_PREFIX_STRLEN];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < spec->n_sources; i++) {
		if (json_array_append_new(
			    array, json_string(corepath_prefix_format(&spec->sources[i], text)))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *list_json(const struct corepath_service_info *list, size_t n)
{
	char text[COREPATH_SERVICE_STRLEN];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		const struct corepath_service_spec *s = &list[i].spec;

		if (json_array_append_new(
			    array,
			    json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
				      "service", corepath_service_format(&s->id, text), "mode",
				      corepath_lb_mode_name(s->mode), "sockets",
				      s->sockets == COREPATH_SOCKETS_YES, "affinity",
				      (json_int_t)s->affinity_s, "rate", (json_int_t)s->rate,
				      "rate_seconds", (json_int_t)s->rate_s, "packets",
				      (json_int_t)list[i].served.packets, "bytes",
				      (json_int_t)list[i].served.bytes, "connections",
				      (json_int_t)list[i].served.connections, "sources",
				      sources_json(s), "backends", backends_json(&list[i])))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static void list_text(const struct corepath_service_info *s)
{
	char text[COREPATH_SERVICE_STRLEN], prefix[COREPATH_PREFIX_STRLEN], mac[18];
	size_t i;

	printf("%s mode=%s", corepath_service_format(&s->spec.id, text),
	       corepath_lb_mode_name(s->spec.mode));
	/* said where it is not what the mode says */
	if ((s->spec.sockets == COREPATH_SOCKETS_YES) != (s->spec.mode == COREPATH_LB_NAT))
		printf(" sockets=%s", s->spec.sockets == COREPATH_SOCKETS_YES ? "yes" : "no");
	if (s->spec.affinity_s)
		printf(" affinity=%u", s->spec.affinity_s);
	if (s->spec.rate)
		printf(" rate=%u/%u", s->spec.rate, s->spec.rate_s);
	for (i = 0; i < s->spec.n_sources; i++)
		printf("%s%s",
		       i ? "," : " sources=", corepath_prefix_format(&s->spec.sources[i], prefix));
	printf(" # %llu packets, %llu bytes, %llu connections of sockets\n", s->served.packets,
	       s->served.bytes, s->served.connections);
	for (i = 0; i < s->n_backends; i++) {
		const struct corepath_backend_spec *b = &s->backends[i];

		printf("  %s weight=%u state=%s", corepath_endpoint_format(&b->addr, b->port, text),
		       b->weight, corepath_backend_state_name(b->state));
		if (mac_text(b->mac, mac))
			printf(" mac=%s", mac);
		puts("");
	}
}

int cmd_service_list(const struct args *args)
{
	struct corepath_service_info *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_service_list(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(list_json(list, n));
	for (i = 0; !args->json && i < n; i++)
		list_text(&list[i]);
	corepath_service_free(list, n);
	return status;
}

/* ---- backend ---- */

/* "PROTO SERVICE BACKEND", the first three operands. */
static int parse_pair(const struct args *args, struct corepath_service_id *id,
		      struct corepath_backend_spec *b)
{
	if (corepath_service_parse(args->operands[0], args->operands[1], id) ||
	    corepath_backend_parse(args->operands[2], b))
		return report_usage("%s", corepath_error());
	return EXIT_DONE;
}

int cmd_backend_add(const struct args *args)
{
	struct corepath_service_id id;
	struct corepath_backend_spec b;
	int status = parse_pair(args, &id, &b);
	size_t i;

	for (i = 3; i < args->n_operands && !status; i++)
		if (corepath_backend_option(args->operands[i], &b))
			status = report_usage("%s", corepath_error());
	if (!status && corepath_backend_add(args->pin_dir, &id, &b))
		status = report_failure(args, false);
	return status;
}

/* What a change of a backend could not do beside it. */
static void report_note(void)
{
	if (*corepath_note())
		fprintf(stderr, "corepath: note: %s\n", corepath_note());
}

int cmd_backend_del(const struct args *args)
{
	struct corepath_service_id id;
	struct corepath_backend_spec b;
	int status = parse_pair(args, &id, &b);

	if (!status && corepath_backend_del(args->pin_dir, &id, &b.addr, b.port))
		status = report_failure(args, false);
	report_note();
	return status;
}

int cmd_backend_set_state(const struct args *args)
{
	struct corepath_service_id id;
	struct corepath_backend_spec b;
	int status = parse_pair(args, &id, &b);

	if (!status && corepath_backend_state_parse(args->operands[3], &b.state))
		status = report_usage("%s", corepath_error());
	if (!status && corepath_backend_set_state(args->pin_dir, &id, &b.addr, b.port, b.state))
		status = report_failure(args, false);
	report_note();
	return status;
}

/* ---- balancer ---- */

int cmd_balancer_set(const struct args *args)
{
	struct corepath_balancer b;
	size_t i;

	if (corepath_balancer_get(args->pin_dir, &b))
		return report_failure(args, false);
	for (i = 0; i < args->n_operands; i++)
		if (corepath_balancer_option(args->operands[i], &b))
			return report_usage("%s", corepath_error());
	if (corepath_balancer_set(args->pin_dir, &b))
		return report_failure(args, false);
	return EXIT_DONE;
}

int cmd_balancer_show(const struct args *args)
{
	char text4[COREPATH_PREFIX_STRLEN], text6[COREPATH_PREFIX_STRLEN];
	struct corepath_balancer b;

	if (corepath_balancer_get(args->pin_dir, &b))
		return report_failure(args, false);
	corepath_prefix_format(&b.source4, text4);
	corepath_prefix_format(&b.source6, text6);
	if (args->json)
		return print_json(json_pack("{s:s, s:s, s:I, s:I}", "source4", text4, "source6",
					    text6, "mtu", (json_int_t)b.mtu, "conn_rate",
					    (json_int_t)b.conn_rate));
	printf("source4=%s source6=%s mtu=%u conn-rate=%u\n", text4, text6, b.mtu, b.conn_rate);
	return EXIT_DONE;
}
