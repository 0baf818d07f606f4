// SPDX-License-Identifier: GPL-2.0-only
/* corepath prefilter signature and rate. */
#include <jansson.h>
#include <stdio.h>
#include "cmd.h"
#include "json.h"

int cmd_signature_add(const struct args *args)
{
	struct corepath_signature s;
	size_t i;

	if (corepath_signature_parse(args->operands[0], &s))
		return report_usage("%s", corepath_error());
	for (i = 1; i < args->n_operands; i++)
		if (corepath_signature_option(args->operands[i], &s))
			return report_usage("%s", corepath_error());
	if (corepath_signature_check(&s))
		return report_usage("%s", corepath_error());
	if (corepath_signature_add(args->pin_dir, &s))
		return report_failure(args, true);
	return EXIT_DONE;
}

int cmd_signature_del(const struct args *args)
{
	struct corepath_signature s;

	if (corepath_signature_parse(args->operands[0], &s))
		return report_usage("%s", corepath_error());
	if (corepath_signature_del(args->pin_dir, s.id))
		return report_failure(args, false);
	return EXIT_DONE;
}

static json_t *list_json(const struct corepath_signature_info *list, size_t n)
{
	char text[COREPATH_SIGNATURE_STRLEN];
	json_t *array = json_array();
	int err = 0;
	size_t i;

	for (i = 0; i < n && !err; i++)
		err = json_array_append_new(
			array,
			json_pack("{s:I, s:s, s:s, s:I, s:I}", "id",
				  (json_int_t)list[i].signature.id, "signature",
				  corepath_signature_format(&list[i].signature, text), "action",
				  list[i].signature.action == COREPATH_SIG_DROP ? "drop" : "count",
				  "packets", (json_int_t)list[i].hits.packets, "bytes",
				  (json_int_t)list[i].hits.bytes));
	if (!err)
		return array;
	json_decref(array);
	return NULL;
}

int cmd_signature_list(const struct args *args)
{
	struct corepath_signature_info list[COREPATH_SIGNATURES_MAX];
	char text[COREPATH_SIGNATURE_STRLEN];
	size_t i, n;

	if (corepath_signature_list(args->pin_dir, list, &n))
		return report_failure(args, false);
	if (args->json)
		return print_json(list_json(list, n));
	for (i = 0; i < n; i++)
		printf("%s # %llu packets, %llu bytes\n",
		       corepath_signature_format(&list[i].signature, text), list[i].hits.packets,
		       list[i].hits.bytes);
	return EXIT_DONE;
}

int cmd_rate_set(const struct args *args)
{
	struct corepath_rates rates;
	size_t i;

	if (corepath_rates_get(args->pin_dir, &rates))
		return report_failure(args, false);
	for (i = 0; i < args->n_operands; i++)
		if (corepath_rates_option(args->operands[i], &rates))
			return report_usage("%s", corepath_error());
	if (corepath_rates_set(args->pin_dir, &rates))
		return report_failure(args, true);
	return EXIT_DONE;
}

static json_t *rate_json(const struct corepath_rate *r)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "rate", (json_int_t)r->rate, "seconds",
			 (json_int_t)r->seconds, "prefix4", (json_int_t)r->len4, "prefix6",
			 (json_int_t)r->len6);
}

int cmd_rate_show(const struct args *args)
{
	struct corepath_rates r;

	if (corepath_rates_get(args->pin_dir, &r))
		return report_failure(args, false);
	if (args->json)
		return print_json(json_pack("{s:o, s:o}", "packets", rate_json(&r.packets), "conns",
					    rate_json(&r.conns)));
	printf("packets=%u/%u packets-prefix=%u,%u conns=%u/%u conns-prefix=%u,%u\n",
	       r.packets.rate, r.packets.seconds, r.packets.len4, r.packets.len6, r.conns.rate,
	       r.conns.seconds, r.conns.len4, r.conns.len6);
	return EXIT_DONE;
}
