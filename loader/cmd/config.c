// SPDX-License-Identifier: GPL-2.0-only
/* corepath up -f, reload and diff: the datapath as a file describes it. */
#include <stdio.h>
#include "cmd.h"

static int read_file(const struct args *args, struct corepath_config **config)
{
	if (!args->file)
		return report_usage("--file is missing; for example: -f datapath.yaml");
	return corepath_config_read(args->file, args->pin_dir, config) ? report_failure(args, false)
								       : EXIT_DONE;
}

static void print_plan(const struct corepath_plan *plan)
{
	size_t i;

	for (i = 0; i < corepath_plan_size(plan); i++)
		puts(corepath_plan_text(plan, i));
}

/* The plan from what runs to the file, and what is done with it. */
static int with_plan(const struct args *args, bool apply)
{
	struct corepath_config *to = NULL, *from = NULL;
	struct corepath_plan *plan = NULL;
	int status = read_file(args, &to);

	if (!status &&
	    (corepath_config_running(args->pin_dir, &from) || corepath_plan_make(from, to, &plan) ||
	     (apply && corepath_plan_apply(args->pin_dir, plan))))
		status = report_failure(args, true);
	if (!status)
		print_plan(plan);
	corepath_plan_free(plan);
	corepath_config_free(from);
	corepath_config_free(to);
	return status;
}

int cmd_diff(const struct args *args)
{
	return with_plan(args, false);
}

int cmd_reload(const struct args *args)
{
	return with_plan(args, true);
}

int cmd_up_file(const struct args *args)
{
	struct corepath_config *config = NULL;
	int status = read_file(args, &config);

	if (!status && corepath_config_up(args->pin_dir, config))
		status = report_failure(args, true);
	corepath_config_free(config);
	return status;
}
