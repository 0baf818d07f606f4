/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUNCTIONAL_MUST_H
#define FUNCTIONAL_MUST_H

#include "../lib/checkrun.h"
#include "../lib/net.h"

/* Ends the test if what ../lib/net.h was to set up could not be. */
static inline void must(int result)
{
	if (result < 0)
		checkrun_error("%s", net_error());
}

#endif
