/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small network around the load balancer, in namespaces:
 *
 *	client --- router --- backend 1, backend 2
 *		     |
 *		  this one, with PATH_DEVICE and the datapath
 *
 * The balancer has one arm: what it sends, it sends back to the router. Backends have the service's
 * address and take tunnels (ipip, ip6tnl); what they send from their own address is routed by the
 * balancer, as NAT needs it. Anything that cannot be set up ends the test with status ERROR.
 */
#ifndef FUNCTIONAL_LB_PATH_H
#define FUNCTIONAL_LB_PATH_H

#include "path.h"

#define LB_BACKENDS 2
#define LB_PORT	    80

/* The service's address and the backends', by family. */
extern const char *const lb_vip[PATH_FAMILIES];
extern const char *const lb_backend[LB_BACKENDS][PATH_FAMILIES];

struct lb_path {
	int client; /* namespaces */
	int router;
	int backend[LB_BACKENDS];
};

/*
 * Makes the network, and a server on each backend: it says its number ('1', '2') to each
 * connection and then sends back what it gets. A server is bound to every address of its host.
 */
void lb_path_open(struct lb_path *path);

/* From now on the kernels of the backends take GUE as well, from anybody. */
void lb_path_take_gue(const struct lb_path *path);

/* Is such a server, for a listening socket: one process per connection, so that an idle one holds
 * up nobody. Does not return. */
void lb_path_serve(int listen_fd, char number);

/* A TCP connection from the client to the service. Fails the test if there is none in time.
 * Returns its socket; *server is the digit the server said. */
int lb_path_connect(const struct lb_path *path, enum path_family family, char *server);

/* Sends 1 MB there and back and compares every byte. */
#define LB_BYTES (1 << 20)
void lb_path_exchange(int fd);

/* The same in pieces. */
struct lb_exchange {
	int fd;
	size_t out, in; /* bytes that went, and that came back */
	unsigned char sent[LB_BYTES], got[LB_BYTES];
};

void lb_path_exchange_begin(struct lb_exchange *x, int fd);

/* Goes on until so many bytes are back, and sends no more: what is to come must not be on its way
 * already. Returns 0, or the errno the connection ended with. */
int lb_path_exchange_until(struct lb_exchange *x, size_t until);

#endif
