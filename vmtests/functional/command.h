/* SPDX-License-Identifier: GPL-2.0-only */
/* The real corepath command, run as a child with a pin directory of the test's own. */
#ifndef FUNCTIONAL_COMMAND_H
#define FUNCTIONAL_COMMAND_H

#include <stdbool.h>

/* The words the last command wrote to its standard output and standard error. */
extern char command_output[65536];

/*
 * Runs "corepath WORDS..." (a list that ends with NULL) and returns its exit status. A command that
 * cannot be started or does not end within its bound ends the test. The pin directory is given by
 * its option after the words.
 */
int command_run(const char *word, ...) __attribute__((sentinel));

/* Gives those that follow that many seconds instead of 60. */
void command_patience(int seconds);

/* Has those that follow run another build of it, of that name in PATH. */
void command_binary(const char *name);

/* Has command_run_killed() leave out changes of maps: a command that copies one makes too many. */
void command_kill_beside_maps(void);

/*
 * As command_run(), but the command is killed (SIGKILL) when it is about to make its @nth system
 * call that pins, attaches or changes the pin directory, counted from 1. Returns true if it was
 * killed and false if it ended by itself before.
 */
bool command_run_killed(int nth, const char *word, ...) __attribute__((sentinel));

/* A command that runs beside the test. */
struct command {
	int pid;
	int output; /* its standard output and standard error, a pipe */
};

/* Starts "corepath WORDS...". A test that ends without command_end() leaves it to be killed with
 * the test's process. */
struct command command_start(const char *word, ...) __attribute__((sentinel));

/* Waits for its next line and returns it without its end, or NULL if there is none any more. Not
 * having one within the bound ends the test. */
const char *command_line(struct command *command);

/* Sends it @sig (0: none), reads what it still says into command_output and returns its exit
 * status, 128 and the signal's number if that killed it. */
int command_end(struct command *command, int sig);

/* As command_run(); any exit status but 0 ends the test as FAIL with what the command said. */
#define command_good(...)                                                                          \
	do {                                                                                       \
		int status_ = command_run(__VA_ARGS__, NULL);                                      \
		if (status_)                                                                       \
			ck_abort_msg("corepath exited with %d: %s\n%s", status_, #__VA_ARGS__,     \
				     command_output);                                              \
	} while (0)

/* The pin directory of this test. */
const char *command_pin_dir(void);

/* The program of the one device that this test has up; the caller closes it. */
int command_program(void);

/* Gives this test the one of that name, so that what a test has loaded serves the next. */
void command_share_pin_dir(const char *name);

/* "packets" or "bytes" (@what) that "corepath counters --json" says of @reason. */
long long command_counter(const char *reason, const char *what);

#endif
