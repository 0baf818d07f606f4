// SPDX-License-Identifier: GPL-2.0-only
/* A suite of four tests, two of which end badly: "list", "one NAME" or "all". */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"cases.first", "cases.panics", "cases.crashes", "cases.last"};

static void run(const char *name)
{
	int fd = atoi(getenv("VMTEST_RESULT_FD"));

	dprintf(fd, "{\"start\": \"%s\"}\n", name);
	if (!strcmp(name, "cases.panics")) {
		if (write(open("/proc/sysrq-trigger", O_WRONLY), "c", 1) < 0)
			perror("sysrq-trigger");
		pause();
	}
	if (!strcmp(name, "cases.crashes"))
		raise(SIGSEGV);
	dprintf(fd, "{\"test\": \"%s\", \"status\": \"PASS\"}\n", name);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	for (int i = 0; i < 4; i++) {
		if (!strcmp(what, "list"))
			puts(names[i]);
		if (!strcmp(what, "all") || (argc == 3 && !strcmp(argv[2], names[i])))
			run(names[i]);
	}
	return 0;
}
