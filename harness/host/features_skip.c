// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features_skip.h"
#include "util.h"

#define EVIDENCE_MAX 512

static enum skip check_one(struct features *f, const struct profile *profile, const char *name,
			   char *why, size_t size)
{
	const char *removed = profile ? profile_removes(profile, name) : NULL;
	char evidence[EVIDENCE_MAX];
	enum has has;

	if (!features_is_name(name)) {
		snprintf(
			why, size,
			"skipped for \"%s\", which names no feature of a kernel: write KIND:NAME, such as "
			"helper:bpf_loop (`vmtest kernels --help`)",
			name);
		return SKIP_WRONG;
	}
	if (removed) {
		snprintf(why, size, "boot profile %s: %s", profile->name, removed);
		return SKIP_STANDS;
	}
	if (!f) {
		snprintf(why, size, "whether this kernel has %s is not known", name);
		return SKIP_UNKNOWN;
	}
	has = features_has(f, name, evidence, sizeof(evidence));
	if (has == HAS_YES)
		snprintf(why, size, "skipped for %s, which this kernel has: %s", name, evidence);
	else if (has == HAS_NO)
		snprintf(why, size, "%s", evidence);
	else
		snprintf(why, size, "whether this kernel has %s is not known: %s", name, evidence);
	return has == HAS_YES ? SKIP_WRONG : has == HAS_NO ? SKIP_STANDS : SKIP_UNKNOWN;
}

enum skip features_check_skip(struct features *f, const struct profile *profile,
			      const char *missing, char *why, size_t size)
{
	char *list = xstrdup(missing ? missing : ""), *name, *save;
	char one[2 * EVIDENCE_MAX];
	enum skip worst = SKIP_STANDS;
	bool any = false;

	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		enum skip skip;

		name += strspn(name, " ");
		for (char *end = name + strlen(name); end > name && end[-1] == ' ';)
			*--end = '\0';
		skip = check_one(f, profile, name, one, sizeof(one));
		if (!any || skip > worst)
			snprintf(why, size, "%s", one);
		worst = skip > worst ? skip : worst;
		any = true;
	}
	free(list);
	if (any)
		return worst;
	snprintf(why, size, "skipped without naming the kernel feature that is missing");
	return SKIP_WRONG;
}

enum skip skip_judge(struct features *f, const struct profile *profile, json_t *line)
{
	const char *said = json_string_value(json_object_get(line, "reason"));
	char why[2 * EVIDENCE_MAX], *reason;
	json_t *text;
	enum skip skip = features_check_skip(
		f, profile, json_string_value(json_object_get(line, "missing")), why, sizeof(why));

	if (skip == SKIP_WRONG) {
		reason = fmt("%s%s%s", why, said ? "; the test said: " : "", said ? said : "");
		json_object_del(line, "missing");
	} else {
		reason = fmt("%s%s%s", said ? said : "", said ? ": " : "", why);
	}
	text = json_string(reason); /* none when a long name was cut inside a letter */
	json_object_set_new(line, "reason",
			    text ? text : json_string("skipped for what is no name"));
	free(reason);
	return skip;
}
