/* SPDX-License-Identifier: GPL-2.0-only */
/* One VM with what it has to do: a suite, one test of it, or a cell's suites one after the other.
 */
#ifndef VMTEST_JOB_H
#define VMTEST_JOB_H

#include <uv.h>

#include "config.h"
#include "kernel.h"
#include "options.h"
#include "results.h"
#include "vm.h"

enum job_kind {
	JOB_SUITES, /* whole suites; more than one under --isolate cell */
	JOB_LIST,   /* ask a suite for the names of its tests */
	JOB_CASE,   /* one of them */
};

struct job_options {
	const struct vm_options *vm;
	enum accel accel; /* of machines that leave the choice */
	const char *base; /* what relative file names of the suites are below */
};

/* What is pointed to must outlive the job. */
struct job_spec {
	const struct kernel *kernel;
	const struct build *build;
	const struct suite *const *suites; /* of one profile */
	unsigned suites_n;
	enum job_kind kind;
	const char *test_case;
	unsigned seed; /* of a deterministic machine with seeded disturbance; 0: none */
	unsigned try;  /* 1, or 2 after the machine, and not the test, failed */
};

struct job;

/* `finished` is called once, also when the VM could not start. */
struct job *job_new(struct run *run, const struct job_spec *spec, const struct job_options *options,
		    void (*finished)(void *ctx, struct job *job), void *ctx);
/* Starts it on the loop. `finished` may be called before this returns. */
void job_start(struct job *job, uv_loop_t *loop);
void job_interrupt(struct job *job);
const struct job_spec *job_spec(const struct job *job);
/* What its lines, its console and a replay of it are called:
 * KERNEL-SUITE[-PROFILE][-BUILD][-CASE][-seedN].
 */
const char *job_label(const struct job *job);
uint64_t job_started_ns(const struct job *job);
uint64_t job_wall_ns(const struct job *job);
/* How many lines say so, by outcome. */
const unsigned *job_counts(const struct job *job);
/* The machine failed and nothing failed in it: worth another try. */
bool job_infra_failed(const struct job *job);
/* What a JOB_LIST found, ended by NULL; NULL when it could not be had, which is a line in the
 * store. */
const char *const *job_cases(struct job *job);
/* For the progress line, valid inside `finished`. */
const char *job_summary(const struct job *job);
void job_free(struct job *job);

#endif
