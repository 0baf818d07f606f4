// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schedule.h"
#include "util.h"

#define MOST_AT_ONCE 64

/* A job that waits; its test case is ours to free. */
struct work {
	struct job_spec spec;
	double expected; /* nanoseconds */
};

struct schedule {
	uv_loop_t loop;
	struct run *run;
	const struct job_options *options;
	struct schedule_options how;
	struct progress progress;
	struct work *queue; /* the next one is the last */
	size_t queued;
	struct job *active[MOST_AT_ONCE];
	unsigned running;
	uv_signal_t signals[4];
	uv_timer_t draw;
	json_t *durations;
	bool interrupted, filling;
};

static char *durations_path(void)
{
	return fmt("%s/durations.json", cache_dir());
}

/* What took as long the last time. */
static char *duration_key(const struct job_spec *spec)
{
	return fmt("%s/%s/%s%s", spec->kernel->release,
		   spec->suites_n > 1 ? "all" : spec->suites[0]->name, spec->suites[0]->profile,
		   spec->seed ? "/seeded" : "");
}

static unsigned default_at_once(unsigned mem_mib)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long free_mib = sysconf(_SC_AVPHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
	/* QEMU takes its translation cache (TCG) and buffers beside the guest's memory. */
	long by_memory = free_mib / (mem_mib + 300);
	long n = cpus < by_memory ? cpus : by_memory;

	return n < 1 ? 1 : n;
}

struct schedule *schedule_new(struct run *run, const struct job_options *options,
			      const struct schedule_options *how)
{
	struct schedule *s = xcalloc(1, sizeof(*s));
	char *path = durations_path();

	s->run = run;
	s->options = options;
	s->how = *how;
	if (!s->how.at_once)
		s->how.at_once = default_at_once(options->vm->mem_mib);
	if (s->how.at_once > MOST_AT_ONCE)
		s->how.at_once = MOST_AT_ONCE;
	s->durations = json_load_file(path, 0, NULL);
	if (!json_is_object(s->durations))
		s->durations = json_object();
	free(path);
	return s;
}

static void push(struct schedule *s, const struct work *w)
{
	s->queue = grow(s->queue, s->queued, sizeof(*s->queue));
	s->queue[s->queued++] = *w;
}

/* Once, or once with each seed. */
static void push_seeds(struct schedule *s, struct job_spec spec)
{
	char *key;
	const json_t *known;
	double expected;

	spec.try = 1;
	spec.seed = s->how.first_seed;
	key = duration_key(&spec);
	known = json_object_get(s->durations, key);
	expected = known ? json_number_value(known) : spec.suites[0]->timeout * 1e9;
	free(key);
	/* the queue is taken from its end: the first seed goes last */
	for (unsigned seed = s->how.last_seed; seed > s->how.first_seed; seed--) {
		struct work w = {spec, expected};

		w.spec.seed = seed;
		w.spec.test_case = spec.test_case ? xstrdup(spec.test_case) : NULL;
		push(s, &w);
	}
	push(s, &(struct work){spec, expected});
}

/* The suites of one profile share a machine. */
static void add_cell(struct schedule *s, const struct kernel *k, const struct build *b,
		     const struct suite *const *suites, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct suite **same = xcalloc(n, sizeof(*same));
		unsigned count = 0, first = n;

		for (unsigned j = 0; j < n; j++) {
			if (strcmp(suites[j]->profile, suites[i]->profile))
				continue;
			first = j < first ? j : first;
			same[count++] = suites[j];
		}
		if (first == i) /* the job keeps it */
			push_seeds(s, (struct job_spec){.kernel = k,
							.build = b,
							.suites = same,
							.suites_n = count,
							.kind = JOB_SUITES});
		else
			free(same);
	}
}

void schedule_add(struct schedule *s, const struct kernel *kernel, const struct build *build,
		  const struct suite *const *suites, unsigned n)
{
	if (s->how.isolation == ISOLATE_CELL) {
		add_cell(s, kernel, build, suites, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct job_spec spec = {
			.kernel = kernel, .build = build, .suites = &suites[i], .suites_n = 1};

		if (s->how.isolation == ISOLATE_CASE && suites[i]->list_count) {
			spec.kind = JOB_LIST;
			spec.try = 1;
			push(s, &(struct work){spec, suites[i]->timeout * 1e9});
		} else {
			push_seeds(s, spec);
		}
	}
}

static int by_expected(const void *a, const void *b)
{
	double x = ((const struct work *)a)->expected, y = ((const struct work *)b)->expected;

	return x < y ? -1 : x > y;
}

static void start_more(struct schedule *s);

static void add_cases(struct schedule *s, struct job *j)
{
	const char *const *cases = job_cases(j);
	struct job_spec spec = *job_spec(j);

	spec.kind = JOB_CASE;
	for (size_t i = 0; cases && cases[i]; i++) {
		spec.test_case = xstrdup(cases[i]);
		push_seeds(s, spec);
	}
}

static void remember(struct schedule *s, const struct job *j)
{
	char *key = duration_key(job_spec(j));

	json_object_set_new(s->durations, key, json_integer(job_wall_ns(j)));
	free(key);
}

static void once_more(struct schedule *s, const struct job *j)
{
	struct work w = {.spec = *job_spec(j)};

	w.spec.try++;
	w.spec.test_case = w.spec.test_case ? xstrdup(w.spec.test_case) : NULL;
	push(s, &w);
}

static void close_handles(struct schedule *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->signals); i++)
		if (!uv_is_closing((uv_handle_t *)&s->signals[i]))
			uv_close((uv_handle_t *)&s->signals[i], NULL);
	if (!uv_is_closing((uv_handle_t *)&s->draw))
		uv_close((uv_handle_t *)&s->draw, NULL);
}

static void finished(void *ctx, struct job *j)
{
	struct schedule *s = ctx;
	bool again = job_spec(j)->try == 1 && !s->interrupted && job_infra_failed(j);

	for (size_t i = 0; i < MOST_AT_ONCE; i++)
		if (s->active[i] == j)
			s->active[i] = NULL;
	if (again)
		once_more(s, j);
	else
		run_count(s->run, job_counts(j));
	if (job_spec(j)->kind == JOB_LIST)
		add_cases(s, j);
	else if (job_spec(j)->kind == JOB_SUITES && !s->interrupted && !again)
		remember(s, j);
	progress_job_ended(&s->progress, j, again);
	job_free(j);
	s->running--;
	start_more(s);
	if (s->running == 0 && (s->queued == 0 || s->interrupted))
		close_handles(s);
}

static void start_one(struct schedule *s)
{
	struct work w = s->queue[--s->queued];
	unsigned slot = 0;
	struct job *j;

	while (s->active[slot])
		slot++;
	s->running++;
	j = job_new(s->run, &w.spec, s->options, finished, s);
	free((char *)w.spec.test_case); /* the job has its own */
	s->active[slot] = j;
	progress_job_starts(&s->progress, j);
	job_start(j, &s->loop);
}

static void on_draw(uv_timer_t *t)
{
	struct schedule *s = t->data;

	progress_draw(&s->progress, s->active, ARRAY_SIZE(s->active), s->queued);
}

static void start_more(struct schedule *s)
{
	if (s->filling) /* a job that ends at once must not recurse */
		return;
	s->filling = true;
	while (!s->interrupted && s->running < s->how.at_once && s->queued)
		start_one(s);
	s->filling = false;
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct schedule *s = h->data;

	if (!s->interrupted)
		note("%s: ending the VMs, keeping what finished", strsignal(signum));
	s->interrupted = true;
	for (size_t i = 0; i < MOST_AT_ONCE; i++)
		if (s->active[i])
			job_interrupt(s->active[i]);
}

void schedule_run(struct schedule *s)
{
	static const int signums[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	char *path = durations_path(), *text;

	if (s->queued)
		qsort(s->queue, s->queued, sizeof(*s->queue), by_expected);
	uv_loop_init(&s->loop);
	for (size_t i = 0; i < ARRAY_SIZE(s->signals); i++) {
		uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], on_signal, signums[i]);
	}
	uv_timer_init(&s->loop, &s->draw);
	s->draw.data = s;
	progress_begin(&s->progress, s->how.progress);
	uv_timer_start(&s->draw, on_draw, 0, PROGRESS_DRAW_MS);
	start_more(s);
	if (s->running == 0) /* nothing there is can run here; or all ended at once */
		close_handles(s);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
	progress_end(&s->progress);

	text = json_dumps(s->durations, JSON_SORT_KEYS | JSON_INDENT(1));
	if (text && write_file(path, text, strlen(text)) < 0)
		note("%s: %m", path);
	for (size_t i = 0; i < s->queued; i++) /* an interrupted run leaves some */
		free((char *)s->queue[i].spec.test_case);
	free(text);
	free(path);
	free(s->queue);
	json_decref(s->durations);
	free(s);
}
