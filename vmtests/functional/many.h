/* SPDX-License-Identifier: GPL-2.0-only */
/* A thousand TCP connections at a time, of one process with epoll, to a server that is another. */
#ifndef FUNCTIONAL_MANY_H
#define FUNCTIONAL_MANY_H

#include "lb_path.h"

#define MANY	  1000
#define MANY_PORT 8080 /* where the server listens, on its host's own addresses */

struct many {
	int epoll;
	int fds[MANY];
	unsigned char got[MANY]; /* bytes of this round's that are back */
	unsigned int round;
};

/* A server on each backend, which sends back what it gets. */
void many_serve(const struct lb_path *path);

/* Connects all from the client to the service, half of them by each family. @when is for errors. */
void many_connect(struct many *m, const struct lb_path *path, const char *when);

/* Sends some bytes on each, and waits until they are back on each. A connection that ends, or
 * stands still, fails the test; @when says in which step. */
void many_round(struct many *m, const char *when);

void many_close(struct many *m);

#endif
