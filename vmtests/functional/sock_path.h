/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for the tests of sockets: one namespace, whose loopback device has the addresses of a
 * service and of its backends, with a server on each; and a cgroup.
 *
 * The service's address has a server too, so that a socket that is left alone comes somewhere and
 * says so. Anything that cannot be set up ends the test with status ERROR.
 */
#ifndef FUNCTIONAL_SOCK_PATH_H
#define FUNCTIONAL_SOCK_PATH_H

#include <netinet/in.h>
#include <stdbool.h>

/* What a socket is and what it is given: IPv4, IPv6, and IPv4-mapped IPv6 by an IPv6 socket. */
enum sock_family { SOCK_V4, SOCK_V6, SOCK_MAPPED, SOCK_FAMILIES };

/* Who answers: the digit or letter a server says. */
#define SOCK_SERVICE  'V'
#define SOCK_BACKEND1 '1'
#define SOCK_BACKEND2 '2'
#define SOCK_BACKEND3 '3'

/* The ports. Backends have servers on both backend ports, the service's address on both of its. */
#define SOCK_PORT	  80   /* of the service; and of backends of services that keep the port */
#define SOCK_OTHER_PORT	  81   /* of the service's address, and no service */
#define SOCK_BACKEND_PORT 8080 /* of the backends */

/* "10.0.1.1" */
const char *sock_path_host(enum sock_family family, char server);

/* "203.0.113.9:80", "[2001:db8:2::9]:80": the service, and a backend with SOCK_BACKEND_PORT. Each
 * in a buffer of its own. */
const char *sock_path_service(enum sock_family family);
const char *sock_path_backend(enum sock_family family, char server);

/* Makes all of it. The caller is in the namespace, and not in the cgroup. */
void sock_path_open(void);

/* Removes the cgroup. */
void sock_path_close(void);

/* The cgroup's folder. */
const char *sock_path_cgroup(void);

/* New sockets of the caller are of the cgroup, or not. */
void sock_path_inside(bool inside);

/* The address of a server, as @family writes it. */
void sock_path_address(enum sock_family family, char server, int port, struct sockaddr_in6 *out);

/* Fails the test unless the address is that of the server, as @family writes it. */
void sock_path_expect(const struct sockaddr_in6 *got, enum sock_family family, char server,
		      int port, const char *what);

/* A socket of @family, SOCK_STREAM or SOCK_DGRAM, that is connected to nobody. */
int sock_path_socket(enum sock_family family, int type);

/* connect() to a server's address. */
int sock_path_try(int fd, enum sock_family family, char server, int port);

/* A TCP connection to a server's address. *said is what the server says of itself. Fails the test
 * if there is none. */
int sock_path_connect(enum sock_family family, char server, int port, char *said);

/* Connects a UDP socket. */
void sock_path_udp_connect(int fd, enum sock_family family, char server, int port);

/* Sends a datagram, to @server unless it is 0 (connected), and returns what the server that answers
 * says of itself. *from is where the answer says it comes from. */
char sock_path_ask(int fd, enum sock_family family, char server, int port,
		   struct sockaddr_in6 *from);

/* Sends a datagram and waits for nothing. */
void sock_path_send(int fd, enum sock_family family, char server, int port);

#endif
