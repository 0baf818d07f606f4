/* SPDX-License-Identifier: GPL-2.0-only */
/* A sweep as a run: fetches releases, predicts, boots them, reads back what they said. */
#ifndef VMTEST_SWEEP_RUN_H
#define VMTEST_SWEEP_RUN_H

#include <stdio.h>

#include "job.h"
#include "needs.h"
#include "schedule.h"
#include "sweep.h"
#include "sweep_releases.h"

struct sweep_program {
	char *test; /* its name in result lines: verifier.OBJECT.PROGRAM */
	char *object, *name;
	const struct program_needs *needs; /* NULL: the object could not be told of */
	json_t **at; /* by release: what is known of it there, or NULL (sweep.schema.json) */
};

struct sweep_run {
	struct run *run;
	const struct suite *suite;
	const struct job_options *options;
	struct schedule_options how;
	const char *selector; /* what was asked for: releases_add() */
	struct releases releases;
	struct kernel **kernels; /* by release; NULL: not fetched */
	char **trouble;		 /* by release: why it gave no verdicts, or NULL */
	unsigned *spoke; /* by release: the try of its machine that left a line; 0: none did */
	struct sweep sweep;
	struct sweep_program *programs;
	FILE *lines;   /* results.jsonl, read as it grows */
	json_t *notes; /* strings: objects that could not be told of */
	bool interrupted;
};

/* Reads the objects' needs. `options` and `how` are to be set before the first round. */
void sweep_run_init(struct sweep_run *s, struct run *run, const struct suite *suite,
		    char *const *objects, unsigned objects_n);
/* Fetches release `r` and predicts what it lacks. False after the reason was noted and said. */
bool sweep_run_fetch(struct sweep_run *s, unsigned r);
/* Tries what sweep_next() says, until it has nothing to say or the user stops the run. */
void sweep_run_all(struct sweep_run *s, unsigned at_once);

/* What the sweep found, by harness/schema/sweep.schema.json. A new reference. */
json_t *sweep_document(const struct sweep_run *s);
/* The same for a human, as Markdown, to free(). */
char *sweep_markdown(const json_t *document);

#endif
