// SPDX-License-Identifier: GPL-2.0-only
/*
 * What differs on tc hooks: connection tracking, endpoints, policies, who is behind an address, the
 * uplink.
 *
 * Endpoints that go do so first: one that comes may have their address. Then what stays changes,
 * with all its policies by one call (apply_tc.c); then what comes, each with its policies. The
 * uplink has its settings first, which hold the ports that no policy closes, and its devices when
 * it knows what to masquerade. Before all of these is connection tracking, whose tables are made
 * with the first of them, and as large as it says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "internal.h"
#include "plan.h"

static bool other_mode(enum corepath_tc_mode now, enum corepath_tc_mode will)
{
	return will != COREPATH_TC_AUTO && now != will;
}

/* ---- connection tracking ---- */

static void note_ct(struct corepath_plan *plan, const struct corepath_ct_settings *s)
{
	char text[256] = "", max[24] = "";
	size_t len = 0;
	int i;

	for (i = 0; i < COREPATH_CT_STATES; i++)
		len += snprintf(text + len, sizeof(text) - len, " %s=%u", corepath_ct_state_name(i),
				s->timeout_s[i]);
	if (s->max)
		snprintf(max, sizeof(max), " max=%u", s->max);
	cp_plan_note(plan, CT_SET, "~ ct%s pickup=%s%s", text, s->pickup ? "yes" : "no", max)->ct =
		s;
}

static void plan_ct(struct corepath_plan *plan)
{
	const struct corepath_ct_settings *a = &plan->from->ct, *b = &plan->to->ct;

	if (cp_plan_keeps_size(plan, "ct.max", "tables", a->max, b->max) &&
	    (memcmp(a->timeout_s, b->timeout_s, sizeof(a->timeout_s)) || a->pickup != b->pickup ||
	     (b->max && !a->max)))
		note_ct(plan, b);
}

/* ---- endpoints ---- */

static int compare_endpoint(const void *va, const void *vb)
{
	const struct cp_config_endpoint *a = va, *b = vb;

	return strcmp(a->spec.dev, b->spec.dev);
}

static void note_endpoint(struct corepath_plan *plan, enum kind kind, char sign,
			  const struct cp_config_endpoint *e)
{
	char text[COREPATH_ENDPOINT_SPEC_STRLEN];

	cp_plan_note(plan, kind, "%c endpoint %s tc=%s", sign,
		     corepath_endpoint_spec_format(&e->spec, text), corepath_tc_mode_name(e->mode))
		->endpoint = e;
}

static void endpoint_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_endpoint *a = was, *b = will;

	if (a && (a->gone || !b))
		note_endpoint(plan, ENDPOINT_DEL, '-', a);
}

static bool same_spec(const struct corepath_endpoint_spec *a,
		      const struct corepath_endpoint_spec *b)
{
	return !memcmp(a->addr, b->addr, sizeof(a->addr)) &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->identity == b->identity &&
	       !memcmp(a->limit, b->limit, sizeof(a->limit)) && a->audit == b->audit;
}

static void endpoint_changes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_endpoint *a = was, *b = will;

	if (a && !a->gone && b && !b->gone &&
	    (!same_spec(&a->spec, &b->spec) || other_mode(a->mode, b->mode)))
		note_endpoint(plan, ENDPOINT_SET, '~', b);
}

static void endpoint_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_endpoint *a = was, *b = will;
	size_t i;

	if (!b || b->gone || (a && !a->gone))
		return;
	note_endpoint(plan, ENDPOINT_ADD, '+', b);
	/* they come with it */
	for (i = 0; i < plan->to->n_policies && plan->to->parts & CP_PART_POLICIES; i++)
		if (!strcmp(plan->to->policies[i].spec.dev, b->spec.dev))
			cp_plan_policy(plan, POLICY_ADD, '+', &plan->to->policies[i].spec);
}

/* ---- policies, and who is behind an address ---- */

void cp_plan_policy(struct corepath_plan *plan, enum kind kind, char sign,
		    const struct corepath_policy_spec *p)
{
	char text[COREPATH_POLICY_STRLEN];

	cp_plan_note(plan, kind, "%c policy %s", sign, corepath_policy_format(p, text))->policy = p;
}

static int compare_policy(const void *va, const void *vb)
{
	const struct corepath_policy_spec *a = va, *b = vb;
	int d = strcmp(a->dev, b->dev);

	if (!d)
		d = (a->direction > b->direction) - (a->direction < b->direction);
	if (!d)
		d = (a->identity > b->identity) - (a->identity < b->identity);
	if (!d)
		d = a->proto - b->proto;
	return d ? d : a->port - b->port;
}

/* Whether the rule's endpoint comes, and the rule with it, or goes. The host does neither. */
static bool comes(const struct corepath_plan *plan, const struct corepath_policy_spec *p)
{
	return cp_config_find_endpoint(plan->to, p->dev) &&
	       !cp_config_find_endpoint(plan->from, p->dev);
}

static bool goes(const struct corepath_plan *plan, const struct corepath_policy_spec *p)
{
	return plan->to->parts & CP_PART_ENDPOINTS && cp_config_find_endpoint(plan->from, p->dev) &&
	       !cp_config_find_endpoint(plan->to, p->dev);
}

static void policy_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct corepath_policy_spec *a = was, *b = will;

	if (b && (!a || a->verdict != b->verdict || a->proxy != b->proxy) && !comes(plan, b))
		cp_plan_policy(plan, POLICY_ADD, a ? '~' : '+', b);
}

static void policy_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct corepath_policy_spec *a = was;

	if (!will && !goes(plan, a))
		cp_plan_policy(plan, POLICY_DEL, '-', a);
}

static int compare_identity(const void *va, const void *vb)
{
	const struct cp_config_identity *a = va, *b = vb;

	return cp_config_compare_prefix(&a->info.prefix, &b->info.prefix);
}

static void note_identity(struct corepath_plan *plan, enum kind kind, char sign,
			  const struct corepath_identity_info *info)
{
	char text[COREPATH_PREFIX_STRLEN];

	cp_plan_note(plan, kind, "%c identity %s %u", sign,
		     corepath_prefix_format(&info->prefix, text), info->identity)
		->identity = info;
}

static void identity_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_identity *a = was, *b = will;

	if (b && (!a || a->info.identity != b->info.identity))
		note_identity(plan, IDENTITY_ADD, a ? '~' : '+', &b->info);
}

static void identity_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_identity *a = was;

	if (!will)
		note_identity(plan, IDENTITY_DEL, '-', &a->info);
}

/* ---- the uplink ---- */

static void plan_settings(struct corepath_plan *plan)
{
	const struct corepath_uplink *a = &plan->from->uplink, *b = &plan->to->uplink;
	char v4[COREPATH_SERVICE_STRLEN], v6[COREPATH_SERVICE_STRLEN];
	char failsafe[COREPATH_FAILSAFE_STRLEN];

	if (!memcmp(&a->masquerade4, &b->masquerade4, sizeof(a->masquerade4)) &&
	    !memcmp(&a->masquerade6, &b->masquerade6, sizeof(a->masquerade6)) &&
	    a->port_min == b->port_min && a->port_max == b->port_max && a->direct == b->direct &&
	    a->audit == b->audit && !memcmp(a->failsafe, b->failsafe, sizeof(a->failsafe)))
		return;
	cp_plan_note(plan, UPLINK_SET,
		     "~ uplink masquerade4=%s masquerade6=%s ports=%u-%u forward=%s audit=%s "
		     "failsafe=%s",
		     corepath_uplink_address(&b->masquerade4, v4),
		     corepath_uplink_address(&b->masquerade6, v6), b->port_min, b->port_max,
		     b->direct ? "direct" : "stack", b->audit ? "yes" : "no",
		     corepath_uplink_failsafe(b, failsafe))
		->uplink = b;
}

static void note_network(struct corepath_plan *plan, enum kind kind,
			 enum corepath_uplink_list which, const struct corepath_prefix *p)
{
	char text[COREPATH_PREFIX_STRLEN];
	struct change *c;

	c = cp_plan_note(plan, kind, "%c uplink %s %s", kind == UPLINK_ADD ? '+' : '-',
			 which == COREPATH_UPLINK_SOURCES ? "source" : "exclude",
			 corepath_prefix_format(p, text));
	c->which = which;
	c->prefix = p;
}

static void source_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	if (!was)
		note_network(plan, UPLINK_ADD, COREPATH_UPLINK_SOURCES, will);
}

static void source_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	if (!will)
		note_network(plan, UPLINK_DEL, COREPATH_UPLINK_SOURCES, was);
}

static void exclude_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	if (!was)
		note_network(plan, UPLINK_ADD, COREPATH_UPLINK_EXCLUDES, will);
}

static void exclude_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	if (!will)
		note_network(plan, UPLINK_DEL, COREPATH_UPLINK_EXCLUDES, was);
}

static void plan_list(struct corepath_plan *plan, enum corepath_uplink_list which, cp_plan_pair *fn)
{
	const struct corepath_config *from = plan->from, *to = plan->to;

	cp_plan_pairs(plan,
		      (struct cp_plan_list){from->uplink_lists[which], from->n_uplink_lists[which]},
		      (struct cp_plan_list){to->uplink_lists[which], to->n_uplink_lists[which]},
		      sizeof(struct corepath_prefix), cp_config_compare_prefix, fn);
}

static int compare_device(const void *va, const void *vb)
{
	const struct cp_config_tc_device *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

static void note_device(struct corepath_plan *plan, enum kind kind,
			const struct cp_config_tc_device *d)
{
	cp_plan_note(plan, kind, "%c uplink device %s tc=%s", kind == UPLINK_ATTACH ? '+' : '-',
		     d->name, corepath_tc_mode_name(d->mode))
		->uplink_device = d;
}

/* One that changes how it is attached goes and comes, and lets everything pass in between. */
static void uplink_comes(struct corepath_plan *plan, const void *was, const void *will)
{
	const struct cp_config_tc_device *a = was, *b = will;

	if (!b || (a && !other_mode(a->mode, b->mode)))
		return;
	if (a)
		note_device(plan, UPLINK_DETACH, a);
	note_device(plan, UPLINK_ATTACH, b);
}

static void uplink_goes(struct corepath_plan *plan, const void *was, const void *will)
{
	if (!will)
		note_device(plan, UPLINK_DETACH, was);
}

/* ---- all ---- */

static void each_endpoint(struct corepath_plan *plan, cp_plan_pair *fn)
{
	cp_plan_pairs(plan, CP_PLAN_LIST(plan->from, endpoints), CP_PLAN_LIST(plan->to, endpoints),
		      sizeof(struct cp_config_endpoint), compare_endpoint, fn);
}

static void each_policy(struct corepath_plan *plan, cp_plan_pair *fn)
{
	cp_plan_pairs(plan, CP_PLAN_LIST(plan->from, policies), CP_PLAN_LIST(plan->to, policies),
		      sizeof(struct cp_config_policy), compare_policy, fn);
}

static void each_identity(struct corepath_plan *plan, cp_plan_pair *fn)
{
	cp_plan_pairs(plan, CP_PLAN_LIST(plan->from, identities),
		      CP_PLAN_LIST(plan->to, identities), sizeof(struct cp_config_identity),
		      compare_identity, fn);
}

static void each_uplink(struct corepath_plan *plan, cp_plan_pair *fn)
{
	cp_plan_pairs(plan, CP_PLAN_LIST(plan->from, uplink_devices),
		      CP_PLAN_LIST(plan->to, uplink_devices), sizeof(struct cp_config_tc_device),
		      compare_device, fn);
}

static void plan_ends(struct corepath_plan *plan, unsigned int parts)
{
	if (parts & CP_PART_ENDPOINTS)
		each_endpoint(plan, endpoint_goes);
	if (parts & CP_PART_POLICIES)
		each_policy(plan, policy_comes);
	if (parts & CP_PART_ENDPOINTS)
		each_endpoint(plan, endpoint_changes);
	if (parts & CP_PART_IDENTITIES) {
		each_identity(plan, identity_comes);
		each_identity(plan, identity_goes);
	}
	if (parts & CP_PART_POLICIES)
		each_policy(plan, policy_goes);
	if (parts & CP_PART_ENDPOINTS)
		each_endpoint(plan, endpoint_comes);
}

static void plan_uplink(struct corepath_plan *plan)
{
	/* what is not masqueraded is known before what is */
	plan_list(plan, COREPATH_UPLINK_EXCLUDES, exclude_comes);
	plan_list(plan, COREPATH_UPLINK_SOURCES, source_comes);
	each_uplink(plan, uplink_comes);
	each_uplink(plan, uplink_goes);
	plan_list(plan, COREPATH_UPLINK_SOURCES, source_goes);
	plan_list(plan, COREPATH_UPLINK_EXCLUDES, exclude_goes);
}

void cp_plan_tc(struct corepath_plan *plan)
{
	unsigned int parts = plan->to->parts;

	if (parts & CP_PART_CT)
		plan_ct(plan);
	if (parts & CP_PART_UPLINK)
		plan_settings(plan);
	plan_ends(plan, parts);
	if (parts & CP_PART_UPLINK)
		plan_uplink(plan);
}
