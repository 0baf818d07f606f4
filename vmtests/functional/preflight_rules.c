// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.preflight.rules_*: every deed of the tables of rules, denied. What preflight says of
 * its kind of rule is what then becomes of it.
 */
#include <stdio.h>
#include <string.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "preflight.h"
#include "ruled.h"

/* What preflight calls the rule. Of a list of ops the first one. */
static const char *feature_of(const struct ruled_deed *deed)
{
	static char name[64];
	const char *op = deed->on + strspn(deed->on, "[");

	if (strstr(deed->met, "args"))
		return "rule-args";
	snprintf(name, sizeof(name), "rule-%.*s", (int)strcspn(op, ",]"), op);
	return name;
}

struct tally {
	char feature[64];
	bool part, killed, refused;
};

static struct tally *tally_of(struct tally list[64], const char *feature)
{
	for (size_t i = 0; i < 64; i++) {
		if (!*list[i].feature)
			snprintf(list[i].feature, sizeof(list[i].feature), "%s", feature);
		if (!strcmp(list[i].feature, feature))
			return &list[i];
	}
	checkrun_error("more than 64 kinds of rules");
}

/* Where their programs cannot be loaded, no rule can. */
static void none_can_be(json_t *list)
{
	json_t *entry;
	size_t i;

	if (ruled_try("  - {name: it, on: exec, action: log, path: /none}\n") != 1)
		ck_abort_msg("preflight says that there are no rules, and then there are: %s",
			     command_output);
	json_array_foreach (list, i, entry)
		if (!strncmp(json_string_value(json_object_get(entry, "feature")), "rule-", 5))
			ck_assert_str_eq(json_string_value(json_object_get(entry, "support")),
					 "untried");
}

/* A deed that is missing cannot be loaded; one that works is refused; one that is degraded is
 * killed, unless that is said of some of its kind only. */
static void one(const struct ruled_deed *deed, json_t *list, struct tally tallies[64])
{
	const char *feature = feature_of(deed);
	const char *said = preflight_member(list, feature, "support");
	const char *why = preflight_member(list, feature, "why");
	struct tally *tally = tally_of(tallies, feature);
	enum ruled_end end;

	if (!strcmp(said, "missing")) {
		if (!ruled_deed_unseen(deed))
			ck_abort_msg("%s: preflight says '%s' of %s, and then: %s", deed->name,
				     said, feature, command_output);
		return;
	}
	ruled_deed_load(deed, "deny", deed->met);
	end = ruled_run(deed->act);
	tally->part = strstr(why, "some of it");
	tally->killed |= end == RULED_KILLED;
	tally->refused |= end == RULED_REFUSED;
	if (end == RULED_DONE || (end == RULED_KILLED && strcmp(said, "degraded")) ||
	    (end == RULED_REFUSED && strcmp(said, "works") && !tally->part))
		ck_abort_msg("%s: preflight says '%s' of %s (%s), and then it was %s", deed->name,
			     said, feature, why, ruled_end_name(end));
}

static void are_what_then_happens(int index __attribute__((unused)))
{
	static const struct ruled_table *const tables[] = {&ruled_common, &ruled_powers,
							   &ruled_attributes};
	struct tally tallies[64] = {};
	json_t *list;

	ruled_begin();
	list = preflight_list();
	if (!strcmp(preflight_member(list, "rules", "support"), "missing")) {
		none_can_be(list);
		json_decref(list);
		return;
	}
	for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++)
		for (size_t i = 0; i < tables[t]->n; i++)
			one(&tables[t]->deeds[i], list, tallies);
	for (size_t i = 0; i < 64; i++)
		if (tallies[i].part && !(tallies[i].killed && tallies[i].refused))
			ck_abort_msg("%s: preflight says that some of it is killed, and %s is",
				     tallies[i].feature, tallies[i].killed ? "all" : "none");
	ruled_none();
	json_decref(list);
}

static const struct functional_test tests[] = {
	{"functional.preflight.rules_are_what_then_happens", are_what_then_happens, 0},
};

void preflight_rules_add(Suite *suite, const struct selection *selection)
{
	functional_add_long(suite, selection, tests, 1, 300);
}
