// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the BTF of a kernel or module shows. .BTF_ids, which the image keeps, holds what the kernel
 * itself uses to know its kfuncs and LSM hooks (include/linux/btf_ids.h): lists of type ids, one
 * after the other, without a name as the image has no symbols. Sets are told by their form:
 *
 *	BTF_SET   count, then so many ids in ascending order
 *	BTF_SET8  count, flags, then so many pairs of id and flags, ascending by id
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "features_impl.h"
#include "image.h"
#include "util.h"

#define SET_MAX	     4096 /* functions in a set; the largest, of LSM hooks, has some 300 */
#define SET8_KFUNCS  1u	  /* BTF_SET8_KFUNCS */
#define DISABLED_MAX 40	  /* hooks that BPF may not use: 11 to 13 in 6.1 to 7.2 */
#define LSM_PREFIX   "bpf_lsm_"
#define TRACE_PREFIX "btf_trace_"
#define KFUNC_TAG    "bpf_kfunc"

const struct enum_kind enum_kinds[] = {
	{"helper", "bpf_func_id", "BPF_FUNC_", "bpf_"},
	{"map", "bpf_map_type", "BPF_MAP_TYPE_", ""},
	{"prog", "bpf_prog_type", "BPF_PROG_TYPE_", ""},
	{"attach", "bpf_attach_type", "BPF_", ""},
	{"link", "bpf_link_type", "BPF_LINK_TYPE_", ""},
	{"cmd", "bpf_cmd", "BPF_", ""},
};
const size_t enum_kinds_n = ARRAY_SIZE(enum_kinds);

/*
 * In sets with flags, and since 6.9 even in marked ones, though no program can call them: what may
 * have its return value modified (register_btf_fmodret_id_set() in net/bpf/test_run.c,
 * net/socket.c, drivers/hid/bpf).
 */
static const char *const not_kfuncs[] = {
	"bpf_modify_return_test", "bpf_modify_return_test2", "bpf_modify_return_test_tp",
	"bpf_fentry_test1",	  "update_socket_protocol",  "hid_bpf_device_event",
	"hid_bpf_rdesc_fixup",	  "__hid_bpf_tail_call",
};

static json_t *kind_object(json_t *doc, const char *kind)
{
	json_t *o = json_object_get(doc, kind);

	if (!o) {
		o = json_object();
		json_object_set_new(doc, kind, o);
	}
	return o;
}

/* The first one to tell of a name is kept: the kernel before its modules. */
static void add(json_t *doc, const char *kind, const char *name, const char *module, char *evidence)
{
	json_t *all = kind_object(doc, kind), *e;

	if (!json_object_get(all, name)) {
		e = json_pack("{s:s, s:s}", "has", "yes", "evidence", evidence);
		if (module)
			json_object_set_new(e, "module", json_string(module));
		json_object_set_new(all, name, e);
	}
	free(evidence);
}

static const char *name_of(const struct btf *btf, unsigned id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	return t ? btf__name_by_offset(btf, t->name_off) : "";
}

static bool is_func(const struct btf *btf, unsigned id)
{
	const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;

	return t && btf_is_func(t);
}

static void add_kfunc(struct scan *s, const char *name, const char *module, const char *how)
{
	for (size_t k = 0; k < ARRAY_SIZE(not_kfuncs); k++)
		if (!strcmp(name, not_kfuncs[k]))
			return;
	add(s->doc, "kfunc", name, module ? module : "", fmt("FUNC %s %s", name, how));
}

static void add_enum(struct scan *s, const struct btf_type *t, const char *type)
{
	for (size_t k = 0; k < enum_kinds_n; k++) {
		const struct enum_kind *kind = &enum_kinds[k];
		size_t n = strlen(kind->value_prefix);

		if (strcmp(type, kind->type))
			continue;
		kind_object(s->doc, kind->kind);
		for (unsigned i = 0; i < btf_vlen(t); i++) {
			const struct btf_enum *e = btf_enum(t) + i;
			const char *value = btf__name_by_offset(s->vmlinux, e->name_off);
			char *name;

			if (strncmp(value, kind->value_prefix, n) || strstr(value, "MAX_") ||
			    !strcasecmp(value + n, "unspec"))
				continue;
			name = fmt("%s%s", kind->name_prefix, value + n);
			for (char *p = name; *p; p++)
				if (*p >= 'A' && *p <= 'Z')
					*p += 'a' - 'A';
			add(s->doc, kind->kind, name, NULL,
			    fmt("enum %s: %s = %d", type, value, e->val));
			free(name);
		}
	}
}

static void add_types(struct scan *s, const struct btf *btf, unsigned first, const char *module)
{
	unsigned n = btf__type_cnt(btf);

	for (unsigned id = first; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name = btf__name_by_offset(btf, t->name_off);

		if (btf_is_typedef(t) && !strncmp(name, TRACE_PREFIX, strlen(TRACE_PREFIX)))
			add(s->doc, "tracepoint", name + strlen(TRACE_PREFIX), module,
			    fmt("TYPEDEF %s", name));
		else if (btf_is_decl_tag(t) && !strcmp(name, KFUNC_TAG) && is_func(btf, t->type))
			add_kfunc(s, name_of(btf, t->type), module, "with DECL_TAG " KFUNC_TAG);
		else if (!module && btf_is_enum(t) && *name)
			add_enum(s, t, name);
		else if (!module && btf_is_func(t) && !strcmp(name, "bpf_check"))
			json_object_set_new(s->doc, "bpf", json_true());
	}
}

/* One BTF_SET8 of functions at ids[0]; its length in words, or 0. */
static size_t set8_at(const struct btf *btf, const uint32_t *ids, size_t left)
{
	uint32_t count = left > 3 ? ids[0] : 0, last = 0;

	if (count == 0 || count > SET_MAX || 2 + 2ul * count > left || ids[1] > SET8_KFUNCS)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = ids[2 + 2 * i];

		if (id <= last || !is_func(btf, id))
			return 0;
		last = id;
	}
	return 2 + 2ul * count;
}

/* One BTF_SET whose functions are all LSM hooks. */
static size_t lsm_set_at(const struct btf *btf, const uint32_t *ids, size_t left)
{
	uint32_t count = left > 1 ? ids[0] : 0, last = 0;

	if (count == 0 || count > SET_MAX || 1 + (size_t)count > left)
		return 0;
	for (uint32_t i = 1; i <= count; i++) {
		if (ids[i] <= last || !is_func(btf, ids[i]) ||
		    strncmp(name_of(btf, ids[i]), LSM_PREFIX, strlen(LSM_PREFIX)))
			return 0;
		last = ids[i];
	}
	return 1 + (size_t)count;
}

/* The largest set is bpf_lsm_hooks; bpf_lsm_disabled_hooks has these two and is small. */
static void add_lsm(struct scan *s, const uint32_t *set, size_t words)
{
	bool label = false, memory = false;
	json_t *names;

	for (size_t i = 1; i < words; i++) {
		label |= !strcmp(name_of(s->vmlinux, set[i]), LSM_PREFIX "ismaclabel");
		memory |= !strcmp(name_of(s->vmlinux, set[i]), LSM_PREFIX "vm_enough_memory");
	}
	if (!label || !memory)
		return;
	names = kind_object(s->doc, words > DISABLED_MAX ? "lsm" : "lsm_disabled");
	for (size_t i = 1; i < words; i++) {
		const char *func = name_of(s->vmlinux, set[i]);

		if (words > DISABLED_MAX)
			add(s->doc, "lsm", func + strlen(LSM_PREFIX), NULL,
			    fmt("FUNC %s in a BTF_SET of .BTF_ids", func));
		else
			json_object_set_new(names, func + strlen(LSM_PREFIX), json_true());
	}
}

static void add_sets(struct scan *s, const struct btf *btf, const uint32_t *ids, size_t n,
		     const char *module)
{
	bool any = false;

	for (size_t i = 0, words; i < n && !module; i += words ? words : 1) {
		words = set8_at(btf, ids + i, n - i);
		any |= words;
		s->marked |= words && ids[i + 1] == SET8_KFUNCS;
	}
	for (size_t i = 0, words; i < n; i += words ? words : 1) {
		words = set8_at(btf, ids + i, n - i);
		if (words) {
			for (size_t k = 2; k < words && (!s->marked || ids[i + 1]); k += 2)
				add_kfunc(s, name_of(btf, ids[i + k]), module,
					  "in a BTF_SET8 of .BTF_ids");
		} else if (!module) {
			words = lsm_set_at(btf, ids + i, n - i);
			if (words)
				add_lsm(s, ids + i, words);
		}
	}
	if (any)
		json_object_set_new(s->doc, "kfuncs", json_string("sets"));
}

/* The argument of a function that is a struct passed by value, counted from 1; 0: none. */
static unsigned struct_argument(const struct btf *btf, unsigned func)
{
	const struct btf_type *t = btf__type_by_id(btf, func);
	const struct btf_type *proto = btf__type_by_id(btf, t->type);

	for (unsigned i = 0; proto && btf_is_func_proto(proto) && i < btf_vlen(proto); i++) {
		int id = btf__resolve_type(btf, btf_params(proto)[i].type);

		if (id > 0 && btf_is_composite(btf__type_by_id(btf, id)))
			return i + 1;
	}
	return 0;
}

/* 720e6a435194 "bpf: Allow struct argument in trampoline based programs", 6.1, brought arg_flags.
 */
static void refuse_struct_arguments(struct scan *s)
{
	char why[128];
	const char *name;
	json_t *e;

	if (btf_has(s->vmlinux, "field", "btf_func_model.arg_flags", why, sizeof(why)))
		return;
	json_object_foreach (json_object_get(s->doc, "lsm"), name, e) {
		char *func = fmt(LSM_PREFIX "%s", name);
		int id = btf__find_by_name_kind(s->vmlinux, func, BTF_KIND_FUNC);
		unsigned n = id > 0 ? struct_argument(s->vmlinux, id) : 0;

		free(func);
		if (!n)
			continue;
		json_object_set_new(e, "has", json_string("no"));
		json_object_set_new(
			e, "evidence",
			json_sprintf("argument %u of FUNC " LSM_PREFIX
				     "%s is a struct, which this kernel's trampolines do "
				     "not take: no btf_func_model.arg_flags",
				     n, name));
	}
}

static void disable_lsm_hooks(json_t *doc)
{
	const char *name;
	json_t *v;

	json_object_foreach (json_object_get(doc, "lsm_disabled"), name, v) {
		json_t *e = json_object_get(json_object_get(doc, "lsm"), name);

		if (!e)
			continue;
		json_object_set_new(e, "has", json_string("no"));
		json_object_set_new(e, "evidence",
				    json_sprintf("FUNC " LSM_PREFIX
						 "%s is in bpf_lsm_disabled_hooks (.BTF_ids)",
						 name));
	}
}

void scan_vmlinux(struct scan *s, const void *elf, size_t len)
{
	size_t size, ids_size = 0;
	void *data = image_section(elf, len, ".BTF", &size);
	uint32_t *ids;

	libbpf_set_print(NULL);
	s->vmlinux = data ? btf__new(data, size) : NULL;
	free(data);
	json_object_set_new(s->doc, "btf", json_boolean(s->vmlinux));
	kind_object(s->doc, "kfunc");
	kind_object(s->doc, "tracepoint");
	if (!s->vmlinux)
		return;
	json_object_set_new(s->doc, "bpf", json_false());
	/* 5.13: e6ac2450d6de "bpf: Support bpf program calling kernel function" brought the type */
	json_object_set_new(s->doc, "kfuncs",
			    json_string(btf__find_by_name_kind(s->vmlinux, "bpf_kfunc_desc",
							       BTF_KIND_STRUCT) < 0
						? "none"
						: "unlisted"));
	add_types(s, s->vmlinux, 1, NULL);
	if (json_object_size(json_object_get(s->doc, "kfunc")))
		json_object_set_new(s->doc, "kfuncs", json_string("sets"));
	ids = image_section(elf, len, ".BTF_ids", &ids_size);
	if (ids)
		add_sets(s, s->vmlinux, ids, ids_size / sizeof(*ids), NULL);
	free(ids);
	disable_lsm_hooks(s->doc);
	refuse_struct_arguments(s);
}

/* By way of a file in memory, as libbpf before 1.2 has no btf__new_split() to link to. */
struct btf *module_btf(struct btf *vmlinux, const void *elf, size_t len)
{
	size_t size;
	void *data = vmlinux ? image_section(elf, len, ".BTF", &size) : NULL;
	int fd = data ? memfd_create("btf", MFD_CLOEXEC) : -1;
	struct btf *btf = NULL;
	char path[64];

	if (fd >= 0 && write_all(fd, data, size) == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		btf = btf__parse_raw_split(path, vmlinux);
	}
	if (fd >= 0)
		close(fd);
	free(data);
	return btf;
}

void scan_module(struct scan *s, const char *name, const void *elf, size_t len)
{
	struct btf *btf = module_btf(s->vmlinux, elf, len);
	size_t size;
	uint32_t *ids;

	if (!btf) {
		json_t *n = json_object_get(s->doc, "modules_without_btf");

		json_object_set_new(s->doc, "modules_without_btf",
				    json_integer(json_integer_value(n) + 1));
		return;
	}
	add_types(s, btf, btf__type_cnt(s->vmlinux), name);
	ids = image_section(elf, len, ".BTF_ids", &size);
	if (ids)
		add_sets(s, btf, ids, size / sizeof(*ids), name);
	free(ids);
	btf__free(btf);
}
