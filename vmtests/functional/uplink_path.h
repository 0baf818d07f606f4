/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A node with two endpoints and an uplink, in namespaces:
 *
 *	endpoint 0, endpoint 1 --- this one (a router) --- PATH_DEVICE --- server
 *
 * The server knows no way to the endpoints' networks: what answers reach them were sent to the
 * node's own address. It tells who it thinks it is talking to, in the first UPLINK_HELLO bytes of a
 * TCP connection and in its answer to the datagram "who?", and sends everything else back.
 * Anything that cannot be set up ends the test with status ERROR.
 */
#ifndef FUNCTIONAL_UPLINK_PATH_H
#define FUNCTIONAL_UPLINK_PATH_H

#include "path.h"

#define UPLINK_ENDPOINTS 2
#define UPLINK_NODE	 UPLINK_ENDPOINTS /* in the place of an endpoint: the node itself */
#define UPLINK_PORT	 80
#define UPLINK_CLOSED	 81 /* nobody listens there */
#define UPLINK_HELLO	 64

extern const char *const uplink_address[PATH_FAMILIES];	 /* the node's, towards the server */
extern const char *const uplink_networks[PATH_FAMILIES]; /* all endpoints' */

struct uplink_path {
	int ns[UPLINK_ENDPOINTS + 1];
};

void uplink_path_open(struct uplink_path *path);

/* A socket of the endpoint, or the node, from this port and connected to the server's. The type is
 * SOCK_STREAM or SOCK_DGRAM. */
int uplink_path_connect(const struct uplink_path *path, int who, enum path_family family, int type,
			int sport, int dport);

/* A server like that one at the endpoint, and a socket of another endpoint that is connected to it.
 */
void uplink_path_serve(const struct uplink_path *path, int who);
int uplink_path_between(const struct uplink_path *path, int who, int to, enum path_family family,
			int type);

/* A socket of the endpoint, connected to the node's address on its wire. */
int uplink_path_to_node(const struct uplink_path *path, int who, enum path_family family, int type,
			int dport);

/* A socket of the endpoint, connected to any address. */
int uplink_path_to(const struct uplink_path *path, int who, enum path_family family, int type,
		   const char *to, int dport);

/* Reads what the server says of the connection, or asks it of the flow of datagrams: checks that it
 * saw this address, or the node's, and returns the port it saw. */
int uplink_path_seen(int fd, int type, const char *as);
int uplink_path_port(int fd, enum path_family family, int type);

/* Sends datagrams of `size` bytes and waits for each to come back, `bytes` in all; compares every
 * byte. */
void uplink_path_datagrams(int fd, size_t size, size_t bytes);

/* The TTL or hop limit that the server's answer to a datagram has left; the server's is 64. */
int uplink_path_hops(int fd, enum path_family family);

/* Sends a datagram that nobody takes, and waits until the socket is told so. */
void uplink_path_refused(int fd);

/* A counter of 'corepath uplink show'. */
unsigned long long uplink_path_counter(const char *counter);

#endif
