// SPDX-License-Identifier: GPL-2.0-only
/* What differs on the host itself: whose sockets are balanced, what processes may do. */
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "config_rules.h"
#include "plan.h"

/* ---- sockets ---- */

/* One cgroup has one number, by whichever path. */
static int compare_cgroup(const void *va, const void *vb)
{
	const struct cp_config_cgroup *a = va, *b = vb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->id ? 0 : strcmp(a->path, b->path);
}

static void cgroup_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_cgroup *g = will;

	if (!was)
		cp_plan_note(plan, SOCKETS_UP, "+ sockets of %s", g->path)->cgroup = g;
}

static void cgroup_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_cgroup *g = was;

	if (!will)
		cp_plan_note(plan, SOCKETS_DOWN, "- sockets of %s", g->path)->cgroup = g;
}

static void each_cgroup(struct corepath_plan *plan, cp_plan_pair *fn)
{
	cp_plan_pairs(plan, CP_PLAN_LIST(plan->from, cgroups), CP_PLAN_LIST(plan->to, cgroups),
		      sizeof(struct cp_config_cgroup), compare_cgroup, fn);
}

/* ---- rules ---- */

static const struct corepath_rule_name *name_of(const struct cp_rules_entry *e)
{
	return e->key.dim == COREPATH_DIM_NAME ? &e->name : NULL;
}

/* One rule of a file may be several entries, of the same name. */
static bool has_name(const struct cp_rules_image *image, size_t n, const char *name)
{
	const struct corepath_rule_name *other;
	size_t i;

	for (i = 0; i < n; i++) {
		other = name_of(&image->list[i]);
		if (other && !strcmp(other->name, name))
			return true;
	}
	return false;
}

/* The names in one and not in the other. How many there are. */
static size_t note_names(struct corepath_plan *plan, char sign, const struct cp_rules_image *in,
			 const struct cp_rules_image *not_in)
{
	const struct corepath_rule_name *name;
	size_t i, n = 0;

	for (i = 0; i < in->n; i++) {
		name = name_of(&in->list[i]);
		if (!name || has_name(in, i, name->name) || has_name(not_in, not_in->n, name->name))
			continue;
		cp_plan_note(plan, SECURITY, "%c rule %s action=%s", sign, name->name,
			     corepath_action_name(name->asked))
			->rules = plan->to->rules;
		n++;
	}
	return n;
}

/* All of them change by one call: what comes and goes is for the reader. */
static void plan_rules(struct corepath_plan *plan)
{
	static const struct cp_rules_image none;
	const struct cp_config_rules *a = plan->from->rules, *b = plan->to->rules;
	const struct cp_rules_image *was = a ? &a->image : &none, *will = b ? &b->image : &none;

	if (cp_rules_same(was, will))
		return;
	if (!(note_names(plan, '+', will, was) + note_names(plan, '-', was, will)))
		cp_plan_note(plan, SECURITY, "~ rules of processes")->rules = plan->to->rules;
}

void cp_plan_sockets(struct corepath_plan *plan)
{
	if (plan->to->parts & CP_PART_SOCKETS) {
		each_cgroup(plan, cgroup_comes);
		each_cgroup(plan, cgroup_goes);
	}
}

void cp_plan_rules(struct corepath_plan *plan)
{
	if (plan->to->parts & CP_PART_SECURITY)
		plan_rules(plan);
}
