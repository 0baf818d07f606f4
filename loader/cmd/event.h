/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of every kind as text and as JSON. */
#ifndef COREPATH_EVENT_H
#define COREPATH_EVENT_H

#include "recording.h"

/* Prints it, in a line. Returns false if standard output did not take it. */
bool print_event(const struct recorded *what, bool json);

#endif
