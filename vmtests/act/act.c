// SPDX-License-Identifier: GPL-2.0-only
/*
 * act: a program that is run to be watched.
 *
 *	act exit N	   ends with that status
 *	act signal N	   ends by that signal
 *	act ...		   ends with 0
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		return 0;
	if (!strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (!strcmp(argv[1], "signal")) {
		signal(atoi(argv[2]), SIG_DFL);
		raise(atoi(argv[2]));
		return 1;
	}
	return 0;
}
