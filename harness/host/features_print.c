// SPDX-License-Identifier: GPL-2.0-only
/* `vmtest kernels features`: the answers for a person, and as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features_impl.h"
#include "util.h"

#define LINE_WIDTH 96
#define WHY_MAX	   512

/* Long lists are counted only; `KIND:` prints them. */
static const struct {
	const char *kind;
	bool counted;
} order[] = {
	{"helper", false}, {"map", false}, {"prog", false}, {"attach", false},	  {"link", false},
	{"cmd", false},	   {"lsm", true},  {"kfunc", true}, {"tracepoint", true}, {"module", true},
};

static enum has has_of(const json_t *e)
{
	const char *word = json_string_value(json_object_get(e, "has"));

	return !strcmp(word, "yes") ? HAS_YES : !strcmp(word, "no") ? HAS_NO : HAS_UNKNOWN;
}

static void print_kind(const json_t *all, const char *kind, bool counted)
{
	unsigned n[3] = {0};
	const char *name;
	json_t *e;
	int column = LINE_WIDTH;

	json_object_foreach ((json_t *)all, name, e)
		n[has_of(e)]++;
	printf("\n%s: %u", kind, n[HAS_YES]);
	if (n[HAS_NO])
		printf(", %u not in this build (-)", n[HAS_NO]);
	if (n[HAS_UNKNOWN])
		printf(", %u unknown (?)", n[HAS_UNKNOWN]);
	if (counted)
		printf("; `vmtest kernels features K %s:` lists them", kind);
	json_object_foreach ((json_t *)all, name, e) {
		static const char *const marks[] = {
			[HAS_NO] = "-", [HAS_YES] = "", [HAS_UNKNOWN] = "?"};
		const char *mark = marks[has_of(e)];

		if (counted)
			break;
		if (column + strlen(name) + strlen(mark) + 1 > LINE_WIDTH)
			column = printf("\n ") - 1;
		column += printf(" %s%s", mark, name);
	}
	puts("");
}

static void print_summary(const json_t *doc)
{
	const json_t *config = json_object_get(doc, "config");
	const json_t *values = json_object_get(config, "values");
	const char *source = json_string_value(json_object_get(config, "source"));
	int without = json_integer_value(json_object_get(doc, "modules_without_btf"));

	printf("release  %s\n", json_string_value(json_object_get(doc, "release")));
	printf("config   %s\n", source ? source : "unknown: neither beside the image nor in it");
	printf("BTF      %s", json_is_true(json_object_get(doc, "btf")) ? "of the kernel" : "none");
	if (without)
		printf("; %d modules have none", without);
	puts("");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const json_t *all = json_object_get(doc, order[i].kind);

		if (all)
			print_kind(all, order[i].kind, order[i].counted);
		else
			printf("\n%s: unknown\n", order[i].kind);
	}
	puts("\nconfig:");
	for (size_t i = 0; i < shown_options_n; i++) {
		const char *value =
			json_string_value(json_object_get(values, shown_options[i].name));

		printf("  %-34s %s\n  %-34s   %s\n", shown_options[i].name,
		       value	? value
		       : values ? "not set"
				: "unknown",
		       "", shown_options[i].about);
	}
}

/* The document, with the options that are shown and what is known of each. */
static json_t *printable(const json_t *doc)
{
	json_t *out = json_copy((json_t *)doc), *options = json_object();
	const json_t *config = json_object_get(doc, "config");
	const json_t *values = json_object_get(config, "values");

	for (size_t i = 0; i < shown_options_n; i++) {
		const char *name = shown_options[i].name;
		const char *value = json_string_value(json_object_get(values, name));
		json_t *e = json_pack("{s:s, s:s}", "has",
				      value    ? "yes"
				      : values ? "no"
					       : "unknown",
				      "about", shown_options[i].about);

		if (value)
			json_object_set_new(e, "value", json_string(value));
		if (values)
			json_object_set_new(e, "evidence",
					    value ? json_sprintf("CONFIG_%s=%s", name, value)
						  : json_sprintf("CONFIG_%s is not set", name));
		json_object_set_new(options, name, e);
	}
	json_object_set_new(out, "config", options);
	if (config)
		json_object_set(out, "config_source", json_object_get(config, "source"));
	return out;
}

static void print_json(json_t *o)
{
	char *text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);

	puts(text ? text : "null");
	free(text);
	json_decref(o);
}

/* "kfunc:" lists a kind. False: it is none that can be listed. */
static bool list_kind(struct features *f, const char *text)
{
	char *kind = fmt("%.*s", (int)strlen(text) - 1, text), why[WHY_MAX];
	const json_t *all = json_object_get(f->doc, kind);
	bool known = false;
	const char *name;
	json_t *e;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		known |= !strcmp(order[i].kind, kind);
	json_object_foreach ((json_t *)(known ? all : NULL), name, e) {
		char *full = fmt("%s%s", text, name);
		enum has has = features_has(f, full, why, sizeof(why));

		printf("%-7s %s  (%s)\n", has_name(has), full, why);
		free(full);
	}
	if (known && !all)
		printf("unknown %s\n", text);
	free(kind);
	return known;
}

int features_print(const struct kernel *k, char **names, int n, bool as_json)
{
	struct features *f;
	json_t *answers = json_object();
	char why[WHY_MAX];
	int ret = EXIT_OK;

	for (int i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (features_is_name(names[i]) || (!as_json && len > 1 && names[i][len - 1] == ':'))
			continue;
		err("\"%s\" is no name of a feature: write KIND:NAME, such as helper:bpf_loop"
		    " (`vmtest kernels --help`)",
		    names[i]);
		return EXIT_USAGE;
	}
	f = features_get(k);
	if (!f)
		return EXIT_HARNESS;
	if (n == 0 && as_json)
		print_json(printable(f->doc));
	else if (n == 0)
		print_summary(f->doc);
	for (int i = 0; i < n; i++) {
		enum has has;

		if (names[i][strlen(names[i]) - 1] == ':') {
			if (!list_kind(f, names[i])) {
				err("%s: nothing to list; ask for one name", names[i]);
				ret = EXIT_USAGE;
			}
			continue;
		}
		has = features_has(f, names[i], why, sizeof(why));
		if (as_json)
			json_object_set_new(
				answers, names[i],
				json_pack("{s:s, s:s}", "has", has_name(has), "evidence", why));
		else
			printf("%-7s %s  (%s)\n", has_name(has), names[i], why);
	}
	if (n && as_json)
		print_json(answers);
	else
		json_decref(answers);
	features_free(f);
	return ret;
}
