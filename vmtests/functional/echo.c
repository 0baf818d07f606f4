// SPDX-License-Identifier: GPL-2.0-only
#include "echo.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= n;
	}
	return true;
}

void echo_connection(int fd, const char *greeting, size_t len)
{
	char chunk[16384];
	ssize_t n;

	if (send_all(fd, greeting, len))
		while ((n = read(fd, chunk, sizeof(chunk))) > 0 && send_all(fd, chunk, n))
			;
	_exit(0);
}
