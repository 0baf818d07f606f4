// SPDX-License-Identifier: GPL-2.0-only
/*
 * A web and a name server, for what programs say to such: `answer ADDRESS...` answers at port 80 by
 * TCP, when all of a request is there, with 50,000 bytes, and at port 53 by UDP that a name has no
 * records. It goes to the background once it listens.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST	  16
#define BODY	  50000
#define QR	  0x80 /* of a header's third byte: a response (RFC 1035, 4.1.1) */
#define NAME_ROOM 512  /* of a message by UDP (RFC 1035, 4.2.1) */

static int open_at(const char *address, unsigned short port, int type)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	char text[INET6_ADDRSTRLEN];

	snprintf(text, sizeof(text), "%s%s", strchr(address, ':') ? "" : "::ffff:", address);
	if (inet_pton(AF_INET6, text, &at.sin6_addr) != 1)
		errx(1, "%s: no address", address);
	if (fd < 0 || bind(fd, (void *)&at, sizeof(at)) || (type == SOCK_STREAM && listen(fd, 8)))
		err(1, "%s port %d", address, port);
	return fd;
}

/* The bytes of a request behind its first line; -1 while that is not all there. */
static long request_length(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");

	if (!end)
		return -1;
	return end + 4 - text + (length && length < end ? atol(strchr(length, ':') + 1) : 0);
}

static void serve_web(int listener)
{
	static char text[1 << 20], body[BODY];
	int fd = accept(listener, NULL, NULL);
	long have = 0, want;
	ssize_t n = 1;

	do {
		text[have] = 0;
		want = request_length(text);
		if (want >= 0 && have >= want)
			break;
		n = read(fd, text + have, sizeof(text) - 1 - have);
		have += n;
	} while (n > 0);
	memset(body, 'x', sizeof(body));
	dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", BODY);
	if (n > 0 && write(fd, body, sizeof(body)) != BODY)
		warn("an answer");
	close(fd);
}

static void serve_names(int fd)
{
	unsigned char text[NAME_ROOM];
	struct sockaddr_storage from;
	socklen_t room = sizeof(from);
	ssize_t n = recvfrom(fd, text, sizeof(text), 0, (void *)&from, &room);

	if (n < 12)
		return;
	text[2] |= QR;
	sendto(fd, text, n, 0, (void *)&from, room);
}

int main(int argc, char **argv)
{
	struct pollfd at[2 * MOST];
	int n = 0, i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 1; i < argc && n < 2 * MOST; i++) {
		at[n++] = (struct pollfd){open_at(argv[i], 80, SOCK_STREAM), POLLIN, 0};
		at[n++] = (struct pollfd){open_at(argv[i], 53, SOCK_DGRAM), POLLIN, 0};
	}
	if (daemon(1, 1))
		err(1, "daemon");
	while (poll(at, n, -1) > 0)
		for (i = 0; i < n; i++)
			if (at[i].revents)
				(i % 2 ? serve_names : serve_web)(at[i].fd);
	return 1;
}
