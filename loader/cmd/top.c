// SPDX-License-Identifier: GPL-2.0-only
/*
 * corepath top: rates, live. On a terminal it draws over itself, by the few control sequences that
 * every terminal of today has (ECMA-48, and xterm's alternate screen); elsewhere it prints lines.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "cmd.h"
#include "rates.h"

#define ENTER "\033[?1049h\033[?25l" /* alternate screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define REST  "\033[K" /* clear to the end of the line */
#define BELOW "\033[J"

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

struct top {
	const struct args *args;
	bool live;
	struct termios before;
	struct corepath_sample last;
	struct timespec when;
};

static double seconds_between(const struct timespec *a, const struct timespec *b)
{
	return b->tv_sec - a->tv_sec + (b->tv_nsec - a->tv_nsec) / 1e9;
}

/* ---- the terminal ---- */

static void terminal_enter(struct top *t)
{
	struct termios now;

	t->live = !t->args->once && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
		  !tcgetattr(STDIN_FILENO, &t->before);
	if (!t->live)
		return;
	now = t->before;
	now.c_lflag &= ~(ICANON | ECHO);
	/* stopped half-way it would leave the shell with our terminal */
	now.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSANOW, &now);
	fputs(ENTER, stdout);
}

static void terminal_leave(const struct top *t)
{
	if (!t->live)
		return;
	fputs(LEAVE, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t->before);
}

static size_t terminal_lines(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		return 24;
	return size.ws_row;
}

/* Waits until `due`, a signal or a 'q'. Signals are let through here alone. */
static void wait_until(const struct top *t, const struct timespec *due)
{
	struct pollfd keys = {.fd = t->live ? STDIN_FILENO : -1, .events = POLLIN};
	struct timespec now, left;
	sigset_t none;
	double s;
	char key;

	sigemptyset(&none);
	while (!ended) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		s = seconds_between(&now, due);
		if (s <= 0)
			return;
		left = (struct timespec){s, (s - (time_t)s) * 1e9};
		if (ppoll(&keys, 1, &left, &none) <= 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			ended = 1;
	}
}

/* ---- what is shown ---- */

static void heading(const struct top *t, const struct corepath_sample *now)
{
	char text[9];
	time_t when = time(NULL);
	struct tm tm;

	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&when, &tm));
	printf(HOME "corepath %s at %s, %zu programs attached; q ends" REST "\n" REST "\n", text,
	       t->args->pin_dir, now->n_hooks);
}

static int show(const struct top *t, const struct corepath_sample *now, double seconds)
{
	const struct rate_style live = {.human = true, .end = REST, .lines = terminal_lines() - 3};
	const struct rate_style plain = {.end = ""};
	int err;

	if (t->live)
		heading(t, now);
	if (!now->up)
		printf("nothing is up at %s\n", t->args->pin_dir);
	err = now->up ? rates_write(&t->last, now, seconds, t->live ? &live : &plain, stdout) : 0;
	if (t->live)
		fputs(BELOW, stdout);
	else if (!t->args->once)
		putchar('\n');
	if (fflush(stdout))
		ended = 1; /* nobody reads; main() says so */
	return err;
}

/* Counts for one interval and shows it. 0, or an exit status. */
static int step(struct top *t)
{
	struct corepath_sample now;
	struct timespec due = t->when, then = t->when;
	int err;

	due.tv_sec += t->args->interval ?: 1;
	wait_until(t, &due);
	if (ended)
		return EXIT_DONE;
	if (corepath_sample(t->args->pin_dir, &now))
		return EXIT_FAILED;
	clock_gettime(CLOCK_MONOTONIC, &t->when);
	err = show(t, &now, seconds_between(&then, &t->when));
	corepath_sample_free(&t->last);
	t->last = now;
	return err ? EXIT_FAILED : EXIT_DONE;
}

static void catch_signals(void)
{
	const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int cmd_top(const struct args *args)
{
	struct top t = {.args = args};
	int status;

	if (corepath_keep_only_bpf() || corepath_sample(args->pin_dir, &t.last))
		return report_failure(args, false);
	if (!t.last.up && args->once) {
		fprintf(stderr, "corepath: %s: nothing is up; run 'corepath up' first\n",
			args->pin_dir);
		return EXIT_FAILED;
	}
	clock_gettime(CLOCK_MONOTONIC, &t.when);
	catch_signals();
	terminal_enter(&t);
	do
		status = step(&t);
	while (!status && !ended && !args->once);
	terminal_leave(&t);
	corepath_sample_free(&t.last);
	return status ? report_failure(args, false) : EXIT_DONE;
}
