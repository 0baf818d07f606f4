// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "progress.h"
#include "util.h"

#define ERASE_LINE "\r\x1b[K"
#define LINE_UP	   "\x1b[A"

/* The one on the screen: whatever else is said must not be written into it. */
static struct progress *on_screen;

static void erase(void)
{
	struct progress *p = on_screen;

	if (!p || !p->drawn)
		return;
	fputs(ERASE_LINE, stderr);
	while (--p->drawn)
		fputs(LINE_UP ERASE_LINE, stderr);
}

enum progress_mode progress_choose(bool quiet, bool json)
{
	const char *term = getenv("TERM");
	enum progress_mode mode = json					      ? PROGRESS_JSON
				  : quiet				      ? PROGRESS_QUIET
				  : isatty(2) && term && strcmp(term, "dumb") ? PROGRESS_TABLE
									      : PROGRESS_LINES;

	set_quiet(mode == PROGRESS_JSON || mode == PROGRESS_QUIET);
	return mode;
}

void progress_begin(struct progress *p, enum progress_mode mode)
{
	*p = (struct progress){.mode = mode, .started_ns = now_ns()};
	if (mode == PROGRESS_TABLE) {
		on_screen = p;
		set_say_hook(erase);
	}
}

/* Takes over `o`. */
static void event(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

void progress_job_starts(struct progress *p, const struct job *job)
{
	const struct job_spec *spec = job_spec(job);

	if (p->mode == PROGRESS_JSON) {
		json_t *suites = json_array();

		for (unsigned i = 0; i < spec->suites_n; i++)
			json_array_append_new(suites, json_string(spec->suites[i]->name));
		event(json_pack("{s:s, s:s, s:i, s:s, s:o}", "event", "start", "vm", job_label(job),
				"try", (int)spec->try, "kernel", spec->kernel->release, "suites",
				suites));
	} else if (p->mode == PROGRESS_LINES && spec->kind == JOB_SUITES && !spec->seed) {
		for (unsigned i = 0; i < spec->suites_n; i++)
			note("%s on %s: %s", spec->suites[i]->name, spec->kernel->release,
			     spec->suites[i]->about);
	}
}

static bool went_well(const struct job *job)
{
	return run_exit(job_counts(job)) == EXIT_OK || job_spec(job)->kind == JOB_LIST;
}

void progress_job_ended(struct progress *p, const struct job *job, bool again)
{
	const struct job_spec *spec = job_spec(job);
	bool one_of_many = spec->kind != JOB_SUITES || spec->seed;

	if (again)
		p->retried++;
	else
		p->done++;
	for (int i = 0; i < OC_COUNT && !again; i++)
		p->counts[i] += job_counts(job)[i];
	if (p->mode == PROGRESS_JSON)
		event(json_pack("{s:s, s:s, s:i, s:o, s:I, s:b}", "event", "end", "vm",
				job_label(job), "try", (int)spec->try, "outcomes",
				outcomes_json(job_counts(job)), "wall_ns",
				(json_int_t)job_wall_ns(job), "again", again));
	else if (p->mode == PROGRESS_LINES || !one_of_many || !went_well(job))
		note("%s%s", job_summary(job), again ? ": once more" : "");
}

static unsigned columns(void)
{
	struct winsize size;

	return ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/* "164 pass, 1 fail" */
static char *counted(const unsigned *counts)
{
	char *text = xstrdup("");

	for (int i = 0; i < OC_COUNT; i++) {
		char *more;

		if (!counts[i])
			continue;
		more = fmt("%s%s%u %s", text, *text ? ", " : "", counts[i], outcome_name(i));
		free(text);
		text = more;
	}
	return text;
}

static void line(struct progress *p, unsigned width, char *text)
{
	fprintf(stderr, "%s%.*s", p->drawn ? "\n" : "", (int)width - 1, text);
	p->drawn++;
	free(text);
}

void progress_draw(struct progress *p, struct job *const *active, size_t n, size_t waiting)
{
	unsigned width = columns(), running = 0;
	uint64_t now = now_ns();
	char *all;

	if (p->mode != PROGRESS_TABLE)
		return;
	erase();
	for (size_t i = 0; i < n; i++) {
		char *so_far;

		if (!active[i])
			continue;
		running++;
		so_far = counted(job_counts(active[i]));
		line(p, width,
		     fmt("  %6.1f s  %s%s  %s", (now - job_started_ns(active[i])) / 1e9,
			 job_label(active[i]), job_spec(active[i])->try > 1 ? " (once more)" : "",
			 so_far));
		free(so_far);
	}
	all = counted(p->counts);
	line(p, width,
	     fmt("  %6.1f s  %u running, %zu waiting, %u done%s%s", (now - p->started_ns) / 1e9,
		 running, waiting, p->done, *all ? ": " : "", all));
	free(all);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	erase();
	fflush(stderr);
	if (on_screen == p)
		on_screen = NULL;
}

void progress_run_ended(enum progress_mode mode, const char *dir, int exit_code)
{
	char *report;

	if (mode != PROGRESS_JSON)
		return;
	report = fmt("%s/report.md", dir);
	event(json_pack("{s:s, s:i, s:s, s:s}", "event", "finished", "exit", exit_code, "results",
			dir, "report", report));
	free(report);
}
