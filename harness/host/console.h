/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The serial console: kept on disk within a bound, read line by line for what the kernel says went
 * wrong (splat.h), and laid to the test whose start init marked in the kernel log. Whoever writes
 * to the kernel log in the kernel's own words is believed: on a console the two cannot be told
 * apart.
 */
#ifndef VMTEST_CONSOLE_H
#define VMTEST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outcome.h"
#include "tail.h"

/* On disk: the first CONSOLE_HEAD bytes and the last CONSOLE_TAIL. Beyond FLOOD the VM is ended. */
#define CONSOLE_HEAD  (1u << 20)
#define CONSOLE_TAIL  (64u << 10)
#define CONSOLE_FLOOD (64u << 20)

struct splat {
	enum outcome kind;
	bool fatal;    /* the kernel went no further; `line` is then the cause, if one was said */
	bool boot;     /* said before init was ready: not the test's doing, unless fatal */
	bool excepted; /* by harness/exceptions.yaml: a note, not a failure */
	unsigned span; /* which marker it came after */
	char *line;
	char *test; /* the test that ran, or NULL */
};

struct console {
	int fd;
	struct tail tail;
	char line[1024];
	size_t line_len;     /* more than the buffer: the rest of a long line is left out */
	const char *release; /* uname -r, for exceptions; NULL when nobody knows */
	bool ready;	     /* init's marker was seen: the kernel's own boot is over */
	bool init_failed;    /* init said that it could not go on */
	bool went_down;	     /* in an orderly way: the kernel announced it */
	char *init_said;
	char *test;
	unsigned span;		 /* markers seen */
	bool after_cut;		 /* a BUG or WARN was announced and not yet told */
	char *cut_message;	 /* what a WARN() said before its WARNING line, or NULL */
	struct splat splats[32]; /* the first of its kind after each marker */
	size_t splat_count;
};

/* Writes to `path`. 0, or -1 after err(). */
int console_open(struct console *c, const char *path);
/* False when the flood bound is passed. */
bool console_feed(struct console *c, const char *data, size_t len);
/* Completes the file. The splats stay until console_free. */
void console_close(struct console *c);
void console_free(struct console *c);
/*
 * What to hold against the kernel: what ended it, else the first report of a broken kernel, else
 * the first complaint; or NULL.
 */
const struct splat *console_worst(const struct console *c);
/* The same of what it said before init was ready. */
const struct splat *console_worst_of_boot(const struct console *c);
/* The last `max` bytes of what the guest wrote, whole lines, to free(). */
char *console_tail(const struct console *c, size_t max);

#endif
