/* SPDX-License-Identifier: GPL-2.0-only */
/* What a debugger needs to know of a kernel that comes without any: names and the way up the stack.
 */
#ifndef VMTEST_SYMBOLS_H
#define VMTEST_SYMBOLS_H

/* Of what symbols_write() writes, for the names of files that are kept: a new one for new contents.
 */
#define SYMBOLS_VERSION "2"

/*
 * Writes an ELF file that gives a debugger the names of a kernel's functions and data, from the
 * text of /proc/kallsyms as root reads it in a guest booted with nokaslr, and its stack frames,
 * from the ORC tables of the image. Modules' names are left out: they lie elsewhere each time.
 * Without ORC (a kernel with frame pointers) there are only names. 0, or -1 after err().
 */
int symbols_write(const char *vmlinuz, const char *kallsyms, const char *path);

#endif
