// SPDX-License-Identifier: GPL-2.0-only
/* sweep.md: the document in words. Cells are padded, so that a terminal shows it as well. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_run.h"
#include "util.h"

#define MOST_COLUMNS 5
#define REASON_SHOWN 100 /* characters; all of it is in sweep.json */
#define NAMES_SHOWN  12

static const char *get(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

struct table {
	char *cells[MOST_COLUMNS];
	struct table *next;
};

/* Takes over the rows. A "|" of a cell was made harmless when it was written. */
static void put_table(FILE *out, struct table *rows, unsigned columns)
{
	size_t width[MOST_COLUMNS] = {0};
	bool heading = true;

	for (struct table *t = rows; t; t = t->next)
		for (unsigned c = 0; c < columns; c++)
			if (strlen(t->cells[c]) > width[c])
				width[c] = strlen(t->cells[c]);
	while (rows) {
		struct table *next = rows->next;

		for (unsigned c = 0; c < columns; c++)
			fprintf(out, "| %-*s ", (int)width[c], rows->cells[c]);
		fputs("|\n", out);
		for (unsigned c = 0; heading && c < columns; c++) {
			fputs("|:", out);
			for (size_t i = 0; i <= width[c]; i++)
				fputc('-', out);
		}
		fputs(heading ? "|\n" : "", out);
		heading = false;
		for (unsigned c = 0; c < columns; c++)
			free(rows->cells[c]);
		free(rows);
		rows = next;
	}
}

static struct table **add_row(struct table **end, char *const cells[MOST_COLUMNS])
{
	struct table *t = xcalloc(1, sizeof(*t));

	memcpy(t->cells, cells, sizeof(t->cells));
	for (unsigned c = 0; c < MOST_COLUMNS && t->cells[c]; c++)
		for (char *p = t->cells[c]; *p; p++)
			if (*p == '|' || *p == '\n')
				*p = ' ';
	*end = t;
	return &t->next;
}

static char *range(const char *first, const char *last)
{
	return strcmp(first, last) ? fmt("%s to %s", first, last) : xstrdup(first);
}

/* "6.1.170 to 6.1.174 (too-complex), ..."; "none seen" */
static char *holes_text(const json_t *holes)
{
	char *text = xstrdup("");
	json_t *hole, *cause;
	size_t i, k;

	json_array_foreach (holes, i, hole) {
		char *where = range(get(hole, "first"), get(hole, "last"));
		bool exact = json_is_true(json_object_get(hole, "exact"));
		char *more = fmt("%s%s%s%s (", text, *text ? ", " : "", where,
				 exact ? "" : " at least"),
		     *with;

		json_array_foreach (json_object_get(hole, "causes"), k, cause) {
			with = fmt("%s%s%s", more, k ? ", " : "", json_string_value(cause));
			free(more);
			more = with;
		}
		free(text);
		free(where);
		text = fmt("%s)", more);
		free(more);
	}
	if (!*text) {
		free(text);
		text = xstrdup("none seen");
	}
	return text;
}

/* "6.1.192 or before": where the boundary was not narrowed to neighbours in the archive. */
static char *end_text(const json_t *program, const char *key, const char *side, const char *more)
{
	const char *release = get(program, key);
	json_t *b;
	size_t i;

	json_array_foreach (json_object_get(program, "boundaries"), i, b)
		if (!strcmp(get(b, side), release) &&
		    json_array_size(json_object_get(b, "untried")))
			return fmt("%s or %s", release, more);
	return xstrdup(*release ? release : "none");
}

static void put_overview(FILE *out, const json_t *programs)
{
	struct table *rows = NULL, **end = &rows;
	json_t *p;
	size_t i;

	end = add_row(end, (char *[MOST_COLUMNS]){xstrdup("program"), xstrdup("first good"),
						  xstrdup("holes"), xstrdup("last good")});
	json_array_foreach (programs, i, p) {
		bool good = *get(p, "first_good");

		end = add_row(end,
			      (char *[MOST_COLUMNS]){
				      fmt("%s: %s", get(p, "object"), get(p, "program")),
				      end_text(p, "first_good", "before", "before"),
				      good ? holes_text(json_object_get(p, "holes")) : xstrdup("-"),
				      end_text(p, "last_good", "after", "later")});
	}
	put_table(out, rows, 4);
}

static const json_t *entry_of(const json_t *program, const char *release)
{
	json_t *e;
	size_t i;

	json_array_foreach (json_object_get(program, "tried"), i, e)
		if (!strcmp(get(e, "release"), release))
			return e;
	return NULL;
}

static void put_stretches(FILE *out, const json_t *program)
{
	struct table *rows = NULL, **end = &rows;
	json_t *t;
	size_t i;

	end = add_row(end, (char *[MOST_COLUMNS]){
				   xstrdup("releases"), xstrdup("tried"), xstrdup("verdict"),
				   xstrdup("what the kernel said"), xstrdup("evidence")});
	json_array_foreach (json_object_get(program, "stretches"), i, t) {
		const json_t *e = entry_of(program, get(t, "first"));
		const char *log = *get(e, "log") ? get(e, "log") : get(e, "console");

		end = add_row(end,
			      (char *[MOST_COLUMNS]){
				      range(get(t, "first"), get(t, "last")),
				      fmt("%lld", (long long)json_integer_value(
							  json_object_get(t, "tried"))),
				      xstrdup(*get(t, "cause") ? get(t, "cause") : "works"),
				      *get(t, "cause") ? fmt("%.*s", REASON_SHOWN, get(e, "reason"))
						       : xstrdup(""),
				      xstrdup(*get(t, "cause") ? log : "")});
	}
	put_table(out, rows, 5);
}

static void put_names(FILE *out, const json_t *names)
{
	size_t n = json_array_size(names), i;
	json_t *name;

	json_array_foreach (names, i, name)
		if (i < NAMES_SHOWN)
			fprintf(out, "%s%s", i ? ", " : "", json_string_value(name));
	if (n > NAMES_SHOWN)
		fprintf(out, " and %zu more", n - NAMES_SHOWN);
}

/* A selector may leave out releases that the archive has. */
static bool asked_for_all(const json_t *doc)
{
	return !strcmp(get(doc, "kernels"), "all");
}

static void put_boundaries(FILE *out, const json_t *doc, const json_t *program)
{
	json_t *b;
	size_t i;

	json_array_foreach (json_object_get(program, "boundaries"), i, b) {
		const json_t *untried = json_object_get(b, "untried");

		fprintf(out, "- %s on %s, %s on %s: ", get(b, "from"), get(b, "after"),
			get(b, "to"), get(b, "before"));
		if (json_array_size(untried)) {
			fputs("not tried between them: ", out);
			put_names(out, untried);
			fputs("\n", out);
		} else {
			fprintf(out, "neighbours in %s\n",
				asked_for_all(doc) ? "the archive" : "what was asked for");
		}
	}
}

struct outcome_words {
	const char *word, *arrow;
};

static const struct outcome_words predictions[] = {
	{"confirmed", "confirmed by booting"},
	{"fails_otherwise", "fails by booting, for a reason of another kind"},
	{"predicted_to_fail", "**wrong**, it works"},
	{"predicted_to_work", "**wrong**, rejected"},
};

/* What the prediction was there, in words; equal words are one line of the report. */
static char *prediction_text(const json_t *e)
{
	char *missing = xstrdup(""), *text = NULL;
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(e, "missing"), i, name) {
		char *more = fmt("%s%s%s", missing, i ? ", " : "", json_string_value(name));

		free(missing);
		missing = more;
	}
	for (i = 0; i < ARRAY_SIZE(predictions); i++)
		if (!strcmp(get(e, "prediction"), predictions[i].word))
			text = *missing ? fmt("predicted: %s missing -> %s%s%s", missing,
					      predictions[i].arrow, *get(e, "cause") ? ": " : "",
					      get(e, "cause"))
					: fmt("predicted to work -> %s: %s", predictions[i].arrow,
					      get(e, "cause"));
	free(missing);
	return text;
}

static void put_predictions(FILE *out, const json_t *program)
{
	const json_t *tried = json_object_get(program, "tried");
	char *last = NULL;
	size_t i, good = 0;
	json_t *e;

	json_array_foreach (tried, i, e) {
		char *text = prediction_text(e);

		good += !strcmp(get(e, "prediction"), "works_as_predicted");
		if (text && last && !strcmp(text, last))
			fprintf(out, ", %s", get(e, "release"));
		else if (text)
			fprintf(out, "%s- %s: %s", last ? "\n" : "", text, get(e, "release"));
		if (text) {
			free(last);
			last = text;
		}
	}
	fputs(last ? "\n" : "", out);
	if (good)
		fprintf(out, "- predicted to work -> works: on %zu releases\n", good);
	free(last);
}

static void put_gaps(FILE *out, const json_t *doc)
{
	const json_t *all = json_object_get(doc, "gaps");
	json_t *g;
	size_t i;

	fputs("\n## Not tried\n\n", out);
	json_array_foreach (all, i, g) {
		const json_t *names = json_object_get(g, "in_archive");

		fprintf(out, "- no release between %s and %s was tried: ", get(g, "after"),
			get(g, "before"));
		fprintf(out, "the archive has %s",
			json_array_size(names) ? ""
			: asked_for_all(doc)   ? "none"
					       : "none that was asked for");
		put_names(out, names);
		fputs("\n", out);
	}
	if (!json_array_size(all))
		fputs("Nothing: every release of the range.\n", out);
}

static void put_trouble(FILE *out, const json_t *doc)
{
	json_t *r, *note;
	bool any = false;
	size_t i;

	json_array_foreach (json_object_get(doc, "releases"), i, r) {
		if (*get(r, "trouble"))
			fprintf(out, "\n%s: %s\n", get(r, "release"), get(r, "trouble"));
	}
	json_array_foreach (json_object_get(doc, "releases"), i, r) {
		if (!json_is_false(json_object_get(r, "modules")))
			continue;
		fprintf(out, "%s%s", any ? ", " : "\nThe archive has no modules of ",
			get(r, "release"));
		any = true;
	}
	if (any)
		fputs(": where a program lacks there what a module may define, it has no verdict.\n",
		      out);
	json_array_foreach (json_object_get(doc, "notes"), i, note)
		fprintf(out, "\n%s\n", json_string_value(note));
}

char *sweep_markdown(const json_t *doc)
{
	const json_t *programs = json_object_get(doc, "programs"),
		     *releases = json_object_get(doc, "releases");
	size_t n = json_array_size(releases), i, size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	json_t *p;

	fprintf(out, "# Sweep of run %s\n\n", get(doc, "run"));
	fprintf(out,
		"%lld of the %zu releases that the archive has from %s to %s (asked for: %s) were "
		"tried (budget %lld)%s.\n\n",
		(long long)json_integer_value(json_object_get(doc, "tried")), n,
		get(json_array_get(releases, 0), "release"),
		get(json_array_get(releases, n - 1), "release"), get(doc, "kernels"),
		(long long)json_integer_value(json_object_get(doc, "budget")),
		json_is_true(json_object_get(doc, "interrupted")) ? "; the run was stopped" : "");
	put_overview(out, programs);
	put_trouble(out, doc);
	json_array_foreach (programs, i, p) {
		fprintf(out, "\n## %s: %s\n\n", get(p, "object"), get(p, "program"));
		put_stretches(out, p);
		fputs("\n", out);
		put_boundaries(out, doc, p);
		put_predictions(out, p);
	}
	put_gaps(out, doc);
	fclose(out);
	return text;
}
