/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's packet generator, Documentation/networking/pktgen.rst, with one thread.
 * Functions return 0 or -1 and, then, say why in pktgen_error().
 */
#ifndef PERF_PKTGEN_H
#define PERF_PKTGEN_H

struct pktgen_flow {
	const char *device; /* sends through it */
	const char *dst_mac;
	const char *source; /* IPv4 */
	const char *destination;
	/* UDP: the source ports taken in turn; 0: 9, discard (RFC 863), for all of them */
	unsigned short sport_first, sport_last, dport;
	unsigned int count;
};

struct pktgen_result {
	unsigned long long usec;
	unsigned long long sent;
	unsigned long long errors;
};

/* Sends @flow in the present network namespace and waits for the end. */
int pktgen_send(const struct pktgen_flow *flow, struct pktgen_result *result);

/* Reads the text of /proc/net/pktgen/DEVICE after a run. */
int pktgen_parse(const char *text, struct pktgen_result *result);

const char *pktgen_error(void);

#endif
