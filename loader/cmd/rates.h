/* SPDX-License-Identifier: GPL-2.0-only */
/* What two samples make of what was counted between them. */
#ifndef COREPATH_RATES_H
#define COREPATH_RATES_H

#include <stdio.h>
#include "corepath.h"

/* One line of a table. Rates are per second. */
struct rate {
	char name[COREPATH_SERVICE_STRLEN];
	double packets, bits, connections;
	size_t active, backends; /* of a service */
	bool dropped;		 /* of a reason */
};

/*
 * Each gives the lines in *list, which the caller frees, the busiest first. What is in `now` alone
 * began between the two, and so did what counts less than it did. Of services all, of reasons those
 * that had a packet. -ENOMEM.
 */
int rates_of_services(const struct corepath_sample *before, const struct corepath_sample *now,
		      double seconds, struct rate **list, size_t *n);
int rates_of_reasons(const struct corepath_sample *before, const struct corepath_sample *now,
		     double seconds, struct rate **list, size_t *n);

/* How a table is written. */
struct rate_style {
	bool human;	 /* 12.3k, not 12345 */
	const char *end; /* of each line, before the newline */
	size_t lines;	 /* how many there is room for, in all; 0: any number */
};

/* Both tables. -ENOMEM. */
int rates_write(const struct corepath_sample *before, const struct corepath_sample *now,
		double seconds, const struct rate_style *style, FILE *to);

#endif
