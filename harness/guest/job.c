// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job: one program, its result lines, its output, its end. Init stays beside it to reap what it
 * leaves behind and to tell the host that the machine still turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
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

static char **strings(const json_t *array)
{
	char **list = calloc(json_array_size(array) + 1, sizeof(char *));
	size_t i;
	json_t *v;

	json_array_foreach (array, i, v)
		list[i] = strdup(json_string_value(v));
	return list;
}

int job_read(const char *path, struct job *job)
{
	json_error_t err;
	json_t *root = json_load_file(path, 0, &err), *steps, *env, *v;
	const char *key;
	size_t i, n = 0;

	steps = json_object_get(root, "steps");
	env = json_object_get(root, "env");
	if (!root || !json_array_size(steps)) {
		kmsg("vmtest: %s:%d: %s", path, err.line, root ? "no steps" : err.text);
		errno = EINVAL;
		return -1;
	}
	job->steps_count = json_array_size(steps);
	job->steps = calloc(job->steps_count, sizeof(char **));
	job->env = calloc(json_object_size(env) + 2, sizeof(char *));
	json_array_foreach (steps, i, v)
		job->steps[i] = strings(v);
	json_object_foreach (env, key, v)
		if (asprintf(&job->env[n++], "%s=%s", key, json_string_value(v)) < 0)
			die("out of memory");
	v = json_object_get(root, "program");
	job->program = v ? strdup(json_string_value(v)) : NULL;
	v = json_object_get(root, "dir");
	job->dir = strdup(v ? json_string_value(v) : "/");
	job->attended = json_is_true(json_object_get(root, "attended"));
	job->has_stdin = json_is_true(json_object_get(root, "stdin"));
	v = json_object_get(root, "tty");
	job->tty = json_is_object(v);
	job->size.ws_row = json_integer_value(json_object_get(v, "rows"));
	job->size.ws_col = json_integer_value(json_object_get(v, "columns"));
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

static bool output_read(int fd, int port, enum vt_frame_type type)
{
	static char buf[16384];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		port_send(port, type, buf, n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* What came for the job's standard input and is not written yet. */
struct input {
	unsigned char buf[VT_FRAME_MAX];
	size_t have, done;
	bool over;
};

/* Takes the next frame for the job from the host; called when nothing is left of the last. */
static void input_receive(struct input *in, int port)
{
	struct vt_frame head;

	port_receive(port, &head, in->buf);
	if (head.type != VT_STDIN)
		return;
	in->have = head.len;
	in->done = 0;
	in->over = head.len == 0;
}

/* Writes what the job takes. False when it takes no more: it has closed its end, or all is written.
 */
static bool input_write(struct input *in, int fd)
{
	ssize_t n;

	if (in->done == in->have)
		return !in->over;
	n = write(fd, in->buf + in->done, in->have - in->done);
	if (n > 0)
		in->done += n;
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

/* The job's ends of its pipes, or of its terminal, and ours. */
struct pipes {
	int results[2], in[2], out[2], err[2];
	bool tty;
};

static void make_pipes(const struct job *job, struct pipes *p)
{
	p->tty = job->tty;
	if (pipe2(p->results, O_CLOEXEC) < 0)
		die("pipe");
	if (job->tty) {
		if (openpty(&p->out[0], &p->out[1], NULL, NULL, &job->size) < 0)
			die("terminal");
		p->in[0] = p->err[1] = p->out[1];
		p->in[1] = fcntl(p->out[0], F_DUPFD_CLOEXEC, 0);
		p->err[0] = -1;
		fcntl(p->out[0], F_SETFD, FD_CLOEXEC);
	} else if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 ||
		   pipe2(p->err, O_CLOEXEC) < 0) {
		die("pipe");
	}
}

static void keep_our_ends(const struct pipes *p)
{
	const int ours[] = {p->results[0], p->in[1], p->out[0], p->err[0]};

	close(p->results[1]);
	close(p->out[1]);
	if (!p->tty) {
		close(p->in[0]);
		close(p->err[1]);
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (ours[i] >= 0)
			fcntl(ours[i], F_SETFL, O_NONBLOCK);
}

static void exec_job(const struct job *job, char **argv, const struct pipes *p,
		     const sigset_t *mask)
{
	const char *program = job->program ? job->program : argv[0];
	char fd_text[16];

	setsid();
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	dup2(p->in[0], 0);
	dup2(p->out[1], 1);
	dup2(p->err[1], 2);
	if (p->tty)
		ioctl(0, TIOCSCTTY, 0);
	fcntl(p->results[1], F_SETFD, 0);
	for (char **e = job->env; *e; e++)
		putenv(*e);
	snprintf(fd_text, sizeof(fd_text), "%d", p->results[1]);
	setenv(RESULT_ENV, fd_text, 1);
	if (chdir(job->dir) < 0)
		fprintf(stderr, "vmtest: %s: %s\n", job->dir, strerror(errno));
	else
		execvp(program, argv);
	fprintf(stderr, "vmtest: cannot run %s: %s\n", program, strerror(errno));
	_exit(127);
}

static void send_exit(int port, int status, bool more)
{
	bool killed = WIFSIGNALED(status);
	char text[64];
	int n;

	n = snprintf(text, sizeof(text), "{\"%s\": %d%s}", killed ? "signal" : "status",
		     killed ? WTERMSIG(status) : WEXITSTATUS(status),
		     more ? ", \"more\": true" : "");
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

enum { RESULTS, STDOUT, STDERR, STDIN, PORT, CHILD, BEAT, WATCHED };

/*
 * The job's standard input takes from the port only what fits: while something is left of the last
 * frame the port is not looked at, and the host waits.
 */
static void watch_input(struct pollfd *p, const struct job *job, const struct input *in, int port)
{
	bool left = in->done < in->have || in->over;

	p[PORT].fd = job->has_stdin && p[STDIN].fd >= 0 && !left ? port : -1;
	p[STDIN].events = left ? POLLOUT : 0;
}

static void close_input(struct pollfd *p)
{
	close(p[STDIN].fd);
	p[STDIN].fd = -1;
}

/*
 * Runs until the program has ended and what it wrote is read. A process it left behind may keep the
 * pipes open for ever: once the program itself has ended, only what is there already is taken.
 */
void job_run(const struct job *job, size_t step, int port)
{
	static struct lines lines;
	static struct input input;
	struct pipes pipes;
	int status = 0;
	bool ended = false;
	sigset_t chld, old;
	pid_t child;

	make_pipes(job, &pipes);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &old);

	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		exec_job(job, job->steps[step], &pipes, &old);
	keep_our_ends(&pipes);

	struct pollfd p[WATCHED] = {
		[RESULTS] = {.fd = pipes.results[0], .events = POLLIN},
		[STDOUT] = {.fd = pipes.out[0], .events = POLLIN},
		[STDERR] = {.fd = pipes.err[0], .events = POLLIN},
		[STDIN] = {.fd = pipes.in[1]},
		[PORT] = {.fd = -1, .events = POLLIN},
		[CHILD] = {.fd = signalfd(-1, &chld, SFD_CLOEXEC), .events = POLLIN},
		[BEAT] = {.fd = job->attended ? heartbeat_timer() : -1, .events = POLLIN},
	};

	if (!job->has_stdin && !job->tty)
		close_input(p);
	if (job->attended)
		port_send(port, VT_ALIVE, NULL, 0);
	for (;;) {
		int ready;

		watch_input(p, job, &input, port);
		ready = poll(p, WATCHED, ended ? 0 : -1);
		if (ready < 0 && errno != EINTR)
			die("poll");
		if (ended && ready == 0)
			break;
		if (p[RESULTS].revents && !results_read(&lines, p[RESULTS].fd, port))
			p[RESULTS].fd = -1;
		if (p[STDOUT].revents && !output_read(p[STDOUT].fd, port, VT_STDOUT))
			p[STDOUT].fd = -1;
		if (p[STDERR].revents && !output_read(p[STDERR].fd, port, VT_STDERR))
			p[STDERR].fd = -1;
		if (p[PORT].revents)
			input_receive(&input, port);
		if (p[STDIN].revents && !input_write(&input, p[STDIN].fd))
			close_input(p);
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
				if (p[STDIN].fd >= 0)
					close_input(p);
			}
		}
	}
	if (lines.have)
		result_line(port, lines.buf, lines.have);
	lines.have = 0;
	for (size_t i = 0; i < WATCHED; i++) /* PORT is not this step's */
		if (i != PORT && p[i].fd >= 0)
			close(p[i].fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	send_exit(port, status, step + 1 < job->steps_count);
}
