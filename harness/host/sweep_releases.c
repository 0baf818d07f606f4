// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_releases.h"
#include "util.h"

/* "6.12.117", "6.12": how many numbers, 0 when it is no version. */
static int parse_version(const char *text, int v[3])
{
	int n[3] = {0}, got;

	v[0] = v[1] = v[2] = 0;
	got = sscanf(text, "%d%n.%d%n.%d%n", &v[0], &n[0], &v[1], &n[1], &v[2], &n[2]);
	return got >= 2 && !text[n[got - 1]] ? got : 0;
}

int release_compare(const int a[3], const int b[3])
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

struct range {
	int from[3], to[3];
};

/* One item of a selector. 0, or -1 when it is none. */
static int parse_range(const char *item, struct range *range)
{
	const char *dots = strstr(item, "..");
	char *from = dots ? fmt("%.*s", (int)(dots - item), item) : xstrdup(item);
	int first = parse_version(from, range->from);
	int last = parse_version(dots ? dots + 2 : item, range->to);

	free(from);
	if (last == 2) /* a series, to its end */
		range->to[2] = INT_MAX;
	return first && last && release_compare(range->from, range->to) <= 0 ? 0 : -1;
}

int releases_add(struct releases *r, const struct listed *list, const char *provider,
		 const char *selector)
{
	char *copy = xstrdup(selector), *save, *item;
	struct range *ranges = xcalloc(strlen(selector) + 1, sizeof(*ranges));
	unsigned n = 0, count = 0;
	struct release *more;

	for (item = strtok_r(copy, ", ", &save); item; item = strtok_r(NULL, ", ", &save)) {
		struct range everything = {.to = {INT_MAX, INT_MAX, INT_MAX}};

		if (!strcmp(item, "all")) {
			ranges[n++] = everything;
		} else if (parse_range(item, &ranges[n++]) < 0) {
			err("--kernels %s: expected all, a series (6.12), a release (6.12.107) or a "
			    "range (5.10..6.1)",
			    item);
			free(copy);
			free(ranges);
			return -1;
		}
	}
	free(copy);
	while (list[count].upstream)
		count++;
	more = xcalloc(r->n + count + 1, sizeof(*more));
	if (r->n)
		memcpy(more, r->all, r->n * sizeof(*more));
	free(r->all);
	r->all = more;
	for (; list->upstream; list++) {
		struct release one = {.listed = list, .provider = provider};
		bool wanted = false;

		if (!parse_version(list->upstream, one.version))
			continue; /* a release candidate: no release */
		for (unsigned i = 0; i < n; i++)
			wanted |= release_compare(one.version, ranges[i].from) >= 0 &&
				  release_compare(one.version, ranges[i].to) <= 0;
		if (wanted)
			r->all[r->n++] = one;
	}
	free(ranges);
	return 0;
}

static int by_version(const void *x, const void *y)
{
	const struct release *a = x, *b = y;
	int order = release_compare(a->version, b->version);

	/* lists begin with the newest package of a version */
	return order ? order : a->listed < b->listed ? -1 : a->listed > b->listed;
}

void releases_complete(struct releases *r, const struct matrix *m)
{
	unsigned n = 0;

	qsort(r->all, r->n, sizeof(*r->all), by_version);
	for (unsigned i = 0; i < r->n; i++)
		if (!n || release_compare(r->all[n - 1].version, r->all[i].version))
			r->all[n++] = r->all[i];
	r->n = n;
	if (n)
		r->all[0].anchor = r->all[n - 1].anchor = true;
	for (unsigned k = 0; k < m->kernels_count; k++) {
		struct release *newest = NULL;
		int series[3];

		parse_version(m->kernels[k].series, series);
		for (unsigned i = 0; i < n; i++)
			if (r->all[i].version[0] == series[0] && r->all[i].version[1] == series[1])
				newest = &r->all[i];
		if (newest)
			newest->anchor = true;
	}
}

bool releases_have_room(const struct release *a, const struct release *b)
{
	return a->version[0] != b->version[0] || a->version[1] != b->version[1] ||
	       b->version[2] > a->version[2] + 1;
}
