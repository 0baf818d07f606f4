// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "sweep.h"
#include "util.h"

void sweep_init(struct sweep *s, unsigned releases, unsigned budget)
{
	*s = (struct sweep){.releases_n = releases, .budget = budget};
	s->anchor = xcalloc(releases + 1, sizeof(*s->anchor));
	s->tried = xcalloc(releases + 1, sizeof(*s->tried));
}

void sweep_free(struct sweep *s)
{
	while (s->programs_n)
		free(s->verdict[--s->programs_n]);
	free(s->verdict);
	free(s->anchor);
	free(s->tried);
}

unsigned sweep_add_program(struct sweep *s)
{
	int *row = xcalloc(s->releases_n + 1, sizeof(*row));
	int **more = xcalloc(s->programs_n + 1, sizeof(*more));

	for (unsigned r = 0; r < s->releases_n; r++)
		row[r] = s->tried[r] ? SWEEP_NO_VERDICT : SWEEP_UNTRIED;
	if (s->programs_n)
		memcpy(more, s->verdict, s->programs_n * sizeof(*more));
	free(s->verdict);
	s->verdict = more;
	s->verdict[s->programs_n] = row;
	return s->programs_n++;
}

void sweep_note_tried(struct sweep *s, unsigned release)
{
	if (!s->tried[release])
		s->tried_n++;
	s->tried[release] = true;
	for (unsigned p = 0; p < s->programs_n; p++)
		if (s->verdict[p][release] == SWEEP_UNTRIED)
			s->verdict[p][release] = SWEEP_NO_VERDICT;
}

unsigned sweep_untried(const struct sweep *s, unsigned a, unsigned b)
{
	unsigned n = 0;

	for (unsigned r = a + 1; r < b; r++)
		n += !s->tried[r];
	return n;
}

struct choice {
	unsigned *out;
	unsigned n, most;
	bool *taken; /* tried, or chosen already */
};

static void choose(struct choice *c, unsigned release)
{
	c->taken[release] = true;
	c->out[c->n++] = release;
}

/* The free release nearest to the middle of what lies between a and b; b when there is none. */
static unsigned middle(const struct choice *c, unsigned a, unsigned b)
{
	unsigned best = b, centre = a + (b - a) / 2;

	for (unsigned r = a + 1; r < b; r++) {
		unsigned here = r > centre ? r - centre : centre - r;
		unsigned there = best > centre ? best - centre : centre - best;

		if (!c->taken[r] && (best == b || here < there))
			best = r;
	}
	return best;
}

/* Widest first, so that a small budget narrows most where least is known. */
struct gap {
	unsigned a, b;
};

static int by_width(const void *x, const void *y)
{
	const struct gap *p = x, *q = y;
	unsigned wide = p->b - p->a, other = q->b - q->a;

	if (wide != other)
		return wide > other ? -1 : 1;
	return p->a < q->a ? -1 : p->a > q->a;
}

static void choose_in_boundaries(const struct sweep *s, struct choice *c)
{
	struct gap *gaps = xcalloc((size_t)s->programs_n * s->releases_n + 1, sizeof(*gaps));
	size_t n = 0;

	for (unsigned p = 0; p < s->programs_n; p++) {
		unsigned last = s->releases_n;

		for (unsigned r = 0; r < s->releases_n; r++) {
			if (s->verdict[p][r] < SWEEP_WORKS)
				continue;
			if (last < r && s->verdict[p][last] != s->verdict[p][r])
				gaps[n++] = (struct gap){last, r};
			last = r;
		}
	}
	qsort(gaps, n, sizeof(*gaps), by_width);
	for (size_t i = 0; i < n && c->n < c->most; i++) {
		bool chosen = false;
		unsigned r;

		/* one new release between two neighbours is all that can be used at once */
		for (unsigned k = 0; k < c->n; k++)
			chosen |= c->out[k] > gaps[i].a && c->out[k] < gaps[i].b;
		r = chosen ? gaps[i].b : middle(c, gaps[i].a, gaps[i].b);
		if (r != gaps[i].b)
			choose(c, r);
	}
	free(gaps);
}

/* Evenly spread: the middle of the longest run of releases that are free, again and again. */
static bool choose_in_longest_run(const struct sweep *s, struct choice *c)
{
	unsigned start = 0, length = 0;

	for (unsigned r = 0, run = 0; r < s->releases_n; r++) {
		run = c->taken[r] ? 0 : run + 1;
		if (run > length) {
			length = run;
			start = r + 1 - run;
		}
	}
	if (length)
		choose(c, start + (length - 1) / 2);
	return length;
}

unsigned sweep_next(const struct sweep *s, unsigned *out, unsigned most)
{
	unsigned left = s->tried_n < s->budget ? s->budget - s->tried_n : 0;
	struct choice c = {.out = out, .most = most < left ? most : left};

	c.taken = xcalloc(s->releases_n + 1, sizeof(*c.taken));
	memcpy(c.taken, s->tried, s->releases_n * sizeof(*c.taken));
	/* the newest first: should the budget not do for all, they matter most */
	for (unsigned r = s->releases_n; r-- && c.n < c.most;)
		if (s->anchor[r] && !c.taken[r])
			choose(&c, r);
	if (c.n == 0)
		choose_in_boundaries(s, &c);
	if (c.n == 0)
		while (c.n < c.most && choose_in_longest_run(s, &c))
			;
	free(c.taken);
	return c.n;
}

unsigned sweep_stretches(const struct sweep *s, unsigned program, struct sweep_stretch *out)
{
	const int *verdict = s->verdict[program];
	unsigned n = 0;

	for (unsigned r = 0; r < s->releases_n; r++) {
		if (verdict[r] < SWEEP_WORKS)
			continue;
		if (!n || out[n - 1].verdict != verdict[r])
			out[n++] = (struct sweep_stretch){.first = r, .verdict = verdict[r]};
		out[n - 1].last = r;
		out[n - 1].tried++;
	}
	return n;
}
