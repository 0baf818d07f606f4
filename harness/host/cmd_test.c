// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest test`: suites on kernels, as many VMs at once as the machine bears. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "session.h"
#include "util.h"

static const char help[] =
	"usage: vmtest test --kernel K[,K...] [--suite NAME[,NAME...]] [options]\n\n"
	"Boots each kernel and runs suites inside, one VM per kernel and suite. Every result is a line\n"
	"in results/<run>/results.jsonl; results/latest/report.md tells the story.\n\n"
	"  --suite NAME[,...]  only these (all of the file)\n"
	"  --suites FILE       a file of suites of your own (vmtests/suites.yaml describes the form)\n" SESSION_HELP
	"\nexamples:\n"
	"  vmtest test --kernel 6.12\n"
	"  vmtest test --kernel 5.10,7.2 --suite verifier\n"
	"  vmtest test --kernel required --loader all --compiler all --star\n"
	"  vmtest test --kernel all --suites ./my-suites.yaml\n"
	"  vmtest test --kernel 6.1..6.18 --profile all\n"
	"  vmtest test --kernel 6.12 --suites ./race.yaml --seeds 1..100\n";

struct picked {
	const struct suite **suites;
	unsigned n;
};

static int pick_suites(struct picked *p, const struct suites *all, const char *wanted)
{
	char *copy, *name, *save;

	p->suites = xcalloc(all->suites_count + (wanted ? strlen(wanted) : 0), sizeof(*p->suites));
	for (unsigned i = 0; i < all->suites_count; i++) {
		if (!profile_find(all->suites[i].profile))
			return err("suite %s: no profile \"%s\" (%s)", all->suites[i].name,
				   all->suites[i].profile, profiles_list());
		if (!wanted)
			p->suites[p->n++] = &all->suites[i];
	}
	copy = xstrdup(wanted ? wanted : "");
	for (name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		unsigned i;

		for (i = 0; i < all->suites_count && strcmp(all->suites[i].name, name); i++)
			;
		if (i == all->suites_count) {
			err("no suite \"%s\"; there are:", name);
			for (i = 0; i < all->suites_count; i++)
				fprintf(stderr, "  %-12s %s\n", all->suites[i].name,
					all->suites[i].about);
			return -1;
		}
		p->suites[p->n++] = &all->suites[i];
	}
	free(copy);
	return 0;
}

int cmd_test(int argc, char **argv)
{
	const char *wanted = NULL, *given = NULL;
	const struct opt own[] = {
		{OPT_TEXT, "suite", 's', &wanted, 0, 0, NULL},
		{OPT_TEXT, "suites", 'f', &given, 0, 0, NULL},
		{.kind = OPT_END},
	};
	struct session_options o;
	struct picked picked = {.n = 0};
	const struct suites *all;
	int code = session_parse(argc, argv, &o, own, help);
	char *file;

	if (code >= 0)
		return code;
	if (optind < argc) {
		err("\"%s\": nothing is expected here; objects go to `vmtest verify`",
		    argv[optind]);
		return EXIT_USAGE;
	}
	file = given ? xstrdup(given) : fmt("%s/vmtests/suites.yaml", home_dir());
	all = suites_load(file);
	if (!all || pick_suites(&picked, all, wanted) < 0)
		return EXIT_USAGE;
	/* A suite's files are named from where its YAML file is. */
	*(strrchr(file, '/') ? strrchr(file, '/') : strcpy(file, "..") + 1) = '\0';
	return session_run(&o, picked.suites, picked.n, file, argc, argv);
}
