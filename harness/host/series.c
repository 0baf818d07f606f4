// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "series.h"
#include "util.h"

int series_rank(const char *name)
{
	int major, minor, n = 0;
	bool candidate;

	if (!isdigit((unsigned char)name[0]) || sscanf(name, "%d.%d%n", &major, &minor, &n) != 2 ||
	    minor < 0)
		return -1;
	candidate = !strncmp(name + n, "-rc", 3) || !strncmp(name + n, "~rc", 3);
	if (name[n] && name[n] != '.' && !candidate)
		return -1;
	return 2 * (major * 1000 + minor) + !candidate;
}

bool series_holds(const char *series, const char *release)
{
	size_t n = strlen(series);

	/* Debian writes 7.3~rc7, so that it sorts before 7.3. */
	if (n > 3 && !strcmp(series + n - 3, "-rc"))
		return !strcmp(release, series) ||
		       (!strncmp(release, series, n - 3) &&
			(!strncmp(release + n - 3, "~rc", 3) ||
			 (!strncmp(release + n - 3, "-rc", 3) && release[n])));
	return !strncmp(release, series, n) && (release[n] == '\0' || release[n] == '.');
}

const struct series *series_find(const struct matrix *m, const char *name)
{
	for (unsigned i = 0; i < m->kernels_count; i++)
		if (series_holds(m->kernels[i].series, name))
			return &m->kernels[i];
	return NULL;
}

/* The series next to a rank on each side, where there are. */
static void say_nearest(const struct matrix *m, int rank)
{
	const char *below = NULL, *above = NULL;
	int lo = -1, hi = 1 << 30;

	for (unsigned i = 0; i < m->kernels_count; i++) {
		const char *s = m->kernels[i].series;
		int r = series_rank(s);

		if (r < rank && r > lo) {
			lo = r;
			below = s;
		}
		if (r > rank && r < hi) {
			hi = r;
			above = s;
		}
	}
	if (rank >= 0)
		fprintf(stderr, "  nearest: %s%s%s\n", below ? below : "",
			below && above ? " and " : "", above ? above : "");
}

static void say_available(const struct matrix *m)
{
	fprintf(stderr, "  available:");
	for (unsigned i = 0; i < m->kernels_count; i++)
		fprintf(stderr, " %s", m->kernels[i].series);
}

void series_say_unknown(const struct matrix *m, const char *asked)
{
	err("no kernel \"%s\"", asked);
	say_available(m);
	fprintf(stderr, " (kernels/matrix.yaml), or a release of one of them,\n"
			"  a range (6.1..6.18), \"required\", \"newest\" or \"all\"\n");
	say_nearest(m, series_rank(asked));
	fprintf(stderr,
		"  your own: give the path of a bzImage, e.g. --kernel ./arch/x86/boot/bzImage, or of"
		" a built tree;\n"
		"    of a source, to be built: --kernel source:/path/to/linux-6.13.tar.xz; what a kernel"
		" must have is in kernels/README.md\n");
}

/* Those that come ready made: what "newest", "all" and a range mean depends on no hour of
 * compiling. */
static bool is_ready(const struct series *s)
{
	return !s->version;
}

static bool is_candidate(const struct series *s)
{
	return series_rank(s->series) % 2 == 0;
}

static const struct series *newest_series(const struct matrix *m)
{
	const struct series *best = NULL;

	for (unsigned i = 0; i < m->kernels_count; i++)
		if (is_ready(&m->kernels[i]) && !is_candidate(&m->kernels[i]) &&
		    (!best || series_rank(m->kernels[i].series) > series_rank(best->series)))
			best = &m->kernels[i];
	return best;
}

struct selection {
	char **names;
	unsigned n;
};

static void add(struct selection *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->names[i], name))
			return;
	s->names = grow(s->names, s->n, sizeof(*s->names));
	s->names[s->n++] = xstrdup(name);
}

/* One end of a range: its rank, or -1 after err(). Nothing written: `open`. */
static int range_end(const struct matrix *m, const char *range, const char *text, int open)
{
	int rank = series_rank(text);

	if (!*text)
		return open;
	if (rank < 0) {
		series_say_unknown(m, text);
		return -1;
	}
	for (unsigned i = 0; i < m->kernels_count; i++)
		if (series_rank(m->kernels[i].series) == rank &&
		    strlen(m->kernels[i].series) < strlen(text)) {
			err("--kernel %s: a range is of series: write %s, not %s", range,
			    m->kernels[i].series, text);
			return -1;
		}
	return rank;
}

/* "6.1..6.18", "6.12..", "..6.12": the series of the matrix from one to the other. Ends that the
 * matrix does not have are all right, as long as something lies between. */
static int add_range(struct selection *s, const struct matrix *m, const char *range)
{
	const char *dots = strstr(range, "..");
	char *from = fmt("%.*s", (int)(dots - range), range);
	int least = range_end(m, range, from, 0), most = -1, ret = 0;
	unsigned before = s->n;
	bool any = false;

	if (least >= 0)
		most = range_end(m, range, dots + 2, 1 << 30);
	free(from);
	if (most < 0)
		return -1;
	if (least > most)
		return err("--kernel %s: the older series comes first: %s..%.*s", range, dots + 2,
			   (int)(dots - range), range);
	for (unsigned i = 0; i < m->kernels_count; i++) {
		int rank = series_rank(m->kernels[i].series);

		if (!is_ready(&m->kernels[i]) || rank < least || rank > most)
			continue;
		any = true;
		add(s, m->kernels[i].series);
	}
	if (!any && before == s->n) {
		ret = err(
			"--kernel %s: no series lies there that comes ready made (one that is built "
			"from source must be named)",
			range);
		say_available(m);
		fprintf(stderr, "\n");
	}
	return ret;
}

char **kernel_select(const char *list, unsigned *n)
{
	const struct matrix *m = matrix_load();
	char *copy = xstrdup(list), *save, *name;
	struct selection s = {0};
	int ret = 0;

	*n = 0;
	if (!m)
		return NULL;
	for (name = strtok_r(copy, ", ", &save); name && ret == 0;
	     name = strtok_r(NULL, ", ", &save)) {
		bool all = !strcmp(name, "all"), required = !strcmp(name, "required");

		if (!strcmp(name, "newest")) {
			add(&s, newest_series(m)->series);
		} else if (all || required) {
			for (unsigned i = 0; i < m->kernels_count; i++)
				if (is_ready(&m->kernels[i]) && (all || m->kernels[i].required))
					add(&s, m->kernels[i].series);
		} else if (strstr(name, "..") && !strchr(name, '/')) {
			ret = add_range(&s, m, name);
		} else {
			add(&s, name);
		}
	}
	free(copy);
	if (ret == 0 && s.n == 0)
		err("no kernel named: \"%s\"", list);
	*n = ret < 0 ? 0 : s.n;
	return *n ? s.names : NULL;
}
