// SPDX-License-Identifier: GPL-2.0-only
/* corepath observe: packets as they are dropped or sent on, and processes, one line each. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "filter.h"
#include "process.h"

struct observe {
	const struct args *args;
	struct filter filter;
	unsigned long long left; /* events still to print; 0: no end */
	bool limited;
	__u64 boot_ns; /* of the epoch, when CLOCK_MONOTONIC was 0 */
	__u64 lost_said;
	bool failed; /* standard output is gone */
};

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

/* RFC 3339, in UTC, with microseconds: lines of many hosts can be sorted. */
static const char *when(const struct observe *o, const struct corepath_event *e, char buf[32])
{
	__u64 ns = o->boot_ns + e->time_ns;
	time_t s = ns / 1000000000;
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 32 - n, ".%06uZ", (unsigned int)(ns / 1000 % 1000000));
	return buf;
}

static const char *device(unsigned int ifindex, char buf[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, buf))
		snprintf(buf, IF_NAMESIZE, "%u", ifindex);
	return buf;
}

/* An end of the flow; what could not be read is NULL. */
static const char *end_of(const struct corepath_packet_event *e, const struct corepath_addr *addr,
			  __u16 port, char *buf)
{
	static const struct corepath_flow none;

	return memcmp(&e->flow, &none, sizeof(none)) ? corepath_endpoint_format(addr, port, buf)
						     : NULL;
}

static void print_line(const struct observe *o, const struct corepath_packet_event *e)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN];
	char dev[IF_NAMESIZE], proto[8], time[32];

	printf("%s %s %s %s %s %s > %s %u bytes\n", when(o, &e->head, time),
	       corepath_hook_name(e->head.hook), device(e->ifindex, dev),
	       corepath_drop_name(e->reason), filter_proto_name(e, proto),
	       end_of(e, &e->flow.src, ntohs(e->flow.sport), src) ?: "-",
	       end_of(e, &e->flow.dst, ntohs(e->flow.dport), dst) ?: "-", e->bytes);
}

static int print_object(const struct observe *o, const struct corepath_packet_event *e)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN];
	char dev[IF_NAMESIZE], proto[8], time[32];
	json_t *line;
	int err;

	line = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s?, s:s?, s:i, s:i, s:I}", "time",
			 when(o, &e->head, time), "hook", corepath_hook_name(e->head.hook), "dev",
			 device(e->ifindex, dev), "reason", corepath_drop_name(e->reason),
			 "dropped", corepath_is_drop(e->reason), "proto",
			 filter_proto_name(e, proto), "src", end_of(e, &e->flow.src, 0, src), "dst",
			 end_of(e, &e->flow.dst, 0, dst), "sport", ntohs(e->flow.sport), "dport",
			 ntohs(e->flow.dport), "bytes", (json_int_t)e->bytes);
	err = !line || json_dumpf(line, stdout, JSON_COMPACT);
	json_decref(line);
	putchar('\n');
	return err;
}

static int on_event(const struct corepath_event *head, void *arg)
{
	const struct corepath_packet_event *e = (const void *)head;
	bool packet = head->kind == COREPATH_EVENT_PACKET;
	struct observe *o = arg;
	char time[32];

	if (!filter_wants(&o->filter, head))
		return 0;
	if (o->limited && !o->left)
		return -ECANCELED;
	if (!packet)
		o->failed = !print_process(head, when(o, head, time), o->args->json);
	else if (o->args->json)
		o->failed = print_object(o, e);
	else
		print_line(o, e);
	o->failed |= ferror(stdout);
	if (o->failed || (o->limited && !--o->left))
		return -ECANCELED;
	return 0;
}

static int say_lost(struct observe *o, struct corepath_watch *w)
{
	__u64 lost;

	if (corepath_watch_lost(w, &lost))
		return report_failure(o->args, false);
	if (lost != o->lost_said)
		fprintf(stderr,
			"corepath: %" PRIu64 " events lost, as they came faster than they were "
			"read; ask for less\n",
			(uint64_t)lost);
	o->lost_said = lost;
	return EXIT_DONE;
}

static __u64 now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int follow(struct observe *o, struct corepath_watch *w)
{
	int status = EXIT_DONE, n;

	while (!ended && !status && !o->failed && !(o->limited && !o->left)) {
		n = corepath_watch_poll(w, 1000);
		o->failed |= fflush(stdout) != 0; /* once for all there was, before what was lost */
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
	fflush(stdout);
	return say_lost(o, w);
}

int cmd_observe(const struct args *args)
{
	struct observe o = {.args = args, .left = args->count, .limited = args->count};
	struct sigaction act = {.sa_handler = on_signal};
	struct corepath_watch_request req = {.pin_dir = args->pin_dir,
					     .reasons = o.filter.reasons,
					     .kinds = o.filter.kinds,
					     .fn = on_event,
					     .arg = &o};
	struct corepath_watch *w;
	int status;

	status = filter_parse(args, &o.filter);
	if (status)
		return status;
	o.boot_ns = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	if (corepath_watch_open(&req, &w))
		return report_failure(args, false);
	if (corepath_keep_only_bpf()) {
		corepath_watch_close(w);
		return report_failure(args, false);
	}
	/* from here on nothing is missed, which a script may wait for */
	fputs("corepath: watching\n", stderr);
	alarm(args->seconds);
	status = follow(&o, w);
	corepath_watch_close(w);
	return status; /* main() says what standard output came to */
}
