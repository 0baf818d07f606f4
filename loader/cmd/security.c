// SPDX-License-Identifier: GPL-2.0-only
/* corepath security. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd.h"
#include "json.h"

static void print_how(FILE *to, const struct corepath_security_status *st)
{
	const char *before = " (not: ";
	int op;

	fputs(corepath_enforcement_text(st->how), to);
	for (op = 0; st->how == COREPATH_PREVENTS_PART && op < COREPATH_OPS; op++)
		if (st->weak & 1u << op) {
			fprintf(to, "%s%s", before, corepath_op_name(op));
			before = ", ";
		}
	if (st->how == COREPATH_PREVENTS_PART)
		fputs(": detects and kills)", to);
	if (st->means == COREPATH_MEANS_FMOD_RET)
		fputs(", by BPF_MODIFY_RETURN: the BPF LSM is not active", to);
	fputc('\n', to);
}

/* Who ran already and matches: as many lines as one reads. */
#define RUNNING_LINES 20

static void print_running(const struct corepath_running_report *r)
{
	size_t i;

	if (r->elsewhere)
		fputs("corepath: security: processes that run already were not looked at: this is not the host's "
		      "PID namespace\n",
		      stderr);
	for (i = 0; i < r->n && i < RUNNING_LINES; i++)
		fprintf(stderr,
			"corepath: security: process %u runs already and matches %s: %s%s\n",
			r->list[i].pid, r->list[i].rule, corepath_action_name(r->list[i].action),
			r->list[i].killed ? ", killed" : "");
	if (r->n > RUNNING_LINES)
		fprintf(stderr, "corepath: security: and %zu more that run already\n",
			r->n - RUNNING_LINES);
	if (r->more)
		fputs("corepath: security: processes that match are made faster than they are killed; "
		      "load the rules again\n",
		      stderr);
}

int cmd_security_load(const struct args *args)
{
	struct corepath_running_report running;
	struct corepath_security_status st;
	int err = corepath_security_load_running(args->pin_dir, args->operands[0],
						 args->kill_running, &running);

	print_running(&running);
	free(running.list);
	if (err)
		return report_failure(args, true);
	if (corepath_security_status(args->pin_dir, &st))
		return report_failure(args, false);
	fputs("corepath: security: ", stderr);
	print_how(stderr, &st);
	free(st.rules);
	return EXIT_DONE;
}

int cmd_security_unload(const struct args *args)
{
	if (corepath_security_unload(args->pin_dir))
		return report_failure(args, false);
	return EXIT_DONE;
}

static json_t *ops_json(__u32 ops)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < COREPATH_OPS; i++)
		if (ops & 1u << i)
			json_array_append_new(list, json_string(corepath_op_name(i)));
	return list;
}

static json_t *status_json(const struct corepath_security_status *st, bool loaded)
{
	json_t *rules = json_array();
	size_t i;

	for (i = 0; i < st->n; i++) {
		const struct corepath_rule_info *r = &st->rules[i];

		json_array_append_new(rules, json_pack("{s:s, s:o, s:s, s:s, s:I}", "name", r->name,
						       "on", ops_json(r->ops), "action",
						       corepath_action_name(r->action), "asked",
						       corepath_action_name(r->asked), "hits",
						       (json_int_t)r->hits));
	}
	return json_pack("{s:b, s:s?, s:s?, s:o, s:o}", "loaded", loaded, "enforcement",
			 loaded ? corepath_enforcement_text(st->how) : NULL, "means",
			 loaded ? corepath_means_name(st->means) : NULL, "cannot_prevent",
			 ops_json(st->weak), "rules", rules);
}

static void status_text(const struct corepath_security_status *st)
{
	size_t i;
	int op;

	print_how(stdout, st);
	for (i = 0; i < st->n; i++) {
		const struct corepath_rule_info *r = &st->rules[i];

		printf("%s: %s", r->name, corepath_action_name(r->action));
		if (r->action != r->asked)
			printf(" (in place of %s)", corepath_action_name(r->asked));
		for (op = 0; op < COREPATH_OPS; op++)
			if (r->ops & 1u << op)
				printf(" %s", corepath_op_name(op));
		printf(", matched %" PRIu64 " times\n", (uint64_t)r->hits);
	}
}

int cmd_security_status(const struct args *args)
{
	struct corepath_security_status st;
	int err = corepath_security_status(args->pin_dir, &st), status = EXIT_DONE;

	if (err == -ENOENT && args->json) {
		st = (struct corepath_security_status){};
		return print_json(status_json(&st, false));
	}
	if (err)
		return report_failure(args, false);
	if (args->json)
		status = print_json(status_json(&st, true));
	else
		status_text(&st);
	free(st.rules);
	return status;
}

int cmd_security_builtins(const struct args *args)
{
	size_t n, i;
	const struct corepath_builtin *b = corepath_builtins(&n);
	json_t *list = args->json ? json_array() : NULL;

	for (i = 0; i < n; i++) {
		if (args->json) {
			json_array_append_new(list,
					      json_pack("{s:s, s:s?, s:s, s:s}", "name", b[i].name,
							"needs", b[i].needs, "about", b[i].about,
							"rules", b[i].rules));
			continue;
		}
		printf("%s%s\n%s%s%s\n%s", i ? "\n" : "", b[i].name, b[i].about,
		       b[i].needs ? "\nNeeds: " : "", b[i].needs ?: "", b[i].rules);
	}
	return args->json ? print_json(list) : EXIT_DONE;
}
