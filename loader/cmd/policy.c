// SPDX-License-Identifier: GPL-2.0-only
/* corepath policy and identity. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "json.h"

/* "DEV DIRECTION [VERDICT] [KEY=VALUE...]": `first` is where the parts begin. */
static int parse_rule(const struct args *args, size_t first, struct corepath_policy_spec *spec)
{
	char **words = args->operands;
	size_t i;

	if (corepath_policy_init(words[0], words[1], first > 2 ? words[2] : NULL, spec))
		return report_usage("%s", corepath_error());
	for (i = first; i < args->n_operands; i++)
		if (corepath_policy_word(words[i], spec))
			return report_usage("%s", corepath_error());
	return EXIT_DONE;
}

int cmd_policy_add(const struct args *args)
{
	struct corepath_policy_spec spec;
	int status = parse_rule(args, 3, &spec);

	if (!status && corepath_policy_add(args->pin_dir, &spec))
		status = report_failure(args, false);
	return status;
}

int cmd_policy_del(const struct args *args)
{
	struct corepath_policy_spec spec;
	int status = parse_rule(args, 2, &spec);

	if (!status && corepath_policy_del(args->pin_dir, &spec))
		status = report_failure(args, false);
	return status;
}

static const char *verdict_name(const struct corepath_policy_spec *s)
{
	return s->verdict == COREPATH_ALLOW ? "allow" : "deny";
}

static json_t *rules_json(const struct corepath_policy_info *list, size_t n)
{
	json_t *array = json_array();
	char proto[8];
	size_t i;

	for (i = 0; i < n; i++) {
		const struct corepath_policy_spec *s = &list[i].spec;

		/* a value that could not be made makes the whole NULL for print_json */
		if (json_array_append_new(
			    array,
			    json_pack("{s:s, s:s, s:s, s:I, s:s?, s:I, s:I, s:I, s:I}", "dev",
				      s->dev, "direction",
				      s->direction == COREPATH_IN ? "in" : "out", "verdict",
				      verdict_name(s), "identity", (json_int_t)s->identity, "proto",
				      s->proto ? corepath_proto_format(s->proto, proto) : NULL,
				      "port", (json_int_t)s->port, "proxy", (json_int_t)s->proxy,
				      "packets", (json_int_t)list[i].packets, "bytes",
				      (json_int_t)list[i].bytes))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static void rule_text(const struct corepath_policy_info *r)
{
	char text[COREPATH_POLICY_STRLEN];

	printf("%s packets=%llu bytes=%llu\n", corepath_policy_format(&r->spec, text), r->packets,
	       r->bytes);
}

int cmd_policy_list(const struct args *args)
{
	struct corepath_policy_info *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_policy_list(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(rules_json(list, n));
	for (i = 0; !args->json && i < n; i++)
		rule_text(&list[i]);
	free(list);
	return status;
}

/* ---- identity ---- */

static int parse_prefix(const char *text, struct corepath_prefix *p)
{
	char taken[COREPATH_PREFIX_STRLEN];
	int err = corepath_prefix_parse(text, p);

	if (err < 0)
		return report_usage("%s", corepath_error());
	if (err)
		fprintf(stderr, "corepath: note: %s has host bits; taken as %s\n", text,
			corepath_prefix_format(p, taken));
	return EXIT_DONE;
}

int cmd_identity_add(const struct args *args)
{
	unsigned long long identity;
	struct corepath_prefix p;
	int status = parse_prefix(args->operands[0], &p);
	const char *text = args->operands[1];
	char *end;

	if (status)
		return status;
	errno = 0;
	identity = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !identity || identity > 0xffffffff)
		return report_usage("identity add: '%s' is not a number from 1 (the world) to "
				    "4294967295",
				    text);
	if (corepath_identity_add(args->pin_dir, &p, identity))
		return report_failure(args, true);
	return EXIT_DONE;
}

int cmd_identity_del(const struct args *args)
{
	struct corepath_prefix p;
	int status = parse_prefix(args->operands[0], &p);

	if (!status && corepath_identity_del(args->pin_dir, &p))
		status = report_failure(args, false);
	return status;
}

int cmd_identity_list(const struct args *args)
{
	struct corepath_identity_info *list;
	char text[COREPATH_PREFIX_STRLEN];
	json_t *array = json_array();
	int err = 0, status = EXIT_DONE;
	size_t i, n;

	if (corepath_identity_list(args->pin_dir, &list, &n)) {
		json_decref(array);
		return report_failure(args, false);
	}
	for (i = 0; i < n; i++) {
		corepath_prefix_format(&list[i].prefix, text);
		if (args->json)
			err |= json_array_append_new(
				array, json_pack("{s:s, s:I}", "prefix", text, "identity",
						 (json_int_t)list[i].identity));
		else
			printf("%s %u\n", text, list[i].identity);
	}
	if (args->json && err) {
		json_decref(array);
		array = NULL;
	}
	if (args->json)
		status = print_json(array);
	else
		json_decref(array);
	free(list);
	return status;
}
