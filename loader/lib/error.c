// SPDX-License-Identifier: GPL-2.0-only
/* The text of the last error, and libbpf's messages kept until somebody asks for them. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "internal.h"

static char error_text[PATH_MAX + 1024];
static char note_text[512];
static char log_text[16384]; /* the verifier's verdict is at the end, so the end is kept */
static size_t log_len;
static bool verbose;

static void write_text(char *text, size_t room, const char *fmt, va_list ap)
{
	vsnprintf(text, room, fmt, ap);
	/* a file or a name we quote must not drive the reader's terminal */
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

int cp_fail(int err, const char *fmt, ...)
{
	va_list ap;
	const char *lacking = err == EPERM || err == EACCES ? cp_caps_lacking() : NULL;
	size_t used;

	va_start(ap, fmt);
	write_text(error_text, sizeof(error_text), fmt, ap);
	va_end(ap);
	used = strlen(error_text);
	/* The kernel does not say which; without CAP_PERFMON it is the verifier that refuses. */
	if (lacking)
		snprintf(error_text + used, sizeof(error_text) - used, "; missing: %s", lacking);
	return -err;
}

void cp_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_text(note_text, sizeof(note_text), fmt, ap);
	va_end(ap);
}

const char *corepath_note(void)
{
	return note_text;
}

const char *corepath_error(void)
{
	return error_text;
}

const char *corepath_log(void)
{
	return log_text;
}

void corepath_set_verbose(bool on)
{
	verbose = on;
}

static void log_append(const char *s, size_t n)
{
	size_t room = sizeof(log_text) - 1, drop;

	if (n > room) {
		s += n - room;
		n = room;
	}
	if (log_len + n > room) {
		drop = log_len + n - room;
		memmove(log_text, log_text + drop, log_len - drop);
		log_len -= drop;
	}
	memcpy(log_text + log_len, s, n);
	log_len += n;
	log_text[log_len] = '\0';
}

static int on_libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	va_list again;
	char *line;
	int n;

	if (verbose) {
		va_copy(again, ap);
		vfprintf(stderr, fmt, again);
		va_end(again);
	}
	if (level == LIBBPF_DEBUG)
		return 0;
	n = vasprintf(&line, fmt, ap);
	if (n >= 0) {
		log_append(line, n);
		free(line);
	}
	return 0;
}

void cp_log_quiet(void)
{
	libbpf_set_print(on_libbpf_print);
}

void cp_log_start(void)
{
	log_len = 0;
	log_text[0] = '\0';
	cp_log_quiet();
}
