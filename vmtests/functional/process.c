// SPDX-License-Identifier: GPL-2.0-only
/* functional.process.*: what watchers are told of processes that begin, run programs and end. */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "watched.h"

#define EXECS 20000

static void run_with_arguments(void)
{
	if (!chdir("/tmp") && !setresgid(1001, 1002, 1001) && !setresuid(2001, 2002, 2001))
		execl(WATCHED_ACT, "act", "exit", "3", "two words", "", "last\n", NULL);
}

static __u32 inode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		checkrun_error("%s: %s", path, strerror(errno));
	return st.st_ino;
}

static void expect_namespaces(const struct corepath_process *p)
{
	static const char *const files[COREPATH_NS_COUNT] = {"mnt",    "pid", "net", "user",
							     "cgroup", "ipc", "uts"};
	char path[64];

	for (int i = 0; i < COREPATH_NS_COUNT; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", files[i]);
		if (p->ns[i] != inode_of(path))
			ck_abort_msg("%s namespace: told %u, is %u", files[i], p->ns[i],
				     inode_of(path));
	}
	/* this test and its child are in the root cgroup */
	if (p->cgroup != inode_of("/sys/fs/cgroup"))
		ck_abort_msg("cgroup: told %llu, is %u", (unsigned long long)p->cgroup,
			     inode_of("/sys/fs/cgroup"));
}

static void told_of_all(int index __attribute__((unused)))
{
	static const char args[] = "act\0exit\0003\0two words\0\0last\n";
	const struct corepath_exec_event *e;
	const struct corepath_fork_event *f;
	const struct corepath_exit_event *x;
	struct corepath_exec_text text;
	pid_t pid;
	int status;

	watched_start(true, true, true);
	status = watched_run(run_with_arguments, &pid);
	if (status != 3 << 8)
		checkrun_error("the child ended with wait status 0x%x", status);

	f = (const void *)watched_event(pid, COREPATH_EVENT_FORK, 0);
	if (!f || f->process.ppid != (__u32)getpid() || f->process.uid)
		ck_abort_msg("no fork event, or of another parent or user");
	expect_namespaces(&f->process);

	e = watched_exec(pid, 0);
	if (corepath_exec_text(e, &text))
		ck_abort_msg("%s", corepath_error());
	if (strcmp(watched_path(e), WATCHED_ACT) || strcmp(watched_cwd(e), "/tmp"))
		ck_abort_msg("path %s, directory %s", watched_path(e), watched_cwd(e));
	if (e->args_len != sizeof(args) || memcmp(text.args, args, sizeof(args)))
		ck_abort_msg("arguments of %u bytes, which begin with %.6s", e->args_len,
			     text.args);
	if (e->process.uid != 2001 || e->process.euid != 2002 || e->process.gid != 1001 ||
	    e->process.egid != 1002 || e->process.ppid != (__u32)getpid() ||
	    strcmp(e->process.comm, "act") || e->old_tid != (__u32)pid || e->flags)
		ck_abort_msg("process %u/%u of %u, group %u/%u, '%s', thread %u, flags %u",
			     e->process.uid, e->process.euid, e->process.ppid, e->process.gid,
			     e->process.egid, e->process.comm, e->old_tid, e->flags);
	expect_namespaces(&e->process);
	if (e->process.start_ns != f->process.start_ns)
		ck_abort_msg("the process began at two times");

	x = (const void *)watched_event(pid, COREPATH_EVENT_EXIT, 0);
	if (!x || x->code != 3 || x->signal || x->core)
		ck_abort_msg("exit event: %s", x ? "another status" : "none");
	if (watched_count(pid, COREPATH_EVENT_EXIT) != 1)
		ck_abort_msg("a process ended twice");
	watched_end();
}

static void die_of_signal(void)
{
	execl(WATCHED_ACT, "act", "signal", "10", NULL);
}

static void ended_by_signal(int index __attribute__((unused)))
{
	const struct corepath_exit_event *x;
	pid_t pid;
	int status;

	watched_start(false, false, true);
	status = watched_run(die_of_signal, &pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGUSR1)
		checkrun_error("the child ended with wait status 0x%x", status);
	x = (const void *)watched_event(pid, COREPATH_EVENT_EXIT, 0);
	if (!x || x->code || x->signal != SIGUSR1)
		ck_abort_msg("exit event: %s", x ? "another end" : "none");
	if (watched_event(pid, COREPATH_EVENT_EXEC, 0))
		ck_abort_msg("told of what was not asked for");
	watched_end();
}

/* ---- threads ---- */

static void *end_later(void *leader)
{
	pthread_join(*(pthread_t *)leader, NULL);
	syscall(SYS_exit, 5); /* of this thread alone, which is the last */
	return NULL;
}

static void leader_ends_first(void)
{
	static pthread_t leader;
	pthread_t other;

	leader = pthread_self();
	if (!pthread_create(&other, NULL, end_later, &leader))
		syscall(SYS_exit, 4);
}

static void *run_in_thread(void *arg __attribute__((unused)))
{
	execl(WATCHED_ACT, "act", "exit", "6", NULL);
	return NULL;
}

static void exec_in_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, run_in_thread, NULL))
		pthread_join(thread, NULL);
}

/* The status is what wait() says: the leader's, or, from 6.0 on (d80f7d7b2c75 "signal: Guarantee
 * that SIGNAL_GROUP_EXIT is set on process exit"), the last thread's. The process ends once. */
static void last_thread_ends_it(int index __attribute__((unused)))
{
	const struct corepath_exit_event *x;
	pid_t pid;
	int status;

	watched_start(false, true, true);
	status = watched_run(leader_ends_first, &pid);
	if (status != 4 << 8 && status != 5 << 8)
		checkrun_error("the child ended with wait status 0x%x", status);
	x = (const void *)watched_event(pid, COREPATH_EVENT_EXIT, 0);
	if (!x || x->code != (__u32)WEXITSTATUS(status) ||
	    watched_count(pid, COREPATH_EVENT_EXIT) != 1)
		ck_abort_msg("%d exit events, status %u", watched_count(pid, COREPATH_EVENT_EXIT),
			     x ? x->code : 0);
	if (watched_count(pid, COREPATH_EVENT_FORK) != 1)
		ck_abort_msg("%d fork events of a process with a thread",
			     watched_count(pid, COREPATH_EVENT_FORK));
	watched_end();
}

/* The thread takes the leader's number, and the event still says which one it was. */
static void exec_by_another_thread(int index __attribute__((unused)))
{
	const struct corepath_exec_event *e;
	pid_t pid;
	int status;

	watched_start(true, false, true);
	status = watched_run(exec_in_thread, &pid);
	if (status != 6 << 8)
		checkrun_error("the child ended with wait status 0x%x", status);
	e = watched_exec(pid, 0);
	if (strcmp(watched_path(e), WATCHED_ACT) || e->old_tid == (__u32)pid)
		ck_abort_msg("path %s, by thread %u of process %d", watched_path(e), e->old_tid,
			     pid);
	if (watched_count(pid, COREPATH_EVENT_EXIT) != 1)
		ck_abort_msg("a process ended %d times", watched_count(pid, COREPATH_EVENT_EXIT));
	watched_end();
}

/* ---- arguments ---- */

static void run_with_long_arguments(void)
{
	static char long_arg[COREPATH_ARGS_MAX + 100];

	memset(long_arg, 'a', sizeof(long_arg) - 1);
	execl(WATCHED_ACT, "act", long_arg, "end", NULL);
}

static void long_arguments_are_cut(int index __attribute__((unused)))
{
	const struct corepath_exec_event *e;
	struct corepath_exec_text text;
	pid_t pid;

	watched_start(true, false, false);
	if (watched_run(run_with_long_arguments, &pid))
		checkrun_error("the child could not run");
	e = watched_exec(pid, 0);
	if (corepath_exec_text(e, &text) || e->args_len != COREPATH_ARGS_MAX ||
	    e->flags != COREPATH_EXEC_ARGS_CUT || memcmp(text.args, "act\0aaaa", 8) ||
	    text.args[COREPATH_ARGS_MAX - 1] != 'a')
		ck_abort_msg("%u bytes of arguments, flags 0x%x", e->args_len, e->flags);
	watched_end();
}

static void run_without_arguments(void)
{
	/* glibc and the compiler expect one */
	syscall(SYS_execve, WATCHED_ACT, (char *[]){NULL}, (char *[]){NULL});
}

/* An empty list, or, from 5.18 on (dcd46d897adb), one empty argument in its place. */
static void no_arguments(int index __attribute__((unused)))
{
	const struct corepath_exec_event *e;
	pid_t pid;

	watched_start(true, false, false);
	watched_run(run_without_arguments, &pid);
	e = watched_exec(pid, 0);
	if (e->args_len > 1 || e->flags)
		ck_abort_msg("%u bytes of no arguments, flags 0x%x", e->args_len, e->flags);
	watched_end();
}

/* ---- the command ---- */

static void run_strange(void)
{
	execl(WATCHED_ACT, "act", "exit", "1", "\xff\xc3\xa9\n", NULL);
}

static void command_prints_json(int index __attribute__((unused)))
{
	struct command command =
		command_start("observe", "--json", "--kind", "exec,exit", "--count", "2", NULL);
	const char *line = command_line(&command);
	json_t *event, *args;
	pid_t pid;
	int status;

	if (!line || !strstr(line, "watching"))
		ck_abort_msg("observe does not say that it watches: %s", line ?: "(ended)");
	watched_run(run_strange, &pid);
	line = command_line(&command);
	event = line ? json_loads(line, 0, NULL) : NULL;
	args = json_object_get(event, "args");
	if (!args || json_integer_value(json_object_get(event, "pid")) != pid ||
	    strcmp(json_string_value(json_object_get(event, "kind")), "exec") ||
	    strcmp(json_string_value(json_object_get(event, "path")), WATCHED_ACT) ||
	    json_array_size(args) != 4 ||
	    strcmp(json_string_value(json_array_get(args, 3)), "\\xff\xc3\xa9\n"))
		ck_abort_msg("exec event: %s", line ?: "(ended)");
	json_decref(event);
	line = command_line(&command);
	event = line ? json_loads(line, 0, NULL) : NULL;
	if (json_integer_value(json_object_get(event, "pid")) != pid ||
	    json_integer_value(json_object_get(event, "status")) != 1)
		ck_abort_msg("exit event: %s", line ?: "(ended)");
	json_decref(event);
	status = command_end(&command, 0);
	if (status)
		ck_abort_msg("observe exited with %d\n%s", status, command_output);
	command_good("down");
}

static void command_prints_lines(int index __attribute__((unused)))
{
	struct command command = command_start("observe", "--kind", "all", "--count", "3", NULL);
	const char *line = command_line(&command);
	char want[128];
	pid_t pid;

	if (!line || !strstr(line, "watching"))
		ck_abort_msg("observe does not say that it watches: %s", line ?: "(ended)");
	watched_run(die_of_signal, &pid);
	snprintf(want, sizeof(want), " fork %d parent %d uid 0 ", pid, getpid());
	line = command_line(&command);
	if (!line || !strstr(line, want))
		ck_abort_msg("expected%s, got %s", want, line ?: "(ended)");
	snprintf(want, sizeof(want), " exec %d parent %d uid 0 act %s [ act signal 10 ] in /", pid,
		 getpid(), WATCHED_ACT);
	line = command_line(&command);
	if (!line || !strstr(line, want))
		ck_abort_msg("expected%s, got %s", want, line ?: "(ended)");
	snprintf(want, sizeof(want), " exit %d parent %d uid 0 act signal 10 (", pid, getpid());
	line = command_line(&command);
	if (!line || !strstr(line, want))
		ck_abort_msg("expected%s, got %s", want, line ?: "(ended)");
	if (command_end(&command, 0))
		ck_abort_msg("observe failed\n%s", command_output);
	command_good("down");
}

static bool attached(void)
{
	char pin[128];

	snprintf(pin, sizeof(pin), "%s/trace_sec_exec", command_pin_dir());
	return !access(pin, F_OK);
}

/* Two watch, one after the other ends: who comes first is not told of what the second asked for,
 * and with the last one what tells of processes goes. */
static void attached_while_watched(int index __attribute__((unused)))
{
	struct command command;
	const char *line;
	pid_t pid;

	watched_start(true, false, false);
	command = command_start("observe", "--kind", "exit", NULL);
	line = command_line(&command);
	if (!line || !strstr(line, "watching"))
		ck_abort_msg("observe does not say that it watches: %s", line ?: "(ended)");
	watched_run(run_strange, &pid);
	if (watched_count(pid, COREPATH_EVENT_EXEC) != 1 ||
	    watched_count(pid, COREPATH_EVENT_EXIT) != 0)
		ck_abort_msg("%d exec and %d exit events", watched_count(pid, COREPATH_EVENT_EXEC),
			     watched_count(pid, COREPATH_EVENT_EXIT));
	line = command_line(&command);
	if (!line || !strstr(line, " exit "))
		ck_abort_msg("the second watcher: %s", line ?: "(ended)");
	command_end(&command, SIGINT);
	if (!attached())
		ck_abort_msg("detached although somebody watches");
	watched_run(run_strange, &pid);
	watched_exec(pid, 0);
	command = command_start("observe", "--kind", "exit", NULL);
	command_line(&command);
	command_end(&command, SIGKILL);
	watched_end();
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s behind", command_pin_dir());
}

/* ---- a storm ---- */

static int count_exec(const struct corepath_event *e, void *arg)
{
	*(unsigned long long *)arg += e->kind == COREPATH_EVENT_EXEC;
	return 0;
}

static void run_again(void)
{
	char left[16];

	snprintf(left, sizeof(left), "%d", EXECS - 1);
	execl(WATCHED_DIR "/again", WATCHED_DIR "/again", left, NULL);
}

/* More than a ring has room for: each is either read or counted as lost. */
static void storm(int index __attribute__((unused)))
{
	bool kinds[COREPATH_EVENT_KINDS] = {[COREPATH_EVENT_EXEC] = true};
	unsigned long long received = 0;
	struct corepath_watch_request request = {
		.pin_dir = command_pin_dir(),
		.kinds = kinds,
		.ring_bytes = 64 * 1024,
		.fn = count_exec,
		.arg = &received,
	};
	struct corepath_watch *watch;
	pid_t pid;
	__u64 lost;
	int status;

	if (corepath_watch_open(&request, &watch))
		ck_abort_msg("watch: %s\n%s", corepath_error(), corepath_log());
	status = watched_run(run_again, &pid);
	if (status)
		checkrun_error("the storm ended with wait status 0x%x", status);
	if (corepath_watch_stop(watch))
		ck_abort_msg("stop: %s", corepath_error());
	while (corepath_watch_poll(watch, 0) > 0)
		;
	if (corepath_watch_lost(watch, &lost))
		ck_abort_msg("lost: %s", corepath_error());
	if (received + lost != EXECS || !lost || !received)
		ck_abort_msg("%d programs were run: %llu events received and %llu lost", EXECS,
			     received, (unsigned long long)lost);
	corepath_watch_close(watch);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.process.told_of_all", told_of_all, 0},
	{"functional.process.ended_by_signal", ended_by_signal, 0},
	{"functional.process.last_thread_ends_it", last_thread_ends_it, 0},
	{"functional.process.exec_by_another_thread", exec_by_another_thread, 0},
	{"functional.process.long_arguments_are_cut", long_arguments_are_cut, 0},
	{"functional.process.no_arguments", no_arguments, 0},
	{"functional.process.command_prints_json", command_prints_json, 0},
	{"functional.process.command_prints_lines", command_prints_lines, 0},
	{"functional.process.attached_while_watched", attached_while_watched, 0},
};

static const struct functional_test long_tests[] = {
	{"functional.process.storm", storm, 0},
};

void process_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
	functional_add_long(suite, selection, long_tests, 1, 600);
}
