// SPDX-License-Identifier: GPL-2.0-only
/* Processes that ran before their rules: see running.h. */
#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "ruled.h"
#include "watched.h"

/* ---- processes that run ---- */

pid_t running_start(running_before before, const char *how, const char *word, int *input)
{
	int ready[2], in[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) || pipe2(in, O_CLOEXEC))
		checkrun_error("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (!pid) {
		if (dup2(in[0], 0) >= 0 && !before())
			execl(watched_file("copy"), "copy", how, word, NULL);
		if (write(ready[1], "x", 1) != 1)
			_exit(98);
		_exit(99);
	}
	close(ready[1]);
	close(in[0]);
	if (read(ready[0], &byte, 1))
		checkrun_error("a child could not become what it should");
	close(ready[0]);
	if (input)
		*input = in[1];
	else
		close(in[1]);
	return pid;
}

bool running_still(pid_t pid)
{
	return !waitpid(pid, NULL, WNOHANG);
}

void running_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void running_expect_killed(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		ck_abort_msg("process %d was not killed, but ended with 0x%x", pid, status);
}

/* ---- what is told ---- */

static struct corepath_watch *watch;
struct running_told running_told[RUNNING_TOLD];
size_t running_n_told;

static int keep(const struct corepath_event *head, void *arg)
{
	const struct corepath_rule_event *e = (const void *)head;
	struct running_told *t = &running_told[running_n_told];
	const char *path, *exe;

	(void)arg;
	if (running_n_told == RUNNING_TOLD || corepath_rule_text(e, &path, &exe))
		ck_abort_msg("an event too many, or none: %s", corepath_error());
	*t = (struct running_told){e->process.pid,
				   e->process.ppid,
				   e->process.uid,
				   head->hook == COREPATH_HOOK_ITERATOR,
				   e->killed,
				   e->prevented,
				   "",
				   "",
				   ""};
	memcpy(t->rule, e->name, sizeof(t->rule));
	snprintf(t->path, sizeof(t->path), "%.*s", e->path_len, path);
	snprintf(t->exe, sizeof(t->exe), "%.*s", e->exe_len, exe);
	running_n_told++;
	return 0;
}

void running_set_up(void)
{
	bool kinds[COREPATH_EVENT_KINDS] = {[COREPATH_EVENT_RULE] = true};
	struct corepath_watch_request request = {.kinds = kinds, .fn = keep};

	if ((mkdir(RULED_CGROUP, 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/below", 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/other", 0755) && errno != EEXIST))
		checkrun_error("cgroups: %s", strerror(errno));
	watched_copy(watched_file("copy"));
	ruled_none();
	request.pin_dir = command_pin_dir();
	if (corepath_watch_open(&request, &watch))
		ck_abort_msg("watch: %s\n%s", corepath_error(), corepath_log());
}

void running_tear_down(void)
{
	corepath_watch_close(watch);
	ruled_none();
}

void running_read(void)
{
	__u64 lost;
	int n;

	do
		n = corepath_watch_poll(watch, 0);
	while (n > 0);
	if (n < 0 || corepath_watch_lost(watch, &lost) || lost)
		ck_abort_msg("events: %s", corepath_error());
}

struct corepath_running_report running_load(bool kill_them, const char *format, ...)
{
	struct corepath_running_report report;
	const char *path = watched_file("rules.yaml");
	FILE *f = fopen(path, "we");
	va_list args;

	va_start(args, format);
	if (!f || fputs("rules:\n", f) < 0 || vfprintf(f, format, args) < 0 || fclose(f))
		checkrun_error("%s: %s", path, strerror(errno));
	va_end(args);
	running_n_told = 0;
	if (corepath_security_load_running(command_pin_dir(), path, kill_them, &report))
		ck_abort_msg("the rules cannot be loaded: %s\n%s", corepath_error(),
			     corepath_log());
	running_read();
	if (report.elsewhere || report.more)
		ck_abort_msg("not all processes were judged");
	return report;
}

void running_expect(const struct corepath_running_report *report, size_t n, size_t killed)
{
	if (report->n != n || report->killed != killed || running_n_told != n || ruled_hits() != n)
		ck_abort_msg(
			"expected %zu processes, %zu killed; reported %zu and %zu, %zu events, %llu matches",
			n, killed, report->n, report->killed, running_n_told, ruled_hits());
	free(report->list);
}
