/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording of events: FILE, and FILE.1 with what came before it.
 *
 * Each begins with a head, then has an entry for each event, as the kernel told it, or for events
 * that were lost. What is there is of one machine and one layout of corepath, and can be read while
 * it is written. Functions that fail have said why on standard error.
 */
#ifndef COREPATH_RECORDING_H
#define COREPATH_RECORDING_H

#include <net/if.h>
#include <stdio.h>
#include "cmd.h"

/* Where `corepath record` writes and `corepath observe` reads if they are not told. */
#define RECORDING_FILE "/var/lib/corepath/events"

/* Of FILE and FILE.1 together, if it is not told. */
#define RECORDING_MIB 64

struct recorded {
	__u64 time_ns;			    /* since the epoch */
	char dev[IF_NAMESIZE];		    /* a packet's device, as it was called then */
	__u64 lost;			    /* so many events, if `event` is NULL */
	const struct corepath_event *event; /* until the next one is read */
};

struct recorder {
	const char *file;
	__u64 max; /* bytes of FILE, and of FILE.1 */
	int fd;
	__u64 size; /* of FILE, once `buf` is written */
	char *buf;
	size_t used, room;
};

/* Goes on with a recording that is there, after its last whole entry. Never touches a file that is
 * none. `max` is of both files together. */
int recorder_open(struct recorder *r, const char *file, __u64 max);

/* Whether the process, with the rights it has now, can make FILE.1 when FILE is full. */
int recorder_may_go_on(const struct recorder *r);

/* Takes it; recorder_flush() writes. */
int recorder_add(struct recorder *r, const struct recorded *what);
int recorder_flush(struct recorder *r);
void recorder_close(struct recorder *r);

struct reading {
	const char *file;
	FILE *now; /* what is read: FILE.1, then FILE */
	const char *name;
	char older[4096]; /* the name of FILE.1 */
	__u64 at;	  /* the first byte that was not read */
	__u64 was;	  /* inode of what was read before */
	bool left_out;	  /* of another layout */
	char *entry;
	int changes; /* inotify, or -1: nobody follows */
};

/* With `follow`, reading_wait() can tell of more. */
int reading_open(struct reading *r, const char *file, bool follow);

/* The next one: 1; 0 if there is none yet; else negative. */
int reading_next(struct reading *r, struct recorded *what);

/* Waits until there may be more, timeout_ms at most. */
int reading_wait(struct reading *r, int timeout_ms);
void reading_close(struct reading *r);

/* "90s", "10m", "2h", "7d" before now_ns, or a time as in RFC 3339, in UTC: nanoseconds since the
 * epoch. -EINVAL, said by nobody, if it is neither. */
int recording_since(const char *text, __u64 now_ns, __u64 *since_ns);

#endif
