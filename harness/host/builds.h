/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two axes of the matrix: what user space is linked with (a loader build), and what compiled the
 * objects. kernels/matrix.yaml names both, `make builds` makes them (kernels/builds.mk); the first
 * of each is the pinned one, which `make` builds.
 *
 * A suite's file says which axes it is on by how it begins:
 *
 *   {guest}/    programs linked with libbpf (verifier, functional, perf): one for each loader build
 *   {objects}/  BPF objects: one for each compiler
 *   {loader}/   corepath, which has the objects built in: one for each loader build and compiler
 *
 * A suite without such a file runs once, and its lines say the pinned ones.
 */
#ifndef VMTEST_BUILDS_H
#define VMTEST_BUILDS_H

#include <jansson.h>
#include <stdbool.h>

#include "config.h"

struct build {
	char *name;		     /* "libbpf-1.1.2_clang-16-v2"; NULL: pinned on both axes */
	char *id;		     /* as name, with the compiler's full version */
	char *loader;		     /* "libbpf 1.1.2" */
	char *compiler;		     /* "clang 16.0.6 v2" */
	const char *since;	     /* the first series its instructions are in, or NULL */
	bool named;		     /* it was asked for by its name: runs before `since`, too */
	unsigned serves;	     /* which kinds of suites (builds.c) */
	char *guest, *objects, *dir; /* what the placeholders stand for */
};

struct build_options {
	const char *loaders, *compilers; /* lists of names, "all", or NULL: the pinned one */
	bool star;			 /* only one of the two not pinned at a time */
};

struct builds {
	struct build *list;
	unsigned n;
	json_t *left_out; /* an array for run.json: what "all" did not take, and why */
};

/* The pinned build, for commands that know no other. */
const struct build *build_pinned(void);

/* 0; or an exit code after the error was said. */
int builds_select(const struct build_options *o, struct builds *all);

/*
 * Those of the suites that run with this build, as copies with their files' placeholders replaced,
 * which live until the program ends. 0; or an exit code after err(): a file is not built, or is
 * older than the pinned build's, and so of another source.
 */
int build_suites(const struct build *b, const struct suite *const *suites, unsigned n,
		 const struct suite ***out, unsigned *out_n);

/* False, noted in left_out, when the kernel does not know this build's instructions. */
bool build_runs_on(const struct build *b, const char *series, const char *release,
		   json_t *left_out);

#endif
