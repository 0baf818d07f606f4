// SPDX-License-Identifier: GPL-2.0-only
/* Events as text and as JSON: packets here, processes in process.c. */
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "event.h"
#include "filter.h"
#include "process.h"

/* RFC 3339, in UTC, with microseconds: lines of many hosts can be sorted. */
static void when(__u64 ns, char buf[32])
{
	time_t s = ns / 1000000000;
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 32 - n, ".%06uZ", (unsigned int)(ns / 1000 % 1000000));
}

/* An end of the flow; what could not be read is NULL. */
static const char *end_of(const struct corepath_packet_event *e, const struct corepath_addr *addr,
			  __u16 port, char *buf)
{
	static const struct corepath_flow none;

	return memcmp(&e->flow, &none, sizeof(none)) ? corepath_endpoint_format(addr, port, buf)
						     : NULL;
}

static void print_line(const struct corepath_packet_event *e, const char *time, const char *dev)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN], proto[8];

	printf("%s %s %s %s %s %s > %s %u bytes\n", time, corepath_hook_name(e->head.hook), dev,
	       corepath_drop_name(e->reason), filter_proto_name(e, proto),
	       end_of(e, &e->flow.src, ntohs(e->flow.sport), src) ?: "-",
	       end_of(e, &e->flow.dst, ntohs(e->flow.dport), dst) ?: "-", e->bytes);
}

static bool print_object(const struct corepath_packet_event *e, const char *time, const char *dev)
{
	char src[COREPATH_SERVICE_STRLEN], dst[COREPATH_SERVICE_STRLEN], proto[8];
	json_t *line;
	bool done;

	line = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s?, s:s?, s:i, s:i, s:I}", "time", time,
			 "hook", corepath_hook_name(e->head.hook), "dev", dev, "reason",
			 corepath_drop_name(e->reason), "dropped", corepath_is_drop(e->reason),
			 "proto", filter_proto_name(e, proto), "src",
			 end_of(e, &e->flow.src, 0, src), "dst", end_of(e, &e->flow.dst, 0, dst),
			 "sport", ntohs(e->flow.sport), "dport", ntohs(e->flow.dport), "bytes",
			 (json_int_t)e->bytes);
	done = line && !json_dumpf(line, stdout, JSON_COMPACT);
	json_decref(line);
	putchar('\n');
	return done;
}

bool print_event(const struct recorded *what, bool json)
{
	const struct corepath_packet_event *e = (const void *)what->event;
	bool done = true;
	char time[32];

	when(what->time_ns, time);
	if (what->event->kind != COREPATH_EVENT_PACKET)
		done = print_process(what->event, time, json);
	else if (json)
		done = print_object(e, time, what->dev);
	else
		print_line(e, time, what->dev);
	return done && !ferror(stdout);
}
