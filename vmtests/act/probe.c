// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe: stands in for /bin/sh, which the VM has not, where corepath runs an operator's command:
 *
 *	sh -c "exit N"		ends with that status
 *	sh -c "ask TOLD ANSWER" opens the FIFO TOLD, which tells the test that it runs, and ends
 *with the status that is one byte from the FIFO ANSWER
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char told[200], answer[200];
	unsigned char status = 3;
	int fd, number;

	if (argc != 3)
		return 2;
	if (sscanf(argv[2], "exit %d", &number) == 1)
		return number;
	if (sscanf(argv[2], "ask %199s %199s", told, answer) != 2)
		return 2;
	fd = open(told, O_WRONLY);
	if (fd < 0)
		return 4;
	close(fd);
	fd = open(answer, O_RDONLY);
	return fd >= 0 && read(fd, &status, 1) == 1 ? status : 4;
}
