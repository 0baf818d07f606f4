// SPDX-License-Identifier: GPL-2.0-only
/* functional.config_rules.*: rules of processes from a datapath file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(watched_file(name), "we");

	if (!file || fprintf(file, text, watched_folder()) < 0 || fclose(file))
		checkrun_error("%s: %s", name, strerror(errno));
}

static void reload(const char *said)
{
	static const char *const commands[] = {"diff", "reload"};

	for (size_t i = 0; i < 2; i++) {
		command_good(commands[i], "-f", watched_file("datapath.yaml"));
		if (strcmp(command_output, said))
			ck_abort_msg("%s: expected\n%s\nwas told\n%s", commands[i], said,
				     command_output);
	}
	command_good("diff", "-f", watched_file("datapath.yaml"));
	if (*command_output)
		ck_abort_msg("diff after a reload\n%s", command_output);
}

static int run_copy(void)
{
	execl(watched_file("copy"), "copy", NULL);
	return errno;
}

/* Written there, in another file, and back: in force, changed only where it differs, refused whole.
 */
static void rules(int index __attribute__((unused)))
{
	const char *path;

	ruled_none();
	command_good("up", "--dev", "lo");
	watched_copy(watched_file("copy"));
	write_file("datapath.yaml",
		   "devices: [{name: lo}]\n"
		   "security:\n"
		   "  scope: {uid: 0}\n"
		   "  rules:\n"
		   "    - {name: it, on: exec, action: deny, path: %s/copy, rate: 700000}\n");
	reload("+ rule it action=deny\n- rule nothing action=log\n");
	ruled_expect("a rule of the file", run_copy, RULED_REFUSED);
	write_file("rules.yaml",
		   "scope: {uid: 0}\n"
		   "rules:\n"
		   "  - {name: it, on: exec, action: deny, path: %s/copy, rate: 700000}\n");
	write_file("datapath.yaml", "devices: [{name: lo}]\nsecurity: rules.yaml\n");
	reload(""); /* and so hits are kept */
	if (!ruled_hits())
		ck_abort_msg("rules that stay have lost what they matched");
	write_file("rules.yaml", "rules:\n"
				 "  - {name: it, on: exec, action: deny, path: %s/other}\n");
	reload("~ rules of processes\n");
	ruled_expect("a rule about another file", run_copy, RULED_DONE);
	write_file("rules.yaml",
		   "rules:\n  - {name: it, on: exec, action: forbid, path: %s/copy}\n");
	path = watched_file("datapath.yaml");
	if (command_run("reload", "-f", path, NULL) != 1 ||
	    !strstr(command_output, "/rules.yaml:2: action: 'forbid'"))
		ck_abort_msg("a mistake in the other file: %s", command_output);
	ruled_expect("after a file that is wrong", run_copy, RULED_DONE);
	write_file("datapath.yaml", "devices: [{name: lo}]\n");
	reload(""); /* left to 'security load' */
	command_good("down", "--dev", "lo");
	ruled_none();
}

static const struct functional_test tests[] = {{"functional.config_rules.reload", rules, 0}};

void config_rules_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
