/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is going on, for who waits: a live table on a terminal, plain lines elsewhere, JSON Lines
 * for programs, or nothing. All but JSON goes to standard error.
 */
#ifndef VMTEST_PROGRESS_H
#define VMTEST_PROGRESS_H

#include "job.h"

enum progress_mode { PROGRESS_LINES, PROGRESS_TABLE, PROGRESS_JSON, PROGRESS_QUIET };

/* Milliseconds between two drawings of the table. */
#define PROGRESS_DRAW_MS 250

/* The mode these options and this terminal call for; from here on messages respect it. */
enum progress_mode progress_choose(bool quiet, bool json);

struct progress {
	enum progress_mode mode;
	uint64_t started_ns;
	unsigned done, retried, drawn; /* lines of the table on the screen */
	unsigned counts[OC_COUNT];
};

void progress_begin(struct progress *p, enum progress_mode mode);
void progress_job_starts(struct progress *p, const struct job *job);
/* again: it will be tried once more. */
void progress_job_ended(struct progress *p, const struct job *job, bool again);
/* Draws the table; nothing in other modes. */
void progress_draw(struct progress *p, struct job *const *active, size_t n, size_t waiting);
void progress_end(struct progress *p);

/* The last event of JSON mode. */
void progress_run_ended(enum progress_mode mode, const char *dir, int exit_code);

#endif
