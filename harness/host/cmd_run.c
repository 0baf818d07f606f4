// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest run` and `vmtest shell`: any program of this machine under any kernel. */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "run_session.h"
#include "util.h"

static const char run_help[] =
	"usage: vmtest run --kernel K [options] -- COMMAND [ARGUMENT...]\n\n"
	"Runs a program of this machine, unmodified, in a fresh VM under kernel K: with its shared\n"
	"libraries, its standard input, output and error, and its exit status. The guest has nothing\n"
	"else: name other files with --copy. The working directory has the same name there.\n\n"
	"  --kernel K          a series (6.12), a release, newest, or the path of a bzImage\n"
	"  --profile P         a boot profile of kernels/matrix.yaml (default)\n"
	"  --copy FILE[:TO]    a file, a program with its shared libraries, or a directory to take\n"
	"                      along, to the same path or to TO\n"
	"  --module NAME       a kernel module to load, with what it depends on\n"
	"  --env NAME=VALUE    for the program; PATH, HOME and TERM are set\n" VM_OPTIONS_HELP
	"  --timeout S         for the program (3600)\n\n"
	"exit: the program's own status, 128+N when signal N killed it; 123 the kernel panicked or\n"
	"reported a bug, 124 it took too long or the guest hung, 125 the harness failed, 2 wrong usage\n\n"
	"examples:\n"
	"  vmtest run --kernel 6.1 -- uname -r\n"
	"  vmtest run --kernel 5.10 --copy prog.bpf.o --module veth -- ./my-test -v prog.bpf.o\n";

static const char shell_help[] =
	"usage: vmtest shell --kernel K [options of vmtest run]\n\n"
	"A shell in a fresh VM under kernel K: busybox, if this machine has it, else /bin/sh with what\n"
	"--copy brings. The VM ends with the shell.\n";

int cmd_run(int argc, char **argv)
{
	struct run_options o;
	int code = run_parse(argc, argv, &o, NULL, run_help);

	if (code >= 0)
		return code;
	if (!o.argv[0]) {
		err("run what? Give a command after --, e.g. -- uname -r");
		return EXIT_USAGE;
	}
	set_quiet(true);
	return run_session(&o);
}

int cmd_shell(int argc, char **argv)
{
	static char *busybox[] = {"busybox", "sh", NULL}, *sh[] = {"/bin/sh", NULL};
	struct run_options o;
	int code = run_parse(argc, argv, &o, NULL, shell_help);

	if (code >= 0)
		return code;
	o.argv = access("/bin/busybox", X_OK) == 0 ? busybox : sh;
	o.tty = isatty(0);
	return run_session(&o);
}
