/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A transparent proxy (IP_TRANSPARENT), by family and type. It asks nobody: it says, as the servers
 * of uplink_path.h do, whom the client meant, and sends everything else back. A flow of datagrams
 * has a connected socket of its own after its first. What cannot be set up ends the test with
 * status ERROR.
 */
#ifndef FUNCTIONAL_PROXY_H
#define FUNCTIONAL_PROXY_H

#include <netinet/in.h>
#include <sys/types.h>

#include "path.h"

union proxy_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* A process that serves until it is told to take nobody new; what it has taken it goes on with. */
struct proxy {
	pid_t pid;
	int closed; /* a byte comes by this pipe when it listens no more */
};

struct proxy proxy_start(enum path_family f, int type, int port);

/* Returns when it listens no more. */
void proxy_stop(struct proxy *p);

/* A socket that listens on the port at all addresses of the present namespace, and no more. */
int proxy_listen(enum path_family f, int type, int port);

#endif
