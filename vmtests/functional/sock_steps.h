/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of sockets do again and again; each step fails the test if it cannot. */
#ifndef FUNCTIONAL_SOCK_STEPS_H
#define FUNCTIONAL_SOCK_STEPS_H

#include <stddef.h>

#include "../lib/checkrun.h"
#include "functional.h"
#include "sock_path.h"

/* Connections or sockets that must have met both of two equal backends: chance alone fails one run
 * in 2^31 by TCP; UDP sockets go by a hash of numbers that follow each other. */
#define SOCK_MANY 32
/* And those that all must come to the same. */
#define SOCK_FEW 4

/* Services are of IPv4 and of IPv6; IPv4-mapped addresses are IPv4's. */
#define for_each_service(f) for (enum sock_family f = SOCK_V4; f <= SOCK_V6; f++)
#define for_each_family(f)  for (enum sock_family f = SOCK_V4; f < SOCK_FAMILIES; f++)

struct sock_test {
	const char *test;
	void (*run)(void);
};

/* The tests of sock_udp.c, sock_close.c and sock_life.c. */
extern const struct sock_test sock_udp_tests[], sock_said_tests[], sock_life_tests[];
extern const size_t sock_udp_count, sock_said_count, sock_life_count;

/* Adds tests to the suite; @run is of SOCK_RUNS. */
void sock_add_tests(Suite *suite, const struct selection *selection, const struct sock_test *list,
		    size_t n, const TTest *run);

#define SOCK_RUNS(name, list)                                                                      \
	START_TEST(name)                                                                           \
	{                                                                                          \
		checkrun_begin(list[_i].test);                                                     \
		list[_i].run();                                                                    \
		checkrun_pass();                                                                   \
	}                                                                                          \
	END_TEST

const char *sock_family_name(enum sock_family family);

/* sock_path_open(), and the programs on its cgroup; the caller is inside. */
void sock_up(void);

/* `corepath down`, which leaves nothing, and sock_path_close(). */
void sock_down(void);

/* The service of each family with an option, and backends ("12") on SOCK_BACKEND_PORT. */
void sock_add_services(const char *proto, const char *option, const char *backends);
void sock_add_plain(const char *proto, const char *backends);

/* The state of a backend in each. */
void sock_set_state(const char *proto, char server, const char *state);

/* getpeername() says that. */
void sock_expect_peer(int fd, enum sock_family family, char server, int port);

/* New connections to the service come to these servers ("12"): to all of them, and to no other. */
void sock_expect_tcp(enum sock_family family, const char *servers, const char *when);
void sock_expect_tcp_all(const char *servers, const char *when);

/* How many sockets' backends the datapath remembers. */
unsigned int sock_peers(void);

#endif
