/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets that are not as they should be: a generator, and a checker of what the datapath sent out
 * because of one. Neither knows anything of how the datapath works, nor of the other but addresses.
 */
#ifndef FUNCTIONAL_MALFORMED_H
#define FUNCTIONAL_MALFORMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packets.h"

/* What the destination of most packets of a group is. */
enum malformed_kind {
	MALFORMED_NONE, /* no service's address */
	MALFORMED_TUNNEL,
	MALFORMED_GUE,
	MALFORMED_NAT,
	MALFORMED_KINDS,
};

/* The world packets are made for: network order, the first 4 bytes if IPv4. Index [v6][kind]. */
extern const uint8_t malformed_vip[2][MALFORMED_KINDS][16];
extern const uint8_t malformed_backend[2][MALFORMED_KINDS][16];
#define MALFORMED_TCP_PORT     80   /* of the TCP services; UDP ones have any port */
#define MALFORMED_BACKEND_PORT 8080 /* of the TCP backends behind NAT; UDP ones keep the port */

struct malformed_gen {
	uint64_t state;
	bool v6;
	enum malformed_kind kind;
	unsigned int seed, cut; /* which cut of which seed packet is next; all of them come first */
};

/* The same numbers give the same packets, on every machine. */
void malformed_start(struct malformed_gen *gen, uint64_t seed, bool v6, enum malformed_kind kind);

/* Writes the next packet to @out (PACKET_MAX bytes); returns its length, at least 14. @what says
 * what was done to it. */
size_t malformed_next(struct malformed_gen *gen, uint8_t *out, const char **what);

/*
 * Whether @out is what may be sent on because of @in: lengths that agree with each other, addresses
 * of the service and its backends only, nothing changed but what must be, checksums right if those
 * of @in were. NULL, or what is wrong.
 */
const char *malformed_check(const uint8_t *in, size_t in_len, const uint8_t *out, size_t out_len);

#endif
