// SPDX-License-Identifier: GPL-2.0-only
/*
 * verifier: judges every program of any BPF objects on the running kernel, one result line each.
 *
 *	verifier [--source-root DIR] [--log-dir DIR] OBJECT...
 *
 * Exit status: 0 when every object was looked at, whatever the verdicts; 2 for wrong usage.
 */
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/jit.h"
#include "../lib/result.h"
#include "load.h"

static const char *const stage_words[] = {
	[STAGE_OPEN] = "open",	 [STAGE_MAP] = "map",		[STAGE_CORE] = "core",
	[STAGE_KFUNC] = "kfunc", [STAGE_VERIFIER] = "verifier", [STAGE_OTHER] = "other",
};

static const char *source_root;
static const char *log_dir;

/* Where the section headers end, bytes; compilers write them last. */
static long long sections_end(const Elf64_Ehdr *header)
{
	return header->e_shoff + (long long)header->e_shnum * header->e_shentsize;
}

/* Says why @path cannot be a BPF object, in words libbpf does not have. False: it may be one. */
static bool not_an_object(const char *path, char *why, size_t size)
{
	Elf64_Ehdr header = {};
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		snprintf(why, size, "%s: cannot be opened: %s", path, strerror(errno));
		return true;
	}
	n = fstat(fd, &st) ? -1 : read(fd, &header, sizeof(header));
	if (n < 0)
		snprintf(why, size, "%s: cannot be read: %s", path, strerror(errno));
	close(fd);
	if (n < 0)
		return true;
	if (n == 0)
		snprintf(why, size, "%s: is empty", path);
	else if (memcmp(header.e_ident, ELFMAG, SELFMAG))
		snprintf(why, size, "%s: is not an ELF file", path);
	else if ((size_t)n < sizeof(header))
		snprintf(why, size, "%s: is cut short: it ends within its ELF header", path);
	else if (header.e_ident[EI_CLASS] != ELFCLASS64)
		snprintf(why, size, "%s: is not a 64-bit ELF file", path);
	else if (header.e_ident[EI_DATA] !=
		 (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB))
		snprintf(why, size, "%s: has the other byte order than this machine", path);
	else if (header.e_machine != EM_BPF)
		snprintf(
			why, size,
			"%s: is for ELF machine %u, not BPF (%u): compile it with clang -target bpf",
			path, header.e_machine, EM_BPF);
	else if (sections_end(&header) > st.st_size)
		snprintf(why, size, "%s: is cut short: %lld bytes, of at least %lld", path,
			 (long long)st.st_size, sections_end(&header));
	else
		return false;
	return true;
}

/* "dir/xdp_prefilter.bpf.o" -> "xdp_prefilter"; also plain ".o". */
static void object_name(const char *path, char *out, size_t size)
{
	const char *base = strrchr(path, '/');
	static const char *const endings[] = {".bpf.o", ".o"};
	size_t len;

	result_name(out, size, base ? base + 1 : path);
	len = strlen(out);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t end = strlen(endings[i]);

		if (len > end && !strcmp(out + len - end, endings[i])) {
			out[len - end] = '\0';
			return;
		}
	}
}

static json_t *source_json(const struct load_result *result)
{
	json_t *source = json_object();
	const char *file = result->file;
	size_t root = source_root ? strlen(source_root) : 0;

	if (root && !strncmp(file, source_root, root) && file[root] == '/')
		file += root + 1;
	/* What a build that maps its folder to "." leaves. */
	if (!strncmp(file, "./", 2))
		file += 2;
	json_object_set_new(source, "file", result_string(file, strlen(file)));
	if (result->line)
		json_object_set_new(source, "line", json_integer(result->line));
	if (result->text)
		json_object_set_new(source, "text",
				    result_string(result->text, strlen(result->text)));
	return source;
}

static void set_figure(json_t *object, const char *key, long long value)
{
	if (value >= 0)
		json_object_set_new(object, key, json_integer(value));
}

static json_t *verifier_json(const char *object, const char *program, const char *type,
			     const struct load_result *result)
{
	const struct verifier_log *log = &result->log;
	const char *verdict = result->accepted ? "accepted" : "not_loaded";
	json_t *out;

	if (!result->accepted && result->asked && result->stage != STAGE_OTHER)
		verdict = "rejected";
	out = json_pack("{s:s, s:s, s:s, s:s}", "object", object, "program", program, "type", type,
			"verdict", verdict);
	if (!result->accepted)
		json_object_set_new(out, "stage", json_string(stage_words[result->stage]));
	if (log->complete) {
		set_figure(out, "insns", log->insns);
		set_figure(out, "peak_states", log->peak_states);
		set_figure(out, "total_states", log->total_states);
		set_figure(out, "max_states_per_insn", log->max_states_per_insn);
		if (log->verification_us >= 0)
			set_figure(out, "verification_ns", log->verification_us * 1000LL);
	}
	if (log->stack_count) {
		json_t *stack = json_array();

		for (int i = 0; i < log->stack_count; i++)
			json_array_append_new(stack, json_integer(log->stack[i]));
		json_object_set_new(out, "stack", stack);
	}
	if (result->asked)
		set_figure(out, "load_ns", result->load_ns);
	if (result->accepted) {
		set_figure(out, "xlated_bytes", result->xlated_bytes);
		set_figure(out, "jited_bytes", result->jited_bytes);
	}
	return out;
}

/* FAIL: the object does not work on this kernel. ERROR: that could not be found out. */
static enum result_status status_of(const struct load_result *result)
{
	if (result->accepted)
		return RESULT_PASS;
	if (result->needs_company || result->stage == STAGE_OPEN || result->error == EPERM ||
	    result->error == ENOMEM)
		return RESULT_ERROR;
	return RESULT_FAIL;
}

/* What of an object that is refused is a skip. */
enum how {
	NEEDS_JIT = 1 << 0,    /* without the JIT, everything */
	SOME_TARGETS = 1 << 1, /* what is off by default, where its target is not there */
};

/*
 * What the kernel lacks that a program needs which its object has for others alone (libbpf does not
 * load it by itself: SEC("?...")), in the words of `vmtest kernels features`; false if it was
 * refused for anything else. The harness looks whether it is so.
 */
static bool lacks_target(const struct load_result *result, const char *type, char *out, size_t size)
{
	static const char start[] = "failed to find kernel BTF type ID of '";
	const char *name = strstr(result->reason, start);

	if (name) {
		name += strlen(start);
		snprintf(out, size, "%s:%.*s", strcmp(type, "lsm") ? "func" : "lsm",
			 (int)strcspn(name, "'"), name);
		return true;
	}
	/* 720e6a435194 "bpf: Allow struct argument in trampoline based programs", 6.1 */
	snprintf(out, size, "field:btf_func_model.arg_flags");
	return strstr(result->reason, "type STRUCT is unsupported");
}

/* One object, and its programs in the order in which it has them. */
struct subject {
	const char *path;
	char object[256];
	int how;
	const char **names;
	struct judged {
		const char *type;
		bool optional;
		bool begun; /* its start has been told */
		char test[512], log_base[4096];
	} *programs;
	size_t n, first; /* `first`: whom a listener's 0 stands for */
};

static void begin(struct judged *p)
{
	if (!p->begun)
		result_start(p->test);
	p->begun = true;
}

static void report(const struct subject *s, size_t i, const struct load_result *result)
{
	const struct judged *p = &s->programs[i];
	char missing[256];
	json_t *line;

	if (result->accepted && !result->asked)
		line = result_new(p->test, RESULT_ERROR,
				  "libbpf reports success but never asked the kernel to load it");
	else if (result->accepted)
		line = result_new(p->test, RESULT_PASS, NULL);
	else
		line = result_new(p->test, status_of(result), "%s%s",
				  result->needs_company ? "cannot be judged alone: " : "",
				  result->reason);
	if (!result->accepted && (s->how & NEEDS_JIT) && !jit_is_on()) {
		json_object_set_new(line, "status", json_string("SKIP"));
		json_object_set_new(line, "missing", json_string(VMTESTS_JIT));
	} else if (!result->accepted && (s->how & SOME_TARGETS) && p->optional &&
		   lacks_target(result, p->type, missing, sizeof(missing))) {
		json_object_set_new(line, "status", json_string("SKIP"));
		json_object_set_new(line, "missing", json_string(missing));
	}
	json_object_set_new(line, "verifier",
			    verifier_json(s->object, s->names[i], p->type, result));
	if (result->file)
		json_object_set_new(line, "source", source_json(result));
	if (result->shown && *result->shown)
		result_set_log(line, result->shown, strlen(result->shown));
	result_write(line);
}

static void on_asking(size_t index, void *arg)
{
	struct subject *s = arg;

	begin(&s->programs[s->first + index]);
}

static void on_accepted(size_t index, const struct load_result *result, void *arg)
{
	struct subject *s = arg;

	if (log_dir)
		load_keep_log(s->programs[s->first + index].log_base, result);
	report(s, s->first + index, result);
}

static void judge_alone(struct subject *s, size_t i)
{
	struct load_result result;

	begin(&s->programs[i]);
	load_program(s->path, s->names[i], log_dir ? s->programs[i].log_base : NULL, &result);
	report(s, i, &result);
	load_result_free(&result);
}

/* Those that the kernel accepts together; between them, each that it does not. */
static void judge_programs(struct subject *s)
{
	const struct load_listener listener = {on_asking, on_accepted, s};
	size_t i = 0;

	while (i < s->n) {
		s->first = i;
		i += load_together(s->path, s->names + i, s->n - i, &listener);
		if (i < s->n)
			judge_alone(s, i++);
	}
}

static void name_programs(struct subject *s, struct bpf_object *obj)
{
	struct bpf_program *program;
	struct judged *p;
	char name[128];

	bpf_object__for_each_program (program, obj)
		s->n++;
	s->names = calloc(s->n, sizeof(*s->names));
	s->programs = calloc(s->n, sizeof(*s->programs));
	if (s->n && (!s->names || !s->programs))
		result_die("out of memory");
	s->n = 0;
	bpf_object__for_each_program (program, obj) {
		p = &s->programs[s->n];
		s->names[s->n++] = bpf_program__name(program);
		p->type = libbpf_bpf_prog_type_str(bpf_program__type(program)) ?: "unknown";
		p->optional = !bpf_program__autoload(program);
		result_name(name, sizeof(name), bpf_program__name(program));
		snprintf(p->test, sizeof(p->test), "verifier.%s.%s", s->object, name);
		snprintf(p->log_base, sizeof(p->log_base), "%s/%s.%s", log_dir ?: "", s->object,
			 name);
	}
}

static void judge_object(const char *path, int how)
{
	struct subject s = {.path = path, .how = how};
	struct bpf_object *obj = NULL;
	const char *problem = NULL;
	char test[512], why[1024];

	object_name(path, s.object, sizeof(s.object));
	snprintf(test, sizeof(test), "verifier.%s", s.object);
	if (not_an_object(path, why, sizeof(why))) {
		problem = why;
	} else {
		load_capture_prints();
		obj = bpf_object__open_file(path, NULL);
		if (!obj) {
			int err = errno;
			const char *said = load_first_warning();

			snprintf(why, sizeof(why), "%s: libbpf cannot open it: %s (%s)", path,
				 *said ? said : "no reason given", strerror(err));
			problem = why;
		}
	}
	if (obj) {
		name_programs(&s, obj);
		judge_programs(&s);
		bpf_object__close(obj);
		free(s.names);
		free(s.programs);
		if (!s.n) {
			snprintf(why, sizeof(why), "%s: no programs in it", path);
			problem = why;
		}
	}
	if (problem) {
		result_start(test);
		result_report(test, RESULT_ERROR, "%s", problem);
	}
}

static void usage(FILE *to)
{
	fputs("usage: verifier [--source-root DIR] [--log-dir DIR] [--jit OBJECT] [--some OBJECT] OBJECT...\n"
	      "Loads every program of each BPF object by itself and writes one result line each.\n"
	      "  --source-root DIR  report source files relative to DIR\n"
	      "  --log-dir DIR      keep the raw verifier logs there (DIR exists)\n"
	      "  --jit OBJECT       judge this one too; that it is refused with the JIT off is a skip\n"
	      "  --some OBJECT      likewise; a program that is off by default (SEC(\"?...\")) is one for\n"
	      "                     kernels that have its target, and elsewhere a skip\n"
	      "example: verifier xdp_prefilter.bpf.o\n",
	      to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"source-root", required_argument, NULL, 's'},
		{"log-dir", required_argument, NULL, 'l'},
		{"jit", required_argument, NULL, 'j'},
		{"some", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	struct {
		const char *path;
		int how;
	} *others = NULL;
	size_t n_others = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's') {
			source_root = optarg;
		} else if (option == 'l') {
			log_dir = optarg;
		} else if (option == 'j' || option == 'o') {
			others = realloc(others, (n_others + 1) * sizeof(*others));
			if (!others)
				result_die("out of memory");
			others[n_others].path = optarg;
			others[n_others++].how = option == 'j' ? NEEDS_JIT : SOME_TARGETS;
		} else {
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (optind == argc && !n_others) {
		fputs("verifier: no object given\n", stderr);
		usage(stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		judge_object(argv[i], 0);
	for (size_t i = 0; i < n_others; i++)
		judge_object(others[i].path, others[i].how);
	free(others);
	return 0;
}
