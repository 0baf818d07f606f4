// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "needs.h"
#include "needs_calls.h"
#include "objects.h"
#include "util.h"

static const char *const helper_names[] = {
#define NAME(name) [BPF_FUNC_##name] = "bpf_" #name
	__BPF_FUNC_MAPPER(NAME)
#undef NAME
};

/* The last two that were ever added (6.2, c4bcfb38a95e): the uapi of 6.1 lacks them. */
#define HELPER_CGRP_STORAGE_GET	   210
#define HELPER_CGRP_STORAGE_DELETE 211

static char *helper_need(long id)
{
	if (id >= 0 && (size_t)id < ARRAY_SIZE(helper_names) && helper_names[id])
		return fmt("helper:%s", helper_names[id]);
	if (id == HELPER_CGRP_STORAGE_GET)
		return xstrdup("helper:bpf_cgrp_storage_get");
	if (id == HELPER_CGRP_STORAGE_DELETE)
		return xstrdup("helper:bpf_cgrp_storage_delete");
	return NULL; /* nothing to ask a kernel for */
}

/* Takes over `name`, which may be NULL. */
static void add(struct program_needs *p, char *name)
{
	size_t at = 0;

	while (name && at < p->n && strcmp(p->names[at], name) < 0)
		at++;
	if (!name || (at < p->n && !strcmp(p->names[at], name))) {
		free(name);
		return;
	}
	p->names = grow(p->names, p->n, sizeof(*p->names));
	memmove(p->names + at + 1, p->names + at, (p->n++ - at) * sizeof(*p->names));
	p->names[at] = name;
}

static void on_helper(void *ctx, long id)
{
	add(ctx, helper_need(id));
}

/* bpf_prog_load_check_attach() and check_attach_btf_id() of the kernel: these types' loads look. */
static bool load_looks_at_attach_type(enum bpf_prog_type type)
{
	return type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM ||
	       type == BPF_PROG_TYPE_CGROUP_SOCK || type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR ||
	       type == BPF_PROG_TYPE_CGROUP_SOCKOPT || type == BPF_PROG_TYPE_SK_LOOKUP;
}

static void add_type(struct program_needs *p, const struct bpf_program *program)
{
	enum bpf_prog_type type = bpf_program__type(program);
	enum bpf_attach_type attach = bpf_program__expected_attach_type(program);
	const char *type_name = libbpf_bpf_prog_type_str(type);
	const char *attach_name = libbpf_bpf_attach_type_str(attach);

	if (type != BPF_PROG_TYPE_UNSPEC && type_name)
		add(p, fmt("prog:%s", type_name));
	if (load_looks_at_attach_type(type) && attach_name)
		add(p, fmt("attach:%s", attach_name));
}

/* "fentry/tcp_v4_rcv", also "fentry.s/", and "fentry/MODULE:FUNCTION". */
static void add_target(struct program_needs *p, const char *section)
{
	static const struct {
		const char *section, *kind;
	} kinds[] = {
		{"fentry", "func"},   {"fexit", "func"},     {"fmod_ret", "func"},
		{"lsm", "lsm"},	      {"lsm_cgroup", "lsm"}, {"tp_btf", "tracepoint"},
		{"fentry.s", "func"}, {"fexit.s", "func"},   {"fmod_ret.s", "func"},
		{"lsm.s", "lsm"},
	};
	const char *slash = strchr(section, '/'), *colon;

	for (size_t i = 0; slash && slash[1] && i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].section);

		if ((size_t)(slash - section) != n || strncmp(section, kinds[i].section, n))
			continue;
		colon = strchr(slash, ':');
		add(p, fmt("%s:%s", kinds[i].kind, colon ? colon + 1 : slash + 1));
	}
}

static void add_maps(struct program_needs *p, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object) {
		const char *type = libbpf_bpf_map_type_str(bpf_map__type(map));

		if (type && bpf_map__autocreate(map) && !bpf_map__is_internal(map))
			add(p, fmt("map:%s", type));
	}
}

static void add_kfunc(struct program_needs *p, const char *declared)
{
	char *name = object_kernel_name(declared);

	add(p, fmt("kfunc:%s", name));
	free(name);
}

int needs_read(const char *path, struct needs *needs, char *why, size_t size)
{
	struct bpf_program *program;
	struct bpf_object *object;
	struct calls *calls;
	size_t room = 0;

	*needs = (struct needs){0};
	libbpf_set_print(NULL);
	object = bpf_object__open_file(path, NULL);
	if (!object) {
		char said[128];

		libbpf_strerror(-errno, said, sizeof(said));
		snprintf(why, size, "%s: this machine's libbpf cannot open it: %s", path, said);
		return -1;
	}
	calls = calls_open(path);
	if (!calls) {
		snprintf(why, size, "%s: its instructions cannot be read", path);
		bpf_object__close(object);
		return -1;
	}
	bpf_object__for_each_program (program, object)
		room++;
	needs->programs = xcalloc(room + 1, sizeof(*needs->programs));
	bpf_object__for_each_program (program, object) {
		struct program_needs *p = &needs->programs[needs->n++];
		const char *section = bpf_program__section_name(program);

		p->program = xstrdup(bpf_program__name(program));
		add_type(p, program);
		add_target(p, section);
		add_maps(p, object);
		for (const char *const *k = calls_kfuncs(calls); *k; k++)
			add_kfunc(p, *k);
		calls_walk(calls, section, p->program, on_helper, p);
	}
	calls_close(calls);
	bpf_object__close(object);
	return 0;
}

void needs_free(struct needs *needs)
{
	for (size_t i = 0; i < needs->n; i++) {
		struct program_needs *p = &needs->programs[i];

		while (p->n)
			free(p->names[--p->n]);
		free(p->names);
		free(p->program);
	}
	free(needs->programs);
	*needs = (struct needs){0};
}
