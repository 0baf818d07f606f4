/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of commands and options (commands.c), and what reads them (main.c, help.c). */
#ifndef COREPATH_COMMANDS_H
#define COREPATH_COMMANDS_H

#include "cmd.h"

enum option_id {
	OPT_DEV = 1,
	OPT_FILE,
	OPT_XDP_MODE,
	OPT_TC_MODE,
	OPT_MAX_PREFIXES,
	OPT_ALLOW,
	OPT_KILL_RUNNING,
	OPT_CGROUP,
	OPT_REASON,
	OPT_KIND,
	OPT_ADDRESS,
	OPT_PORT,
	OPT_PROTO,
	OPT_VERDICT,
	OPT_PROCESS,
	OPT_COUNT,
	OPT_HOOK,
	OPT_MTU,
	OPT_OUTPUT,
	OPT_VERDICTS,
	OPT_FOR,
	OPT_FROM,
	OPT_SINCE,
	OPT_LAST,
	OPT_FOLLOW,
	OPT_SIZE,
	OPT_PROBE,
	OPT_PROBE_TIMEOUT,
	OPT_LISTEN,
	OPT_ONCE,
	OPT_INTERVAL,
	OPT_JSON,
	OPT_PIN_DIR,
	OPT_VERBOSE,
	OPT_HELP,
	N_OPTIONS,
};

#define BIT(opt) (1ull << (opt))
#define ANYWHERE (BIT(OPT_PIN_DIR) | BIT(OPT_VERBOSE) | BIT(OPT_HELP))

struct command_option {
	const char *name;
	const char *arg;
	const char *text;
};

struct command {
	const char *group; /* words before the name, or NULL */
	const char *name;
	const char *operands; /* as shown in the help */
	const char *text;
	const char *example;
	__u64 opts; /* taken besides ANYWHERE */
	size_t min_operands, max_operands;
	int (*run)(const struct args *args);
};

extern const struct command_option options[N_OPTIONS];
extern const struct command commands[];
extern const size_t n_commands;

/* help.c */

/* All the words of a command, in buf. */
const char *command_name(const struct command *c, char buf[64]);

/* These print and return EXIT_DONE. */
int help_all(void);
int help_command(const struct command *c);

#endif
