// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest gdb`: a kernel under the debugger, while it runs a program of this machine. */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"
#include "run_session.h"
#include "util.h"

static const char gdb_help[] =
	"usage: vmtest gdb --kernel K [options of vmtest run] [-- COMMAND [ARGUMENT...]]\n\n"
	"Stops kernel K in a fresh VM and gives it to gdb, on this terminal: set breakpoints, then\n"
	"`continue`, and the command (by default uname -a) runs in the guest. The machine is stopped\n"
	"where it waits for the command; with --cold, at its first instruction. Time that gdb takes is\n"
	"nobody's time: the guest is not ended for being silent. Leaving gdb ends the VM.\n\n"
	"Names come from the kernel itself, and so does the way up the stack (ORC): `break`, `bt`,\n"
	"`info symbol`, `finish` work for every packaged kernel, without its debugging package. For\n"
	"source lines and types give the vmlinux. Modules have no names. The kernel is booted with\n"
	"nokaslr.\n\n"
	"  --symbols FILE      a vmlinux of exactly this kernel, with debugging information\n"
	"  --batch             no terminal: end with the last command (gdb -batch)\n"
	"  --script FILE, -x   commands for gdb, after it has connected\n"
	"  --gdb-command TEXT  one more command, after the scripts\n"
	"  --kernel K          a series (6.12), a release, newest, or the path of a bzImage\n"
	"  --profile P         a boot profile of kernels/matrix.yaml (default)\n"
	"  --copy FILE[:TO]    a file or directory to take along, to the same path or to TO\n"
	"  --module NAME       a kernel module to load, with what it depends on\n"
	"  --env NAME=VALUE    for the command; its standard input is empty: the terminal is gdb's\n" VM_OPTIONS_HELP
	"  --timeout S         for all of it, breakpoints included (no bound)\n\n"
	"exit: as vmtest run; 125 also when gdb was left before the command had ended\n\n"
	"examples:\n"
	"  vmtest gdb --kernel 6.12 -- ./my-test\n"
	"    (gdb) break bpf_prog_run_xdp\n"
	"    (gdb) continue\n"
	"  vmtest gdb --kernel 6.1 --batch --gdb-command 'break __x64_sys_bpf' \\\n"
	"      --gdb-command continue --gdb-command bt --gdb-command continue -- ./my-test\n";

int cmd_gdb(int argc, char **argv)
{
	static char *nothing[] = {"uname", "-a", NULL};
	struct gdb_options gdb = {0};
	const struct opt more[] = {
		{OPT_TEXT, "symbols", 0, &gdb.symbols, 0, 0, NULL},
		{OPT_FLAG, "batch", 0, &gdb.batch, 0, 0, NULL},
		{OPT_LIST, "script", 'x', &gdb.scripts, 0, 0, NULL},
		{OPT_LIST, "gdb-command", 0, &gdb.commands, 0, 0, NULL},
		{.kind = OPT_END},
	};
	struct run_options o;
	int code = run_parse(argc, argv, &o, more, gdb_help);

	if (code >= 0)
		return code;
	if (!gdb_installed()) {
		err("gdb is not installed; as root: apt-get install gdb (or gdb-minimal)");
		return RUN_HARNESS;
	}
	o.gdb = &gdb;
	o.vm.append = o.vm.append ? fmt("nokaslr %s", o.vm.append) : "nokaslr";
	if (!o.argv[0])
		o.argv = nothing;
	return run_session(&o);
}
