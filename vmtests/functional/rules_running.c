// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.rules.running.*: processes that ran already when the rules came. Each is told of once,
 * by what it is now; nothing is prevented, and who is killed is so when that is asked for.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "running.h"
#include "watched.h"

#define MANY 200

/* ---- what a process is ---- */

static int nothing_before(void)
{
	return 0;
}

static int enter_cgroup(void)
{
	int fd = open(RULED_CGROUP "/below/cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1;
}

static int become_2001(void)
{
	return setresuid(2001, 2001, 2001);
}

static int other_mounts(void)
{
	return unshare(CLONE_NEWNS);
}

static void *run_wait(void *unused)
{
	execl(watched_file("copy"), "copy", "wait", "b", NULL);
	return unused;
}

/* By another thread than the first one, which execve() ends. */
static int run_by_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, run_wait, NULL))
		pthread_join(thread, NULL);
	return -1;
}

/* ---- conditions ---- */

static const struct {
	const char *name, *met, *unmet;
	running_before before;
} cases[] = {
	{"path", "path: @/copy", "path: @/cop", nothing_before},
	{"suffix", "path: '*/copy'", "path: '*x/copy'", nothing_before},
	{"path_not", "path: '@/*', path-not: '*.so'", "path: '@/*', path-not: '*/copy'",
	 nothing_before},
	{"uid", "path: '@/*', uid: [7, 2001]", "path: '@/*', uid: 0", become_2001},
	{"parent", "path: '@/*', parent: " WATCHED_DIR "/functional",
	 "path: '@/*', parent-not: " WATCHED_DIR "/functional", nothing_before},
	{"cgroup", "cgroup: " RULED_CGROUP, "cgroup: " RULED_CGROUP "/other", enter_cgroup},
	{"mnt_ns", "path: @/copy, mnt-ns-not: host", "path: @/copy, mnt-ns: host", other_mounts},
	{"args", "path: @/copy, args: [zz, b]", "path: @/copy, args: [zz, bb, 'b/*']",
	 nothing_before},
	{"args_prefix", "path: @/copy, args: 'wai*'", "path: @/copy, args: 'ait*'", nothing_before},
	{"args_not", "path: @/copy, args-not: [c]", "path: @/copy, args-not: [c, b]",
	 nothing_before},
	{"argc", "path: @/copy, argc: [1, 3]", "path: @/copy, argc: [1, 2]", nothing_before},
	{"any", "any: [{path: /a}, {path: @/copy, args: b}]",
	 "any: [{path: /a}, {path: @/copy, args: c}]", nothing_before},
	{"thread", "path: @/copy", "path: " WATCHED_DIR "/functional, uid: 2001", run_by_thread},
	/* who ran it is not known any more */
	{"exe", "path: @/copy, exe-not: /none", NULL, nothing_before},
};

/* The condition with the folder in place of @. */
static const char *in_folder(const char *condition)
{
	static char text[512];
	char *to = text;

	for (; *condition; condition++) {
		if (*condition == '@')
			to = stpcpy(to, watched_folder());
		else
			*to++ = *condition;
	}
	*to = '\0';
	return text;
}

static void expect_one(const struct corepath_running_report *report, pid_t pid)
{
	running_expect(report, 1, 0);
	if (running_told[0].pid != pid || running_told[0].parent != getpid() ||
	    !running_told[0].running || running_told[0].killed || running_told[0].prevented ||
	    strcmp(running_told[0].rule, "it") ||
	    strcmp(running_told[0].path, watched_file("copy")) ||
	    strcmp(running_told[0].exe, running_told[0].path))
		ck_abort_msg("process %d: told of %d, child of %d, rule %s, %s%s%s, by %s", pid,
			     running_told[0].pid, running_told[0].parent, running_told[0].rule,
			     running_told[0].path, running_told[0].running ? "" : ", not running",
			     running_told[0].killed ? ", killed" : "", running_told[0].exe);
}

/* Told of, whatever the action, and left alone; not told of with a condition that is not met. */
static void one_case(int index)
{
	static const char *const actions[] = {"log", "deny", "kill"};
	struct corepath_running_report report;
	pid_t pid;

	running_set_up();
	pid = running_start(cases[index].before, "wait", "b", NULL);
	if (!cases[index].unmet) {
		report = running_load(false, "  - {name: it, on: exec, action: log, %s}\n",
				      in_folder(cases[index].met));
		running_expect(&report, 0, 0);
	}
	for (size_t i = 0; cases[index].unmet && i < 3; i++) {
		report = running_load(false,
				      "  - {name: it, on: exec, action: %s, weaker: yes, %s}\n",
				      actions[i], in_folder(cases[index].unmet));
		running_expect(&report, 0, 0);
		report = running_load(false,
				      "  - {name: it, on: exec, action: %s, weaker: yes, %s}\n",
				      actions[i], in_folder(cases[index].met));
		expect_one(&report, pid);
	}
	if (!running_still(pid))
		ck_abort_msg("it does not run any more");
	if (cases[index].unmet) {
		report = running_load(true, "  - {name: it, on: exec, action: kill, %s}\n",
				      in_folder(cases[index].met));
		running_expect(&report, 1, 1);
		if (running_told[0].pid != pid || !running_told[0].killed)
			ck_abort_msg("not told that it was killed");
		running_expect_killed(pid);
	} else {
		running_end(pid);
	}
	running_tear_down();
}

/* ---- other things ---- */

static char state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		checkrun_error("%s: %s", path, strerror(errno));
	fclose(f);
	return state;
}

/* A process whose first thread has ended is one all the same. */
static void without_leader(int index __attribute__((unused)))
{
	struct corepath_running_report report;
	pid_t pid;

	running_set_up();
	pid = running_start(nothing_before, "leave", "b", NULL);
	while (state_of(pid) != 'Z')
		sched_yield();
	report = running_load(false, "  - {name: it, on: exec, action: log, path: %s/copy}\n",
			      watched_folder());
	expect_one(&report, pid);
	report = running_load(true,
			      "  - {name: it, on: exec, action: kill, path: %s/copy, args: b}\n",
			      watched_folder());
	running_expect(&report, 1, 1);
	running_expect_killed(pid);
	running_tear_down();
}

static void in_scope(int index __attribute__((unused)))
{
	struct corepath_running_report report;
	pid_t inside, outside;

	running_set_up();
	outside = running_start(nothing_before, "wait", "b", NULL);
	inside = running_start(enter_cgroup, "wait", "b", NULL);
	report = running_load(true,
			      "  - {name: it, on: exec, action: kill, path: %s/copy}\n"
			      "scope: {cgroup: " RULED_CGROUP "}\n",
			      watched_folder());
	running_expect(&report, 1, 1);
	running_expect_killed(inside);
	if (!running_still(outside))
		ck_abort_msg("who is outside of the scope was killed");
	running_end(outside);
	running_tear_down();
}

static bool has_program(const char *pid)
{
	char path[300], program[256];

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	return readlink(path, program, sizeof(program)) > 0;
}

/* All that have a program, and so no kernel thread: as /proc has them. */
static void nothing_of_the_kernel(int index __attribute__((unused)))
{
	struct corepath_running_report report;
	struct dirent *entry;
	size_t n = 0, threads = 0;
	DIR *proc;

	running_set_up();
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc))) {
		if (!isdigit(*entry->d_name))
			continue;
		if (has_program(entry->d_name))
			n++;
		else
			threads++;
	}
	if (!proc || n < 2 || threads < 10)
		checkrun_error("/proc has %zu processes and %zu threads of the kernel", n, threads);
	closedir(proc);
	report = running_load(false, "  - {name: it, on: exec, action: log, path-not: /none}\n");
	running_expect(&report, n, 0);
	running_tear_down();
}

/* Neither init nor who loads the rules is killed by them. The first of them is a child of one with
 * the same program, the other is not. */
static void not_ourselves(int index __attribute__((unused)))
{
	struct corepath_running_report report;
	char init[256] = "";

	running_set_up();
	if (readlink("/proc/1/exe", init, sizeof(init) - 1) < 0)
		checkrun_error("/proc/1/exe: %s", strerror(errno));
	report =
		running_load(true,
			     "  - {name: self, on: exec, action: kill, path: " WATCHED_DIR
			     "/functional, parent: " WATCHED_DIR "/functional}\n"
			     "  - {name: init, on: exec, action: kill, path: %s, parent-not: %s}\n",
			     init, init);
	running_expect(&report, 2, 0);
	running_tear_down();
}

static void many(int index __attribute__((unused)))
{
	struct corepath_running_report report;
	pid_t pids[MANY];

	running_set_up();
	for (int i = 0; i < MANY; i++)
		pids[i] = running_start(nothing_before, "wait", i % 2 ? "odd" : "even", NULL);
	report = running_load(true,
			      "  - {name: it, on: exec, action: kill, path: %s/copy, args: odd}\n",
			      watched_folder());
	running_expect(&report, MANY / 2, MANY / 2);
	for (int i = 1; i < MANY; i += 2)
		running_expect_killed(pids[i]);
	report = running_load(false, "  - {name: it, on: exec, action: deny, path: %s/copy}\n",
			      watched_folder());
	running_expect(&report, MANY / 2, 0);
	for (int i = 0; i < MANY; i += 2) {
		if (!running_still(pids[i]))
			ck_abort_msg("process %d was killed by a rule that denies", pids[i]);
		running_end(pids[i]);
	}
	running_tear_down();
}

/* What one that began before does later is judged and told of as what it is. */
static void later(int index __attribute__((unused)))
{
	struct corepath_running_report report;
	const char *file = watched_file("file");
	int fd, input, status;
	pid_t pid;

	running_set_up();
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || fchmod(fd, 0666) || close(fd))
		checkrun_error("%s: %s", file, strerror(errno));
	pid = running_start(become_2001, "write", file, &input);
	report = running_load(
		false,
		"  - {name: it, on: write, action: deny, path: %s/file, exe: %s/copy, uid: 2001, "
		"parent: " WATCHED_DIR "/functional}\n",
		watched_folder(), watched_folder());
	running_expect(&report, 0, 0);
	close(input);
	if (waitpid(pid, &status, 0) != pid || status != EPERM << 8)
		ck_abort_msg("it was not refused: 0x%x", status);
	running_read();
	if (running_n_told != 1 || running_told[0].pid != pid ||
	    running_told[0].parent != getpid() || running_told[0].uid != 2001 ||
	    running_told[0].running || !running_told[0].prevented ||
	    strcmp(running_told[0].exe, watched_file("copy")) || strcmp(running_told[0].path, file))
		ck_abort_msg("%zu events; process %d, child of %d, user %u, %s by %s",
			     running_n_told, running_told[0].pid, running_told[0].parent,
			     running_told[0].uid, running_told[0].path, running_told[0].exe);
	running_tear_down();
}

/* The command says who it is, and kills when it is told to. */
static void by_the_command(int index __attribute__((unused)))
{
	const char *rules = watched_file("rules.yaml");
	char said[256];
	pid_t pid;

	running_set_up();
	pid = running_start(nothing_before, "wait", "b", NULL);
	if (ruled_try("  - {name: it, on: exec, action: kill, path: %s/copy}\n", watched_folder()))
		ck_abort_msg("load: %s", command_output);
	snprintf(said, sizeof(said), "process %d runs already and matches it: kill\n", pid);
	if (!strstr(command_output, said) || !running_still(pid))
		ck_abort_msg("expected '%s', and was told\n%s", said, command_output);
	command_good("security", "load", "--kill-running", rules);
	snprintf(said, sizeof(said), "process %d runs already and matches it: kill, killed\n", pid);
	if (!strstr(command_output, said))
		ck_abort_msg("expected '%s', and was told\n%s", said, command_output);
	running_expect_killed(pid);
	running_tear_down();
}

static const struct functional_test others[] = {
	{"functional.rules.running.without_leader", without_leader, 0},
	{"functional.rules.running.scope", in_scope, 0},
	{"functional.rules.running.nothing_of_the_kernel", nothing_of_the_kernel, 0},
	{"functional.rules.running.not_ourselves", not_ourselves, 0},
	{"functional.rules.running.many", many, 0},
	{"functional.rules.running.later", later, 0},
	{"functional.rules.running.by_the_command", by_the_command, 0},
};

#define CASES (sizeof(cases) / sizeof(*cases))

void rules_running_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[CASES];
	static char names[CASES][64];

	for (size_t i = 0; i < CASES; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.running.%s", cases[i].name);
		tests[i] = (struct functional_test){names[i], one_case, i};
	}
	functional_add(suite, selection, tests, CASES);
	functional_add(suite, selection, others, sizeof(others) / sizeof(*others));
}
