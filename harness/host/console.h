/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The serial console: kept on disk within a bound, read line by line for what the kernel says went
 * wrong, and laid to the test whose start init marked in the kernel log.
 */
#ifndef VMTEST_CONSOLE_H
#define VMTEST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outcome.h"

/* On disk: the first CONSOLE_HEAD bytes and the last CONSOLE_TAIL. Beyond FLOOD the VM is ended. */
#define CONSOLE_HEAD  (1u << 20)
#define CONSOLE_TAIL  (64u << 10)
#define CONSOLE_FLOOD (64u << 20)

struct splat {
	enum outcome kind; /* OC_PANIC, OC_OOPS, OC_WARN */
	char *line;
	char *test; /* the test that ran, or NULL */
};

struct console {
	int fd;
	uint64_t total;
	char *tail; /* ring of CONSOLE_TAIL bytes */
	char line[1024];
	size_t line_len;
	bool ready;	  /* init's marker was seen: the kernel's own boot is over */
	bool init_failed; /* init said it could not go on, or was killed */
	char *init_said;
	char *test;
	struct splat splats[32];
	size_t splat_count;
};

/* Writes to `path`. 0, or -1 after err(). */
int console_open(struct console *c, const char *path);
/* False when the flood bound is passed. */
bool console_feed(struct console *c, const char *data, size_t len);
/* Completes the file. The splats stay until console_free. */
void console_close(struct console *c);
void console_free(struct console *c);
/* The first splat of the worst kind, or NULL. */
const struct splat *console_worst(const struct console *c);
/* The last `max` bytes of what the guest wrote, whole lines, to free(). */
char *console_tail(const struct console *c, size_t max);

#endif
