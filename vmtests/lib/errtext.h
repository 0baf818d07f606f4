/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why the last call failed, in words, for a module whose functions return -1 and have one that
 * gives the text. Each source file that includes this has its own.
 */
#ifndef VMTESTS_ERRTEXT_H
#define VMTESTS_ERRTEXT_H

#include <stdarg.h>
#include <stdio.h>

static char error_text[512];

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error_text, sizeof(error_text), format, args);
	va_end(args);
	return -1;
}

#endif
