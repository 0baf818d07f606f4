// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "features_impl.h"
#include "image.h"
#include "kconfig.h"
#include "modules.h"
#include "util.h"

static const char *const other_kinds[] = {"lsm",    "tracepoint", "kfunc", "module",
					  "config", "type",	  "field", "func"};

static XXH3_state_t *digesting; /* nftw has no context argument */

static void digest_file(const char *path, const struct stat *st)
{
	XXH3_64bits_update(digesting, path, strlen(path) + 1);
	XXH3_64bits_update(digesting, &st->st_size, sizeof(st->st_size));
	XXH3_64bits_update(digesting, &st->st_mtim, sizeof(st->st_mtim));
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F)
		digest_file(path, st);
	return 0;
}

/* Where the answer is kept: named by all that went into it, so that it is never stale. */
static char *cache_path(const struct kernel *k)
{
	const char *slash = strrchr(k->vmlinuz, '/');
	char *config = fmt("%.*sconfig", slash ? (int)(slash + 1 - k->vmlinuz) : 0, k->vmlinuz);
	int format = FEATURES_FORMAT;
	struct stat st;
	char *path;

	digesting = XXH3_createState();
	XXH3_64bits_reset(digesting);
	XXH3_64bits_update(digesting, &format, sizeof(format));
	if (stat(k->vmlinuz, &st) == 0)
		digest_file(k->vmlinuz, &st);
	if (stat(config, &st) == 0)
		digest_file(config, &st);
	if (k->modules)
		nftw(k->modules, visit, 16, FTW_PHYS);
	path = fmt("%s/features/%s-%016llx.json", cache_dir(), k->release,
		   (unsigned long long)XXH3_64bits_digest(digesting));
	XXH3_freeState(digesting);
	free(config);
	return path;
}

static int scan_modules(struct scan *s, const char *dir)
{
	json_t *all = json_object();
	struct module_set set;
	int ret = 0;

	json_object_set_new(s->doc, "module", all);
	modules_list(dir, &set);
	for (size_t i = 0; i < set.count && ret == 0; i++) {
		struct module *m = &set.all[i];

		json_object_set_new(
			all, m->name,
			json_pack("{s:s, s:o}", "has", "yes", "evidence",
				  json_sprintf("%s%s", m->path, m->builtin ? " is built in" : "")));
		if (m->builtin)
			continue;
		ret = module_load(m, dir);
		if (ret == 0)
			scan_module(s, m->name, m->data, m->size);
		free(m->data);
		m->data = NULL;
	}
	modules_free(&set);
	return ret;
}

static json_t *compute(const struct kernel *k)
{
	struct scan s = {.doc = json_object()};
	size_t len;
	void *elf = image_vmlinux(k->vmlinuz, &len);
	char *source = NULL;
	json_t *values;
	int ret = 0;

	if (!elf) {
		json_decref(s.doc);
		return NULL;
	}
	json_object_set_new(s.doc, "format", json_integer(FEATURES_FORMAT));
	json_object_set_new(s.doc, "release", json_string(k->release));
	json_object_set_new(s.doc, "version", json_string(k->version));
	values = kconfig_find(k->vmlinuz, k->release, elf, len, &source);
	if (values)
		json_object_set_new(s.doc, "config",
				    json_pack("{s:s, s:o}", "source", source, "values", values));
	scan_vmlinux(&s, elf, len);
	free(elf);
	if (k->modules)
		ret = scan_modules(&s, k->modules);
	btf__free(s.vmlinux);
	free(source);
	if (ret < 0) {
		json_decref(s.doc);
		return NULL;
	}
	return s.doc;
}

/* A cache that cannot be written costs time, not the answer. */
static void keep(const char *path, const json_t *doc)
{
	char *dir = fmt("%.*s", (int)(strrchr(path, '/') - path), path);
	char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	if (make_dirs(dir) < 0 || !text || write_file(path, text, strlen(text)) < 0)
		warn("%s: %s", path, strerror(errno));
	free(text);
	free(dir);
}

struct features *features_get(const struct kernel *k)
{
	char *path = cache_path(k);
	json_t *doc = json_load_file(path, 0, NULL);
	struct features *f;

	if (!doc) {
		note("looking into kernel %s and its modules", k->release);
		doc = compute(k);
		if (doc)
			keep(path, doc);
	}
	free(path);
	if (!doc)
		return NULL;
	needs_apply(doc); /* not kept: what is known of configs grows */
	f = xcalloc(1, sizeof(*f));
	f->doc = doc;
	f->release = xstrdup(k->release);
	f->vmlinuz = xstrdup(k->vmlinuz);
	f->modules = k->modules ? xstrdup(k->modules) : NULL;
	return f;
}

void features_free(struct features *f)
{
	if (!f)
		return;
	json_decref(f->doc);
	btf__free(f->vmlinux);
	free(f->release);
	free(f->vmlinuz);
	free(f->modules);
	free(f);
}

struct features *features_of(const struct kernel *k)
{
	static struct kept {
		struct features *f;
		struct kept *next;
	} *all;
	struct kept *kept;

	for (kept = all; kept; kept = kept->next)
		if (!strcmp(kept->f->vmlinuz, k->vmlinuz))
			return kept->f;
	kept = xcalloc(1, sizeof(*kept));
	kept->f = features_get(k);
	if (!kept->f) {
		free(kept);
		return NULL;
	}
	kept->next = all;
	all = kept;
	return kept->f;
}

const json_t *features_doc(const struct features *f)
{
	return f->doc;
}

const char *has_name(enum has has)
{
	return has == HAS_YES ? "yes" : has == HAS_NO ? "no" : "unknown";
}

static const struct enum_kind *find_enum_kind(const char *kind)
{
	for (size_t i = 0; i < enum_kinds_n; i++)
		if (!strcmp(enum_kinds[i].kind, kind))
			return &enum_kinds[i];
	return NULL;
}

/* Splits "kind:name"; the kind to free(), or NULL when it is none or nothing follows. */
static char *kind_of(const char *text, const char **name)
{
	const char *colon = strchr(text, ':');
	char *kind;

	if (!colon || !colon[1] || strpbrk(colon, " \t\n"))
		return NULL;
	kind = fmt("%.*s", (int)(colon - text), text);
	*name = colon + 1;
	if (find_enum_kind(kind))
		return kind;
	for (size_t i = 0; i < ARRAY_SIZE(other_kinds); i++)
		if (!strcmp(other_kinds[i], kind))
			return kind;
	free(kind);
	return NULL;
}

bool features_is_name(const char *text)
{
	const char *name;
	char *kind = kind_of(text, &name);
	const char *dot = kind ? strchr(name, '.') : NULL;
	bool ok = kind && (strcmp(kind, "field") || (dot && dot != name && dot[1]));

	free(kind);
	return ok;
}

static enum has config_has(const json_t *doc, const char *name, char *why, size_t size)
{
	const json_t *config = json_object_get(doc, "config");
	const char *equals = strchr(name, '='), *value, *at;
	char *option = fmt("%.*s", (int)strcspn(name, "="), name);
	enum has has = HAS_NO;

	if (!config) {
		snprintf(why, size, "the kernel's config is not known");
		free(option);
		return HAS_UNKNOWN;
	}
	value = json_string_value(json_object_get(json_object_get(config, "values"), option));
	if (!value) {
		snprintf(why, size, "CONFIG_%s is not set", option);
	} else {
		size_t n = equals ? strlen(equals + 1) : 0;

		snprintf(why, size, "CONFIG_%s=%s", option, value);
		if (!equals)
			has = HAS_YES;
		for (at = value; equals && has == HAS_NO; at++) {
			if (!strncmp(at, equals + 1, n) && (at[n] == ',' || !at[n]))
				has = HAS_YES;
			at = strchrnul(at, ',');
			if (!*at)
				break;
		}
	}
	free(option);
	return has;
}

static struct btf *vmlinux_of(struct features *f)
{
	size_t len;
	void *data;

	if (!f->vmlinux && !f->no_vmlinux) {
		data = json_is_true(json_object_get(f->doc, "btf")) ? image_btf(f->vmlinuz, &len)
								    : NULL;
		f->vmlinux = data ? btf__new(data, len) : NULL;
		f->no_vmlinux = !f->vmlinux;
		free(data);
	}
	return f->vmlinux;
}

/* A module's types are looked at only when the kernel has none of that name: it takes seconds. */
static bool modules_have(struct features *f, const char *kind, const char *name, char *why,
			 size_t size)
{
	struct module_set set;
	bool found = false;

	if (!f->modules)
		return false;
	modules_list(f->modules, &set);
	for (size_t i = 0; i < set.count && !found; i++) {
		struct module *m = &set.all[i];
		struct btf *btf;

		if (m->builtin || module_load(m, f->modules) < 0)
			continue;
		btf = module_btf(f->vmlinux, m->data, m->size);
		if (btf && btf_has(btf, kind, name, why, size)) {
			size_t n = strnlen(why, size);

			snprintf(why + n, size - n, " of module %s", m->name);
			found = true;
		}
		btf__free(btf);
		free(m->data);
		m->data = NULL;
	}
	modules_free(&set);
	return found;
}

static enum has type_has(struct features *f, const char *kind, const char *name, char *why,
			 size_t size)
{
	json_int_t without = json_integer_value(json_object_get(f->doc, "modules_without_btf"));

	if (!vmlinux_of(f)) {
		snprintf(why, size, "the image has no BTF that can be read");
		return HAS_UNKNOWN;
	}
	if (btf_has(f->vmlinux, kind, name, why, size) || modules_have(f, kind, name, why, size))
		return HAS_YES;
	/* A type that no BTF has is absent for all BPF can do; a function can be traced without. */
	if (!without || strcmp(kind, "func")) {
		snprintf(why, size, "not in the BTF of the kernel%s",
			 without      ? "; its modules have none"
			 : f->modules ? " or a module"
				      : "");
		return HAS_NO;
	}
	snprintf(why, size, "not in the kernel's BTF, and %d modules have none", (int)without);
	return HAS_UNKNOWN;
}

/* Why a name that is not listed is not: it is absent, or what would list it could not be read. */
static enum has not_listed(struct features *f, const char *kind, const char *name, char *why,
			   size_t size)
{
	const struct enum_kind *e = find_enum_kind(kind);
	const char *kfuncs = json_string_value(json_object_get(f->doc, "kfuncs"));
	json_int_t without = json_integer_value(json_object_get(f->doc, "modules_without_btf"));

	if (!strcmp(kind, "module")) {
		snprintf(
			why, size,
			f->modules
				? "neither a file nor built in"
				: "no modules beside the image, and what is built in is not known");
		return f->modules ? HAS_NO : HAS_UNKNOWN;
	}
	if (!json_is_true(json_object_get(f->doc, "btf"))) {
		snprintf(why, size, "the image has no BTF that can be read");
		return HAS_UNKNOWN;
	}
	if (!strcmp(kind, "kfunc") && !strcmp(kfuncs, "none")) {
		snprintf(why, size, "this kernel has no kfuncs: no STRUCT bpf_kfunc_desc");
		return HAS_NO;
	}
	if (!strcmp(kind, "kfunc") && !strcmp(kfuncs, "unlisted")) {
		if (type_has(f, "func", name, why, size) == HAS_NO)
			return HAS_NO;
		snprintf(why, size, "this image does not tell kfuncs from other functions");
		return HAS_UNKNOWN;
	}
	if (!strcmp(kind, "tracepoint") && without) {
		snprintf(why, size, "no TYPEDEF btf_trace_%s, and %d modules have no BTF", name,
			 (int)without);
		return HAS_UNKNOWN;
	}
	if (!json_object_get(f->doc, kind)) {
		snprintf(why, size, "the image has nothing that lists %s", kind);
		return HAS_UNKNOWN;
	}
	if (e)
		snprintf(why, size, "enum %s has no such value", e->type);
	else
		snprintf(why, size, "not in BTF: no %s%s%s",
			 !strcmp(kind, "tracepoint") ? "TYPEDEF btf_trace_"
			 : !strcmp(kind, "lsm")	     ? "hook bpf_lsm_"
						     : "kfunc ",
			 name, f->modules ? "" : " (no modules beside the image)");
	return HAS_NO;
}

enum has features_has(struct features *f, const char *text, char *why, size_t size)
{
	const char *name, *word;
	char *kind = kind_of(text, &name), spare[1];
	const json_t *e;
	enum has has;

	if (!size) {
		why = spare;
		size = sizeof(spare);
	}
	if (!features_is_name(text)) {
		snprintf(why, size,
			 "no name of a feature: write KIND:NAME, such as helper:bpf_loop");
		has = HAS_UNKNOWN;
	} else if (!strcmp(kind, "config")) {
		has = config_has(f->doc, name, why, size);
	} else if (!strcmp(kind, "type") || !strcmp(kind, "field") || !strcmp(kind, "func")) {
		has = type_has(f, kind, name, why, size);
	} else if (json_is_false(json_object_get(f->doc, "bpf")) && strcmp(kind, "module") &&
		   strcmp(kind, "tracepoint")) {
		snprintf(why, size, "the kernel has no BPF verifier: no FUNC bpf_check in BTF");
		has = HAS_NO;
	} else if ((e = json_object_get(json_object_get(f->doc, kind), name))) {
		const char *module = json_string_value(json_object_get(e, "module"));

		word = json_string_value(json_object_get(e, "has"));
		snprintf(why, size, "%s%s%s", json_string_value(json_object_get(e, "evidence")),
			 module && *module ? " of module " : "", module ? module : "");
		has = !strcmp(word, "yes") ? HAS_YES : !strcmp(word, "no") ? HAS_NO : HAS_UNKNOWN;
	} else {
		has = not_listed(f, kind, name, why, size);
	}
	free(kind);
	return has;
}

const char *features_kfunc_module(const struct features *f, const char *kfunc)
{
	const json_t *e = json_object_get(json_object_get(f->doc, "kfunc"), kfunc);

	return json_string_value(json_object_get(e, "module"));
}
