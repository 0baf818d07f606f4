// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_impl.h"
#include "util.h"

#define OUTPUT_KEPT (16u << 10) /* of the suite's own output, the tail: log_excerpt of KCIDB */
#define LOG_TAIL    (16u << 10)

static struct line_origin origin(const struct job *j)
{
	return (struct line_origin){
		.kernel = j->spec.kernel,
		.cell = j->cell,
		.suite = job_suite_now(j)->name,
		.vm = j->label,
		.try = j->spec.try,
		.seed = j->spec.seed,
		.console = j->console,
	};
}

static void line_for(struct job *j, enum outcome o, const char *test, const char *reason,
		     const char *log)
{
	struct line_origin from = origin(j);

	j->lines++;
	j->counts[run_line_for(j->run, &from, o, test, reason, log)]++;
}

void job_own_line(struct job *j, enum outcome o, const char *what, const char *reason,
		  const char *log)
{
	char *test = fmt("%s.%s", job_suite_now(j)->name, what);

	line_for(j, o, test, reason, log);
	free(test);
}

void job_result(struct job *j, const char *text, size_t len)
{
	json_error_t e;
	json_t *o = json_loadb(text, len, 0, &e);
	const char *start = json_string_value(json_object_get(o, "start"));
	const char *test = json_string_value(json_object_get(o, "test"));
	const char *status = json_string_value(json_object_get(o, "status"));
	int outcome = status ? outcome_of_word(status) : -1;
	struct line_origin from = origin(j);

	if (start) {
		json_object_set_new(j->open, start, json_true());
	} else if (test && outcome >= 0) {
		json_object_del(j->open, test);
		j->lines++;
		j->counts[run_line(j->run, &from, outcome, json_incref(o))]++;
	} else {
		char *reason = fmt("a result line is not one: %s: %.200s",
				   !o	   ? e.text
				   : !test ? "no \"test\""
					   : "no known \"status\"",
				   text);

		job_own_line(j, OC_ERROR, "result_lines", reason, NULL);
		free(reason);
	}
	json_decref(o);
}

/* One line for each test that began and never ended; the last of them was running. */
static bool lines_for_open_tests(struct job *j, enum outcome running, enum outcome before,
				 const char *reason, const char *log)
{
	const char *name;
	json_t *v;
	size_t left = json_object_size(j->open);
	bool any = left > 0;

	json_object_foreach (j->open, name, v) {
		(void)v;
		if (--left == 0)
			line_for(j, running, name, reason, log);
		else
			line_for(j, before, name, "the suite ended without this test's result",
				 NULL);
	}
	json_object_clear(j->open);
	return any;
}

/* The names of the tests, one per line. */
static void judge_list(struct job *j, int status, int signal)
{
	char *line, *save, *log = tail_text(&j->output, OUTPUT_KEPT);
	size_t n = 0;

	if (!signal && !status && j->list_len) {
		j->cases = xcalloc(j->list_len + 1, sizeof(char *));
		for (line = strtok_r(j->list_text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			j->cases[n++] = line;
	}
	if (n == 0)
		job_own_line(j, OC_ERROR, "list", "the suite did not list its tests", log);
	free(log);
}

void job_judge_program(struct job *j, int status, int signal)
{
	char *log, *reason;

	if (j->spec.kind == JOB_LIST) {
		judge_list(j, status, signal);
		return;
	}
	log = tail_text(&j->output, OUTPUT_KEPT);
	if (signal)
		reason = fmt("the suite was killed by signal %d (%s)", signal, strsignal(signal));
	else
		reason = fmt("the suite ended with exit status %d", status);
	if (!lines_for_open_tests(j, OC_UNFINISHED, OC_UNFINISHED, reason, log) &&
	    (signal || status))
		job_own_line(j, OC_ERROR, "exit", reason, log);
	else if (j->lines == 0)
		job_own_line(j, OC_NO_RESULTS, "results", "the suite ended without a single result",
			     log);
	free(reason);
	free(log);
}

/* Under --isolate cell what a test did is its suite's: a test's name begins with it. */
static void turn_to_suite_of(struct job *j, const char *test)
{
	for (unsigned i = 0; test && i < j->spec.suites_n; i++) {
		size_t n = strlen(j->spec.suites[i]->name);

		if (!strncmp(test, j->spec.suites[i]->name, n) && test[n] == '.')
			j->at = i;
	}
}

/* What the kernel said while everything seemed well counts, also after the last test. */
static void judge_console(struct job *j, const struct console *console)
{
	const struct splat *s = console_worst(console);
	char *reason, *log;

	if (!s)
		return;
	turn_to_suite_of(j, s->test);
	reason = s->test ? fmt("%s (while %s ran)", s->line, s->test) : xstrdup(s->line);
	log = console_tail(console, LOG_TAIL);
	job_own_line(j, s->kind, "kernel_log", reason, log);
	free(reason);
	free(log);
}

static void judge_bad_end(struct job *j, const struct vm_end *end, const struct console *console)
{
	char *log = console_tail(console, LOG_TAIL), *reason;
	unsigned ended_in = j->at;

	/* after the job's end the tests' own verdicts stand; this is one more */
	if (end->job_ended ||
	    !lines_for_open_tests(j, end->outcome, OC_UNFINISHED, end->reason, log))
		job_own_line(j, end->outcome, "vm", end->reason, log);
	reason = fmt("not run: the machine ended while %s ran in it", job_suite_now(j)->name);
	while (!end->job_ended && ++j->at < j->spec.suites_n)
		job_own_line(j, OC_UNFINISHED, "vm", reason, NULL);
	j->at = ended_in;
	free(reason);
	free(log);
}

void job_judge_machine(struct job *j, const struct vm_end *end, const struct console *console)
{
	if (end->outcome == OC_PASS)
		judge_console(j, console);
	else
		judge_bad_end(j, end, console);
	j->infra_failed = outcome_status(end->outcome) == ST_MISS && end->outcome != OC_INTERRUPTED;
}
