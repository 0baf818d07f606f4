/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of a job share: job.c (its life), job_judge.c (its lines). */
#ifndef VMTEST_JOB_IMPL_H
#define VMTEST_JOB_IMPL_H

#include "job.h"
#include "tail.h"

struct job {
	struct run *run;
	struct job_spec spec;
	const struct job_options *options;
	char *test_case;
	char *label;
	char *list_text, **cases; /* of a JOB_LIST */
	size_t list_len;
	uint64_t started_ns, wall_ns;
	json_t *cell;
	json_t *open;	/* started tests without a line yet: name -> true, in order */
	unsigned at;	/* which of the suites runs */
	unsigned lines; /* of that suite */
	struct tail output;
	struct vm *vm;
	struct vm_config vm_config;
	uv_loop_t *loop;
	char *console_path;
	char *console; /* relative to the run's directory */
	unsigned counts[OC_COUNT];
	bool infra_failed;
	char summary[256];
	void (*finished)(void *ctx, struct job *job);
	void *ctx;
};

static inline const struct suite *job_suite_now(const struct job *j)
{
	return j->spec.suites[j->at];
}

/* A line about the suite that runs: its own test SUITE.`what`. */
void job_own_line(struct job *j, enum outcome o, const char *what, const char *reason,
		  const char *log);
/* A line the suite wrote. */
void job_result(struct job *j, const char *text, size_t len);
/* The suite's program ended by itself; the machine goes on. */
void job_judge_program(struct job *j, int status, int signal);
/* The machine has ended. */
void job_judge_machine(struct job *j, const struct vm_end *end, const struct console *console);

#endif
