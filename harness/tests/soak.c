// SPDX-License-Identifier: GPL-2.0-only
/*
 * One assertion in a machine of its own, as often as asked: "soak list N" names N tests, "soak one
 * NAME" runs one. The assertion: nobody was here before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	const char *fd = getenv("VMTEST_RESULT_FD");
	int fresh;

	if (argc == 3 && !strcmp(argv[1], "list")) {
		for (int i = 0; i < atoi(argv[2]); i++)
			printf("soak.restore_%04d\n", i);
		return 0;
	}
	if (argc != 3 || !fd)
		return 2;
	fresh = mkdir("/tmp/somebody-was-here", 0700) == 0;
	dprintf(atoi(fd), "{\"start\": \"%s\"}\n", argv[2]);
	dprintf(atoi(fd), "{\"test\": \"%s\", \"status\": \"%s\", \"reason\": \"%s\"}\n", argv[2],
		fresh ? "PASS" : "FAIL", fresh ? "the machine is fresh" : "somebody was here");
	return 0;
}
