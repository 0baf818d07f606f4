// SPDX-License-Identifier: GPL-2.0-only
/* Result lines: see result.h. */
#include "result.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const status_words[] = {
	[RESULT_PASS] = "PASS", [RESULT_FAIL] = "FAIL", [RESULT_ERROR] = "ERROR",
	[RESULT_SKIP] = "SKIP", [RESULT_DONE] = "DONE",
};

static char started_test[256];
static long long started_ns;

void result_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(3);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* The descriptor lines go to. Wrong text is a broken harness, not a reason to print elsewhere. */
static int result_fd(void)
{
	const char *text = getenv("VMTEST_RESULT_FD");
	char *end;
	long fd;

	if (!text)
		return STDOUT_FILENO;
	fd = strtol(text, &end, 10);
	if (end == text || *end || fd < 0)
		result_die("VMTEST_RESULT_FD: '%s' is not a descriptor number", text);
	return fd;
}

json_t *result_string(const char *text, size_t len)
{
	json_t *string;
	char *copy = calloc(1, len + 1);

	if (!copy)
		result_die("out of memory for a string of %zu bytes", len);
	for (size_t i = 0; i < len; i++)
		copy[i] = iscntrl((unsigned char)text[i]) && text[i] != '\n' && text[i] != '\t'
				  ? '?'
				  : text[i];
	string = json_stringn(copy, len);
	if (!string) { /* not UTF-8 somewhere */
		for (size_t i = 0; i < len; i++)
			if (copy[i] & 0x80)
				copy[i] = '?';
		string = json_stringn(copy, len);
	}
	free(copy);
	if (!string)
		result_die("out of memory for a string of %zu bytes", len);
	return string;
}

static void write_json(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(12));
	int fd = result_fd();
	size_t len, done = 0;

	if (!text)
		result_die("a result line cannot be made into JSON (out of memory?)");
	len = strlen(text);
	text[len++] = '\n'; /* in the place of the terminator */
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result_die("write of a result line to descriptor %d: %s", fd,
				   strerror(errno));
		done += n;
	}
	free(text);
	json_decref(line);
}

void result_start(const char *test)
{
	snprintf(started_test, sizeof(started_test), "%s", test);
	started_ns = now_ns();
	write_json(json_pack("{s:s}", "start", test));
}

json_t *result_new(const char *test, enum result_status status, const char *reason, ...)
{
	json_t *line = json_pack("{s:s, s:s}", "test", test, "status", status_words[status]);
	char text[RESULT_REASON_MAX];
	va_list args;

	if (!line)
		result_die("out of memory for the result of %s", test);
	if (reason) {
		va_start(args, reason);
		vsnprintf(text, sizeof(text), reason, args);
		va_end(args);
		for (char *c = text; *c; c++)
			if (*c == '\n' || *c == '\t')
				*c = ' ';
		json_object_set_new(line, "reason", result_string(text, strlen(text)));
	} else if (status != RESULT_PASS && status != RESULT_DONE) {
		result_die("%s: a %s needs a reason", test, status_words[status]);
	}
	return line;
}

void result_set_log(json_t *line, const char *text, size_t len)
{
	size_t skip = len > RESULT_LOG_MAX ? len - RESULT_LOG_MAX : 0;

	json_object_set_new(line, "log", result_string(text + skip, len - skip));
}

void result_write(json_t *line)
{
	const char *test = json_string_value(json_object_get(line, "test"));

	if (test && !strcmp(test, started_test))
		json_object_set_new(line, "duration_ns", json_integer(now_ns() - started_ns));
	write_json(line);
}

void result_name(char *out, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < size && text[i]; i++)
		out[i] = isalnum((unsigned char)text[i]) || strchr("_.-", text[i]) ? text[i] : '_';
	out[i] = '\0';
}
