// SPDX-License-Identifier: GPL-2.0-only
/*
 * A suite that comes to a bad end, or to none: the first argument says how. It has one good test
 * before, so that what is lost can be told from what was had.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "ends: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(const char *line)
{
	const char *fd = getenv("VMTEST_RESULT_FD");

	if (!fd || dprintf(atoi(fd), "%s\n", line) < 0)
		die("VMTEST_RESULT_FD");
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *end = argc == 2 ? argv[1] : "";

	if (!strcmp(end, "silent"))
		return 0;
	say("{\"start\":\"ends.before\"}");
	say("{\"test\":\"ends.before\",\"status\":\"PASS\"}");
	if (!strcmp(end, "failed"))
		return 9;
	if (!strcmp(end, "well"))
		return 0;
	say("{\"start\":\"ends.badly\"}");
	if (!strcmp(end, "panic")) {
		put("/proc/sysrq-trigger", "c");
	} else if (!strcmp(end, "hang")) {
		/* init itself is frozen; nothing in the guest can answer then */
		if (mkdir("/sys/fs/cgroup/frozen", 0755))
			die("/sys/fs/cgroup/frozen");
		put("/sys/fs/cgroup/frozen/cgroup.procs", "1");
		put("/sys/fs/cgroup/frozen/cgroup.freeze", "1");
	} else if (!strcmp(end, "unfinished")) {
		return 0;
	} else if (!strcmp(end, "killed")) {
		raise(SIGSEGV);
	} else if (!strcmp(end, "skip")) {
		say("{\"test\":\"ends.badly\",\"status\":\"SKIP\",\"reason\":\"no wish to run\"}");
		return 0;
	} else if (!strcmp(end, "nonsense")) {
		say("{\"test\":\"ends.badly\",\"stat");
		return 0;
	}
	for (;;) /* also "forever" */
		pause();
}
