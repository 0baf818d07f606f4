/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls in a BPF object's instructions, before any loader has touched them. */
#ifndef VMTEST_NEEDS_CALLS_H
#define VMTEST_NEEDS_CALLS_H

struct calls;

/* Reads sections, symbols and relocations. NULL when the file is not an ELF file for BPF. */
struct calls *calls_open(const char *path);
void calls_close(struct calls *c);

/* Functions the object calls and expects of the kernel, not weakly; ended by NULL. */
const char *const *calls_kfuncs(const struct calls *c);

/*
 * Tells the helpers that a function, and all it calls or takes the address of, call; an id may be
 * told again. `section` may lack a leading "?". Nothing is told of a function that is not there.
 */
void calls_walk(struct calls *c, const char *section, const char *function,
		void (*helper)(void *ctx, long id), void *ctx);

#endif
