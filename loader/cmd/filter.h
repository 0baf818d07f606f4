/* SPDX-License-Identifier: GPL-2.0-only */
/* What `corepath observe` shows of what it is told. */
#ifndef COREPATH_FILTER_H
#define COREPATH_FILTER_H

#include "cmd.h"

/* What became of it: packets by their reason, what processes do by the rule that matched. */
enum filter_verdict { FILTER_ANY, FILTER_DROPPED, FILTER_PASSED };

struct filter {
	bool reasons[COREPATH_DROP_COUNT];
	bool kinds[COREPATH_EVENT_KINDS];
	struct corepath_prefix address; /* either end */
	bool has_address;
	unsigned int port; /* either end; 0: any */
	int proto;	   /* -1: any */
	enum filter_verdict verdict;
	const char
		*process; /* a PID, a file if it has a '/', else the name that ps shows; or NULL */
};

/* Whether they are about what was recorded. */
bool filter_of_recording(const struct args *args);

/* Reads the options. Returns an exit status, and then has said why. */
int filter_parse(const struct args *args, struct filter *f);

bool filter_wants(const struct filter *f, const struct corepath_event *e);

/* "tcp", or a number if it has no name here. */
const char *filter_proto_name(const struct corepath_packet_event *e, char buf[8]);

#endif
