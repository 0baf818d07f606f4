// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job: one program, its result lines, its output, its end. Init stays beside it to reap what it
 * leaves behind and to tell the host that the machine still turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/random.h>

#include <jansson.h>

#include "guest.h"

#define RESULT_ENV "VMTEST_RESULT_FD"

int job_read(const char *path, struct job *job)
{
	json_error_t err;
	json_t *root = json_load_file(path, 0, &err), *argv, *env, *v;
	const char *key;
	size_t i, n = 0;

	argv = json_object_get(root, "argv");
	env = json_object_get(root, "env");
	if (!root || !json_array_size(argv)) {
		kmsg("vmtest: %s:%d: %s", path, err.line, root ? "no argv" : err.text);
		errno = EINVAL;
		return -1;
	}
	job->argv = calloc(json_array_size(argv) + 1, sizeof(char *));
	job->env = calloc(json_object_size(env) + 2, sizeof(char *));
	json_array_foreach (argv, i, v)
		job->argv[i] = strdup(json_string_value(v));
	json_object_foreach (env, key, v)
		if (asprintf(&job->env[n++], "%s=%s", key, json_string_value(v)) < 0)
			die("out of memory");
	v = json_object_get(root, "dir");
	job->dir = strdup(v ? json_string_value(v) : "/");
	job->attended = json_is_true(json_object_get(root, "attended"));
	job->time_ns = json_integer_value(json_object_get(root, "time_ns"));
	v = json_object_get(root, "entropy");
	job->entropy = v ? strdup(json_string_value(v)) : NULL;
	json_decref(root);
	return 0;
}

void job_refresh(const struct job *job)
{
	struct {
		struct rand_pool_info info;
		unsigned char bytes[64];
	} pool = {};
	size_t n = 0;
	int fd;

	if (job->time_ns) {
		const struct timespec now = {job->time_ns / 1000000000, job->time_ns % 1000000000};

		if (clock_settime(CLOCK_REALTIME, &now) < 0)
			kmsg("vmtest: clock: %s", strerror(errno));
	}
	for (const char *p = job->entropy; p && p[0] && p[1] && n < sizeof(pool.bytes); p += 2) {
		char two[3] = {p[0], p[1], '\0'};

		pool.bytes[n++] = strtoul(two, NULL, 16);
	}
	fd = n ? open("/dev/urandom", O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	pool.info.entropy_count = n * 8;
	pool.info.buf_size = n;
	if (ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		kmsg("vmtest: entropy: %s", strerror(errno));
	close(fd);
}

/* A line a test wrote: to the host, and its start to the kernel log beside what the kernel says. */
static void result_line(int port, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, 0, NULL);
	const char *start = json_string_value(json_object_get(o, "start"));

	if (start)
		kmsg(VT_MARK_START "%s", start);
	port_send(port, VT_RESULT, line, len);
	json_decref(o);
}

struct lines {
	char buf[VT_FRAME_MAX / 2];
	size_t have;
};

/* Cuts what was read into lines; a line longer than the buffer is passed on in pieces. */
static void lines_feed(struct lines *l, int port, size_t got)
{
	char *nl;

	l->have += got;
	while ((nl = memchr(l->buf, '\n', l->have)) || l->have == sizeof(l->buf)) {
		size_t len = nl ? (size_t)(nl - l->buf) : l->have, skip = nl ? len + 1 : len;

		if (len)
			result_line(port, l->buf, len);
		memmove(l->buf, l->buf + skip, l->have - skip);
		l->have -= skip;
	}
}

/* Reads once. False when the pipe is at its end. */
static bool results_read(struct lines *l, int fd, int port)
{
	ssize_t n = read(fd, l->buf + l->have, sizeof(l->buf) - l->have);

	if (n > 0)
		lines_feed(l, port, n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool output_read(int fd, int port)
{
	static char buf[16384];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		port_send(port, VT_OUTPUT, buf, n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Reaps all that has ended. True when `child` was among it, with *status its wait status. */
static bool reap(pid_t child, int *status)
{
	bool ours = false;
	pid_t pid;
	int st;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == child) {
			*status = st;
			ours = true;
		}
	}
	return ours;
}

static void exec_job(const struct job *job, int result_fd, int output_fd, const sigset_t *mask)
{
	char fd_text[16];

	setsid();
	sigprocmask(SIG_SETMASK, mask, NULL);
	dup2(output_fd, 1);
	dup2(output_fd, 2);
	fcntl(result_fd, F_SETFD, 0);
	for (char **e = job->env; *e; e++)
		putenv(*e);
	snprintf(fd_text, sizeof(fd_text), "%d", result_fd);
	setenv(RESULT_ENV, fd_text, 1);
	if (chdir(job->dir) < 0)
		fprintf(stderr, "vmtest: %s: %s\n", job->dir, strerror(errno));
	else
		execvp(job->argv[0], job->argv);
	fprintf(stderr, "vmtest: cannot run %s: %s\n", job->argv[0], strerror(errno));
	_exit(127);
}

static void send_exit(int port, int status)
{
	char text[64];
	int n;

	if (WIFSIGNALED(status))
		n = snprintf(text, sizeof(text), "{\"signal\": %d}", WTERMSIG(status));
	else
		n = snprintf(text, sizeof(text), "{\"status\": %d}", WEXITSTATUS(status));
	port_send(port, VT_EXIT, text, n);
}

static int heartbeat_timer(void)
{
	const struct itimerspec every = {
		.it_value = {.tv_nsec = VT_ALIVE_MS * 1000000L},
		.it_interval = {.tv_nsec = VT_ALIVE_MS * 1000000L},
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	timerfd_settime(fd, 0, &every, NULL);
	return fd;
}

/*
 * Runs until the program has ended and what it wrote is read. A process it left behind may keep the
 * pipes open for ever: once the program itself has ended, only what is there already is taken.
 */
void job_run(const struct job *job, int port)
{
	static struct lines lines;
	int results[2], output[2], status = 0;
	bool ended = false;
	sigset_t chld, old;
	pid_t child;

	if (pipe2(results, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
		die("pipe");
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);

	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		exec_job(job, results[1], output[1], &old);
	close(results[1]);
	close(output[1]);
	fcntl(results[0], F_SETFL, O_NONBLOCK);
	fcntl(output[0], F_SETFL, O_NONBLOCK);

	enum { RESULTS, OUTPUT, CHILD, BEAT, N };
	struct pollfd p[N] = {
		[RESULTS] = {.fd = results[0], .events = POLLIN},
		[OUTPUT] = {.fd = output[0], .events = POLLIN},
		[CHILD] = {.fd = signalfd(-1, &chld, SFD_CLOEXEC), .events = POLLIN},
		[BEAT] = {.fd = job->attended ? heartbeat_timer() : -1, .events = POLLIN},
	};

	if (job->attended)
		port_send(port, VT_ALIVE, NULL, 0);
	for (;;) {
		int ready = poll(p, N, ended ? 0 : -1);

		if (ready < 0 && errno != EINTR)
			die("poll");
		if (ended && ready == 0)
			break;
		if (p[RESULTS].revents && !results_read(&lines, p[RESULTS].fd, port))
			p[RESULTS].fd = -1;
		if (p[OUTPUT].revents && !output_read(p[OUTPUT].fd, port))
			p[OUTPUT].fd = -1;
		if (p[BEAT].revents) {
			uint64_t beats;

			if (read(p[BEAT].fd, &beats, sizeof(beats)) > 0 && !ended)
				port_send(port, VT_ALIVE, NULL, 0);
		}
		if (p[CHILD].revents) {
			struct signalfd_siginfo si;

			if (read(p[CHILD].fd, &si, sizeof(si)) > 0 && reap(child, &status)) {
				ended = true;
				p[BEAT].fd = -1;
			}
		}
	}
	if (lines.have)
		result_line(port, lines.buf, lines.have);
	send_exit(port, status);
}
