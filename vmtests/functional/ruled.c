// SPDX-License-Identifier: GPL-2.0-only
/* Processes under rules: see ruled.h. */
#include "ruled.h"

#include <corepath.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "watched.h"

/* Writes the file; its path. */
static const char *write_rules(const char *format, va_list args)
{
	const char *path = watched_file("rules.yaml");
	FILE *f = fopen(path, "w");

	if (!f || fputs("rules:\n", f) < 0 || vfprintf(f, format, args) < 0 || fclose(f))
		checkrun_error("%s: %s", path, strerror(errno));
	return path;
}

int ruled_try(const char *format, ...)
{
	const char *path;
	va_list args;

	va_start(args, format);
	path = write_rules(format, args);
	va_end(args);
	return command_run("security", "load", path, NULL);
}

void ruled_load(const char *format, ...)
{
	const char *path;
	va_list args;

	va_start(args, format);
	path = write_rules(format, args);
	va_end(args);
	/* as the command does, and in a fraction of its time */
	if (corepath_security_load(command_pin_dir(), path))
		ck_abort_msg("the rules cannot be loaded: %s\n%s", corepath_error(),
			     corepath_log());
}

void ruled_none(void)
{
	command_share_pin_dir("rules");
	ruled_load("  - {name: nothing, on: exec, action: log, path: /none}\n");
}

enum ruled_end ruled_run(ruled_act act)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (!pid)
		_exit(act());
	if (waitpid(pid, &status, 0) != pid)
		checkrun_error("waitpid: %s", strerror(errno));
	if (status == SIGKILL)
		return RULED_KILLED;
	if (status && status != EPERM << 8)
		checkrun_error("a child ended with wait status 0x%x (%s)", status,
			       strerror(WEXITSTATUS(status)));
	return status ? RULED_REFUSED : RULED_DONE;
}

int ruled_go_deep(void)
{
	char name[201] = {};
	int at = strlen(watched_folder());

	memset(name, 'd', 200);
	if (chdir(watched_folder()))
		return errno;
	for (; at + 201 + 2 < PATH_MAX; at += 201)
		if ((mkdir(name, 0755) && errno != EEXIST) || chdir(name))
			return errno;
	return open("x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

const char *ruled_end_name(enum ruled_end end)
{
	static const char *const names[] = {"done", "refused", "killed"};

	return names[end];
}

unsigned long long ruled_hits(void)
{
	struct corepath_security_status st;
	unsigned long long hits = 0;

	if (corepath_security_status(command_pin_dir(), &st))
		ck_abort_msg("status: %s", corepath_error());
	for (size_t i = 0; i < st.n; i++)
		hits += st.rules[i].hits;
	free(st.rules);
	return hits;
}

void ruled_expect(const char *what, ruled_act act, enum ruled_end want)
{
	enum ruled_end got = ruled_run(act);

	if (got != want)
		ck_abort_msg("%s: expected %s, was %s", what, ruled_end_name(want),
			     ruled_end_name(got));
}
