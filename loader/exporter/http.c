// SPDX-License-Identifier: GPL-2.0-only
/*
 * One page over HTTP, by libmicrohttpd. Nothing that a client sends is kept or used but the path,
 * the method and the one header that says which format it takes.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "exporter.h"

#define PATH "/metrics"

/* Prometheus, another one, and somebody who looks: more are refused, and who says nothing for so
 * long is let go. */
#define CLIENTS_MAX  16
#define IDLE_SECONDS 10

static char error_text[256];

const char *server_error(void)
{
	return error_text;
}

static int fail(int err, const char *text)
{
	snprintf(error_text, sizeof(error_text), "%s", text);
	return -err;
}

/* ---- listening ---- */

/* Into address and port, which are "" and the default's if they are not there. */
static void split(const char *text, char *host, size_t room, char port[16])
{
	const char *colon = strrchr(text, ':');
	size_t n;

	snprintf(port, 16, "%d", COREPATH_METRICS_PORT);
	if (*text == '[') {
		colon = strchr(text, ']');
		snprintf(host, room, "%.*s", (int)strcspn(text + 1, "]"), text + 1);
		if (colon && colon[1] == ':')
			snprintf(port, 16, "%s", colon + 2);
		return;
	}
	/* more than one colon and no brackets: IPv6 without a port */
	n = colon && colon == strchr(text, ':') ? (size_t)(colon - text) : strlen(text);
	snprintf(host, room, "%.*s", (int)n, text);
	if (text[n] == ':')
		snprintf(port, 16, "%s", text + n + 1);
}

static int open_socket(const struct addrinfo *a)
{
	int on = 1, err, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* after a restart connections of before may still be there */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, CLIENTS_MAX))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int server_listen(struct server *s, const char *address)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	char host[64], port[16];
	unsigned long number;
	int fd;

	split(address, host, sizeof(host), port);
	number = strtoul(port, NULL, 10);
	if (strspn(port, "0123456789") != strlen(port) || !number || number > 65535 ||
	    getaddrinfo(host, port, &hints, &found))
		return fail(EINVAL, "not ADDRESS:PORT; an address is a number, IPv6 in brackets: "
				    "[::1]:19435");
	fd = open_socket(found);
	freeaddrinfo(found);
	if (fd < 0)
		return fail(-fd, strerror(-fd));
	s->listen_fd = fd;
	snprintf(s->name, sizeof(s->name), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

/* ---- answering ---- */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, char *text,
			      size_t size, enum MHD_ResponseMemoryMode mode, const char *type)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(size, text, mode);
	enum MHD_Result done;

	if (!r) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	/* numbers of this moment, and of nobody else's page */
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	done = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return done;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned int status, const char *fmt,
			   const char *what)
{
	char *text;
	int n = asprintf(&text, fmt, what);

	return n < 0 ? MHD_NO
		     : answer(c, status, text, n, MHD_RESPMEM_MUST_FREE,
			      "text/plain; charset=utf-8");
}

/* Prometheus names what it takes, the best first; everybody else is given the plain form. */
static enum corepath_metrics_format format_for(struct MHD_Connection *c)
{
	const char *accepts = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");

	return accepts && strcasestr(accepts, "application/openmetrics-text")
		       ? COREPATH_METRICS_OPENMETRICS
		       : COREPATH_METRICS_TEXT;
}

static enum MHD_Result answer_metrics(struct MHD_Connection *c, const struct server *s)
{
	enum corepath_metrics_format format = format_for(c);
	struct corepath_sample sample;
	char *text = NULL;
	size_t size = 0;
	bool whole;
	FILE *to;

	if (corepath_sample(s->pin_dir, &sample))
		return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "corepath: %s\n", corepath_error());
	to = open_memstream(&text, &size);
	if (to)
		corepath_metrics_write(&sample, format, to);
	corepath_sample_free(&sample);
	whole = to && !ferror(to);
	if (to && fclose(to))
		whole = false;
	if (whole)
		return answer(c, MHD_HTTP_OK, text, size, MHD_RESPMEM_MUST_FREE,
			      corepath_metrics_type(format));
	free(text);
	return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "corepath: %s\n", "out of memory");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_size, void **seen)
{
	static int once;

	(void)version;
	(void)body;
	/* called first when the headers are there, and then for what comes after them */
	if (!*seen) {
		*seen = &once;
		return MHD_YES;
	}
	if (*body_size) { /* of no interest */
		*body_size = 0;
		return MHD_YES;
	}
	if (strcmp(url, PATH))
		return say(c, MHD_HTTP_NOT_FOUND, "nothing here; the metrics are at %s\n", PATH);
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "%s can only be read\n", PATH);
	return answer_metrics(c, arg);
}

/* ---- running ---- */

int server_start(struct server *s, const char *pin_dir)
{
	s->pin_dir = pin_dir;
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CLIENTS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS, MHD_OPTION_END);
	return s->daemon ? 0 : fail(EIO, "libmicrohttpd could not start");
}

int server_fd(const struct server *s)
{
	return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void server_run(struct server *s)
{
	MHD_run(s->daemon);
}

int server_timeout(const struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
		return -1;
	return ms > 60000 ? 60000 : (int)ms;
}

void server_close(struct server *s)
{
	if (s->daemon)
		MHD_stop_daemon(s->daemon); /* and its socket */
	else if (s->listen_fd)
		close(s->listen_fd);
}
