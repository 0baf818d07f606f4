/* SPDX-License-Identifier: GPL-2.0-only */
/* A suite on a kernel, or one test of it: one VM, its payload, its lines in the store. */
#ifndef VMTEST_JOB_H
#define VMTEST_JOB_H

#include <uv.h>

#include "config.h"
#include "kernel.h"
#include "results.h"
#include "vm.h"

/* Bounds of every job, milliseconds; see vm.h. */
#define JOB_SILENCE_MS 30000
#define JOB_END_MS     15000

enum job_kind {
	JOB_SUITE, /* the whole suite */
	JOB_LIST,  /* ask it for the names of its tests */
	JOB_CASE,  /* one of them */
};

struct job_options {
	bool by_case;	    /* a VM of its own for each test of suites that can list theirs */
	enum accel accel;   /* of profiles that leave the choice */
	bool cold;	    /* boot each VM instead of restoring a saved one */
	const char *append; /* added to the kernel command line, or NULL */
	unsigned mem_mib;
	double boot_s, job_s; /* bounds; job_s 0: the suite's own */
	const char *base;     /* what relative file names of the suite are below */
};

struct job;

/* `finished` is called once, also when the VM could not start. What is pointed to must outlive it.
 */
struct job *job_new(struct run *run, const struct kernel *kernel, const struct suite *suite,
		    enum job_kind kind, const char *test_case, const struct job_options *options,
		    void (*finished)(void *ctx, struct job *job), void *ctx);
/* Starts it on the loop. `finished` may be called before this returns. */
void job_start(struct job *job, uv_loop_t *loop);
void job_interrupt(struct job *job);
const struct kernel *job_kernel(const struct job *job);
const struct suite *job_suite(const struct job *job);
enum job_kind job_kind(const struct job *job);
uint64_t job_wall_ns(const struct job *job);
/* What a JOB_LIST found, ended by NULL; NULL when it could not be had, which is a line in the
 * store. */
const char *const *job_cases(struct job *job);
/* For the progress line, valid inside `finished`. */
const char *job_summary(const struct job *job);
void job_free(struct job *job);

#endif
