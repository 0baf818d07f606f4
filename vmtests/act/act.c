// SPDX-License-Identifier: GPL-2.0-only
/*
 * act: a program that is run to be watched.
 *
 *	act exit N	   ends with that status
 *	act signal N	   ends by that signal
 *	act wait ...	   waits for a signal
 *	act leave ...	   the same, on its second thread: the first one ends
 *	act write FILE	   once standard input has ended, opens FILE to write: 0, or the error
 *	act ...		   ends with 0
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *wait_for_signal(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int write_later(const char *file)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		;
	return open(file, O_WRONLY) < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2)
		return 0;
	if (!strcmp(argv[1], "wait"))
		wait_for_signal(NULL);
	if (!strcmp(argv[1], "leave")) {
		if (pthread_create(&thread, NULL, wait_for_signal, NULL))
			return 1;
		pthread_exit(NULL);
	}
	if (argc < 3)
		return 0;
	if (!strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (!strcmp(argv[1], "write"))
		return write_later(argv[2]);
	if (!strcmp(argv[1], "signal")) {
		signal(atoi(argv[2]), SIG_DFL);
		raise(atoi(argv[2]));
		return 1;
	}
	return 0;
}
