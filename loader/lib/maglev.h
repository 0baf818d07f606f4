/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev tables as such (maglev.c); lb_tables.c puts them in place. */
#ifndef COREPATH_MAGLEV_TABLES_H
#define COREPATH_MAGLEV_TABLES_H

#include "corepath.h"

/* What a backend is to the table: its address and port, which alone decide its preferences, so
 * that a table depends on the set of backends and not on when each was added. */
struct cp_maglev_node {
	struct corepath_addr addr;
	__u16 port;
	__u32 id;
	__u32 weight; /* 0: none of the slots */
};

/* How long a table of these is, in lines: of a few sizes the least that has a hundred slots for
 * each backend, or as many as would be if all had the weight of the lightest. */
__u32 cp_maglev_lines(const struct cp_maglev_node *nodes, size_t n);

/* Fills a prime number of slots, or the only one, with ids, or with 0 if there is no weight at all.
 * Sorts the nodes. Returns -ENOMEM without an error text. */
int cp_maglev_fill(struct cp_maglev_node *nodes, size_t n, __u32 *slots, __u32 n_slots);

#endif
