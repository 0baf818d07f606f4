// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest verify`: what the verifiers of real kernels say of anybody's BPF objects. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "session.h"
#include "util.h"

static const char help[] =
	"usage: vmtest verify --kernel K[,K...] [options] OBJECT...\n\n"
	"Asks the verifier of real kernels about any BPF objects, program by program: accepted or\n"
	"rejected, with the reason at the source line, instructions, states, stack, size.\n\n" SESSION_HELP
	"\nexamples:\n"
	"  vmtest verify --kernel all my_prog.bpf.o\n"
	"  vmtest verify --kernel 6.12 --loader all my_prog.bpf.o\n";

/* The objects as the suite's files and arguments. 0, or an exit code after err(). */
static int add_objects(struct suite *suite, char **paths, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char *base = strrchr(paths[i], '/');
		struct stat st;

		base = base ? base + 1 : paths[i];
		if (stat(paths[i], &st) < 0 || access(paths[i], R_OK) < 0) {
			err("%s: %s", paths[i], strerror(errno));
			return EXIT_USAGE;
		}
		if (!S_ISREG(st.st_mode)) { /* a pipe would be waited for, for ever */
			err("%s: not a regular file: give BPF objects, e.g. my_prog.bpf.o",
			    paths[i]);
			return EXIT_USAGE;
		}
		for (unsigned k = 1; k < suite->argv_count; k++) {
			if (strcmp(suite->argv[k], base))
				continue;
			err("%s: another object is also called %s; results could not be told apart",
			    paths[i], base);
			return EXIT_USAGE;
		}
		suite->files[suite->files_count++] = paths[i];
		suite->argv[suite->argv_count++] = base;
	}
	return 0;
}

int verifier_suite(struct suite *suite, char **objects, unsigned n)
{
	*suite = (struct suite){
		.name = "verifier",
		.about = "every program of every object",
		.profile = "default",
		.timeout = 600,
	};
	suite->files = xcalloc(n + 1, sizeof(char *));
	suite->argv = xcalloc(n + 1, sizeof(char *));
	suite->files[suite->files_count++] = "{guest}/verifier";
	suite->argv[suite->argv_count++] = "verifier";
	return add_objects(suite, objects, n);
}

int cmd_verify(int argc, char **argv)
{
	struct session_options o;
	struct suite suite;
	const struct suite *one[] = {&suite};
	int code = session_parse(argc, argv, &o, NULL, help);

	if (code >= 0)
		return code;
	if (optind == argc) {
		err("which objects? Give the BPF object files to verify");
		return EXIT_USAGE;
	}
	code = verifier_suite(&suite, argv + optind, argc - optind);
	return code ? code : session_run(&o, one, 1, NULL, argc, argv);
}
