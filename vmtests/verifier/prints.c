// SPDX-License-Identifier: GPL-2.0-only
/* What libbpf prints is the only place that says why it failed before the kernel was asked. */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

/* Enough for the first warnings; the verifier log that libbpf repeats there is not needed. */
static char prints[8192];
static size_t prints_len;

static int keep_print(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t room = sizeof(prints) - prints_len;
	int n;

	if (level != LIBBPF_WARN || room <= 1)
		return 0;
	n = vsnprintf(prints + prints_len, room, format, args);
	if (n > 0)
		prints_len += (size_t)n < room ? (size_t)n : room - 1;
	return n;
}

void load_capture_prints(void)
{
	libbpf_set_print(keep_print);
	prints_len = 0;
	prints[0] = '\0';
}

const char *load_first_warning(void)
{
	static char line[512];
	const char *text = prints;

	/* "prefix: pin path ..." style advice comes after the cause, so the first line is it. */
	if (!strncmp(text, "libbpf: ", strlen("libbpf: ")))
		text += strlen("libbpf: ");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	return line;
}
