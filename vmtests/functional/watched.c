// SPDX-License-Identifier: GPL-2.0-only
/* Processes that a test runs and watches: see watched.h. */
#include "watched.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"

static struct corepath_watch *watch;

/* Copies of what was told, in order. */
static struct corepath_event **told;
static size_t n_told;

/* Files of tests that have ended: in memory, each with a copy of a program or two. */
static void remove_files(const char *folder)
{
	struct dirent *entry;
	char path[600];
	DIR *d = opendir(folder);

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path); /* but for folders */
	}
	if (d)
		closedir(d);
}

static void remove_old(void)
{
	struct dirent *entry;
	char path[300];
	DIR *d = opendir("/tmp");

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "/tmp/%s", entry->d_name);
		if (!strncmp(entry->d_name, "watched-", strlen("watched-")))
			remove_files(path);
	}
	if (d)
		closedir(d);
}

const char *watched_folder(void)
{
	static char folder[64];

	if (!*folder) {
		snprintf(folder, sizeof(folder), "/tmp/watched-%d", getpid());
		if (mkdir("/tmp", 0755) && errno != EEXIST)
			checkrun_error("mkdir /tmp: %s", strerror(errno));
		remove_old();
		if (mkdir(folder, 0755))
			checkrun_error("mkdir %s: %s", folder, strerror(errno));
	}
	return folder;
}

const char *watched_file(const char *name)
{
	static char files[8][128];
	static int next;
	char *file = files[next++ % 8];

	snprintf(file, sizeof(files[0]), "%s/%s", watched_folder(), name);
	return file;
}

void watched_copy(const char *path)
{
	int from = open(WATCHED_ACT, O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) ||
	    sendfile(to, from, NULL, st.st_size) != st.st_size)
		checkrun_error("copy %s to %s: %s", WATCHED_ACT, path, strerror(errno));
	close(from);
	close(to);
}

static int keep(const struct corepath_event *e, void *arg __attribute__((unused)))
{
	told = reallocarray(told, n_told + 1, sizeof(*told));
	if (!told)
		checkrun_error("out of memory");
	told[n_told] = malloc(e->size);
	if (!told[n_told])
		checkrun_error("out of memory");
	memcpy(told[n_told++], e, e->size);
	return 0;
}

void watched_start(bool exec, bool fork, bool exit)
{
	bool kinds[COREPATH_EVENT_KINDS] = {
		[COREPATH_EVENT_EXEC] = exec,
		[COREPATH_EVENT_FORK] = fork,
		[COREPATH_EVENT_EXIT] = exit,
	};
	struct corepath_watch_request request = {
		.pin_dir = command_pin_dir(), .kinds = kinds, .fn = keep};

	watched_folder();
	if (corepath_watch_open(&request, &watch))
		ck_abort_msg("watch: %s\n%s", corepath_error(), corepath_log());
}

int watched_run(void (*run)(void), pid_t *pid)
{
	int status;

	*pid = fork();
	if (*pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (!*pid) {
		run();
		fprintf(stderr, "a child could not do what it should: %s\n", strerror(errno));
		_exit(99);
	}
	if (waitpid(*pid, &status, 0) != *pid)
		checkrun_error("waitpid: %s", strerror(errno));
	return status;
}

/* What there is to read: a process has told its last when it can be waited for. */
static void read_all(void)
{
	int n;

	do
		n = corepath_watch_poll(watch, 0);
	while (n > 0);
	if (n < 0)
		ck_abort_msg("poll: %s", corepath_error());
}

const struct corepath_event *watched_event(pid_t pid, enum corepath_event_kind kind, int nth)
{
	read_all();
	for (size_t i = 0; i < n_told; i++) {
		/* all kinds have the process in the same place */
		const struct corepath_exit_event *e = (const void *)told[i];

		if (e->head.kind == kind && e->process.pid == (__u32)pid && !nth--)
			return told[i];
	}
	return NULL;
}

int watched_count(pid_t pid, enum corepath_event_kind kind)
{
	int n = 0;

	while (watched_event(pid, kind, n))
		n++;
	return n;
}

const struct corepath_exec_event *watched_exec(pid_t pid, int nth)
{
	const struct corepath_event *e = watched_event(pid, COREPATH_EVENT_EXEC, nth);

	if (!e)
		ck_abort_msg("no exec event number %d of process %d, but %zu events", nth, pid,
			     n_told);
	return (const void *)e;
}

static const char *text(const char *from, size_t len)
{
	static char texts[4][2 * COREPATH_PATH_MAX];
	static int next;
	char *out = texts[next++ % 4];

	snprintf(out, sizeof(texts[0]), "%.*s", (int)len, from);
	return out;
}

const char *watched_path(const struct corepath_exec_event *e)
{
	struct corepath_exec_text t;

	if (corepath_exec_text(e, &t))
		ck_abort_msg("%s", corepath_error());
	return text(t.path, e->path_len);
}

const char *watched_cwd(const struct corepath_exec_event *e)
{
	struct corepath_exec_text t;

	if (corepath_exec_text(e, &t))
		ck_abort_msg("%s", corepath_error());
	return text(t.cwd, e->cwd_len);
}

unsigned long long watched_lost(void)
{
	__u64 lost;

	if (corepath_watch_lost(watch, &lost))
		ck_abort_msg("lost: %s", corepath_error());
	return lost;
}

void watched_end(void)
{
	corepath_watch_close(watch);
	watch = NULL;
	command_good("down");
}
