/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COREPATH_PROCESS_H
#define COREPATH_PROCESS_H

#include "corepath.h"

/* Prints an event of a process as one line; `time` is when. What is no such event, or is cut short,
 * is left out. Returns false if it could not be printed. */
bool print_process(const struct corepath_event *e, const char *time, bool json);

#endif
