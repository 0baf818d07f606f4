// SPDX-License-Identifier: GPL-2.0-only
/* functional.rules.life.*: policy files that are wrong, rules that change, and what is told of
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

#define LONG256                                                                                    \
	"/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"                         \
	"/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"                         \
	"/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"                         \
	"/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

/* What must be said, besides the file's name: the first line of the rules is the second of the
 * file. */
static const struct {
	const char *rules, *said;
} wrong[] = {
	{"  - {name: a, on: exec, action: deny, paths: /x}\n", ":2: paths: no such field"},
	{"  - name: a\n    on: exec\n    action: forbid\n    path: /x\n", ":4: action: 'forbid'"},
	{"  - name: a\n    on: run\n    action: deny\n    path: /x\n", ":3: on: 'run'"},
	{"  - {name: a, on: exec, action: deny, path: " LONG256 "}\n", ":2: path: is 256 bytes"},
	{"  - {name: a, on: exec, action: deny, path: x}\n", ":2: path: 'x': expected an absolute"},
	{"  - {name: a, on: exec, action: deny, uid: root}\n",
	 ":2: uid: 'root': expected a number"},
	{"  - {name: a, on: connect, action: deny, dest: 10.0.0.0/33}\n", ":2: dest: "},
	{"  - {name: a, on: connect, action: deny, port: 65536}\n", ":2: port: '65536'"},
	{"  - {name: a, on: exec, action: deny, port: 80}\n",
	 ":2: port: rule 'a' is about what has none"},
	{"  - {name: a, on: exec, action: deny}\n", ":2: rules: rule 'a' has no condition"},
	{"  - {name: a, on: exec, path: /x}\n", ":2: action: is missing"},
	{"  - {name: a, on: exec, action: deny, action: kill, path: /x}\n",
	 ":2: action: is there twice"},
	{"  - {name: a, on: exec, action: deny, path: {a: b}}\n",
	 ":2: path: is a mapping; expected one value"},
	{"  - {name: a, on: exec, action: log, any: [{path: /x}, {name: b}]}\n",
	 ":2: name: no such field in an entry of 'any'"},
	{"  - {name: a, on: exec, action: deny, exe: '*.so'}\n",
	 ":2: exe: '*.so': takes a path or a prefix"},
	{"  - {name: a, on: exec, action: deny, path: /x\n", "not YAML"},
};

static int run_copy(void)
{
	execl(watched_file("copy"), "copy", NULL);
	return errno;
}

static void deny_copy(void)
{
	ruled_load("  - {name: it, on: exec, action: deny, path: %s/copy}\n", watched_folder());
}

/* Each is refused with its place, and the rules that are in force stay. */
static void wrong_files(int index __attribute__((unused)))
{
	ruled_none();
	watched_copy(watched_file("copy"));
	deny_copy();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (ruled_try("%s", wrong[i].rules) != 1 ||
		    !strstr(command_output, wrong[i].said) || !strstr(command_output, "rules.yaml"))
			ck_abort_msg("expected '%s' of\n%s\nand was told\n%s", wrong[i].said,
				     wrong[i].rules, command_output);
	}
	ruled_expect("after files that are wrong", run_copy, RULED_REFUSED);
	ruled_none();
}

static void too_many(int index __attribute__((unused)))
{
	static char rules[1100 * 64];
	char *to = rules;

	ruled_none();
	for (int i = 0; i < 1025; i++)
		to += sprintf(to, "  - {name: r%d, on: exec, action: log, path: /x%d}\n", i, i);
	if (ruled_try("%s", rules) != 1 ||
	    !strstr(command_output, ":1026: rules: there are more than 1024"))
		ck_abort_msg("1025 rules: %s", command_output);
	ruled_none();
}

/* The last of 1,024 rules is as good as the first. */
static void as_many_as_there_can_be(int index __attribute__((unused)))
{
	static char rules[1100 * 64];
	char *to = rules;

	ruled_none();
	watched_copy(watched_file("copy"));
	for (int i = 0; i < 1023; i++)
		to += sprintf(to, "  - {name: r%d, on: exec, action: log, path: /x%d}\n", i, i);
	sprintf(to, "  - {name: it, on: exec, action: deny, path: %s/copy}\n", watched_folder());
	ruled_load("%s", rules);
	ruled_expect("the last of 1024 rules", run_copy, RULED_REFUSED);
	ruled_none();
}

/* Who is asked is said, and it is so. */
static void says_how(int index __attribute__((unused)))
{
	struct command command;

	ruled_none();
	watched_copy(watched_file("copy"));
	if (ruled_try("  - {name: it, on: exec, action: deny, path: %s/copy}\n",
		      watched_folder()) ||
	    !strstr(command_output, "security: prevents") ||
	    !strstr(command_output, "BPF_MODIFY_RETURN") != ruled_lsm())
		ck_abort_msg("load: %s", command_output);
	ruled_expect("denied", run_copy, RULED_REFUSED);
	command = command_start("security", "status", "--json", NULL);
	if (command_end(&command, 0) ||
	    !strstr(command_output,
		    ruled_lsm() ? "\"means\": \"lsm\"" : "\"means\": \"fmod_ret\"") ||
	    !strstr(command_output, "\"cannot_prevent\": []"))
		ck_abort_msg("status: %s", command_output);
	ruled_none();
}

static int join_own_namespace(void)
{
	return setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWUTS) ? errno : 0;
}

/* What no kernel can do is not promised. */
static void deny_what_cannot_be_prevented(int index __attribute__((unused)))
{
	struct command command;

	ruled_none();
	if (ruled_try("  - {name: it, on: setns, action: deny, namespace: uts}\n") != 1 ||
	    !strstr(command_output, ":2: action: rule 'it' denies setns") ||
	    !strstr(command_output, "cannot prevent: setns() asks no security module"))
		ck_abort_msg("deny: %s", command_output);
	ruled_expect("refused rule", join_own_namespace, RULED_DONE);
	if (ruled_try("  - {name: it, on: exec, action: deny, args: --x}\n") != 1 ||
	    !strstr(command_output, "cannot prevent: arguments can be read when"))
		ck_abort_msg("deny by arguments: %s", command_output);
	if (ruled_try("  - {name: it, on: setns, action: deny, weaker: yes, namespace: uts}\n") ||
	    !strstr(command_output, "detects and kills, cannot prevent"))
		ck_abort_msg("weaker: %s", command_output);
	ruled_expect("weaker", join_own_namespace, RULED_KILLED);
	command = command_start("security", "status", "--json", NULL);
	if (command_end(&command, 0) || !strstr(command_output, "\"action\": \"kill\"") ||
	    !strstr(command_output, "\"asked\": \"deny\""))
		ck_abort_msg("status: %s", command_output);
	ruled_none();
}

/* Of several rules that match, the strongest is done. */
static void strongest_wins(int index __attribute__((unused)))
{
	ruled_none();
	watched_copy(watched_file("copy"));
	ruled_load("  - {name: a, on: exec, action: log, path: '%s/*'}\n"
		   "  - {name: b, on: exec, action: kill, path: '%s/*'}\n"
		   "  - {name: c, on: exec, action: audit, path: '*copy'}\n",
		   watched_folder(), watched_folder());
	ruled_expect("log, kill and audit", run_copy, RULED_KILLED);
	ruled_none();
}

/* Rules are in force with no process of ours there, and until they are taken away. */
static void outlive_the_command(int index __attribute__((unused)))
{
	struct command command;

	watched_copy(watched_file("copy"));
	if (ruled_try("  - {name: it, on: exec, action: kill, path: %s/copy}\n", watched_folder()))
		ck_abort_msg("load: %s", command_output);
	ruled_expect("with the command gone", run_copy, RULED_KILLED);
	command = command_start("security", "status", "--json", NULL);
	if (command_end(&command, 0) || !strstr(command_output, "\"hits\": 1"))
		ck_abort_msg("status: %s", command_output);
	command_good("security", "unload");
	ruled_expect("unloaded", run_copy, RULED_DONE);
	if (command_run("security", "unload", NULL) != 1)
		ck_abort_msg("unloaded twice");
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s behind", command_pin_dir());
}

static int chmod_copy(void)
{
	return ruled_result(chmod(watched_file("copy"), 0755));
}

static int link_copy(void)
{
	unlink(watched_file("linked"));
	return ruled_result(link(watched_file("copy"), watched_file("linked")));
}

/* Both sets are about exec and chmod, the new one by how the path ends; the old one alone is about
 * link. */
static void load_old(void)
{
	ruled_load("  - {name: a, on: exec, action: deny, path: %1$s/copy}\n"
		   "  - {name: b, on: chmod, action: deny, path: %1$s/copy}\n"
		   "  - {name: c, on: link, action: deny, path: %1$s/copy}\n",
		   watched_folder());
}

/* Into @file, which outlives what watched_file() keeps. */
static void write_new(char file[128])
{
	FILE *f;

	snprintf(file, 128, "%s/new.yaml", watched_folder());
	f = fopen(file, "w");
	if (!f ||
	    fputs("rules:\n"
		  "  - {name: a, on: exec, action: kill, path: '*/copy'}\n"
		  "  - {name: b, on: chmod, action: kill, path: '*/copy'}\n",
		  f) < 0 ||
	    fclose(f))
		checkrun_error("%s: %s", file, strerror(errno));
}

/* A load that is killed before each of its calls that change something, and then is not. How often
 * it was killed. */
static int kill_everywhere(const char *file)
{
	enum ruled_end ran, changed, linked;
	bool killed = true;
	int n;

	for (n = 1; killed; n++) {
		load_old();
		killed = command_run_killed(n, "security", "load", file, NULL);
		ran = ruled_run(run_copy);
		changed = ruled_run(chmod_copy);
		linked = ruled_run(link_copy);
		if (ran != changed || ran == RULED_DONE ||
		    linked != (ran == RULED_REFUSED ? RULED_REFUSED : RULED_DONE))
			ck_abort_msg("killed at its call %d: exec %s, chmod %s, link %s", n,
				     ruled_end_name(ran), ruled_end_name(changed),
				     ruled_end_name(linked));
		if (!killed && ran != RULED_KILLED)
			ck_abort_msg("not killed, and the new rules are not in force");
	}
	return n - 2;
}

/* It leaves all of the old rules or all of the new ones, each of a hundred times. */
static void killed_loads(int index __attribute__((unused)))
{
	char file[128];
	int kills = 0, more;

	ruled_none();
	watched_copy(watched_file("copy"));
	write_new(file);
	for (; kills < 100; kills += more) {
		more = kill_everywhere(file);
		if (more < 2)
			checkrun_error("a load makes %d calls that change something", more);
	}
	ruled_none();
}

static void expect(json_t *event, const char *key, const char *want)
{
	char *got = json_dumps(json_object_get(event, key), JSON_ENCODE_ANY | JSON_COMPACT);

	if (!got || strcmp(got, want))
		ck_abort_msg("%s of the event: expected %s, got %s", key, want, got ?: "nothing");
	free(got);
}

/* Each match is told, but no more of them than the rule's rate. */
static void told_of_matches(int index __attribute__((unused)))
{
	struct command command;
	const char *line;
	char path[128];
	json_t *event;

	ruled_none();
	watched_copy(watched_file("copy"));
	ruled_load("  - {name: it, on: exec, action: deny, path: %s/copy, rate: 2/3600}\n"
		   "  - {name: end, on: exec, action: audit, path: " WATCHED_ACT "}\n",
		   watched_folder());
	command = command_start("observe", "--json", "--kind", "rule", "--count", "3", NULL);
	line = command_line(&command);
	if (!line || !strstr(line, "watching"))
		ck_abort_msg("observe does not say that it watches: %s", line ?: "(ended)");
	for (int i = 0; i < 5; i++)
		ruled_expect("denied", run_copy, RULED_REFUSED);
	if (ruled_hits() != 5)
		ck_abort_msg("5 matches: %llu were counted", ruled_hits());
	for (int i = 0; i < 2; i++) {
		line = command_line(&command);
		event = line ? json_loads(line, 0, NULL) : NULL;
		if (!event)
			ck_abort_msg("no event, but: %s", line ?: "(ended)");
		snprintf(path, sizeof(path), "\"%s\"", watched_file("copy"));
		expect(event, "rule", "\"it\"");
		expect(event, "op", "\"exec\"");
		expect(event, "path", path);
		expect(event, "exe", "\"" WATCHED_DIR "/functional\"");
		expect(event, "prevented", "true");
		expect(event, "killed", "false");
		expect(event, "action", "\"deny\"");
		json_decref(event);
	}
	if (fork() == 0) {
		execl(WATCHED_ACT, "act", NULL);
		_exit(1);
	}
	line = command_line(&command);
	event = line ? json_loads(line, 0, NULL) : NULL;
	expect(event, "rule", "\"end\""); /* and no third of the other */
	json_decref(event);
	command_end(&command, 0);
	ruled_none();
}

static const struct functional_test tests[] = {
	{"functional.rules.life.wrong_files", wrong_files, 0},
	{"functional.rules.life.too_many", too_many, 0},
	{"functional.rules.life.as_many_as_there_can_be", as_many_as_there_can_be, 0},
	{"functional.rules.life.says_how", says_how, 0},
	{"functional.rules.life.deny_what_cannot_be_prevented", deny_what_cannot_be_prevented, 0},
	{"functional.rules.life.strongest_wins", strongest_wins, 0},
	{"functional.rules.life.outlive_the_command", outlive_the_command, 0},
	{"functional.rules.life.killed_loads", killed_loads, 0},
	{"functional.rules.life.told_of_matches", told_of_matches, 0},
};

void rules_life_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
