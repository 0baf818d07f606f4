// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schedule.h"
#include "util.h"

#define MOST_AT_ONCE 64

/* A job that waits. Under --isolate case a suite is first asked for its cases. */
struct work {
	const struct kernel *kernel;
	const struct suite *suite;
	enum job_kind kind;
	char *test_case;
	double expected; /* nanoseconds */
};

struct schedule {
	uv_loop_t loop;
	struct run *run;
	const struct job_options *options;
	struct work *queue; /* the next one is the last */
	size_t queued, room;
	struct job *active[MOST_AT_ONCE];
	unsigned running, at_once;
	uv_signal_t signals[4];
	json_t *durations;
	bool interrupted, filling;
};

static char *durations_path(void)
{
	return fmt("%s/durations.json", cache_dir());
}

static char *duration_key(const struct kernel *k, const struct suite *suite)
{
	return fmt("%s/%s", k->release, suite->name);
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

struct schedule *schedule_new(struct run *run, const struct job_options *options, unsigned at_once)
{
	struct schedule *s = xcalloc(1, sizeof(*s));
	char *path = durations_path();

	s->run = run;
	s->options = options;
	s->at_once = at_once ? at_once : default_at_once(options->mem_mib);
	if (s->at_once > MOST_AT_ONCE)
		s->at_once = MOST_AT_ONCE;
	s->durations = json_load_file(path, 0, NULL);
	if (!json_is_object(s->durations))
		s->durations = json_object();
	free(path);
	return s;
}

static void push(struct schedule *s, const struct work *w)
{
	if (s->queued == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->queue = realloc(s->queue, s->room * sizeof(*s->queue));
		if (!s->queue)
			abort();
	}
	s->queue[s->queued++] = *w;
}

void schedule_add(struct schedule *s, const struct kernel *kernel, const struct suite *suite)
{
	bool by_case = s->options->by_case && suite->list_count;
	char *key = duration_key(kernel, suite);
	const json_t *known = json_object_get(s->durations, key);

	push(s, &(struct work){
			.kernel = kernel,
			.suite = suite,
			.kind = by_case ? JOB_LIST : JOB_SUITE,
			.expected = known ? json_number_value(known) : suite->timeout * 1e9,
		});
	free(key);
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

	for (size_t i = 0; cases && cases[i]; i++)
		push(s, &(struct work){
				.kernel = job_kernel(j),
				.suite = job_suite(j),
				.kind = JOB_CASE,
				.test_case = xstrdup(cases[i]),
			});
}

static void remember(struct schedule *s, const struct job *j)
{
	char *key = duration_key(job_kernel(j), job_suite(j));

	json_object_set_new(s->durations, key, json_integer(job_wall_ns(j)));
	free(key);
}

static void finished(void *ctx, struct job *j)
{
	struct schedule *s = ctx;

	for (size_t i = 0; i < MOST_AT_ONCE; i++)
		if (s->active[i] == j)
			s->active[i] = NULL;
	if (job_kind(j) == JOB_LIST)
		add_cases(s, j);
	else if (job_kind(j) == JOB_SUITE && !s->interrupted)
		remember(s, j);
	note("%s", job_summary(j));
	job_free(j);
	s->running--;
	start_more(s);
	if (s->running == 0 && (s->queued == 0 || s->interrupted))
		for (size_t i = 0; i < ARRAY_SIZE(s->signals); i++)
			if (!uv_is_closing((uv_handle_t *)&s->signals[i]))
				uv_close((uv_handle_t *)&s->signals[i], NULL);
}

static void start_one(struct schedule *s)
{
	struct work w = s->queue[--s->queued];
	unsigned slot = 0;
	struct job *j;

	while (s->active[slot])
		slot++;
	s->running++;
	if (w.kind == JOB_SUITE)
		note("%s on %s: %s", w.suite->name, w.kernel->release, w.suite->about);
	j = job_new(s->run, w.kernel, w.suite, w.kind, w.test_case, s->options, finished, s);
	free(w.test_case);
	s->active[slot] = j;
	job_start(j, &s->loop);
}

static void start_more(struct schedule *s)
{
	if (s->filling) /* a job that ends at once must not recurse */
		return;
	s->filling = true;
	while (!s->interrupted && s->running < s->at_once && s->queued)
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
	start_more(s);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);

	text = json_dumps(s->durations, JSON_SORT_KEYS | JSON_INDENT(1));
	if (text && write_file(path, text, strlen(text)) < 0)
		note("%s: %m", path);
	for (size_t i = 0; i < s->queued; i++) /* an interrupted run leaves some */
		free(s->queue[i].test_case);
	free(text);
	free(path);
	free(s->queue);
	json_decref(s->durations);
	free(s);
}
