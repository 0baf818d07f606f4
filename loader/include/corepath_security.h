/* SPDX-License-Identifier: GPL-2.0-only */
/* libcorepath: processes. Part of corepath.h, which includes it. */
#ifndef COREPATH_SECURITY_H
#define COREPATH_SECURITY_H

/* "packet", "exec", "fork", "exit"; and the kind of that name, or -EINVAL */
const char *corepath_event_kind_name(enum corepath_event_kind kind);
int corepath_event_kind_parse(const char *name, enum corepath_event_kind *kind);

/* The three texts of an exec event. The event's sizes have been checked by who calls: -EINVAL if
 * they do not fit it. None ends with a NUL; each argument does, but one that is cut. */
struct corepath_exec_text {
	const char *path, *cwd, *args;
};

int corepath_exec_text(const struct corepath_exec_event *e, struct corepath_exec_text *out);

#endif
