/* SPDX-License-Identifier: GPL-2.0-only */
/* The releases a sweep chooses from: what the archive has, in the order of their versions. */
#ifndef VMTEST_SWEEP_RELEASES_H
#define VMTEST_SWEEP_RELEASES_H

#include <stdbool.h>

#include "config.h"
#include "packages.h"

struct release {
	const struct listed *listed;
	const char *provider;
	int version[3]; /* 6.12.117; 7.0 is 7.0.0 */
	bool anchor;	/* the newest of a series of the matrix, or an end of the range */
};

struct releases {
	struct release *all; /* oldest first; one per version, the newest package of it */
	unsigned n;
};

/* Compares versions number by number: 6.9 is before 6.12. */
int release_compare(const int a[3], const int b[3]);

/*
 * Those of a list of packages_list() (several: called again) that `selector` names: "all", or a
 * list of series (6.12), releases (6.12.107) and ranges of both (5.10..6.1). 0, or -1 after err().
 */
int releases_add(struct releases *r, const struct listed *list, const char *provider,
		 const char *selector);
/* Sorts, drops all but one of each version, and finds the anchors. */
void releases_complete(struct releases *r, const struct matrix *m);

/* Whether versions can lie between two: not between 6.12.1 and 6.12.2. */
bool releases_have_room(const struct release *a, const struct release *b);

#endif
