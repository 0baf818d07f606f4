// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "builds.h"
#include "util.h"

/* What a suite's files depend on. */
enum { ON_LOADER = 1, ON_COMPILER = 2, KINDS = 4 };

static const struct {
	const char *prefix;
	unsigned on;
} placeholders[] = {
	{"{guest}/", ON_LOADER},
	{"{objects}/", ON_COMPILER},
	{"{loader}/", ON_LOADER | ON_COMPILER},
};

/* One axis: what it offers, and what of it was chosen. */
struct axis {
	const char *what; /* "loader" */
	const char *asked;
	unsigned n;
	char **names;
	bool *chosen, *named;
	const char **cannot; /* why there is no such build */
};

static char *tool(const char *dir, const char *name)
{
	char *path = fmt("%s/toolchain.json", dir), *text = NULL;
	json_t *tools = json_load_file(path, 0, NULL);
	const char *value = json_string_value(json_object_get(tools, name));

	if (value)
		text = xstrdup(value);
	free(path);
	json_decref(tools);
	return text ? text : xstrdup("unknown");
}

static char *builds_dir(const char *name)
{
	return fmt("%s/build/builds/%s", home_dir(), name);
}

static char *compiler_name(const struct compiler *c)
{
	return fmt("clang-%s-%s", c->clang, c->cpu);
}

static void axis_init(struct axis *a, const char *what, const char *asked, unsigned n)
{
	*a = (struct axis){.what = what,
			   .asked = asked,
			   .n = n,
			   .names = xcalloc(n, sizeof(char *)),
			   .chosen = xcalloc(n, sizeof(bool)),
			   .named = xcalloc(n, sizeof(bool)),
			   .cannot = xcalloc(n, sizeof(char *))};
}

static void axis_free(struct axis *a)
{
	for (unsigned i = 0; i < a->n; i++)
		free(a->names[i]);
	free(a->names);
	free(a->chosen);
	free(a->named);
	free(a->cannot);
}

static int say_unknown(const struct axis *a, const char *name)
{
	err("no %s \"%s\" in kernels/matrix.yaml; there are:", a->what, name);
	for (unsigned i = 0; i < a->n; i++)
		fprintf(stderr, "  %s%s%s\n", a->names[i], i == 0 ? " (the default)" : "",
			a->cannot[i] ? fmt(" (cannot be built: %s)", a->cannot[i]) : "");
	return EXIT_USAGE;
}

static int choose_named(struct axis *a, const char *name)
{
	unsigned i;

	for (i = 0; i < a->n && strcmp(a->names[i], name); i++)
		;
	if (i == a->n)
		return say_unknown(a, name);
	if (a->cannot[i]) {
		err("%s %s: there is no such build: %s", a->what, name, a->cannot[i]);
		return EXIT_USAGE;
	}
	a->chosen[i] = a->named[i] = true;
	return 0;
}

static void leave_out(json_t *list, const char *axis, const char *name, const char *kernel,
		      const char *reason)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "axis", axis, "name", name, "reason", reason);

	if (kernel)
		json_object_set_new(o, "kernel", json_string(kernel));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), o)) { /* of another loader build */
			json_decref(o);
			return;
		}
	json_array_append_new(list, o);
}

static void choose_all(struct axis *a, json_t *left_out)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (a->cannot[i])
			leave_out(left_out, a->what, a->names[i], NULL, a->cannot[i]);
		else
			a->chosen[i] = true;
	}
}

static int axis_choose(struct axis *a, json_t *left_out)
{
	char *copy = xstrdup(a->asked ? a->asked : ""), *name, *save;
	int code = 0, any = 0;

	if (!a->asked)
		a->chosen[0] = true;
	for (name = strtok_r(copy, ", ", &save); name && !code;
	     name = strtok_r(NULL, ", ", &save)) {
		any = 1;
		if (!strcmp(name, "all"))
			choose_all(a, left_out);
		else
			code = choose_named(a, name);
	}
	if (!code && a->asked && !any)
		code = say_unknown(a, a->asked);
	free(copy);
	return code;
}

/* Why the build is not there although it could be, as `make builds` noted; or NULL. */
static char *unavailable(const char *name)
{
	char *dir = builds_dir(name), *path = fmt("%s/unavailable", dir), *text;

	text = read_file(path, NULL);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	free(path);
	free(dir);
	return text;
}

static char *compiler_text(const char *dir, const char *between)
{
	char *version = tool(dir, "clang"), *cpu = tool(dir, "mcpu");
	char *text = fmt("clang%s%s%s%s", between, version, *between == '-' ? "-" : " ", cpu);

	free(version);
	free(cpu);
	return text;
}

static struct build build_of(const struct matrix *m, unsigned l, unsigned c)
{
	char *top = fmt("%s/build", home_dir()), *compiler = compiler_name(&m->compilers[c]);
	char *loader = fmt("libbpf-%s", m->libbpf[l].version);
	char *loader_dir = l ? builds_dir(loader) : xstrdup(top);
	char *objects_dir = c ? builds_dir(compiler) : xstrdup(top);
	char *version = l ? xstrdup(m->libbpf[l].version) : tool(top, "libbpf");
	char *full = compiler_text(objects_dir, "-");
	struct build b = {
		.name = l || c ? fmt("%s_%s", loader, compiler) : NULL,
		.id = fmt("libbpf-%s_%s", version, full),
		.loader = fmt("libbpf %s", version),
		.compiler = compiler_text(objects_dir, " "),
		.since = m->compilers[c].since,
		.guest = fmt("%s/guest", loader_dir),
		.objects = fmt("%s/bpf", objects_dir),
		.dir = l || c ? fmt("%s/builds/%s/%s/bin", top, loader, compiler)
			      : fmt("%s/bin", top),
	};

	free(top);
	free(compiler);
	free(loader);
	free(loader_dir);
	free(objects_dir);
	free(version);
	free(full);
	return b;
}

const struct build *build_pinned(void)
{
	static struct build pinned;
	const struct matrix *m;

	if (!pinned.id && (m = matrix_load())) {
		pinned = build_of(m, 0, 0);
		pinned.serves = ~0u; /* whatever axes a suite is on */
	}
	return pinned.id ? &pinned : NULL;
}

static bool in_product(const struct axis *loaders, const struct axis *compilers, unsigned l,
		       unsigned c, bool star)
{
	return loaders->chosen[l] && compilers->chosen[c] && (!star || l == 0 || c == 0);
}

/* Which kinds of suites run with the build: what does not matter to a suite is pinned for it. */
static unsigned kinds_served(const struct axis *loaders, const struct axis *compilers, unsigned l,
			     unsigned c, bool star)
{
	unsigned kinds = 0;

	if (in_product(loaders, compilers, l, c, star))
		kinds |= 1u << (ON_LOADER | ON_COMPILER);
	for (unsigned i = 0; c == 0 && i < compilers->n; i++)
		if (in_product(loaders, compilers, l, i, star))
			kinds |= 1u << ON_LOADER;
	for (unsigned i = 0; l == 0 && i < loaders->n; i++)
		if (in_product(loaders, compilers, i, c, star))
			kinds |= 1u << ON_COMPILER;
	if (l == 0 && c == 0)
		kinds |= 1u << 0;
	return kinds;
}

static void fill(struct builds *all, const struct matrix *m, const struct axis *loaders,
		 const struct axis *compilers, bool star)
{
	all->list = xcalloc(loaders->n * compilers->n, sizeof(*all->list));
	for (unsigned l = 0; l < loaders->n; l++)
		for (unsigned c = 0; c < compilers->n; c++) {
			unsigned kinds = kinds_served(loaders, compilers, l, c, star);

			if (!kinds)
				continue;
			all->list[all->n] = build_of(m, l, c);
			all->list[all->n].named = compilers->named[c];
			all->list[all->n++].serves = kinds;
		}
}

int builds_select(const struct build_options *o, struct builds *all)
{
	const struct matrix *m = matrix_load();
	struct axis loaders, compilers;
	int code;

	*all = (struct builds){.left_out = json_array()};
	if (!m)
		return EXIT_USAGE;
	axis_init(&loaders, "loader", o->loaders, m->libbpf_count);
	axis_init(&compilers, "compiler", o->compilers, m->compilers_count);
	for (unsigned i = 0; i < loaders.n; i++)
		loaders.names[i] = fmt("libbpf-%s", m->libbpf[i].version);
	for (unsigned i = 0; i < compilers.n; i++) {
		compilers.names[i] = compiler_name(&m->compilers[i]);
		compilers.cannot[i] = m->compilers[i].cannot;
		if (i && !compilers.cannot[i])
			compilers.cannot[i] = unavailable(compilers.names[i]);
	}
	code = axis_choose(&loaders, all->left_out);
	if (!code)
		code = axis_choose(&compilers, all->left_out);
	if (!code)
		fill(all, m, &loaders, &compilers, o->star);
	axis_free(&loaders);
	axis_free(&compilers);
	return code;
}

/* The placeholder the file begins with, or NULL. */
static const char *placeholder(const char *file, unsigned *on)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
		if (!strncmp(file, placeholders[i].prefix, strlen(placeholders[i].prefix))) {
			*on |= placeholders[i].on;
			return placeholders[i].prefix;
		}
	return NULL;
}

static unsigned kind_of(const struct suite *s)
{
	unsigned on = 0;

	for (unsigned i = 0; i < s->files_count; i++)
		placeholder(s->files[i], &on);
	return on;
}

static char *in_build(const struct build *b, const char *prefix, const char *file)
{
	const char *dir = prefix[1] == 'g' ? b->guest : prefix[1] == 'o' ? b->objects : b->dir;

	return fmt("%s/%s", dir, file + strlen(prefix));
}

static bool is_older(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* A result must not be laid to today's source when the file is of yesterday's. 0, or -1. */
static int check_file(const struct build *b, const char *prefix, const char *file, const char *path)
{
	char *pinned = in_build(build_pinned(), prefix, file);
	struct stat ours, its;
	int ret = 0;

	if (stat(path, &ours) < 0)
		ret = err("%s: %s; `make builds` makes it", path, strerror(errno));
	else if (b->name && stat(pinned, &its) == 0 && is_older(&ours, &its))
		ret = err("%s is older than %s: run `make builds`", path, pinned);
	free(pinned);
	return ret;
}

/* NULL after err(). */
static struct suite *with_files_of(const struct build *b, const struct suite *s)
{
	struct suite *copy = xcalloc(1, sizeof(*copy));
	unsigned on = 0;

	*copy = *s;
	copy->files = xcalloc(s->files_count + 1, sizeof(char *));
	for (unsigned i = 0; i < s->files_count; i++) {
		const char *prefix = placeholder(s->files[i], &on);

		copy->files[i] = prefix ? in_build(b, prefix, s->files[i]) : s->files[i];
		if (prefix && check_file(b, prefix, s->files[i], copy->files[i]) < 0)
			return NULL;
	}
	return copy;
}

int build_suites(const struct build *b, const struct suite *const *suites, unsigned n,
		 const struct suite ***out, unsigned *out_n)
{
	*out = xcalloc(n, sizeof(**out));
	*out_n = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!(b->serves & 1u << kind_of(suites[i])))
			continue;
		(*out)[*out_n] = with_files_of(b, suites[i]);
		if (!(*out)[(*out_n)++])
			return EXIT_HARNESS;
	}
	return 0;
}

bool build_runs_on(const struct build *b, const char *series, const char *release, json_t *left_out)
{
	unsigned has[2] = {0, 0}, needs[2] = {0, 0};
	char *reason;

	if (!b->since || b->named)
		return true;
	if (sscanf(release, "%u.%u", &has[0], &has[1]) != 2 ||
	    sscanf(b->since, "%u.%u", &needs[0], &needs[1]) != 2 || has[0] > needs[0] ||
	    (has[0] == needs[0] && has[1] >= needs[1]))
		return true;
	reason = fmt("its instructions are in kernels from %s on", b->since);
	leave_out(left_out, "compiler", strchr(b->name, '_') + 1, series, reason);
	free(reason);
	return false;
}
