/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines, described by tables: what an option is called, what it takes, where it goes. Every
 * command says a wrong value in the same words, and by the option's long name.
 */
#ifndef VMTEST_OPTIONS_H
#define VMTEST_OPTIONS_H

#include <stdbool.h>

#include "qemu.h"

#define OPT_LIST_MOST 64

enum opt_kind {
	OPT_END,
	OPT_FLAG,    /* bool: takes no value */
	OPT_TEXT,    /* const char * */
	OPT_LIST,    /* struct opt_list: may be given again */
	OPT_COUNT,   /* unsigned, from least to most */
	OPT_SECONDS, /* double, above least, to most */
	OPT_WORD,    /* const char *: one of `words`, which are separated by spaces */
	OPT_WORDS,   /* const char *: a list of such words, separated by commas */
	OPT_HELP,
};

struct opt {
	enum opt_kind kind;
	const char *name;
	char letter; /* or '\0' */
	void *value;
	double least, most;
	const char *words;
};

struct opt_list {
	const char *items[OPT_LIST_MOST];
	unsigned n;
};

/* Tables for opts_parse(); the first NULL among them ends the list. */
#define OPT_TABLES(...) ((const struct opt *const[]){__VA_ARGS__, NULL})

/*
 * Parses options by tables, each ended by OPT_END, their list by NULL, up to the first argument
 * that is none when `stop` is set; getopt's optind tells where the arguments begin. The exit code
 * to leave with when help was asked for or something was wrong, which was said; else -1.
 */
int opts_parse(int argc, char **argv, const struct opt *const *tables, bool stop, const char *help);

/* How a virtual machine is to be: the same options for every command that starts one. */
struct vm_options {
	const char *kernels, *accel, *append, *profile;
	unsigned mem_mib, cpus;
	double boot_s, timeout_s; /* timeout_s 0: not given */
	bool cold;
};

#define VM_OPTIONS_DEFAULT                                                                         \
	(struct vm_options){.accel = "auto", .mem_mib = 512, .cpus = 0, .boot_s = 60}

/* The table for opts_parse; it points into *o and lives until the next call. */
const struct opt *vm_options_table(struct vm_options *o);
/* False after the error was said: no kernel was named. */
bool vm_options_complete(const struct vm_options *o);

#define VM_OPTIONS_HELP                                                                            \
	"  --accel auto|kvm|tcg  auto uses KVM only when a kernel was seen to boot under it\n"     \
	"  --append TEXT       more for the kernel command line\n"                                 \
	"  --locked            only releases that kernels/matrix.lock pins\n"                      \
	"  --memory MIB        of each VM (512)\n"                                                 \
	"  --cpus N            of each VM (what the suite says, else 1)\n"                         \
	"  --cold              boot every VM instead of restoring a saved one\n"                   \
	"  --boot-timeout S    from start to init (60)\n"

/* How a run is stored and told: the same for every command that leaves a folder of results. */
struct store_options {
	const char *results, *formats; /* formats NULL: only our own */
	unsigned jobs;		       /* 0: as many as the machine bears */
	bool quiet, json;
};

#define STORE_OPTIONS_DEFAULT (struct store_options){.results = "results"}

/* As vm_options_table(). */
const struct opt *store_options_table(struct store_options *o);

#define STORE_OPTIONS_HELP                                                                         \
	"  --results DIR       where the run's directory is made (results)\n"                      \
	"  --format F[,F...]   also write ktap, junit, kcidb beside the report\n"                  \
	"  --jobs N            VMs at once (one per core, as memory allows)\n"                     \
	"  --quiet             only failures, and where the report is\n"                           \
	"  --json              progress as JSON Lines on standard output\n"

#endif
