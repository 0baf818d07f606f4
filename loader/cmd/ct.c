// SPDX-License-Identifier: GPL-2.0-only
/* corepath ct. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "json.h"

int cmd_ct_set(const struct args *args)
{
	struct corepath_ct_settings s;
	size_t i;

	if (corepath_ct_get(args->pin_dir, &s))
		return report_failure(args, false);
	for (i = 0; i < args->n_operands; i++)
		if (corepath_ct_word(args->operands[i], &s))
			return report_usage("%s", corepath_error());
	if (corepath_ct_set(args->pin_dir, &s))
		return report_failure(args, true);
	return EXIT_DONE;
}

int cmd_ct_show(const struct args *args)
{
	struct corepath_ct_settings s;
	json_t *o = NULL;
	int i, err;

	if (corepath_ct_get(args->pin_dir, &s))
		return report_failure(args, false);
	if (args->json) {
		o = json_pack("{s:b, s:I}", "pickup", (int)s.pickup, "max", (json_int_t)s.max);
		for (err = 0, i = 0; o && i < COREPATH_CT_STATES && !err; i++)
			err = json_object_set_new(o, corepath_ct_state_name(i),
						  json_integer(s.timeout_s[i]));
		return print_json(o);
	}
	for (i = 0; i < COREPATH_CT_STATES; i++)
		printf("%s=%u ", corepath_ct_state_name(i), s.timeout_s[i]);
	printf("pickup=%s max=%u\n", s.pickup ? "yes" : "no", s.max);
	return EXIT_DONE;
}

static json_t *list_json(const struct corepath_ct_info *list, size_t n)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN], proto[8];
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++) {
		const struct corepath_ct_info *c = &list[i];

		/* a value that could not be made makes the whole NULL for print_json */
		if (json_array_append_new(
			    array,
			    json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:I, s:[I,I], s:[I,I]}",
				      "proto", corepath_proto_format(c->flow.proto, proto), "src",
				      corepath_endpoint_format(&c->flow.src, 0, src), "sport",
				      (json_int_t)ntohs(c->flow.sport), "dst",
				      corepath_endpoint_format(&c->flow.dst, 0, dst), "dport",
				      (json_int_t)ntohs(c->flow.dport), "state",
				      corepath_ct_state_name(c->ct.state), "left_ms",
				      (json_int_t)c->left_ms, "packets",
				      (json_int_t)c->ct.packets[0], (json_int_t)c->ct.packets[1],
				      "bytes", (json_int_t)c->ct.bytes[0],
				      (json_int_t)c->ct.bytes[1]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static void list_text(const struct corepath_ct_info *c)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN], proto[8];

	printf("%s %s", corepath_proto_format(c->flow.proto, proto),
	       corepath_endpoint_format(&c->flow.src, ntohs(c->flow.sport), src));
	printf(" %s %s", corepath_endpoint_format(&c->flow.dst, ntohs(c->flow.dport), dst),
	       corepath_ct_state_name(c->ct.state));
	printf(" left=%lld packets=%llu/%llu bytes=%llu/%llu\n",
	       c->left_ms > 0 ? (long long)c->left_ms / 1000 : 0, c->ct.packets[0],
	       c->ct.packets[1], c->ct.bytes[0], c->ct.bytes[1]);
}

int cmd_ct_list(const struct args *args)
{
	struct corepath_ct_info *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_ct_list(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(list_json(list, n));
	for (i = 0; !args->json && i < n; i++)
		list_text(&list[i]);
	free(list);
	return status;
}

int cmd_ct_flush(const struct args *args)
{
	size_t removed;

	if (corepath_ct_flush(args->pin_dir, &removed))
		return report_failure(args, false);
	printf("%zu connections removed\n", removed);
	return EXIT_DONE;
}

int cmd_ct_gc(const struct args *args)
{
	struct corepath_ct_sweep out;

	if (corepath_ct_gc(args->pin_dir, &out))
		return report_failure(args, false);
	if (args->json)
		return print_json(json_pack("{s:I, s:I, s:I}", "removed", (json_int_t)out.removed,
					    "kept", (json_int_t)out.kept, "recounted",
					    (json_int_t)out.recounted));
	printf("%zu connections removed, %zu kept; %zu endpoints recounted\n", out.removed,
	       out.kept, out.recounted);
	return EXIT_DONE;
}
