/* SPDX-License-Identifier: GPL-2.0-only */
/* A program of this machine, with everything it needs to run in a guest that has nothing. */
#ifndef VMTEST_HOSTPROG_H
#define VMTEST_HOSTPROG_H

#include "initrd.h"

/* Where the shell would find it, to free(); NULL after err(). */
char *hostprog_find(const char *command);

/*
 * Adds the file at its own path, and for a program what it needs: its interpreter ("#!" line or
 * ELF) and its shared libraries, as the dynamic loader finds them here. 0, or -1 after err().
 */
int hostprog_add(struct cpio_writer *w, const char *path);

/* Adds what the program needs, and not itself: nothing if it is static, no program, or of a system
 * whose dynamic loader is not here. 0, or -1 after err(). */
int hostprog_add_libraries(struct cpio_writer *w, const char *path);

/* Adds a file, a program with the libraries it needs, or a directory with all that is in it, as
 * `to`. 0, or -1 after err(). */
int hostprog_copy(struct cpio_writer *w, const char *from, const char *to);

#endif
