// SPDX-License-Identifier: GPL-2.0-only
/*
 * corepath observe, corepath record: packets as they are dropped or sent on, and processes, one
 * line each, or into a recording.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "event.h"
#include "observe.h"

struct observe {
	const struct args *args;
	struct filter filter;
	unsigned long long left; /* events still to print; 0: no end */
	bool limited;
	__u64 boot_ns; /* of the epoch, when CLOCK_MONOTONIC was 0 */
	__u64 lost_said;
	struct recorder *recorder; /* or NULL: they are printed */
	bool failed;		   /* standard output or the recording takes no more */
};

volatile sig_atomic_t observe_ended;

static void on_signal(int sig)
{
	(void)sig;
	observe_ended = 1;
}

void observe_until_signal(const struct args *args)
{
	/* what is being written to who reads slowly is written to its end; the second signal ends
	 * at once, for who does not read at all */
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	alarm(args->seconds);
}

static __u64 now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void name_device(const struct corepath_event *head, char buf[IF_NAMESIZE])
{
	const struct corepath_packet_event *e = (const void *)head;

	if (head->kind == COREPATH_EVENT_PACKET && !if_indextoname(e->ifindex, buf))
		snprintf(buf, IF_NAMESIZE, "%u", e->ifindex);
}

static int on_event(const struct corepath_event *e, void *arg)
{
	struct observe *o = arg;
	struct recorded what = {.time_ns = o->boot_ns + e->time_ns, .event = e};

	if (!filter_wants(&o->filter, e))
		return 0;
	if (o->limited && !o->left)
		return -ECANCELED;
	name_device(e, what.dev);
	o->failed =
		o->recorder ? recorder_add(o->recorder, &what) : !print_event(&what, o->args->json);
	if (o->failed || (o->limited && !--o->left))
		return -ECANCELED;
	return 0;
}

static void write_out(struct observe *o)
{
	o->failed |= (o->recorder ? recorder_flush(o->recorder) : fflush(stdout)) != 0;
}

static int say_lost(struct observe *o, struct corepath_watch *w)
{
	struct recorded what = {.time_ns = now(CLOCK_REALTIME)};
	__u64 lost;

	if (corepath_watch_lost(w, &lost))
		return report_failure(o->args, false);
	if (lost != o->lost_said)
		fprintf(stderr,
			"corepath: %" PRIu64 " events lost, as they came faster than they were "
			"read; ask for less\n",
			(uint64_t)lost);
	what.lost = lost - o->lost_said;
	if (what.lost && o->recorder)
		o->failed |= recorder_add(o->recorder, &what) || recorder_flush(o->recorder);
	o->lost_said = lost;
	return EXIT_DONE;
}

static int follow(struct observe *o, struct corepath_watch *w)
{
	int status = EXIT_DONE, n;

	while (!observe_ended && !status && !o->failed && !(o->limited && !o->left)) {
		n = corepath_watch_poll(w, 1000);
		write_out(o); /* once for all there was, before what was lost */
		if (n < 0 && n != -EINTR && n != -ECANCELED)
			return report_failure(o->args, false);
		status = say_lost(o, w);
	}
	if (status || o->failed || (o->limited && !o->left))
		return status;
	/* what came before the end is told, too */
	if (corepath_watch_stop(w))
		return report_failure(o->args, false);
	corepath_watch_poll(w, 0);
	write_out(o);
	return say_lost(o, w);
}

static int watch(struct observe *o)
{
	struct corepath_watch_request req = {.pin_dir = o->args->pin_dir,
					     .reasons = o->filter.reasons,
					     .kinds = o->filter.kinds,
					     .fn = on_event,
					     .arg = o};
	struct corepath_watch *w;
	int status;

	o->left = o->args->count;
	o->limited = o->args->count;
	o->boot_ns = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
	observe_until_signal(o->args);
	if (corepath_watch_open(&req, &w))
		return report_failure(o->args, false);
	if (corepath_keep_only_bpf()) {
		corepath_watch_close(w);
		return report_failure(o->args, false);
	}
	if (o->recorder && recorder_may_go_on(o->recorder)) {
		corepath_watch_close(w);
		return EXIT_FAILED;
	}
	/* from here on nothing is missed, which a script may wait for */
	fputs("corepath: watching\n", stderr);
	status = follow(o, w);
	corepath_watch_close(w);
	return status; /* main() says what standard output came to */
}

int cmd_observe(const struct args *args)
{
	struct observe o = {.args = args};
	int status = filter_parse(args, &o.filter);

	if (status)
		return status;
	return filter_of_recording(args) ? observe_recorded(args, &o.filter) : watch(&o);
}

int cmd_record(const struct args *args)
{
	const char *file = args->n_operands ? args->operands[0] : RECORDING_FILE;
	struct observe o = {.args = args};
	struct recorder recorder;
	int status = filter_parse(args, &o.filter);

	if (status)
		return status;
	if (recorder_open(&recorder, file, (args->mib ?: RECORDING_MIB) * 1048576ull))
		return EXIT_FAILED;
	o.recorder = &recorder;
	status = watch(&o);
	recorder_close(&recorder);
	return o.failed ? EXIT_FAILED : status;
}
