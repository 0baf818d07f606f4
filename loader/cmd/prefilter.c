// SPDX-License-Identifier: GPL-2.0-only
/* corepath prefilter add, del, list and load. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "json.h"

/* Parses the operands into *out, saying which had host bits. Returns an exit status. */
static int parse_operands(const struct args *args, struct corepath_prefix **out)
{
	struct corepath_prefix *list = calloc(args->n_operands, sizeof(*list));
	char text[COREPATH_PREFIX_STRLEN];
	size_t i;
	int err;

	if (!list) {
		fputs("corepath: prefilter: out of memory; name fewer prefixes\n", stderr);
		return EXIT_FAILED;
	}
	for (i = 0; i < args->n_operands; i++) {
		err = corepath_prefix_parse(args->operands[i], &list[i]);
		if (err < 0) {
			free(list);
			return report_usage("%s", corepath_error());
		}
		if (err)
			fprintf(stderr, "corepath: note: %s has host bits; taken as %s\n",
				args->operands[i], corepath_prefix_format(&list[i], text));
	}
	*out = list;
	return EXIT_DONE;
}

/* A /0 can cut off the operator who types it. */
static void note_everything(const struct corepath_prefix *p)
{
	char text[COREPATH_PREFIX_STRLEN];

	if (!p->len && p->verdict == COREPATH_DENY)
		fprintf(stderr, "corepath: note: %s drops every source but allowed prefixes\n",
			corepath_prefix_format(p, text));
}

static int add(const struct args *args, const struct corepath_prefix *list, size_t n)
{
	size_t i;

	if (corepath_prefix_add(args->pin_dir, list, n))
		return report_failure(args, false);
	for (i = 0; i < n; i++)
		note_everything(&list[i]);
	return EXIT_DONE;
}

int cmd_prefilter_add(const struct args *args)
{
	struct corepath_prefix *list;
	int status;
	size_t i;

	status = parse_operands(args, &list);
	if (status)
		return status;
	for (i = 0; i < args->n_operands; i++)
		list[i].verdict = args->allow ? COREPATH_ALLOW : COREPATH_DENY;
	status = add(args, list, args->n_operands);
	free(list);
	return status;
}

int cmd_prefilter_del(const struct args *args)
{
	struct corepath_prefix *list;
	int status;

	status = parse_operands(args, &list);
	if (status)
		return status;
	if (corepath_prefix_del(args->pin_dir, list, args->n_operands))
		status = report_failure(args, false);
	free(list);
	return status;
}

int cmd_prefilter_load(const struct args *args)
{
	struct corepath_prefix *list;
	int status;
	size_t n;

	if (corepath_prefix_read(args->operands[0], &list, &n))
		return report_failure(args, false);
	status = add(args, list, n);
	free(list);
	if (!status)
		printf("%zu prefixes loaded\n", n);
	return status;
}

static const char *verdict_name(const struct corepath_prefix *p)
{
	return p->verdict == COREPATH_ALLOW ? "allow" : "deny";
}

static json_t *list_json(const struct corepath_prefix *list, size_t n)
{
	char text[COREPATH_PREFIX_STRLEN];
	json_t *array = json_array();
	int err = 0;
	size_t i;

	for (i = 0; i < n && !err; i++)
		err = json_array_append_new(array, json_pack("{s:s, s:s}", "prefix",
							     corepath_prefix_format(&list[i], text),
							     "verdict", verdict_name(&list[i])));
	if (!err)
		return array;
	json_decref(array);
	return NULL;
}

int cmd_prefilter_list(const struct args *args)
{
	char text[COREPATH_PREFIX_STRLEN];
	struct corepath_prefix *list;
	int status = EXIT_DONE;
	size_t i, n;

	if (corepath_prefix_list(args->pin_dir, &list, &n))
		return report_failure(args, false);
	if (args->json)
		status = print_json(list_json(list, n));
	for (i = 0; !args->json && i < n; i++)
		printf("%s%s\n", list[i].verdict == COREPATH_ALLOW ? "!" : "",
		       corepath_prefix_format(&list[i], text));
	free(list);
	return status;
}
