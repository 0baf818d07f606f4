// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest sweep`: on which releases of the archive the programs of BPF objects work. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel.h"
#include "builds.h"
#include "cmd.h"
#include "exceptions.h"
#include "session.h"
#include "sweep_run.h"
#include "util.h"

/* Some ten minutes on two cores without KVM; 0.7 GB of packages, 1.6 GB of the cache. */
#define BUDGET_DEFAULT 24
#define BUDGET_MOST    1000

static const char help[] =
	"usage: vmtest sweep [--kernels K[,K...]] [--budget N] [options] OBJECT...\n\n"
	"Finds the set of kernel releases that each program of the objects works on, among those the\n"
	"archive still has. First the newest release of each series of kernels/matrix.yaml and both ends\n"
	"of the range are tried; then what lies between neighbours with different verdicts, also where\n"
	"the same program is rejected for another reason, until the boundary is between two neighbours;\n"
	"then, as such a set can have holes, releases in the middle of the longest untried stretches, up\n"
	"to the budget. What was not tried is said.\n\n"
	"What an object needs is read from it (helpers and kfuncs it calls, types of maps and programs,\n"
	"attach targets) and looked for in each kernel before it boots; a prediction that booting\n"
	"refutes is reported.\n\n"
	"  --kernels K[,K...]  all (the default), series (6.12), releases (6.12.107), ranges of them\n"
	"                      (5.10..6.1)\n"
	"  --budget N          how many releases are tried at most (24). Each is fetched once, some 30 MB,\n"
	"                      and kept in the cache\n" STORE_OPTIONS_HELP VM_OPTIONS_HELP
	"  --timeout S         for the objects in a VM (600)\n"
	"\n"
	"In the run's folder: sweep.md, sweep.json (harness/schema/sweep.schema.json), the logs of the\n"
	"verifiers in verifier/, and all that any run has. Of --json's lines the last but one is the\n"
	"result.\n\n"
	"exit: 0 every program works on every release tried, 1 not so, 2 wrong usage, 3 the harness or\n"
	"the machine failed.\n"
	"\nexamples:\n"
	"  vmtest sweep my_prog.bpf.o\n"
	"  vmtest sweep --kernels 6.1,6.12 --budget 40 my_prog.bpf.o\n";

struct options {
	struct vm_options vm;
	struct store_options store;
	const char *selector;
	unsigned budget;
};

static int parse(int argc, char **argv, struct options *o)
{
	const struct opt own[] = {
		{OPT_TEXT, "kernels", 0, &o->selector, 0, 0, NULL},
		{OPT_COUNT, "budget", 0, &o->budget, 1, BUDGET_MOST, NULL},
		{.kind = OPT_END},
	};
	int code;

	*o = (struct options){.vm = VM_OPTIONS_DEFAULT,
			      .store = STORE_OPTIONS_DEFAULT,
			      .selector = "all",
			      .budget = BUDGET_DEFAULT};
	code = opts_parse(argc, argv,
			  OPT_TABLES(own, store_options_table(&o->store), vm_options_table(&o->vm)),
			  false, help);
	if (code >= 0)
		return code;
	if (o->vm.kernels)
		o->selector = o->vm.kernels; /* as the other commands call it */
	if (optind == argc) {
		err("which objects? Give the BPF object files to sweep");
		return EXIT_USAGE;
	}
	return -1;
}

/* All flavours of the matrix that come as packages, each list once. 0, or an exit code. */
static int find_releases(struct releases *r, const char *selector)
{
	const struct matrix *m = matrix_load();

	if (!m)
		return EXIT_USAGE;
	for (unsigned i = 0; i < m->kernels_count; i++) {
		const struct series *s = &m->kernels[i];
		struct listed *list;
		bool had = !!s->version;

		for (unsigned k = 0; k < i && !had; k++)
			had = !m->kernels[k].version &&
			      !strcmp(m->kernels[k].provider, s->provider) &&
			      !strcmp(m->kernels[k].flavour, s->flavour);
		if (had)
			continue;
		list = packages_list(m, s->provider, s->flavour, false);
		if (!list)
			return EXIT_HARNESS;
		if (releases_add(r, list, s->provider, selector) < 0)
			return EXIT_USAGE;
	}
	releases_complete(r, m);
	if (r->n)
		return 0;
	err("--kernels %s: the archive has no such release", selector);
	return EXIT_USAGE;
}

static int write_text(const struct run *run, const char *name, const char *text)
{
	char *path = fmt("%s/%s", run->dir, name);
	int ret = write_file(path, text, strlen(text));

	if (ret < 0)
		err("%s: %s", path, strerror(errno));
	free(path);
	return ret;
}

/* sweep.json and sweep.md, and what the user is told. 0, or -1 after err(). */
static int tell(const struct sweep_run *s, const struct options *o)
{
	json_t *doc = sweep_document(s);
	char *text = json_dumps(doc, JSON_INDENT(1)), *words = sweep_markdown(doc);
	int ret = write_text(s->run, "sweep.json", text) | write_text(s->run, "sweep.md", words);

	if (o->store.json) {
		json_t *event = json_pack("{s:s, s:O}", "event", "sweep", "sweep", doc);

		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(event);
	} else if (!o->store.quiet) {
		puts(words);
	}
	free(text);
	free(words);
	json_decref(doc);
	return ret;
}

int cmd_sweep(int argc, char **argv)
{
	struct suite suite;
	const struct suite *all = &suite, **built;
	struct job_options job_options = {0};
	struct sweep_run s = {0};
	struct options o;
	struct run run;
	unsigned n;
	int code = parse(argc, argv, &o);

	if (code >= 0)
		return code;
	code = verifier_suite(&suite, argv + optind, argc - optind);
	if (code)
		return code;
	code = build_suites(build_pinned(), &all, 1, &built, &n);
	if (code)
		return code;
	if (exceptions_load(NULL) < 0)
		return EXIT_USAGE;
	s.how.at_once = o.store.jobs;
	s.how.progress = progress_choose(o.store.quiet, o.store.json);
	s.selector = o.selector;
	code = find_releases(&s.releases, o.selector);
	if (code)
		return code;
	if (run_open(&run, o.store.results, argc, argv) < 0)
		return EXIT_HARNESS;
	job_options.vm = &o.vm;
	s.options = &job_options;
	sweep_init(&s.sweep, s.releases.n, o.budget);
	for (unsigned r = 0; r < s.releases.n; r++)
		s.sweep.anchor[r] = s.releases.all[r].anchor;
	sweep_run_init(&s, &run, built[0], argv + optind, argc - optind);
	for (n = s.releases.n; n && !(s.releases.all[n - 1].anchor && sweep_run_fetch(&s, n - 1));)
		n--;
	if (n) {
		job_options.accel = accel_choose(o.vm.accel, s.kernels[n - 1]);
		json_object_set_new(json_object_get(run.meta, "host"), "accel",
				    json_string(accel_name(job_options.accel)));
		sweep_run_all(&s, o.store.jobs ? o.store.jobs
					       : (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	} else {
		err("not one kernel could be had: is there a network?");
	}
	code = run_close(&run, o.store.quiet, true, o.store.formats);
	if (tell(&s, &o) < 0 && code == EXIT_OK)
		code = EXIT_HARNESS;
	if (!o.store.json)
		printf("report: %s/sweep.md\n", run.dir);
	progress_run_ended(s.how.progress, run.dir, code);
	return code;
}
