// SPDX-License-Identifier: GPL-2.0-only
/* corepath observe --since, --last, --from: what `corepath record` recorded. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "event.h"
#include "observe.h"

/* Copies of the last ones; of `most`, at[oldest] is the oldest. */
struct last {
	struct recorded *at;
	size_t n, room, most, oldest;
};

struct show {
	const struct args *args;
	const struct filter *filter;
	struct reading reading;
	struct last last;
	__u64 since_ns;
	__u32 shown;
	bool failed; /* and said why, or standard output is gone */
};

static void forget(struct recorded *what)
{
	free((void *)what->event);
}

static bool keep(struct last *l, const struct recorded *what)
{
	size_t size = what->event ? what->event->size : 0;
	struct recorded copy = *what, *grown;

	if (l->n == l->room && l->n < l->most) {
		l->room = l->room ? l->room * 2 : 64;
		grown = reallocarray(l->at, l->room, sizeof(*l->at));
		if (!grown)
			return false;
		l->at = grown;
	}
	if (size) {
		copy.event = malloc(size);
		if (!copy.event)
			return false;
		memcpy((void *)copy.event, what->event, size);
	}
	if (l->n < l->most) {
		l->at[l->n++] = copy;
		return true;
	}
	forget(&l->at[l->oldest]);
	l->at[l->oldest] = copy;
	l->oldest = (l->oldest + 1) % l->most;
	return true;
}

static bool is_over(const struct show *s)
{
	return observe_ended || s->failed || (s->args->count && s->shown == s->args->count);
}

static void show(struct show *s, const struct recorded *what)
{
	if (is_over(s))
		return;
	if (!what->event) {
		fflush(stdout);
		fprintf(stderr, "corepath: here %" PRIu64 " events were lost to the recording\n",
			(uint64_t)what->lost);
		return;
	}
	s->failed = !print_event(what, s->args->json);
	s->shown++;
}

/* All there is now. */
static void read_all(struct show *s, bool kept)
{
	struct recorded what;
	int got = 0;

	while (!is_over(s) && (got = reading_next(&s->reading, &what)) > 0) {
		if (what.time_ns < s->since_ns ||
		    (what.event && !filter_wants(s->filter, what.event)))
			continue;
		if (!kept) {
			show(s, &what);
		} else if (!keep(&s->last, &what)) {
			fputs("corepath: observe: out of memory; ask for fewer with --last\n",
			      stderr);
			s->failed = true;
		}
	}
	s->failed |= got < 0;
}

static void show_last(struct show *s)
{
	struct last *l = &s->last;
	size_t i;

	for (i = 0; i < l->n; i++) {
		show(s, &l->at[(l->oldest + i) % l->n]);
		forget(&l->at[(l->oldest + i) % l->n]);
	}
	free(l->at);
}

int observe_recorded(const struct args *args, const struct filter *filter)
{
	struct show s = {.args = args, .filter = filter, .last.most = args->last};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (args->since &&
	    recording_since(args->since, now.tv_sec * 1000000000ull + now.tv_nsec, &s.since_ns))
		return report_usage("--since %s: neither 90s, 10m, 2h, 7d nor a time as in "
				    "2026-01-31T12:00:00Z",
				    args->since);
	if (args->seconds && !args->follow)
		return report_usage("--for: what was recorded takes no time; add --follow");
	if (args->follow)
		observe_until_signal(args);
	if (reading_open(&s.reading, args->from ?: RECORDING_FILE, args->follow)) {
		reading_close(&s.reading);
		return EXIT_FAILED;
	}
	read_all(&s, args->last);
	show_last(&s);
	while (args->follow && !is_over(&s)) {
		s.failed |= fflush(stdout) || reading_wait(&s.reading, 1000);
		read_all(&s, false);
	}
	reading_close(&s.reading);
	return s.failed ? EXIT_FAILED : EXIT_DONE;
}
