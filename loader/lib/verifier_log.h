/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's verifier log says, for every shape it had from 5.10 to 7.3.
 *
 * The log is not uapi (kernel commit 06ee7115b0d1 says it may change) and did change: 6.8 added
 * "@ file:line" to source lines, 7.2 added "max N" to the stack line (f41f34ec6474), 7.3 added a
 * "Verification failed:" report (ce7c9f6c599b). So lines are known by keyword, never by position.
 */
#ifndef VERIFIER_LOG_H
#define VERIFIER_LOG_H

#include <stdbool.h>

/* Subprograms a program may have: BPF_MAX_SUBPROGS, include/linux/bpf_verifier.h. */
#define VERIFIER_LOG_SUBPROGS 256

struct verifier_log {
	/* The error lines joined by "; ", NULL when there is none. */
	char *reason;
	/* Index of the instruction the verifier stopped at, -1 when the log does not say. */
	long insn;
	/* The source line before that instruction: NULL, NULL, 0 when not said. */
	char *text;
	char *file;
	long line;
	/* "processed N insns ..." was there: the log has its end. The figures are -1 if not said.
	 */
	bool complete;
	long insns;
	long max_states_per_insn;
	long total_states;
	long peak_states;
	/* Microseconds the verifier says it took, -1 when not said. */
	long verification_us;
	/* Stack of each subprogram in bytes, main program first. */
	int stack[VERIFIER_LOG_SUBPROGS];
	int stack_count;
};

/*
 * Reads @log (NUL-terminated; its head may be missing, as kernels since 6.4 keep the tail of a log
 * that outgrew its buffer) into @out, which the caller frees by verifier_log_free().
 * A log of level BPF_LOG_STATS holds error lines and figures only; one of BPF_LOG_LEVEL1 also says
 * where. Returns 0, or -ENOMEM.
 */
int verifier_log_parse(const char *log, struct verifier_log *out);

void verifier_log_free(struct verifier_log *log);

#endif
