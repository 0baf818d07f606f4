/* SPDX-License-Identifier: GPL-2.0-only */
/* The HTTP side of corepath-metrics (http.c), for main.c. */
#ifndef COREPATH_EXPORTER_H
#define COREPATH_EXPORTER_H

#include "corepath.h"

struct MHD_Daemon;

/* 127.0.0.1 and ::1. */
#define SERVERS_MAX 2

struct server {
	int listen_fd; /* until it is started, then the daemon's */
	struct MHD_Daemon *daemon;
	const char *pin_dir;
	char name[84]; /* "127.0.0.1:19435", "[::1]:19435" */
};

/* Why the last call failed. */
const char *server_error(void);

/* Listens on "ADDRESS:PORT", "[ADDRESS]:PORT" or "ADDRESS", a number and not a name. A negative
 * errno. */
int server_listen(struct server *s, const char *address);

/* Answers from here on, when it is run. */
int server_start(struct server *s, const char *pin_dir);

/* Is readable when there is something to run for. */
int server_fd(const struct server *s);

/* Does what there is to do, without waiting. */
void server_run(struct server *s);

/* Milliseconds after which it must be run again, whatever comes; -1: none. */
int server_timeout(const struct server *s);

void server_close(struct server *s);

#endif
