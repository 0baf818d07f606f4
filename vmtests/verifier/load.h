/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads programs of an object and says what the kernel made of each. */
#ifndef VERIFIER_LOAD_H
#define VERIFIER_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "verifier_log.h"

/* How far a program came. The words are those of the result line's "stage". */
enum load_stage {
	STAGE_OPEN,	/* libbpf could not make sense of the object */
	STAGE_MAP,	/* the kernel refused a map */
	STAGE_KFUNC,	/* a kfunc the object calls is nowhere */
	STAGE_CORE,	/* a CO-RE relocation found nothing on this kernel */
	STAGE_VERIFIER, /* the kernel's verifier looked at the program */
	STAGE_OTHER,	/* before the verifier, for another reason */
};

struct load_result {
	bool accepted;
	/* The kernel was asked to load the program itself. */
	bool asked;
	/* The program cannot be judged alone (it extends or implements something at run time). */
	bool needs_company;
	enum load_stage stage;
	int error; /* positive errno, 0 when accepted */
	char reason[1024];
	/* What the verifier said at level BPF_LOG_STATS: figures and error lines. */
	struct verifier_log log;
	/* The log to show a person: with steps when the program was rejected. */
	char *shown;
	/* Where it was rejected: NULL, 0 when unknown. */
	char *file;
	unsigned int line;
	char *text;
	/* Nanoseconds of the BPF_PROG_LOAD call alone; maps and BTF are not in it. */
	long long load_ns;
	/* Bytes from bpf_prog_info; jited is 0 when the JIT is off. */
	unsigned int xlated_bytes;
	unsigned int jited_bytes;
};

/*
 * Loads @program of the object at @path with nothing else of it. A fresh object each time, as a
 * libbpf object can be loaded once. Pins of the object's maps are left out, so that nothing
 * outlives the call. @log_base, when not NULL, is a path without ending: the raw logs are kept
 * there as @log_base.stats.log and @log_base.steps.log.
 * Always fills @out, which the caller frees by load_result_free().
 */
void load_program(const char *path, const char *program, const char *log_base,
		  struct load_result *out);

/* Told of program @index of those that are loaded together: before the kernel is asked, and when it
 * has accepted it. */
struct load_listener {
	void (*asking)(size_t index, void *arg);
	void (*accepted)(size_t index, const struct load_result *result, void *arg);
	void *arg;
};

/*
 * Loads the programs @names of the object at @path, which are in the order in which it has them,
 * until one is not accepted. Most programs are, and what libbpf does before the first load (the
 * object, the kernel's BTF, maps) takes longer than most loads. Why one is not accepted, and
 * whether it is for its own sake, is for load_program(). Returns how many were accepted.
 */
size_t load_together(const char *path, const char *const *names, size_t n,
		     const struct load_listener *listener);

/* As load_program() does. */
void load_keep_log(const char *log_base, const struct load_result *result);

void load_result_free(struct load_result *result);

/*
 * What libbpf printed (warnings) since the last call of this, one line, without its "libbpf: "
 * prefixes; empty when nothing. Calls that open an object outside load_program() use it too.
 */
void load_capture_prints(void);
const char *load_first_warning(void);

#endif
