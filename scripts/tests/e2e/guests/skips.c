// SPDX-License-Identifier: GPL-2.0-only
/* A suite that skips one test for each argument, and says that it is what the kernel lacks. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int fd = atoi(getenv("VMTEST_RESULT_FD"));

	for (int i = 1; i < argc; i++)
		dprintf(fd,
			"{\"start\": \"skips.test%d\"}\n"
			"{\"test\": \"skips.test%d\", \"status\": \"SKIP\", \"reason\": \"cannot\", "
			"\"missing\": \"%s\"}\n",
			i, i, argv[i]);
	return 0;
}
