// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cyaml/cyaml.h>

#include "config.h"
#include "series.h"
#include "util.h"

static const cyaml_schema_value_t string_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t archive_fields[] = {
	CYAML_FIELD_SEQUENCE("suites", CYAML_FLAG_POINTER, struct archive, suites, &string_value, 1,
			     CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t series_fields[] = {
	CYAML_FIELD_STRING_PTR("series", CYAML_FLAG_POINTER, struct series, series, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("provider", CYAML_FLAG_POINTER, struct series, provider, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("flavour", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct series,
			       flavour, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("version", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct series,
			       version, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("sha256", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct series,
			       sha256, 64, 64),
	CYAML_FIELD_STRING_PTR("lost", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct series,
			       lost, 1, CYAML_UNLIMITED),
	CYAML_FIELD_BOOL("required", CYAML_FLAG_DEFAULT, struct series, required),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t series_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct series, series_fields),
};

static const cyaml_schema_field_t profile_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct profile, name, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("about", CYAML_FLAG_POINTER, struct profile, about, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("append", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile,
			       append, 0, CYAML_UNLIMITED),
	CYAML_FIELD_BOOL("icount", CYAML_FLAG_OPTIONAL, struct profile, icount),
	CYAML_FIELD_STRING_PTR("flavour", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile,
			       flavour, 1, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("needs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile,
			     needs, &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("conflicts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile,
			     conflicts, &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("removes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile,
			     removes, &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("why", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile, why,
			       1, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct profile, profile_fields),
};

static const cyaml_schema_field_t libbpf_fields[] = {
	CYAML_FIELD_STRING_PTR("version", CYAML_FLAG_POINTER, struct libbpf_build, version, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("source", CYAML_FLAG_POINTER, struct libbpf_build, source, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("suite", CYAML_FLAG_POINTER, struct libbpf_build, suite, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, struct libbpf_build, file, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("sha256", CYAML_FLAG_POINTER, struct libbpf_build, sha256, 64, 64),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t libbpf_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct libbpf_build, libbpf_fields),
};

static const cyaml_schema_field_t compiler_fields[] = {
	CYAML_FIELD_STRING_PTR("clang", CYAML_FLAG_POINTER, struct compiler, clang, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("cpu", CYAML_FLAG_POINTER, struct compiler, cpu, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("since", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct compiler,
			       since, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("cannot", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct compiler,
			       cannot, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t compiler_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct compiler, compiler_fields),
};

static const cyaml_schema_field_t matrix_fields[] = {
	CYAML_FIELD_MAPPING("archive", CYAML_FLAG_DEFAULT, struct matrix, archive, archive_fields),
	CYAML_FIELD_SEQUENCE("kernels", CYAML_FLAG_POINTER, struct matrix, kernels, &series_value,
			     1, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("profiles", CYAML_FLAG_POINTER, struct matrix, profiles,
			     &profile_value, 1, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("libbpf", CYAML_FLAG_POINTER, struct matrix, libbpf, &libbpf_value, 1,
			     CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("compilers", CYAML_FLAG_POINTER, struct matrix, compilers,
			     &compiler_value, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t matrix_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct matrix, matrix_fields),
};

static const cyaml_schema_field_t suite_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct suite, name, 1, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("about", CYAML_FLAG_POINTER, struct suite, about, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("files", CYAML_FLAG_POINTER, struct suite, files, &string_value, 1,
			     CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("programs", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct suite,
			     programs, &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("argv", CYAML_FLAG_POINTER, struct suite, argv, &string_value, 1,
			     CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("list", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct suite, list,
			     &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("one", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct suite, one,
			     &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("modules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct suite,
			     modules, &string_value, 0, CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("profile", CYAML_FLAG_POINTER, struct suite, profile, 1,
			       CYAML_UNLIMITED),
	CYAML_FIELD_UINT("cpus", CYAML_FLAG_OPTIONAL, struct suite, cpus),
	CYAML_FIELD_UINT("timeout", CYAML_FLAG_DEFAULT, struct suite, timeout),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t suite_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct suite, suite_fields),
};

static const cyaml_schema_field_t suites_fields[] = {
	CYAML_FIELD_SEQUENCE("suites", CYAML_FLAG_POINTER, struct suites, suites, &suite_value, 1,
			     CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t suites_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct suites, suites_fields),
};

/* libcyaml reports the fault first, then a backtrace of fields with line and column. */
static void log_to_stderr(cyaml_log_t level, void *path, const char *format, va_list args)
{
	char line[512];

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	err("%s: %s", (const char *)path, line);
}

void *config_load(const char *path, const struct cyaml_schema_value *schema)
{
	const cyaml_config_t config = {
		.log_fn = log_to_stderr,
		.log_ctx = (void *)path,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
	};
	void *data = NULL;
	cyaml_err_t e;

	if (access(path, R_OK) < 0) {
		err("%s: cannot be read: %m", path);
		return NULL;
	}
	e = cyaml_load_file(path, &config, schema, &data, NULL);
	if (e != CYAML_OK) {
		err("%s: %s", path, cyaml_strerror(e));
		return NULL;
	}
	return data;
}

/* The name becomes part of labels, of machines and their files. */
static bool is_label(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool profiles_are_sound(const char *path, const struct matrix *m)
{
	bool has_default = false;

	for (unsigned i = 0; i < m->profiles_count; i++) {
		const struct profile *p = &m->profiles[i];
		unsigned k;

		has_default |= !strcmp(p->name, "default");
		for (k = 0; strcmp(m->profiles[k].name, p->name); k++)
			;
		if (k < i)
			err("%s: two profiles are called %s", path, p->name);
		else if (!is_label(p->name) || !strcmp(p->name, "all"))
			err("%s: profile \"%s\": a name is of a-z, 0-9 and -, and not \"all\"",
			    path, p->name);
		else if (!p->why != !p->removes_count)
			err("%s: profile %s: removes and why go together", path, p->name);
		else
			continue;
		return false;
	}
	if (!has_default)
		err("%s: no profile \"default\"", path);
	return has_default;
}

/* What the schema can't say: each provider needs its own fields, and no others. */
static bool is_sound(const char *path, const struct matrix *m)
{
	for (unsigned i = 0; i < m->kernels_count; i++) {
		const struct series *s = &m->kernels[i];
		bool source = !strcmp(s->provider, "source");

		if (source && (!s->version || !s->sha256 || s->flavour || s->required))
			err("%s: series %s: provider source takes version and sha256 of its tarball, "
			    "no flavour, and cannot be required",
			    path, s->series);
		else if (!source && (!s->flavour || s->version || s->sha256))
			err("%s: series %s: provider %s takes a flavour, no version or sha256",
			    path, s->series, s->provider);
		else if (s->lost && (source || s->required || strcmp(s->lost, "modules")))
			err("%s: series %s: lost: can only be \"modules\", of packages, of a series that "
			    "is not required",
			    path, s->series);
		else if (series_rank(s->series) < 0)
			err("%s: series \"%s\": expected MAJOR.MINOR or MAJOR.MINOR-rc", path,
			    s->series);
		else
			continue;
		return false;
	}
	if (m->compilers[0].since || m->compilers[0].cannot) {
		err("%s: the first compiler makes the default objects: it has no since or cannot",
		    path);
		return false;
	}
	return profiles_are_sound(path, m);
}

const struct matrix *matrix_load(void)
{
	static struct matrix *matrix;

	if (!matrix) {
		char *path = fmt("%s/kernels/matrix.yaml", home_dir());

		matrix = config_load(path, &matrix_value);
		if (matrix && !is_sound(path, matrix))
			matrix = NULL;
		free(path);
	}
	return matrix;
}

const struct suites *suites_load(const char *path)
{
	return config_load(path, &suites_value);
}
