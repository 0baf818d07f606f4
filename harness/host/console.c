// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/proto.h"
#include "console.h"
#include "exceptions.h"
#include "splat.h"
#include "util.h"

int console_open(struct console *c, const char *path)
{
	*c = (struct console){.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
	if (c->fd < 0)
		return err("%s: %s", path, strerror(errno));
	tail_init(&c->tail, CONSOLE_TAIL);
	return 0;
}

/* The kernel's clock is no clock for this: exceptions are for people. */
static bool is_excepted(const struct console *c, char **line)
{
	char today[40];
	const struct exception *e;
	bool expired;

	utc_now(today, sizeof(today));
	today[sizeof("YYYY-MM-DD") - 1] = '\0';
	e = exceptions_find(*line, c->release, today, &expired);
	if (!e)
		return false;
	if (expired) {
		char *more = fmt("%s [its exception in harness/exceptions.yaml expired on %s]",
				 *line, e->expires);

		free(*line);
		*line = more;
		return false;
	}
	note("the kernel said \"%s\": excepted until %s: %s (%s)", *line, e->expires, e->reason,
	     e->link);
	return true;
}

/* The report that this panic is the consequence of, among what was said since the last marker. */
static const struct splat *cause_of(const struct console *c, const char *panic)
{
	for (size_t i = 0; i < c->splat_count; i++)
		if (c->splats[i].span == c->span && splat_follows(panic, c->splats[i].kind))
			return &c->splats[i];
	return NULL;
}

/* Where to put it, or NULL when it says nothing new. The last place is for what outranks it. */
static struct splat *place(struct console *c, const struct splat *s)
{
	struct splat *last = &c->splats[ARRAY_SIZE(c->splats) - 1];

	for (size_t i = 0; i < c->splat_count && !s->fatal; i++)
		if (c->splats[i].kind == s->kind && c->splats[i].span == s->span &&
		    c->splats[i].excepted == s->excepted)
			return NULL;
	if (c->splat_count < ARRAY_SIZE(c->splats))
		return &c->splats[c->splat_count++];
	if (last->fatal || (!s->fatal && splat_gravity(s->kind) <= splat_gravity(last->kind)))
		return NULL;
	free(last->line);
	free(last->test);
	return last;
}

static char *title(const struct console *c, const struct splat_sign *sign, const char *message)
{
	const struct splat *cause = sign->fatal ? cause_of(c, message) : NULL;
	char *line = cause ? fmt("%s (%s)", cause->line, message)
		     : sign->kind == OC_WARN && c->cut_message
			     ? fmt("%s (%s)", message, c->cut_message)
			     : xstrdup(message);

	if (sign->kind == OC_OOM && !cause) {
		char *more = fmt("%s: give the VM more by --memory", line);

		free(line);
		line = more;
	}
	return line;
}

static void add_splat(struct console *c, const struct splat_sign *sign, const char *message)
{
	struct splat s =
			     {
				     .kind = sign->kind,
				     .fatal = sign->fatal,
				     .boot = !c->ready,
				     .span = c->span,
			     },
		     *to;

	if (strstr(message, "Attempted to kill init") && !cause_of(c, message))
		s.kind = OC_INIT_DIED; /* by its own fault */
	s.line = title(c, sign, message);
	s.excepted = !s.fatal && is_excepted(c, &s.line);
	to = place(c, &s);
	if (!to) {
		free(s.line);
		return;
	}
	s.test = c->test ? xstrdup(c->test) : NULL;
	*to = s;
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? xstrdup(text) : NULL;
}

/* What init writes. */
static bool see_marker(struct console *c, const char *message)
{
	if (strncmp(message, "vmtest: ", 8))
		return false;
	if (!strncmp(message, VT_MARK_START, strlen(VT_MARK_START))) {
		set_text(&c->test, message + strlen(VT_MARK_START));
		c->span++;
	} else if (!strcmp(message, VT_MARK_READY)) {
		c->ready = true;
		c->span++;
	} else if (!strcmp(message, VT_MARK_END)) {
		set_text(&c->test, NULL);
		c->span++;
	} else {
		c->init_failed |= !strncmp(message, "vmtest: init: ", 14);
		set_text(&c->init_said, message + 8);
	}
	return true;
}

static void see_line(struct console *c)
{
	size_t len = c->line_len < sizeof(c->line) ? c->line_len : sizeof(c->line) - 1;
	const char *message;
	struct splat_sign sign;

	c->line_len = 0;
	if (len < sizeof("BUG: ")) /* a flood of empty lines must cost nothing */
		return;
	message = splat_message(c->line, len);
	if (see_marker(c, message)) {
		c->after_cut = false;
	} else if (splat_is_cut(message)) {
		c->after_cut = true;
		set_text(&c->cut_message, NULL);
	} else if (splat_recognise(message, c->after_cut, &sign)) {
		add_splat(c, &sign, message);
		c->after_cut = false;
	} else if (!strncmp(message, "reboot: ", 8)) { /* kernel/reboot.c */
		c->went_down = true;
	} else if (c->after_cut && !c->cut_message) {
		set_text(&c->cut_message, message);
	}
}

/* A part of a line, without its end. */
static void line_add(struct console *c, const char *data, size_t len)
{
	if (c->line_len < sizeof(c->line)) {
		size_t room = sizeof(c->line) - c->line_len;

		memcpy(c->line + c->line_len, data, len < room ? len : room);
	}
	c->line_len += len;
}

bool console_feed(struct console *c, const char *data, size_t len)
{
	const char *end = data + len;

	if (c->tail.total < CONSOLE_HEAD) {
		size_t room = CONSOLE_HEAD - c->tail.total, n = room < len ? room : len;

		if (write_all(c->fd, data, n) < 0)
			warn("console log: %s", strerror(errno));
	}
	tail_add(&c->tail, data, len);
	while (data < end) {
		const char *nl = memchr(data, '\n', end - data);

		line_add(c, data, (nl ? nl : end) - data);
		if (!nl)
			break;
		see_line(c);
		data = nl + 1;
	}
	return c->tail.total < CONSOLE_FLOOD;
}

void console_close(struct console *c)
{
	if (c->line_len)
		see_line(c);
	if (c->tail.total > CONSOLE_HEAD) {
		uint64_t left = c->tail.total - CONSOLE_HEAD;
		size_t n = left < CONSOLE_TAIL ? left : CONSOLE_TAIL;
		char *text = tail_text(&c->tail, n);

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
	tail_free(&c->tail);
	free(c->test);
	free(c->cut_message);
	free(c->init_said);
	*c = (struct console){.fd = -1};
}

static int rank(const struct splat *s)
{
	return s->fatal ? 3 : s->excepted ? 0 : splat_gravity(s->kind);
}

static const struct splat *worst(const struct console *c, bool boot)
{
	const struct splat *found = NULL;

	for (size_t i = 0; i < c->splat_count; i++) {
		const struct splat *s = &c->splats[i];

		if ((s->boot == boot || s->fatal) && rank(s) > (found ? rank(found) : 0))
			found = s;
	}
	return found;
}

const struct splat *console_worst(const struct console *c)
{
	return worst(c, false);
}

const struct splat *console_worst_of_boot(const struct console *c)
{
	return worst(c, true);
}

char *console_tail(const struct console *c, size_t max)
{
	char *text = tail_text(&c->tail, max), *nl;

	if (strlen(text) < c->tail.total && (nl = strchr(text, '\n')))
		memmove(text, nl + 1, strlen(nl + 1) + 1);
	return text;
}
