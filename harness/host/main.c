// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "outcome.h"
#include "util.h"

static int cmd_help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{"test", cmd_test, "boot kernels and run suites inside them"},
	{"verify", cmd_verify, "ask the verifier of real kernels about any BPF objects"},
	{"sweep", cmd_sweep, "find the releases that BPF objects work on, holes included"},
	{"run", cmd_run, "run a program of this machine under another kernel"},
	{"shell", cmd_shell, "a shell under another kernel"},
	{"gdb", cmd_gdb, "run under the debugger: breakpoints in the kernel"},
	{"replay", cmd_replay, "repeat a failure of a seeded VM bit for bit"},
	{"kernels", cmd_kernels, "list, fetch and look into kernels"},
	{"builds", cmd_builds, "the loader builds and compilers to choose from"},
	{"libbpf", cmd_libbpf, "fetch the pinned libbpf sources"},
	{"outcomes", cmd_outcomes, "every way a test can end, and its exit code"},
	{"help", cmd_help, "this text"},
};

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("vmtest: BPF programs and their tests on real kernels, in virtual machines\n\n"
	     "usage: vmtest COMMAND [OPTIONS]\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].about);
	puts("\n`vmtest COMMAND --help` tells more. Start with: vmtest test --kernel 6.12\n\n"
	     "environment:\n"
	     "  VMTEST_CACHE            where kernels are kept (~/.cache/vmtest)\n"
	     "  VMTEST_DEBIAN_MIRROR    archive to take kernels from (the machine's own)");
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		cmd_help(0, NULL);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return cmd_help(0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	err("no command \"%s\"; `vmtest help` lists them", argv[1]);
	return EXIT_USAGE;
}
