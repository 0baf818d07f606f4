// SPDX-License-Identifier: GPL-2.0-only
/* The real corepath command, run as a child: see command.h. */
#include "command.h"

#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/checkrun.h"

#define COMMAND "corepath"

/* Seconds a command may take; the load of the program is the longest part. */
static int patience = 60;

#define WORDS_MAX 32

char command_output[65536];

static const char *shared_name;
static const char *binary = COMMAND;

void command_patience(int seconds)
{
	patience = seconds;
}

void command_binary(const char *name)
{
	binary = name;
}

void command_share_pin_dir(const char *name)
{
	shared_name = name;
}

const char *command_pin_dir(void)
{
	static char dir[64];

	/* Check gives each test a process: its number keeps the tests' pins apart. */
	if (shared_name)
		snprintf(dir, sizeof(dir), "/sys/fs/bpf/functional-%s", shared_name);
	else
		snprintf(dir, sizeof(dir), "/sys/fs/bpf/functional-%d", getpid());
	return dir;
}

static bool beside_maps;

void command_kill_beside_maps(void)
{
	beside_maps = true;
}

static pid_t start(char **words, bool traced, int *output)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		checkrun_error("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		checkrun_error("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive its test */
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(127);
		execvp(words[0], words);
		fprintf(stderr, "%s cannot be run: %s\n", words[0], strerror(errno));
		_exit(127);
	}
	close(ends[1]);
	*output = ends[0];
	return pid;
}

/* Reads until the command closes its output, for `patience` seconds at most. */
static void read_output(pid_t pid, int output)
{
	struct pollfd wait = {.fd = output, .events = POLLIN};
	time_t end = time(NULL) + patience;
	size_t used = 0;

	for (;;) {
		ssize_t n;

		if (time(NULL) > end || poll(&wait, 1, patience * 1000) == 0) {
			kill(pid, SIGKILL);
			ck_abort_msg("%s did not end within %d s\n%s", COMMAND, patience,
				     command_output);
		}
		n = read(output, command_output + used, sizeof(command_output) - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += n;
		command_output[used] = '\0';
	}
	close(output);
}

/* "corepath", the words up to NULL, and the pin directory, into @words (WORDS_MAX). */
static void make_words(char **words, const char *word, va_list args)
{
	int count = 0;

	words[count++] = (char *)binary;
	for (; word; word = va_arg(args, const char *)) {
		if (count + 3 >= WORDS_MAX)
			checkrun_error("a command of more than %d words", WORDS_MAX);
		words[count++] = (char *)word;
	}
	words[count++] = "--pin-dir";
	words[count++] = (char *)command_pin_dir();
	words[count] = NULL;
	command_output[0] = '\0';
}

int command_run(const char *word, ...)
{
	char *words[WORDS_MAX];
	int status, output;
	va_list args;
	pid_t pid;

	va_start(args, word);
	make_words(words, word, args);
	va_end(args);
	pid = start(words, false, &output);
	read_output(pid, output);
	if (waitpid(pid, &status, 0) != pid)
		checkrun_error("waitpid: %s", strerror(errno));
	if (WIFSIGNALED(status))
		ck_abort_msg("%s was killed by signal %d (%s)\n%s", COMMAND, WTERMSIG(status),
			     strsignal(WTERMSIG(status)), command_output);
	if (WEXITSTATUS(status) == 127)
		checkrun_error("%s", command_output);
	return WEXITSTATUS(status);
}

struct command command_start(const char *word, ...)
{
	struct command command;
	char *words[WORDS_MAX];
	va_list args;

	va_start(args, word);
	make_words(words, word, args);
	va_end(args);
	command.pid = start(words, false, &command.output);
	return command;
}

const char *command_line(struct command *command)
{
	struct pollfd wait = {.fd = command->output, .events = POLLIN};
	static char line[4096];
	size_t used = 0;

	/* a byte at a time: what is behind the line is left in the pipe */
	while (used < sizeof(line) - 1) {
		if (poll(&wait, 1, patience * 1000) == 0)
			ck_abort_msg("%s said no line within %d s", COMMAND, patience);
		if (read(command->output, line + used, 1) != 1)
			return NULL;
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = '\0';
	return line;
}

int command_end(struct command *command, int sig)
{
	int status;

	command_output[0] = '\0';
	if (sig)
		kill(command->pid, sig);
	read_output(command->pid, command->output);
	if (waitpid(command->pid, &status, 0) != command->pid)
		checkrun_error("waitpid: %s", strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Calls whose effect outlives the process: what is pinned, attached or made in the pin directory.
 * A map or program that is only loaded dies with its descriptor. */
static bool changes_state(unsigned long long call, unsigned long long first_argument)
{
	static const long calls[] = {
		__NR_mkdirat,  __NR_unlinkat, __NR_renameat2,
#ifdef __NR_renameat
		__NR_renameat,
#endif
#ifdef __NR_mkdir /* architectures older than arm64 have these as well */
		__NR_mkdir,    __NR_rmdir,    __NR_unlink,
#endif
	};

	if (call == __NR_bpf)
		return first_argument == BPF_OBJ_PIN || first_argument == BPF_LINK_CREATE ||
		       first_argument == BPF_LINK_UPDATE ||
		       (first_argument == BPF_MAP_UPDATE_ELEM && !beside_maps);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (call == (unsigned long long)calls[i])
			return true;
	return false;
}

/* Whether @pid, stopped by PTRACE_SYSCALL, is at the entry of a call that changes state. */
static bool about_to_change(pid_t pid)
{
	struct __ptrace_syscall_info info;
	long len = ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info);

	if (len < 0)
		checkrun_error("PTRACE_GET_SYSCALL_INFO: %s", strerror(errno));
	return info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       changes_state(info.entry.nr, info.entry.args[0]);
}

bool command_run_killed(int nth, const char *word, ...)
{
	char *words[WORDS_MAX];
	bool killed = false;
	int status, output;
	va_list args;
	pid_t pid;

	va_start(args, word);
	make_words(words, word, args);
	va_end(args);
	pid = start(words, true, &output);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		if (WSTOPSIG(status) == SIGTRAP) { /* after exec: the command begins */
			if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD))
				checkrun_error("PTRACE_SETOPTIONS: %s", strerror(errno));
		} else if (!killed && WSTOPSIG(status) == (SIGTRAP | 0x80) &&
			   about_to_change(pid) && !--nth) {
			kill(pid, SIGKILL);
			killed = true;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	}
	read_output(pid, output);
	if (killed && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
		checkrun_error("the command outlived its SIGKILL (status %d)", status);
	if (!killed && status)
		ck_abort_msg("%s ended with status %d before it was to be killed\n%s", COMMAND,
			     status, command_output);
	return killed;
}

long long command_counter(const char *reason, const char *what)
{
	json_t *all, *value;
	json_error_t error;
	long long number;

	command_good("counters", "--json");
	all = json_loads(command_output, 0, &error);
	if (!all)
		ck_abort_msg("corepath counters --json: not JSON: %s\n%s", error.text,
			     command_output);
	value = json_object_get(json_object_get(all, reason), what);
	if (!json_is_integer(value))
		ck_abort_msg("corepath counters --json says nothing of %s %s\n%s", reason, what,
			     command_output);
	number = json_integer_value(value);
	json_decref(all);
	return number;
}

int command_program(void)
{
	struct corepath_status st;
	int fd;

	if (corepath_status(command_pin_dir(), &st) || st.n_devs != 1)
		checkrun_error("status of %s: %s", command_pin_dir(), corepath_error());
	fd = bpf_prog_get_fd_by_id(st.devs[0].prog_id);
	free(st.devs);
	if (fd < 0)
		checkrun_error("the program of %s: %s", command_pin_dir(), strerror(-fd));
	return fd;
}
