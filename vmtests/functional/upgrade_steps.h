/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of upgrades have in common: other builds of the command, and a probe that waits. */
#ifndef FUNCTIONAL_UPGRADE_STEPS_H
#define FUNCTIONAL_UPGRADE_STEPS_H

#include "command.h"
#include "many.h"

/* The same sources, built with another layout (vmtests/fixtures/next), with a prefilter that does
 * not load, and with one that drops all. */
#define UPGRADE_NEXT	"corepath_next"
#define UPGRADE_REFUSED "corepath_refused"
#define UPGRADE_DEAF	"corepath_deaf"

/* Begins an upgrade and returns when it stands at its probe: the new programs run. Until then there
 * is traffic on the connections, if there are any. */
struct command upgrade_until_probe(struct many *m);

/* Ends the probe with that status. */
void upgrade_answer(unsigned char status);

/* "corepath WORD [OPERAND]" must fail and say that. */
void upgrade_refused(const char *what, const char *word, const char *operand);

#endif
