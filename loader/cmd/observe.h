/* SPDX-License-Identifier: GPL-2.0-only */
/* `corepath observe`, of what happens (observe.c) and of what was recorded (recorded.c). */
#ifndef COREPATH_OBSERVE_H
#define COREPATH_OBSERVE_H

#include <signal.h>
#include "filter.h"

/* Set by SIGINT, SIGTERM and, if --for was given, when its time is over. */
extern volatile sig_atomic_t observe_ended;
void observe_until_signal(const struct args *args);

/* Returns an exit status, and has said why. */
int observe_recorded(const struct args *args, const struct filter *filter);

#endif
