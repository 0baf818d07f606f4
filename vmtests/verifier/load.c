// SPDX-License-Identifier: GPL-2.0-only
/* Loads programs, each by itself or together: see load.h. */
#include "load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Log levels, include/linux/bpf_verifier.h (not in uapi): steps with states; figures at the end. */
#define LOG_STEPS 1
#define LOG_STATS 4

/* The largest log buffer every kernel since 5.10 takes with room to spare (UINT_MAX >> 2 is their
 * limit); a program with a longer log loses its head since 6.4, its tail before. */
#define LOG_BYTES (16U << 20)

/* The call libbpf puts in the place of one whose CO-RE relocation failed: 0xbad2310 in
 * libbpf's relo_core.c; kernels name it as an unknown function. */
static const char *const core_marks[] = {"#195896080", "0xbad2310", "CO-RE relocation"};

/* One buffer for the run: fresh zero pages per program would cost more than the load. */
static char log_buffer[LOG_BYTES];

/* What the wrapped bpf_prog_load() below saw of the program that is being judged. */
static struct {
	const char *name;
	bool asked;
	long long ns;
	struct bpf_line_info *lines;
	unsigned int line_count;
} seen;

/* What load_together() has the wrapped bpf_prog_load() do. */
static struct {
	const char *const *names; /* NULL: nothing */
	size_t n, accepted;
	const struct load_listener *listener;
} together;

int __real_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t insn_count,
			 struct bpf_prog_load_opts *opts);
int __wrap_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t insn_count,
			 struct bpf_prog_load_opts *opts);

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void read_sizes(int fd, struct load_result *out)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	/* bpf_prog_get_info_by_fd() is not in every libbpf this is built with: since 1.2 */
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return;
	out->xlated_bytes = info.xlated_prog_len;
	out->jited_bytes = info.jited_prog_len;
}

/* The next one of load_together() is accepted. */
static void tell_accepted(int fd, long long load_ns)
{
	struct load_result result = {
		.accepted = true, .asked = true, .stage = STAGE_VERIFIER, .load_ns = load_ns};

	if (!verifier_log_parse(log_buffer, &result.log)) {
		result.shown = strdup(log_buffer);
		read_sizes(fd, &result);
		together.listener->accepted(together.accepted++, &result, together.listener->arg);
	}
	load_result_free(&result);
}

/*
 * The linker (--wrap=bpf_prog_load) puts this between libbpf's object code and its system call
 * wrapper, for what libbpf 1.5 does not tell: that a program comes next, the time of the call
 * alone, and the line info of the instruction stream as the kernel gets it, with subprograms
 * appended and relocated.
 */
int __wrap_bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
			 const struct bpf_insn *insns, size_t insn_count,
			 struct bpf_prog_load_opts *opts)
{
	bool ours = seen.name && name && !strcmp(name, seen.name);
	bool next = together.names && together.accepted < together.n && name &&
		    !strcmp(name, together.names[together.accepted]);
	long long start, ns;
	int fd, saved;

	if (next) {
		together.listener->asking(together.accepted, together.listener->arg);
		log_buffer[0] = '\0';
	}
	if (ours && opts && opts->line_info_cnt &&
	    opts->line_info_rec_size >= sizeof(struct bpf_line_info)) {
		free(seen.lines);
		seen.lines = calloc(opts->line_info_cnt, sizeof(*seen.lines));
		seen.line_count = seen.lines ? opts->line_info_cnt : 0;
		for (unsigned int i = 0; i < seen.line_count; i++)
			memcpy(&seen.lines[i],
			       (const char *)opts->line_info + i * opts->line_info_rec_size,
			       sizeof(*seen.lines));
	}
	start = now_ns();
	fd = __real_bpf_prog_load(type, name, license, insns, insn_count, opts);
	saved = errno;
	ns = now_ns() - start;
	if (ours) {
		seen.asked = true;
		seen.ns = ns;
	}
	if (next && fd >= 0)
		tell_accepted(fd, ns);
	errno = saved;
	return fd;
}

static void forget_seen(void)
{
	free(seen.lines);
	memset(&seen, 0, sizeof(seen));
}

static void keep_log(const char *base, const char *ending, const char *log)
{
	char path[4096];
	FILE *file;

	if (!base)
		return;
	snprintf(path, sizeof(path), "%s.%s.log", base, ending);
	file = fopen(path, "w");
	if (!file || fputs(log, file) < 0 || fclose(file)) {
		fprintf(stderr, "verifier: cannot keep the log as %s: %s\n", path, strerror(errno));
		exit(2);
	}
}

/* Only the @n programs @wanted, in the order in which the object has them, are loaded, with their
 * logs at @level in @log. Maps keep no pins and have at least one entry, as real loaders set the
 * size of those an object leaves at 0. Returns the last of those programs, or NULL if one is not
 * there, or has no log. */
static struct bpf_program *leave_only(struct bpf_object *object, const char *const *wanted,
				      size_t n, unsigned int level, char *log)
{
	struct bpf_program *program, *found = NULL;
	struct bpf_map *map;
	size_t next = 0;

	bpf_object__for_each_program (program, object) {
		bool is_it = next < n && !strcmp(bpf_program__name(program), wanted[next]);

		bpf_program__set_autoload(program, is_it);
		if (!is_it)
			continue;
		if (bpf_program__set_log_buf(program, log, LOG_BYTES) ||
		    bpf_program__set_log_level(program, level))
			return NULL;
		found = program;
		next++;
	}
	bpf_object__for_each_map (map, object) {
		const char *type = libbpf_bpf_map_type_str(bpf_map__type(map));

		bpf_map__set_pin_path(map, NULL);
		/* Local storage has no size: the kernel insists on 0 there. */
		if (bpf_map__max_entries(map) == 0 && !(type && strstr(type, "storage")))
			bpf_map__set_max_entries(map, 1);
	}
	return next == n ? found : NULL;
}

static bool has_core_mark(const char *text)
{
	for (size_t i = 0; i < sizeof(core_marks) / sizeof(*core_marks); i++)
		if (text && strstr(text, core_marks[i]))
			return true;
	return false;
}

/* "<invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [5] struct x.y": the
 * second line, which libbpf writes over the kernel's poisoned instruction. */
static void core_reason(const char *steps, char *out, size_t size)
{
	const char *at = strstr(steps, "failed to resolve CO-RE relocation");

	if (at)
		snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

/* "extern (func ksym) 'NAME': not found in kernel or module BTFs": libbpf then loads nothing. */
static bool missing_kfunc(const char *said, struct load_result *out)
{
	static const char start[] = "extern (func ksym) '";
	const char *name = strstr(said, start);

	if (!name || !strstr(name, "not found in kernel or module BTFs"))
		return false;
	name += strlen(start);
	out->stage = STAGE_KFUNC;
	snprintf(out->reason, sizeof(out->reason),
		 "missing kfunc %.*s: not in this kernel nor its modules", (int)strcspn(name, "'"),
		 name);
	return true;
}

/* Why the kernel was not asked, from what libbpf printed. */
static void explain_before_kernel(struct load_result *out)
{
	const char *said = load_first_warning();

	if (missing_kfunc(said, out))
		return;
	out->stage = STAGE_OTHER;
	if (strstr(said, "map '") && strstr(said, "failed to create"))
		out->stage = STAGE_MAP;
	else if (has_core_mark(said) || strstr(said, "relo #"))
		out->stage = STAGE_CORE;
	snprintf(out->reason, sizeof(out->reason), "%s (%s)",
		 *said ? said : "libbpf gave up without saying why", strerror(out->error));
}

/* The source line of instruction @insn, by the line info the kernel was given. */
static void find_source(const struct btf *btf, long insn, struct load_result *out)
{
	const struct bpf_line_info *best = NULL;
	const char *file, *text;

	for (unsigned int i = 0; i < seen.line_count; i++)
		if ((long)seen.lines[i].insn_off <= insn &&
		    (!best || seen.lines[i].insn_off >= best->insn_off))
			best = &seen.lines[i];
	if (!btf || !best)
		return;
	file = btf__str_by_offset(btf, best->file_name_off);
	text = btf__str_by_offset(btf, best->line_off);
	if (!file || !*file)
		return;
	out->file = strdup(file);
	out->line = BPF_LINE_INFO_LINE_NUM(best->line_col);
	if (text && *text)
		out->text = strdup(text + strspn(text, " \t"));
}

/*
 * One load at @level into @log. Returns 0 or a negative errno; the object is returned in @object
 * while it lives, as the accepted program and the BTF are in it.
 */
static int load_once(const char *path, const char *name, unsigned int level, char *log,
		     struct bpf_object **object, struct bpf_program **program)
{
	load_capture_prints();
	forget_seen();
	log[0] = '\0';
	*program = NULL;
	*object = bpf_object__open_file(path, NULL);
	if (!*object)
		return -errno;
	*program = leave_only(*object, &name, 1, level, log);
	if (!*program)
		return -ENOENT;
	seen.name = bpf_program__name(*program);
	return bpf_object__load(*object);
}

/* The second load of a rejected program: the way the verifier went, to find the source line. */
static void load_for_steps(const char *path, const char *name, const char *log_base, char *steps,
			   struct load_result *out)
{
	struct bpf_program *program;
	struct bpf_object *object;
	struct verifier_log log;

	load_once(path, name, LOG_STEPS | LOG_STATS, steps, &object, &program);
	keep_log(log_base, "steps", steps);
	if (!verifier_log_parse(steps, &log)) {
		if (has_core_mark(out->reason) || has_core_mark(log.reason)) {
			out->stage = STAGE_CORE;
			core_reason(steps, out->reason, sizeof(out->reason));
		}
		/* A log cut at its end (before 6.4) stops anywhere: its last step is not the
		 * one that was refused. */
		if (log.complete && log.insn >= 0)
			find_source(bpf_object__btf(object), log.insn, out);
		if (log.complete && !out->file && log.file) {
			out->file = strdup(log.file);
			out->line = log.line;
		}
		if (log.complete && !out->text && log.text)
			out->text = strdup(log.text);
		if (log.complete) {
			free(out->shown);
			out->shown = strdup(steps);
		}
		verifier_log_free(&log);
	}
	bpf_object__close(object);
}

/* Types that hook into another BPF program or a kernel table given at run time. */
static bool type_needs_company(enum bpf_prog_type type)
{
	return type == BPF_PROG_TYPE_EXT || type == BPF_PROG_TYPE_STRUCT_OPS;
}

static void judge(const char *path, const char *name, const char *log_base, char *log,
		  struct load_result *out)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int err = load_once(path, name, LOG_STATS, log, &object, &program);

	out->accepted = !err;
	out->error = -err;
	out->asked = seen.asked;
	out->load_ns = seen.ns;
	out->stage = object ? STAGE_VERIFIER : STAGE_OPEN;
	out->shown = strdup(log);
	keep_log(log_base, "stats", log);
	if (verifier_log_parse(log, &out->log)) {
		out->accepted = false;
		out->error = ENOMEM;
	}
	if (!err)
		read_sizes(bpf_program__fd(program), out);
	else if (!object)
		snprintf(out->reason, sizeof(out->reason), "%s (%s)", load_first_warning(),
			 strerror(out->error));
	else if (!out->asked)
		explain_before_kernel(out);
	else if (out->log.reason)
		snprintf(out->reason, sizeof(out->reason), "%s", out->log.reason);
	else if (out->log.complete)
		snprintf(out->reason, sizeof(out->reason),
			 "the verifier refused and gave no reason (%s)", strerror(out->error));
	else
		snprintf(out->reason, sizeof(out->reason),
			 "the kernel refused before its verifier looked: %s", strerror(out->error));
	if (err && out->asked && !out->log.reason && !out->log.complete)
		out->stage = STAGE_OTHER;
	out->needs_company =
		err && !out->asked && program && type_needs_company(bpf_program__type(program));
	bpf_object__close(object);
}

void load_program(const char *path, const char *name, const char *log_base, struct load_result *out)
{
	memset(out, 0, sizeof(*out));
	judge(path, name, log_base, log_buffer, out);
	if (!out->accepted && out->asked && out->stage == STAGE_VERIFIER)
		load_for_steps(path, name, log_base, log_buffer, out);
	forget_seen();
}

size_t load_together(const char *path, const char *const *names, size_t n,
		     const struct load_listener *listener)
{
	struct bpf_object *object;

	load_capture_prints();
	forget_seen();
	object = bpf_object__open_file(path, NULL);
	if (!object)
		return 0;
	together.names = names;
	together.n = n;
	together.accepted = 0;
	together.listener = listener;
	if (leave_only(object, names, n, LOG_STATS, log_buffer))
		bpf_object__load(object);
	together.names = NULL;
	bpf_object__close(object);
	return together.accepted;
}

void load_keep_log(const char *log_base, const struct load_result *result)
{
	keep_log(log_base, "stats", result->shown ?: "");
}

void load_result_free(struct load_result *result)
{
	verifier_log_free(&result->log);
	free(result->shown);
	free(result->file);
	free(result->text);
	memset(result, 0, sizeof(*result));
}
