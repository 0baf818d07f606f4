// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest test` and `vmtest verify`: suites on kernels, as many VMs at once as the machine bears.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel.h"
#include "cmd.h"
#include "config.h"
#include "exceptions.h"
#include "kernel.h"
#include "results.h"
#include "schedule.h"
#include "util.h"

struct options {
	const char *kernels, *suites, *file, *results, *accel, *append, *formats;
	unsigned jobs, mem_mib;
	double boot_s, timeout_s;
	bool quiet, cold, by_case;
};

static const struct option long_options[] = {
	{"kernel", required_argument, NULL, 'k'},
	{"suite", required_argument, NULL, 's'},
	{"suites", required_argument, NULL, 'f'},
	{"results", required_argument, NULL, 'r'},
	{"accel", required_argument, NULL, 'a'},
	{"append", required_argument, NULL, 'A'},
	{"jobs", required_argument, NULL, 'j'},
	{"memory", required_argument, NULL, 'm'},
	{"boot-timeout", required_argument, NULL, 'b'},
	{"timeout", required_argument, NULL, 't'},
	{"format", required_argument, NULL, 'F'},
	{"isolate", required_argument, NULL, 'i'},
	{"cold", no_argument, NULL, 'c'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{},
};

#define COMMON_HELP                                                                                     \
	"  --kernel K[,K...]   series (6.12), release (6.12.107), path of a bzImage, all, required,\n"  \
	"                      newest; see `vmtest kernels list`\n"                                     \
	"  --results DIR       where the run's directory is made (results)\n"                           \
	"  --format F[,F...]   also write ktap, junit, kcidb beside the report\n"                       \
	"  --accel auto|kvm|tcg  auto uses KVM only when a kernel was seen to boot under it\n"          \
	"  --isolate suite|case  a fresh VM for each suite (the default), or for each test of those\n"  \
	"                      that can list theirs\n"                                                  \
	"  --cold              boot every VM instead of restoring a saved one\n"                        \
	"  --append TEXT       more for the kernel command line\n"                                      \
	"  --jobs N            VMs at once (one per core, as memory allows)\n"                          \
	"  --memory MIB        of each VM (512)\n"                                                      \
	"  --boot-timeout S    from start to init (60)\n"                                               \
	"  --timeout S         for a suite in its VM (what the suite says)\n"                           \
	"  --quiet             only failures, and where the report is\n"                                \
	"\n"                                                                                            \
	"exit: 0 all good, 1 the product failed, 2 wrong usage, 3 the harness, a test or the machine\n" \
	"failed; `vmtest outcomes` has the whole table.\n"

static const char test_help[] =
	"usage: vmtest test --kernel K[,K...] [--suite NAME[,NAME...]] [options]\n\n"
	"Boots each kernel and runs suites inside, one VM per kernel and suite. Every result is a line\n"
	"in results/<run>/results.jsonl; results/latest/report.md tells the story.\n\n"
	"  --suite NAME[,...]  only these (all of the file)\n"
	"  --suites FILE       a file of suites of your own (vmtests/suites.yaml describes the form)\n" COMMON_HELP
	"\nexamples:\n"
	"  vmtest test --kernel 6.12\n"
	"  vmtest test --kernel 5.10,7.2 --suite verifier\n"
	"  vmtest test --kernel all --suites ./my-suites.yaml\n";

static const char verify_help[] =
	"usage: vmtest verify --kernel K[,K...] [options] OBJECT...\n\n"
	"Asks the verifier of real kernels about any BPF objects, program by program: accepted or\n"
	"rejected, with the reason at the source line, instructions, states, stack, size.\n\n" COMMON_HELP
	"\nexample:\n"
	"  vmtest verify --kernel all my_prog.bpf.o\n";

struct session {
	struct options *options;
	struct kernel **kernels;
	const struct suite **suites;
	unsigned kernels_n, suites_n;
};

static int bring_kernels(struct session *s)
{
	char **names = kernel_select(s->options->kernels, &s->kernels_n);
	bool usage;

	if (!names)
		return EXIT_USAGE;
	s->kernels = xcalloc(s->kernels_n, sizeof(*s->kernels));
	for (unsigned i = 0; i < s->kernels_n; i++) {
		s->kernels[i] = kernel_get(names[i], &usage);
		if (!s->kernels[i])
			return usage ? EXIT_USAGE : EXIT_HARNESS;
	}
	return EXIT_OK;
}

static int run_session(struct session *s, const char *base, int argc, char **argv)
{
	struct options *o = s->options;
	struct job_options job_options = {
		.by_case = o->by_case,
		.cold = o->cold,
		.append = o->append,
		.mem_mib = o->mem_mib,
		.boot_s = o->boot_s,
		.job_s = o->timeout_s,
		.base = base,
	};
	int ret = exceptions_load(NULL) < 0 ? EXIT_USAGE : bring_kernels(s);
	struct schedule *schedule;
	struct run run;

	if (ret != EXIT_OK)
		return ret;
	job_options.accel = accel_choose(o->accel, s->kernels[0]);
	if (run_open(&run, o->results, argc, argv) < 0)
		return EXIT_HARNESS;
	json_object_set_new(json_object_get(run.meta, "host"), "accel",
			    json_string(accel_name(job_options.accel)));
	schedule = schedule_new(&run, &job_options, o->jobs);
	for (unsigned t = 0; t < s->suites_n; t++)
		for (unsigned k = 0; k < s->kernels_n; k++)
			schedule_add(schedule, s->kernels[k], s->suites[t]);
	schedule_run(schedule);
	return run_close(&run, o->quiet, o->formats);
}

static bool number(const char *text, double lo, double hi, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value >= lo && *value <= hi;
}

static bool formats_known(const char *list)
{
	char *copy = xstrdup(list), *name, *save;
	bool known = *list;

	for (name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save))
		known &= !strcmp(name, "ktap") || !strcmp(name, "junit") || !strcmp(name, "kcidb");
	free(copy);
	return known;
}

/* Exit code to leave with, or -1 to go on. */
static int parse(int argc, char **argv, struct options *o, const char *help)
{
	double v;
	int c;

	*o = (struct options){.results = "results", .accel = "auto", .mem_mib = 512, .boot_s = 60};
	while ((c = getopt_long(argc, argv, "k:s:f:r:j:qh", long_options, NULL)) >= 0) {
		switch (c) {
		case 'k':
			o->kernels = optarg;
			break;
		case 's':
			o->suites = optarg;
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'r':
			o->results = optarg;
			break;
		case 'A':
			o->append = optarg;
			break;
		case 'F':
			if (!formats_known(optarg)) {
				err("--format %s: a list of ktap, junit, kcidb", optarg);
				return EXIT_USAGE;
			}
			o->formats = optarg;
			break;
		case 'i':
			if (strcmp(optarg, "suite") && strcmp(optarg, "case")) {
				err("--isolate %s: suite or case", optarg);
				return EXIT_USAGE;
			}
			o->by_case = !strcmp(optarg, "case");
			break;
		case 'c':
			o->cold = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'a':
			if (!accel_known(optarg)) {
				err("--accel %s: auto, kvm or tcg", optarg);
				return EXIT_USAGE;
			}
			o->accel = optarg;
			break;
		case 'j':
		case 'm':
		case 'b':
		case 't':
			if (!number(optarg, c == 'm' ? 128 : 1, c == 'm' ? 65536 : 86400, &v)) {
				err("\"%s\" is no number in range", optarg);
				return EXIT_USAGE;
			}
			if (c == 'j')
				o->jobs = v;
			else if (c == 'm')
				o->mem_mib = v;
			else if (c == 'b')
				o->boot_s = v;
			else
				o->timeout_s = v;
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_OK;
		default:
			fprintf(stderr, "Try `vmtest %s --help`.\n", argv[0]);
			return EXIT_USAGE;
		}
	}
	if (!o->kernels) {
		err("which kernel? Give --kernel, e.g. --kernel 6.12 (`vmtest kernels list` shows them)");
		return EXIT_USAGE;
	}
	set_quiet(o->quiet);
	return -1;
}

static int pick_suites(struct session *s, const struct suites *all, const char *wanted)
{
	char *copy, *name, *save;

	s->suites = xcalloc(all->suites_count + (wanted ? strlen(wanted) : 0), sizeof(*s->suites));
	for (unsigned i = 0; i < all->suites_count; i++) {
		if (!profile_find(all->suites[i].profile))
			return err("suite %s: no profile \"%s\" (%s)", all->suites[i].name,
				   all->suites[i].profile, profiles_list());
		if (!wanted)
			s->suites[s->suites_n++] = &all->suites[i];
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
		s->suites[s->suites_n++] = &all->suites[i];
	}
	free(copy);
	return 0;
}

int cmd_test(int argc, char **argv)
{
	struct options o;
	struct session s = {.options = &o};
	const struct suites *all;
	int code = parse(argc, argv, &o, test_help);
	char *file;

	if (code >= 0)
		return code;
	if (optind < argc) {
		err("\"%s\": nothing is expected here; objects go to `vmtest verify`",
		    argv[optind]);
		return EXIT_USAGE;
	}
	file = o.file ? xstrdup(o.file) : fmt("%s/vmtests/suites.yaml", home_dir());
	all = suites_load(file);
	if (!all || pick_suites(&s, all, o.suites) < 0)
		return EXIT_USAGE;
	/* A suite's files are named from where its YAML file is. */
	*(strrchr(file, '/') ? strrchr(file, '/') : strcpy(file, "..") + 1) = '\0';
	return run_session(&s, file, argc, argv);
}

int cmd_verify(int argc, char **argv)
{
	struct options o;
	struct session s = {.options = &o};
	struct suite suite = {
		.name = "verifier",
		.about = "every program judged alone",
		.profile = "default",
		.timeout = 600,
	};
	const struct suite *one[] = {&suite};
	int code = parse(argc, argv, &o, verify_help);

	if (code >= 0)
		return code;
	if (optind == argc) {
		err("which objects? Give the BPF object files to verify");
		return EXIT_USAGE;
	}
	suite.files = xcalloc(argc - optind + 1, sizeof(char *));
	suite.argv = xcalloc(argc - optind + 1, sizeof(char *));
	suite.files[suite.files_count++] = fmt("%s/build/guest/verifier", home_dir());
	suite.argv[suite.argv_count++] = "verifier";
	for (int i = optind; i < argc; i++) {
		char *base = strrchr(argv[i], '/');

		base = base ? base + 1 : argv[i];
		if (access(argv[i], R_OK) < 0) {
			err("%s: %s", argv[i], strerror(errno));
			return EXIT_USAGE;
		}
		for (unsigned n = 1; n < suite.argv_count; n++) {
			if (strcmp(suite.argv[n], base))
				continue;
			err("%s: another object is also called %s; results could not be told apart",
			    argv[i], base);
			return EXIT_USAGE;
		}
		suite.files[suite.files_count++] = argv[i];
		suite.argv[suite.argv_count++] = base;
	}
	s.suites = one;
	s.suites_n = 1;
	return run_session(&s, NULL, argc, argv);
}
