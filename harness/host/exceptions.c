// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cyaml/cyaml.h>

#include "config.h"
#include "exceptions.h"
#include "util.h"

struct exceptions {
	struct exception *exceptions;
	unsigned exceptions_count;
};

static const cyaml_schema_value_t kernel_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t exception_fields[] = {
	CYAML_FIELD_STRING_PTR("match", CYAML_FLAG_POINTER, struct exception, match, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("kernels", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct exception,
			     kernels, &kernel_value, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("reason", CYAML_FLAG_POINTER, struct exception, reason, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("link", CYAML_FLAG_POINTER, struct exception, link, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("expires", CYAML_FLAG_POINTER, struct exception, expires, 10, 10),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t exception_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct exception, exception_fields),
};

static const cyaml_schema_field_t file_fields[] = {
	CYAML_FIELD_SEQUENCE("exceptions", CYAML_FLAG_POINTER, struct exceptions, exceptions,
			     &exception_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct exceptions, file_fields),
};

static const struct exceptions none;
static const struct exceptions *current;

/* libcyaml knows lines only while it reads: the line of what it read is looked up again. */
static int complain(const char *path, const char *value, const char *what)
{
	char *text = read_file(path, NULL), *at = text ? strstr(text, value) : NULL;
	int line = 1;

	for (const char *p = text; p && at && p < at; p++)
		line += *p == '\n';
	err("%s:%d: \"%s\": %s", path, line, value, what);
	free(text);
	return -1;
}

/* YYYY-MM-DD of a day there is. */
static bool is_date(const char *s)
{
	struct tm tm = {0}, given;
	char again[16];

	if (!strptime(s, "%Y-%m-%d", &tm))
		return false;
	given = tm;
	timegm(&given);
	return strftime(again, sizeof(again), "%Y-%m-%d", &given) == 10 && !strcmp(s, again);
}

/* The expression between the slashes, compiled; 0, or what regcomp says. */
static int compile(const char *match, regex_t *re)
{
	char *inner = xstrdup(match + 1);
	int e;

	inner[strlen(inner) - 1] = '\0';
	e = regcomp(re, inner, REG_EXTENDED | REG_NOSUB);
	free(inner);
	return e;
}

static bool is_regex(const char *match)
{
	size_t n = strlen(match);

	return n > 2 && match[0] == '/' && match[n - 1] == '/';
}

static int check(const char *path, const struct exception *e)
{
	char why[128];
	regex_t re;
	int error;

	if (!is_date(e->expires))
		return complain(path, e->expires, "expires: a day as YYYY-MM-DD is expected");
	if (!is_regex(e->match))
		return 0;
	error = compile(e->match, &re);
	if (error) {
		regerror(error, &re, why, sizeof(why));
		return complain(path, e->match, why);
	}
	regfree(&re);
	return 0;
}

int exceptions_load(const char *path)
{
	char *own = path ? NULL : fmt("%s/harness/exceptions.yaml", home_dir());
	const struct exceptions *all = config_load(path ? path : own, &file_value);
	int ret = all ? 0 : -1;

	for (unsigned i = 0; ret == 0 && i < all->exceptions_count; i++)
		ret = check(path ? path : own, &all->exceptions[i]);
	current = ret == 0 ? all : &none;
	free(own);
	return ret;
}

static bool is_about(const struct exception *e, const char *message)
{
	bool found;
	regex_t re;

	if (!is_regex(e->match))
		return strstr(message, e->match);
	if (compile(e->match, &re))
		return false;
	found = !regexec(&re, message, 0, NULL, 0);
	regfree(&re);
	return found;
}

/* "6.12" is the series of 6.12.117+deb13, not of 6.120. */
static bool is_for(const struct exception *e, const char *release)
{
	for (unsigned i = 0; release && i < e->kernels_count; i++) {
		size_t n = strlen(e->kernels[i]);

		if (!strncmp(release, e->kernels[i], n) && !isdigit((unsigned char)release[n]))
			return true;
	}
	return e->kernels_count == 0;
}

const struct exception *exceptions_find(const char *message, const char *release, const char *today,
					bool *expired)
{
	const struct exception *old = NULL;

	if (!current)
		exceptions_load(NULL);
	for (unsigned i = 0; i < current->exceptions_count; i++) {
		const struct exception *e = &current->exceptions[i];

		if (!is_for(e, release) || !is_about(e, message))
			continue;
		*expired = strcmp(e->expires, today) < 0;
		if (!*expired)
			return e;
		old = e;
	}
	*expired = old;
	return old;
}
