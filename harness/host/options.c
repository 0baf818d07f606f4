// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "options.h"
#include "util.h"

#define MOST_OPTIONS 48
#define DAY_S	     86400

/* getopt's value for options without a letter begins above every letter. */
#define NO_LETTER 256

struct parser {
	const struct opt *known[MOST_OPTIONS];
	struct option longs[MOST_OPTIONS + 1];
	char shorts[2 * MOST_OPTIONS + 2];
	unsigned n;
};

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_HELP;
}

static void add_table(struct parser *p, const struct opt *table)
{
	for (; table->kind != OPT_END; table++) {
		char *letters = p->shorts + strlen(p->shorts);

		if (p->n == MOST_OPTIONS)
			abort();
		p->known[p->n] = table;
		p->longs[p->n] = (struct option){
			.name = table->name,
			.has_arg = takes_value(table) ? required_argument : no_argument,
			.val = NO_LETTER + p->n,
		};
		if (table->letter)
			sprintf(letters, "%c%s", table->letter, takes_value(table) ? ":" : "");
		p->n++;
	}
}

static const struct opt *find(const struct parser *p, int c)
{
	if (c >= NO_LETTER)
		return p->known[c - NO_LETTER];
	for (unsigned i = 0; i < p->n; i++)
		if (p->known[i]->letter == c)
			return p->known[i];
	return NULL;
}

static bool one_of(const char *words, const char *word, size_t len)
{
	for (const char *w = words; *w; w += strcspn(w, " ") + strspn(w + strcspn(w, " "), " "))
		if (len && strcspn(w, " ") == len && !strncmp(w, word, len))
			return true;
	return false;
}

static bool all_of(const char *words, const char *list)
{
	for (;; list++) {
		size_t len = strcspn(list, ",");

		if (!one_of(words, list, len))
			return false;
		list += len;
		if (!*list)
			return true;
	}
}

static bool number(const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end;
}

/* What was expected instead, or NULL when it was stored. To free(). */
static char *store(const struct opt *o, const char *text)
{
	struct opt_list *list = o->value;
	double v = 0;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->value = true;
		return NULL;
	case OPT_TEXT:
		*(const char **)o->value = text;
		return NULL;
	case OPT_LIST:
		if (list->n == OPT_LIST_MOST)
			return fmt("it may be given %d times", OPT_LIST_MOST);
		list->items[list->n++] = text;
		return NULL;
	case OPT_COUNT:
		if (!number(text, &v) || v < o->least || v > o->most || v != (unsigned)v)
			return fmt("a whole number from %.0f to %.0f", o->least, o->most);
		*(unsigned *)o->value = v;
		return NULL;
	case OPT_SECONDS:
		if (!number(text, &v) || v <= o->least || v > o->most)
			return fmt("seconds, above %.0f and at most %.0f", o->least, o->most);
		*(double *)o->value = v;
		return NULL;
	case OPT_WORD:
		if (!one_of(o->words, text, strlen(text)))
			return fmt("one of: %s", o->words);
		*(const char **)o->value = text;
		return NULL;
	case OPT_WORDS:
		if (!all_of(o->words, text))
			return fmt("a comma-separated list of: %s", o->words);
		*(const char **)o->value = text;
		return NULL;
	default:
		abort();
	}
}

int opts_parse(int argc, char **argv, const struct opt *const *tables, bool stop, const char *help)
{
	static const struct opt help_option[] = {{OPT_HELP, "help", 'h', NULL, 0, 0, NULL},
						 {.kind = OPT_END}};
	struct parser p = {.shorts = ""};
	int c;

	if (stop)
		strcpy(p.shorts, "+");
	for (; *tables; tables++)
		add_table(&p, *tables);
	add_table(&p, help_option);
	while ((c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) >= 0) {
		const struct opt *o = find(&p, c);
		char *expected;

		if (!o) { /* getopt said what it does not know */
			fprintf(stderr, "Try `vmtest %s --help`.\n", argv[0]);
			return EXIT_USAGE;
		}
		if (o->kind == OPT_HELP) {
			fputs(help, stdout);
			return EXIT_OK;
		}
		expected = store(o, optarg);
		if (expected) {
			err("--%s %s: expected %s; try `vmtest %s --help`", o->name, optarg,
			    expected, argv[0]);
			free(expected);
			return EXIT_USAGE;
		}
	}
	return -1;
}

const struct opt *vm_options_table(struct vm_options *o)
{
	static struct opt table[11];
	const struct opt filled[] = {
		{OPT_TEXT, "kernel", 'k', &o->kernels, 0, 0, NULL},
		{OPT_WORD, "accel", 0, &o->accel, 0, 0, "auto kvm tcg"},
		{OPT_TEXT, "append", 0, &o->append, 0, 0, NULL},
		{OPT_COUNT, "memory", 'm', &o->mem_mib, 128, 65536, NULL},
		{OPT_COUNT, "cpus", 0, &o->cpus, 1, 16, NULL},
		{OPT_SECONDS, "boot-timeout", 0, &o->boot_s, 0, DAY_S, NULL},
		{OPT_SECONDS, "timeout", 't', &o->timeout_s, 0, DAY_S, NULL},
		{OPT_FLAG, "cold", 0, &o->cold, 0, 0, NULL},
		{OPT_TEXT, "profile", 'p', &o->profile, 0, 0, NULL},
		{OPT_FLAG, "locked", 0, &kernel_strict_lock, 0, 0, NULL},
		{.kind = OPT_END},
	};

	memcpy(table, filled, sizeof(table));
	return table;
}

const struct opt *store_options_table(struct store_options *o)
{
	static struct opt table[6];
	const struct opt filled[] = {
		{OPT_TEXT, "results", 'r', &o->results, 0, 0, NULL},
		{OPT_WORDS, "format", 0, &o->formats, 0, 0, "ktap junit kcidb"},
		{OPT_COUNT, "jobs", 'j', &o->jobs, 1, 64, NULL},
		{OPT_FLAG, "quiet", 'q', &o->quiet, 0, 0, NULL},
		{OPT_FLAG, "json", 0, &o->json, 0, 0, NULL},
		{.kind = OPT_END},
	};

	memcpy(table, filled, sizeof(table));
	return table;
}

bool vm_options_complete(const struct vm_options *o)
{
	if (!o->kernels)
		err("which kernel? Give --kernel, e.g. --kernel 6.12 (`vmtest kernels list` shows them)");
	return o->kernels;
}
