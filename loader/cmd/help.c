// SPDX-License-Identifier: GPL-2.0-only
/* What the tables of commands.c say, for people and for tools. */
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "json.h"

const char *command_name(const struct command *c, char buf[64])
{
	snprintf(buf, 64, "%s%s%s", c->group ?: "", c->group ? " " : "", c->name);
	return buf;
}

static void print_options(__u64 mask)
{
	char left[64];
	int i;

	for (i = 1; i < N_OPTIONS; i++) {
		if (!(mask & BIT(i)))
			continue;
		snprintf(left, sizeof(left), "--%s %s", options[i].name, options[i].arg ?: "");
		printf("  %-32s %s\n", left, options[i].text);
	}
}

int help_all(void)
{
	char name[64];
	size_t i;

	puts("corepath: one datapath, on every kernel from 5.10\n\nUsage: corepath COMMAND\n");
	for (i = 0; i < n_commands; i++)
		/* what follows the first line is for the command's own help */
		printf("  %-18s %.*s\n      %s\n", command_name(&commands[i], name),
		       (int)strcspn(commands[i].text, "\n"), commands[i].text, commands[i].example);
	puts("\nOptions of every command:");
	print_options(ANYWHERE);
	puts("\nExit status: 0 done, 1 failed, 2 wrong usage. 'corepath COMMAND --help' says more.");
	return EXIT_DONE;
}

int help_command(const struct command *c)
{
	char name[64];

	printf("Usage: corepath %s %s\n\n%s\n\n", command_name(c, name), c->operands, c->text);
	print_options(c->opts | ANYWHERE);
	printf("\nExample: %s\n", c->example);
	return EXIT_DONE;
}

static json_t *options_json(__u64 mask)
{
	json_t *array = json_array();
	int i;

	for (i = 1; i < N_OPTIONS; i++)
		if (mask & BIT(i))
			json_array_append_new(
				array, json_pack("{s:s, s:s?, s:s}", "name", options[i].name, "arg",
						 options[i].arg, "text", options[i].text));
	return array;
}

int cmd_help(const struct args *args)
{
	json_t *list;
	size_t i;

	if (!args->json)
		return help_all();
	list = json_array();
	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		char name[64];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", command_name(c, name),
					"operands", c->operands, "text", c->text, "example",
					c->example, "options", options_json(c->opts)));
	}
	return print_json(json_pack("{s:s, s:o, s:o}", "version", COREPATH_VERSION, "commands",
				    list, "options", options_json(ANYWHERE)));
}
