/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the perf suite share. */
#ifndef PERF_H
#define PERF_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/datapath.h"

/* Files in the folder the suite runs in. */
#define PERF_OBJECT	  "xdp_prefilter.bpf.o"
#define PERF_FLOOR_OBJECT "floor.bpf.o"

/* Repeats of a measurement that are kept; the median is the value. */
#define PERF_RUNS 3

/* Prefixes of each family in the filled tries. */
#define PERF_PREFIXES 10000

/* The packets measured. HIT's source is in prefix number PERF_PREFIX_HIT, MISS's in none. */
enum perf_packet { PERF_V4_MISS, PERF_V4_HIT, PERF_V6_MISS, PERF_V6_HIT, PERF_QINQ_V4_HIT };

#define PERF_PACKET_MAX 128

/* What IP carries in them: 26 bytes of UDP, as in the smallest frame that has it with no padding.
 */
#define PERF_PAYLOAD	26
#define PERF_PREFIX_HIT 5150
#define PERF_HIT4	"10.20.30.40"

/* The devices of perf_make_pair(). */
#define PERF_RECEIVER	  "cp0"
#define PERF_SENDER	  "cp1"
#define PERF_RECEIVER_MAC "02:00:00:00:00:0a"
#define PERF_SENDER_MAC	  "02:00:00:00:00:0b"

/* Moves into a new namespace with the pair and no other traffic. -1: net_error() says why. */
int perf_make_pair(void);

/* Writes the packet into @out (PERF_PACKET_MAX bytes); returns its length. */
size_t perf_packet(enum perf_packet packet, unsigned char *out);

/* Adds prefix number @index (0 .. PERF_PREFIXES - 1) of both families, denied. */
int perf_add_prefix(struct datapath *datapath, unsigned int index);

/*
 * Loads the floor object. Returns the program's descriptor, which lives as long as the process,
 * or -1 after a result line of status ERROR for @test.
 */
int perf_load_floor(const char *test);

/* Writes the DONE line of @test: the median of @runs, which are of one @what ("packet", "call")
 * each.
 * @floor is NULL for a floor itself. */
void perf_report(const char *test, const char *what, const double *runs, const double *floor);

/* The median of PERF_RUNS values. */
double perf_median(const double *runs);

/* The groups: perf.run.*, perf.lb.* and so on. */
void perf_run(void);
void perf_lb(void);
void perf_guard(void);
void perf_tc(void);
void perf_sock(void);
void perf_sec(void);
void perf_pktgen(void);
void perf_compare_drop(void);
void perf_compare_nft(void);
void perf_compare_xdp(void);

#endif
