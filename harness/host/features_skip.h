/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing is silently unsupported: what a test says it was skipped for must really be missing. */
#ifndef VMTEST_FEATURES_SKIP_H
#define VMTEST_FEATURES_SKIP_H

#include "features.h"
#include "profile.h"

enum skip {
	SKIP_STANDS,  /* every feature named is absent */
	SKIP_UNKNOWN, /* none is there, and of one or more the image does not tell */
	SKIP_WRONG,   /* it is there, or what is named is no feature: a failure */
};

/*
 * Judges the "missing" of a line that says SKIP: one name as of features.h, or several with commas
 * between. `f` may be NULL: then all is unknown. What the profile the kernel was
 * booted in (or NULL) removes is absent, whatever the image says. `why` becomes one line: the
 * evidence, a note, or the reason of the failure. `missing` may be NULL.
 */
enum skip features_check_skip(struct features *f, const struct profile *profile,
			      const char *missing, char *why, size_t size);

/*
 * The same for a result line that says SKIP. SKIP_WRONG: "reason" became that of the failure, with
 * the line's own behind it, and "missing" is gone, as the schema wants of a FAIL. Else the
 * evidence, or the note, stands behind the line's reason.
 */
enum skip skip_judge(struct features *f, const struct profile *profile, json_t *line);

#endif
