/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many jobs, as many virtual machines at once as the machine bears, longest first by what they took
 * the last time. Ctrl-C ends the machines and keeps what finished.
 */
#ifndef VMTEST_SCHEDULE_H
#define VMTEST_SCHEDULE_H

#include "job.h"

struct schedule;

/* `at_once` 0: one per core, as memory allows. What is pointed to must outlive the schedule. */
struct schedule *schedule_new(struct run *run, const struct job_options *options, unsigned at_once);
void schedule_add(struct schedule *s, const struct kernel *kernel, const struct suite *suite);
/* Runs all, and what they add, to the end; frees it. */
void schedule_run(struct schedule *s);

#endif
