/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a BPF object needs of a kernel, told from the object alone, in the names of features.h:
 *
 *	helper:	calls, also those of the functions and callbacks a program reaches
 *	kfunc:	that are not weak; of the whole object, as libbpf loads no program of one with
 *		a kfunc missing
 *	map:	types; of the whole object, as all its maps are made
 *	prog:	type; attach: type, where the kernel looks at it when the program is loaded
 *	func: lsm: tracepoint:	what its section names as the attach target
 *
 * What is found is needed unless the verifier removes the code as dead: a program may ask first
 * whether a helper exists. CO-RE relocations, and all the verifier decides, are not told.
 */
#ifndef VMTEST_NEEDS_H
#define VMTEST_NEEDS_H

#include <stddef.h>

struct program_needs {
	char *program;
	char **names; /* sorted, without duplicates */
	size_t n;
};

struct needs {
	struct program_needs *programs;
	size_t n;
};

/*
 * The needs of each program of an object. 0, or -1: `why` says in one line why the object cannot
 * be told of.
 */
int needs_read(const char *path, struct needs *needs, char *why, size_t size);
void needs_free(struct needs *needs);

#endif
