/* SPDX-License-Identifier: GPL-2.0-only */
/* Measuring a program, one packet per call. */
#ifndef PERF_CALLS_H
#define PERF_CALLS_H

#include "perf.h"

/* Calls per run; their median is the run's value. */
#define PERF_CALLS 101

struct perf_call {
	int program;
	const unsigned char *packet;
	size_t len;	      /* PERF_PACKET_MAX at most */
	unsigned int verdict; /* that each call must have */
	unsigned int ifindex; /* tc: the device */
	size_t fresh_at;      /* two bytes that each call has its own of; 0: none */
};

/* PERF_RUNS runs of it. False after an ERROR line. */
bool perf_calls(const char *test, const struct perf_call *call, double *runs);

enum perf_hook { PERF_XDP, PERF_TC };

/* The same of a program that only returns, as @test; negative after an ERROR line. */
double perf_calls_floor(const char *test, enum perf_hook hook);

/* corepath_up() on the loopback device of a network namespace of our own. Returns the program, or
 * -1 after a FAIL line for @test. */
int perf_up(const char *test, const char *pin_dir);

/* Nanoseconds since boot: instructions under icount. */
double perf_now(void);

/* Sorts them. */
double perf_median_of(double *values, size_t n);

#endif
