/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMTEST_CMD_H
#define VMTEST_CMD_H

/* Every command gets its own name as argv[0] and returns an exit code. */
int cmd_test(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_shell(int argc, char **argv);
int cmd_gdb(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_kernels(int argc, char **argv);
int cmd_builds(int argc, char **argv);
int cmd_libbpf(int argc, char **argv);

struct suite;

/*
 * The suite that judges objects, program by program: what `verify` and `sweep` run. Relative names
 * are the caller's. 0, or an exit code after err().
 */
int verifier_suite(struct suite *suite, char **objects, unsigned n);

#endif
