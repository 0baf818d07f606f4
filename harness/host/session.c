// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel.h"
#include "exceptions.h"
#include "plan.h"
#include "results.h"
#include "session.h"
#include "util.h"

#define SEED_MOST  1000000000u
#define SEEDS_MOST 100000u

/* "1..100" */
static int parse_seeds(const char *text, unsigned *first, unsigned *last)
{
	int n = 0;

	if (sscanf(text, "%u..%u%n", first, last, &n) == 2 && !text[n] && *first >= 1 &&
	    *last >= *first && *last <= SEED_MOST && *last - *first < SEEDS_MOST)
		return 0;
	return err("--seeds %s: expected FIRST..LAST, e.g. 1..100, at most %u of them", text,
		   SEEDS_MOST);
}

int session_parse(int argc, char **argv, struct session_options *o, const struct opt *own,
		  const char *help)
{
	const char *seeds = NULL;
	const struct opt shared[] = {
		{OPT_TEXT, "loader", 0, &o->builds.loaders, 0, 0, NULL},
		{OPT_TEXT, "compiler", 0, &o->builds.compilers, 0, 0, NULL},
		{OPT_FLAG, "star", 0, &o->builds.star, 0, 0, NULL},
		{OPT_WORD, "isolate", 0, &o->isolate, 0, 0, "suite case cell"},
		{OPT_COUNT, "seed", 0, &o->first_seed, 1, SEED_MOST, NULL},
		{OPT_TEXT, "seeds", 0, &seeds, 0, 0, NULL},
		{.kind = OPT_END},
	};
	int code;

	*o = (struct session_options){
		.vm = VM_OPTIONS_DEFAULT, .store = STORE_OPTIONS_DEFAULT, .isolate = "suite"};
	code = opts_parse(
		argc, argv,
		OPT_TABLES(shared, store_options_table(&o->store), vm_options_table(&o->vm), own),
		false, help);
	if (code >= 0)
		return code;
	if (!vm_options_complete(&o->vm))
		return EXIT_USAGE;
	if (seeds && o->first_seed) {
		err("--seed and --seeds: give one of them");
		return EXIT_USAGE;
	}
	o->last_seed = o->first_seed;
	if (seeds && parse_seeds(seeds, &o->first_seed, &o->last_seed) < 0)
		return EXIT_USAGE;
	return -1;
}

/* Every suite's file of every build must be there: known before a machine starts. */
static int check_builds(const struct builds *builds, const struct suite *const *suites, unsigned n)
{
	int code = 0;

	for (unsigned i = 0; i < builds->n && !code; i++) {
		const struct suite **of_it;
		unsigned of_it_n;

		code = build_suites(&builds->list[i], suites, n, &of_it, &of_it_n);
	}
	return code;
}

/* What runs on one image, with each build. The files were checked. */
static void add_cell(struct schedule *schedule, const struct plan_cell *cell,
		     const struct builds *builds)
{
	for (unsigned i = 0; i < builds->n; i++) {
		const struct build *b = &builds->list[i];
		const struct suite **of_it;
		unsigned n;

		if (!build_suites(b, cell->suites, cell->n, &of_it, &n) && n &&
		    build_runs_on(b, cell->kernel->asked, cell->kernel->release, builds->left_out))
			schedule_add(schedule, cell->kernel, b, of_it, n);
	}
}

static enum isolation isolation_of(const char *word)
{
	return !strcmp(word, "case")   ? ISOLATE_CASE
	       : !strcmp(word, "cell") ? ISOLATE_CELL
				       : ISOLATE_SUITE;
}

int session_run(const struct session_options *o, const struct suite *const *suites, unsigned n,
		const char *base, int argc, char **argv)
{
	struct job_options job_options = {.vm = &o->vm, .base = base};
	struct schedule_options how = {
		.at_once = o->store.jobs,
		.isolation = isolation_of(o->isolate),
		.first_seed = o->first_seed,
		.last_seed = o->last_seed,
		.progress = progress_choose(o->store.quiet, o->store.json),
	};
	struct schedule *schedule;
	struct builds builds;
	struct plan plan;
	struct run run;
	int code;

	if (o->first_seed && o->vm.cpus > 1)
		warn("QEMU takes turns with several CPUs at moments the host decides: what a seed"
		     " finds with --cpus %u may not come again in a replay",
		     o->vm.cpus);
	if (exceptions_load(NULL) < 0)
		return EXIT_USAGE;
	code = builds_select(&o->builds, &builds);
	if (!code)
		code = check_builds(&builds, suites, n);
	if (!code)
		code = plan_make(&plan, o->vm.kernels, o->vm.profile, suites, n);
	if (code)
		return code;
	if (plan.cells_n)
		job_options.accel = accel_choose(o->vm.accel, plan.cells[0].kernel);
	if (run_open(&run, o->store.results, argc, argv) < 0)
		return EXIT_HARNESS;
	json_object_set_new(json_object_get(run.meta, "host"), "accel",
			    json_string(accel_name(job_options.accel)));
	plan_report(&plan, &run, job_options.accel);
	schedule = schedule_new(&run, &job_options, &how);
	for (unsigned i = 0; i < plan.cells_n; i++)
		add_cell(schedule, &plan.cells[i], &builds);
	if (json_array_size(builds.left_out))
		json_object_set(run.meta, "left_out", builds.left_out);
	schedule_run(schedule);
	code = run_close(&run, o->store.quiet, o->store.json, o->store.formats);
	progress_run_ended(how.progress, run.dir, code);
	return code;
}
