/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel prints when it is in trouble, told from what only looks like it. Pure: a line in,
 * a verdict out. What is remembered of it is in console.h.
 */
#ifndef VMTEST_SPLAT_H
#define VMTEST_SPLAT_H

#include <stdbool.h>
#include <stddef.h>

#include "outcome.h"

struct splat_sign {
	enum outcome kind;
	bool fatal; /* the kernel goes no further */
};

/*
 * A line of the console as bytes, without its end, to the message the kernel printed: without the
 * time stamp, the caller, terminal codes and whatever another writer left on the line before it.
 * What is not printable ASCII becomes '?'. Works in place.
 */
char *splat_message(char *line, size_t len);

/*
 * Is this message the first line of a report? `after_cut`: "[ cut here ]" was seen and nothing was
 * reported since, so that any WARNING is a WARN, whatever its form.
 */
bool splat_recognise(const char *message, bool after_cut, struct splat_sign *sign);

/* The line that announces a BUG or a WARN. */
bool splat_is_cut(const char *message);

/* Does this panic only say that a report of this kind came before, and is fatal? */
bool splat_follows(const char *panic, enum outcome kind);

/*
 * How much a report says: 2, the kernel is broken, what comes after is its consequence; 1, a
 * complaint that the kernel survives. Fatal ones are above both.
 */
int splat_gravity(enum outcome kind);

#endif
