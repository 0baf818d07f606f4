/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that ran already when their rules came. */
#ifndef COREPATH_RUNNING_H
#define COREPATH_RUNNING_H

#include "rules.h"

#define CP_MAP_SEC_RUNNING "sec_running"

/* What is to be done about them, and where it is said. */
struct cp_running_wish {
	bool kill; /* those of action kill */
	struct corepath_running_report *report;
};

/* Empties what is known of processes: before hooks begin to note what they judge. -ENOENT if there
 * are no rules about exec, and so no such map; otherwise the kernel's, without an error text. */
int cp_running_forget(const struct cp_dir *dir);

/*
 * Judges who runs by the rules, which are in force, with config->running at
 * COREPATH_RUNNING_NOTE; sets that to 0. Fills wish->report. A negative errno without an error
 * text: -E2BIG if more than COREPATH_RUNNING_MAX match.
 */
int cp_running_judge(const struct cp_dir *dir, const struct cp_rules *rules, int config_fd,
		     struct corepath_sec_config *config, const struct cp_running_wish *wish);

#endif
