/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which releases to try next, so that the set of those a program works on becomes known: pure
 * logic over a table of verdicts. Releases are numbered from the oldest. The set may have holes
 * (a fix that is backported and reverted), so no boundary is taken for the only one.
 */
#ifndef VMTEST_SWEEP_H
#define VMTEST_SWEEP_H

#include <stdbool.h>
#include <stddef.h>

/* Of a program on a release. What is SWEEP_FAILS or above tells one cause from another. */
enum sweep_verdict {
	SWEEP_UNTRIED,
	SWEEP_NO_VERDICT, /* tried, and nothing was found out */
	SWEEP_WORKS,
	SWEEP_FAILS,
};

struct sweep {
	unsigned releases_n, programs_n;
	unsigned budget; /* how many releases may be tried in all */
	unsigned tried_n;
	bool *anchor; /* to be tried first, whatever is found */
	bool *tried;
	int **verdict; /* [program][release] */
};

void sweep_init(struct sweep *s, unsigned releases, unsigned budget);
void sweep_free(struct sweep *s);
/* One more program; releases already tried have no verdict of it. Its number. */
unsigned sweep_add_program(struct sweep *s);
/* The release counts as tried; programs without a verdict there get SWEEP_NO_VERDICT. */
void sweep_note_tried(struct sweep *s, unsigned release);

/*
 * Up to `most` releases to try next, within the budget, each once: anchors; then the middle of what
 * is untried between two neighbours with different verdicts of any program, the widest first; then,
 * when every boundary is between direct neighbours, the middle of the longest untried run. How
 * many; 0 when the budget is used up or nothing is left.
 */
unsigned sweep_next(const struct sweep *s, unsigned *out, unsigned most);

/* Releases in a row with the same verdict of a program; those without a verdict are passed over. */
struct sweep_stretch {
	unsigned first, last, tried; /* tried: how many of them gave this verdict */
	int verdict;
};

/* The stretches of a program, oldest first, at most releases_n of them. How many. */
unsigned sweep_stretches(const struct sweep *s, unsigned program, struct sweep_stretch *out);

/* How many releases between two, both excluded, were not tried. */
unsigned sweep_untried(const struct sweep *s, unsigned a, unsigned b);

#endif
