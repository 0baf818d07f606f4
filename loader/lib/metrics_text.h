/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COREPATH_METRICS_TEXT_H
#define COREPATH_METRICS_TEXT_H

#include <stdio.h>

/* Writes the value of a label as it is between its quotes: escaped, and UTF-8 whatever it is. */
void cp_metrics_label(FILE *to, const char *value);

#endif
