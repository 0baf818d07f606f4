// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/proto.h"
#include "console.h"
#include "util.h"

/*
 * What the kernel prints when it is in trouble. `start` patterns must begin the message, after the
 * time stamp; the others may stand anywhere in it.
 */
static const struct {
	const char *text;
	enum outcome kind;
	bool start;
} patterns[] = {
	{"Kernel panic - not syncing", OC_PANIC, true},
	{"BUG: ", OC_OOPS, true}, /* page faults, KASAN, KFENCE, sleeping in atomic, soft lockup */
	{"kernel BUG at ", OC_OOPS, true},
	{"Oops: ", OC_OOPS, true},
	{"general protection fault", OC_OOPS, true},
	{"watchdog: BUG: soft lockup", OC_OOPS, false},
	{"watchdog: Watchdog detected hard LOCKUP", OC_OOPS, false},
	{"rcu_preempt detected stalls", OC_OOPS, false},
	{"rcu_sched detected stalls", OC_OOPS, false},
	{"self-detected stall on CPU", OC_OOPS, false},
	{"blocked for more than", OC_OOPS, false}, /* hung task */
	{"UBSAN: ", OC_OOPS, true},
	{"WARNING: ", OC_WARN, true},
};

int console_open(struct console *c, const char *path)
{
	*c = (struct console){.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
	if (c->fd < 0)
		return err("%s: %s", path, strerror(errno));
	c->tail = xcalloc(1, CONSOLE_TAIL);
	return 0;
}

/* "[    1.234567][  T42] message" -> "message" */
static const char *message_of(const char *line)
{
	while (*line == '[') {
		const char *end = strchr(line, ']');

		if (!end)
			break;
		line = end + 1;
		while (*line == ' ')
			line++;
	}
	return line;
}

static void add_splat(struct console *c, enum outcome kind, const char *message)
{
	if (c->splat_count == ARRAY_SIZE(c->splats))
		return; /* the first ones tell; the rest is in the file */
	c->splats[c->splat_count++] =
		(struct splat){kind, xstrdup(message), c->test ? xstrdup(c->test) : NULL};
}

static void see_line(struct console *c)
{
	const char *message;

	c->line[c->line_len] = '\0';
	while (c->line_len && isspace((unsigned char)c->line[c->line_len - 1]))
		c->line[--c->line_len] = '\0';
	message = message_of(c->line);
	c->line_len = 0;

	if (!strncmp(message, VT_MARK_START, strlen(VT_MARK_START))) {
		free(c->test);
		c->test = xstrdup(message + strlen(VT_MARK_START));
		return;
	}
	if (!strcmp(message, VT_MARK_READY)) {
		c->ready = true;
		return;
	}
	if (!strncmp(message, "vmtest: ", 8) && strcmp(message, VT_MARK_END)) {
		c->init_failed |= !strncmp(message, "vmtest: init: ", 14);
		free(c->init_said);
		c->init_said = xstrdup(message + 8);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		const char *at = strstr(message, patterns[i].text);

		if (!at || (patterns[i].start && at != message))
			continue;
		if (strstr(message, "Attempted to kill init"))
			c->init_failed = true;
		/* What the kernel warns of while it boots is not the test's doing; a panic ends
		 * all. */
		if (c->ready || patterns[i].kind == OC_PANIC)
			add_splat(c, patterns[i].kind, message);
		return;
	}
}

bool console_feed(struct console *c, const char *data, size_t len)
{
	if (c->total < CONSOLE_HEAD) {
		size_t n = CONSOLE_HEAD - c->total < len ? CONSOLE_HEAD - c->total : len;

		if (write_all(c->fd, data, n) < 0)
			warn("console log: %s", strerror(errno));
	}
	for (size_t i = 0; i < len; i++) {
		c->tail[(c->total + i) % CONSOLE_TAIL] = data[i];
		if (data[i] == '\n' || c->line_len == sizeof(c->line) - 1)
			see_line(c);
		else
			c->line[c->line_len++] = data[i];
	}
	c->total += len;
	return c->total < CONSOLE_FLOOD;
}

/* The last n bytes of the ring, in order. */
static char *ring_last(const struct console *c, size_t n)
{
	char *out = xcalloc(1, n + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = c->tail[(c->total - n + i) % CONSOLE_TAIL];
	return out;
}

void console_close(struct console *c)
{
	if (c->line_len)
		see_line(c);
	if (c->total > CONSOLE_HEAD) {
		uint64_t left = c->total - CONSOLE_HEAD;
		size_t n = left < CONSOLE_TAIL ? left : CONSOLE_TAIL;
		char *text = ring_last(c, n);

		if (left > n)
			dprintf(c->fd, "\n[... vmtest left out %llu bytes ...]\n",
				(unsigned long long)(left - n));
		if (write_all(c->fd, text, n) < 0)
			warn("console log: %s", strerror(errno));
		free(text);
	}
	close(c->fd);
	c->fd = -1;
}

void console_free(struct console *c)
{
	for (size_t i = 0; i < c->splat_count; i++) {
		free(c->splats[i].line);
		free(c->splats[i].test);
	}
	free(c->tail);
	free(c->test);
	free(c->init_said);
	*c = (struct console){.fd = -1};
}

const struct splat *console_worst(const struct console *c)
{
	static const enum outcome by_gravity[] = {OC_PANIC, OC_OOPS, OC_WARN};

	for (size_t g = 0; g < ARRAY_SIZE(by_gravity); g++)
		for (size_t i = 0; i < c->splat_count; i++)
			if (c->splats[i].kind == by_gravity[g])
				return &c->splats[i];
	return NULL;
}

char *console_tail(const struct console *c, size_t max)
{
	size_t n = c->total < max ? c->total : max;
	char *text, *nl;

	if (n > CONSOLE_TAIL)
		n = CONSOLE_TAIL;
	text = ring_last(c, n);
	if (n < c->total && (nl = strchr(text, '\n')))
		memmove(text, nl + 1, strlen(nl + 1) + 1);
	return text;
}
