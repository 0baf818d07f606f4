// SPDX-License-Identifier: GPL-2.0-only
/* corepath: the command line. Every command and option is a row of a table in commands.c. */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "commands.h"

int report_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("corepath: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

int report_failure(const struct args *args, bool with_log)
{
	/* with --verbose the log was shown as it came */
	if (with_log && !args->verbose && *corepath_log())
		fputs(corepath_log(), stderr);
	fprintf(stderr, "corepath: %s\n", corepath_error());
	return EXIT_FAILED;
}

int cmd_version(const struct args *args)
{
	(void)args;
	printf("corepath %s (libbpf %s)\n", COREPATH_VERSION, libbpf_version_string());
	return EXIT_DONE;
}

static int parse_mode(const char *s, enum corepath_xdp_mode *mode)
{
	enum corepath_xdp_mode m;

	for (m = COREPATH_XDP_AUTO; m <= COREPATH_XDP_GENERIC; m++) {
		if (!strcmp(s, corepath_xdp_mode_name(m))) {
			*mode = m;
			return EXIT_DONE;
		}
	}
	return report_usage("--xdp-mode %s: no such mode; use auto, native or generic", s);
}

static int parse_tc_mode(const char *s, enum corepath_tc_mode *mode)
{
	enum corepath_tc_mode m;

	for (m = COREPATH_TC_AUTO; m <= COREPATH_TC_CLSACT; m++) {
		if (!strcmp(s, corepath_tc_mode_name(m))) {
			*mode = m;
			return EXIT_DONE;
		}
	}
	return report_usage("--tc-mode %s: no such mode; use auto, tcx or clsact", s);
}

static int parse_number(int opt, const char *s, __u32 max, __u32 *out)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || *end || *s < '0' || *s > '9' || v < 1 || v > max)
		return report_usage("--%s %s: not a number from 1 to %u", options[opt].name, s,
				    max);
	*out = v;
	return EXIT_DONE;
}

static int take_option(struct args *args, int opt, const char *value)
{
	switch (opt) {
	case OPT_DEV:
		args->devs[args->n_devs++] = value;
		break;
	case OPT_XDP_MODE:
		return parse_mode(value, &args->mode);
	case OPT_TC_MODE:
		return parse_tc_mode(value, &args->tc_mode);
	case OPT_MAX_PREFIXES:
		return parse_number(opt, value, INT32_MAX, &args->max_prefixes);
	case OPT_ALLOW:
		args->allow = true;
		break;
	case OPT_KILL_RUNNING:
		args->kill_running = true;
		break;
	case OPT_CGROUP:
		args->cgroup = value;
		break;
	case OPT_REASON:
		args->reason = value;
		break;
	case OPT_KIND:
		args->kind = value;
		break;
	case OPT_ADDRESS:
		args->address = value;
		break;
	case OPT_PORT:
		return parse_number(opt, value, UINT16_MAX, &args->port);
	case OPT_PROTO:
		args->proto = value;
		break;
	case OPT_VERDICT:
		args->verdict = value;
		break;
	case OPT_PROCESS:
		args->process = value;
		break;
	case OPT_FROM:
		args->from = value;
		break;
	case OPT_SINCE:
		args->since = value;
		break;
	case OPT_LAST:
		return parse_number(opt, value, INT32_MAX, &args->last);
	case OPT_FOLLOW:
		args->follow = true;
		break;
	case OPT_SIZE:
		return parse_number(opt, value, 1 << 20, &args->mib);
	case OPT_FOR:
		return parse_number(opt, value, INT32_MAX, &args->seconds);
	case OPT_COUNT:
		return parse_number(opt, value, INT32_MAX, &args->count);
	case OPT_PROBE:
		args->probe = value;
		break;
	case OPT_PROBE_TIMEOUT:
		return parse_number(opt, value, 3600, &args->probe_timeout);
	case OPT_LISTEN:
		args->listen = value;
		break;
	case OPT_ONCE:
		args->once = true;
		break;
	case OPT_INTERVAL:
		return parse_number(opt, value, 3600, &args->interval);
	case OPT_JSON:
		args->json = true;
		break;
	case OPT_FILE:
		args->file = value;
		break;
	case OPT_HOOK:
		args->hook = value;
		break;
	case OPT_MTU:
		return parse_number(opt, value, UINT16_MAX, &args->mtu);
	case OPT_OUTPUT:
		args->output = value;
		break;
	case OPT_VERDICTS:
		args->verdicts = value;
		break;
	case OPT_PIN_DIR:
		args->pin_dir = value;
		break;
	case OPT_VERBOSE:
		args->verbose = true;
		break;
	}
	return EXIT_DONE;
}

/* Parses every option of every command; `seen` says which were given. */
static int parse(int argc, char **argv, struct args *args, __u64 *seen)
{
	struct option table[N_OPTIONS] = {};
	int i, opt, status;

	for (i = 1; i < N_OPTIONS; i++)
		table[i - 1] = (struct option){
			options[i].name, options[i].arg ? required_argument : no_argument, NULL, i};
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":hf:o:", table, NULL)) != -1) {
		if (opt == 'h')
			opt = OPT_HELP;
		if (opt == 'f')
			opt = OPT_FILE;
		if (opt == 'o')
			opt = OPT_OUTPUT;
		if (opt == ':')
			return report_usage("%s: needs a value; 'corepath --help' shows the "
					    "options",
					    argv[optind - 1]);
		if (opt == '?')
			return report_usage(
				"%s: no such option, or it takes no value; 'corepath --help' shows the "
				"options",
				argv[optind - 1]);
		status = take_option(args, opt, optarg);
		if (status)
			return status;
		*seen |= BIT(opt);
	}
	args->operands = argv + optind;
	args->n_operands = argc - optind;
	return EXIT_DONE;
}

/* Takes the command's words off the operands. */
static const struct command *find_command(struct args *args)
{
	char name[64], *rest, *word;
	size_t i, words;

	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		command_name(c, name);
		for (words = 0, rest = name; (word = strsep(&rest, " ")); words++)
			if (words == args->n_operands || strcmp(word, args->operands[words]))
				break;
		if (word)
			continue;
		args->operands += words;
		args->n_operands -= words;
		return c;
	}
	return NULL;
}

static bool begins_with(const char *words, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(words, word, n) && (!words[n] || words[n] == ' ');
}

static int fail_command(const struct args *args)
{
	const char *word = args->operands[0];
	size_t i;

	for (i = 0; i < n_commands; i++)
		if (commands[i].group && begins_with(commands[i].group, word))
			return report_usage("%s%s%s: no such command; 'corepath --help' shows them "
					    "all",
					    word, args->n_operands > 1 ? " " : "",
					    args->n_operands > 1 ? args->operands[1] : "");
	return report_usage("%s: no such command; 'corepath --help' shows them all", word);
}

static int check(const struct command *c, const struct args *args, __u64 seen)
{
	__u64 extra = seen & ~(c->opts | ANYWHERE);
	char name[64];

	command_name(c, name);
	if (extra)
		return report_usage("%s: does not take --%s; 'corepath %s --help' shows what it "
				    "takes",
				    name, options[__builtin_ctzll(extra)].name, name);
	if (args->n_operands < c->min_operands)
		return report_usage("%s: %s is missing; for example: %s", name, c->operands,
				    c->example);
	if (args->n_operands > c->max_operands)
		return report_usage("%s: '%s' is one too many; for example: %s", name,
				    args->operands[c->max_operands], c->example);
	return EXIT_DONE;
}

static void say_waiting(int pid, const char *path)
{
	fprintf(stderr, "corepath: note: another corepath (process %d) is changing %s; waiting\n",
		pid, path);
}

int main(int argc, char **argv)
{
	struct args args = {.pin_dir = COREPATH_PIN_DIR, .hook = "xdp"};
	const struct command *c;
	__u64 seen = 0;
	int status;

	args.devs = calloc(argc, sizeof(*args.devs)); /* no more devices than words */
	if (!args.devs)
		return report_usage("out of memory; free some");
	status = parse(argc, argv, &args, &seen);
	if (status)
		goto out;
	if (!args.n_operands) {
		status = seen & BIT(OPT_HELP)
				 ? help_all()
				 : report_usage("no command; 'corepath --help' shows them all");
		goto out;
	}
	c = find_command(&args);
	if (!c)
		status = seen & BIT(OPT_HELP) ? help_all() : fail_command(&args);
	else if (seen & BIT(OPT_HELP))
		status = help_command(c);
	else
		status = check(c, &args, seen);
	if (c && !status && !(seen & BIT(OPT_HELP))) {
		corepath_set_verbose(args.verbose);
		corepath_on_wait(say_waiting);
		status = c->run(&args);
	}
	/* a full disk or a closed pipe must not look like success */
	if ((fflush(stdout) || ferror(stdout)) && !status) {
		fprintf(stderr, "corepath: standard output: %s; the output is incomplete\n",
			strerror(errno));
		status = EXIT_FAILED;
	}
out:
	free(args.devs);
	return status;
}
