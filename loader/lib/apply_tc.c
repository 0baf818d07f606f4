// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making changes of connection tracking, endpoints, policies, identities and the uplink.
 *
 * Policies, who is behind an address and who an endpoint is decide together, so changes of all of
 * these are written, and only then connections are judged anew: none is refused by half of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "apply.h"
#include "config.h"
#include "internal.h"

static bool is_judged(const struct change *c)
{
	return c->kind == POLICY_ADD || c->kind == POLICY_DEL || c->kind == ENDPOINT_SET ||
	       c->kind == IDENTITY_ADD || c->kind == IDENTITY_DEL;
}

/* A run of changes of endpoints, by one call: one may get another's address. */
static int set_endpoints(const struct cp_eps *m, const struct change *c, size_t n)
{
	struct cp_endpoint_change *list = calloc(n, sizeof(*list));
	size_t i;
	int err;

	if (!list)
		return cp_fail(ENOMEM, "endpoints: out of memory; free some");
	for (i = 0; i < n; i++)
		list[i] = (struct cp_endpoint_change){c[i].endpoint->spec, c[i].endpoint->mode};
	err = cp_endpoints_set(m, list, n);
	free(list);
	return err;
}

/* Rules come by their endpoint: it is looked for once for each. */
struct scope {
	const char *dev;
	__u32 scope;
};

static int change_policy(const struct cp_eps *m, const struct change *c, struct scope *s)
{
	int err = 0;

	if (!s->dev || strcmp(s->dev, c->policy->dev))
		err = cp_policy_scope(m, c->policy, &s->scope);
	if (err)
		return err;
	s->dev = c->policy->dev;
	return c->kind == POLICY_ADD ? cp_policy_put(m, s->scope, c->policy)
				     : cp_policy_remove(m, s->scope, c->policy);
}

static int write_all(const struct cp_eps *m, const struct change *c, size_t n)
{
	const struct change *end = c + n;
	struct scope scope = {};
	int err = 0;

	for (; c < end && !err; c += n) {
		n = 1;
		if (c->kind == ENDPOINT_SET) {
			while (c + n < end && c[n].kind == ENDPOINT_SET)
				n++;
			err = set_endpoints(m, c, n);
		} else if (c->kind == IDENTITY_ADD) {
			err = cp_identity_put(m, &c->identity->prefix, c->identity->identity);
		} else if (c->kind == IDENTITY_DEL) {
			err = cp_identity_remove(m, &c->identity->prefix);
		} else {
			err = change_policy(m, c, &scope);
		}
	}
	return err;
}

static int make_judged(const char *pin_dir, const struct change *c, size_t n)
{
	struct cp_eps m;
	int err = cp_eps_open(&m, pin_dir, CP_CHANGE, true);

	if (err)
		return err;
	err = write_all(&m, c, n);
	if (!err)
		err = cp_eps_judge_anew(&m, 0);
	if (!err)
		err = cp_host_commit(&m.dir, m.endpoints);
	cp_eps_close(&m);
	return err;
}

/* An endpoint and its policies, which follow it in the plan. */
static int add_endpoint(const char *pin_dir, const struct change *c, size_t n)
{
	struct corepath_policy_spec *rules = calloc(n, sizeof(*rules));
	size_t i;
	int err;

	if (!rules)
		return cp_fail(ENOMEM, "endpoints: out of memory; free some");
	for (i = 1; i < n; i++)
		rules[i - 1] = *c[i].policy;
	err = cp_endpoint_add(pin_dir, &c->endpoint->spec, c->endpoint->mode, rules, n - 1, NULL);
	free(rules);
	return err;
}

/* A run of networks of one list. */
static int change_networks(const char *pin_dir, const struct change *c, size_t n)
{
	struct corepath_prefix *list = calloc(n, sizeof(*list));
	size_t i;
	int err;

	if (!list)
		return cp_fail(ENOMEM, "uplink: out of memory; free some");
	for (i = 0; i < n; i++)
		list[i] = *c[i].prefix;
	err = c->kind == UPLINK_ADD ? corepath_uplink_add(pin_dir, c->which, list, n)
				    : corepath_uplink_del(pin_dir, c->which, list, n);
	free(list);
	return err;
}

int cp_apply_tc(const char *pin_dir, const struct change *c, const struct change *end, size_t *n)
{
	*n = 1;
	switch (c->kind) {
	case ENDPOINT_ADD:
		while (c + *n < end && c[*n].kind == POLICY_ADD &&
		       !strcmp(c[*n].policy->dev, c->endpoint->spec.dev))
			++*n;
		return add_endpoint(pin_dir, c, *n);
	case ENDPOINT_DEL:
		return corepath_endpoint_del(pin_dir, c->endpoint->spec.dev);
	case CT_SET:
		return corepath_ct_set(pin_dir, c->ct);
	case UPLINK_SET:
		return corepath_uplink_set(pin_dir, c->uplink);
	case UPLINK_ADD:
	case UPLINK_DEL:
		while (c + *n < end && c[*n].kind == c->kind && c[*n].which == c->which)
			++*n;
		return change_networks(pin_dir, c, *n);
	case UPLINK_ATTACH:
		return corepath_uplink_attach(pin_dir, c->uplink_device->name,
					      c->uplink_device->mode, NULL);
	case UPLINK_DETACH:
		return corepath_uplink_detach(pin_dir, c->uplink_device->name);
	default:
		if (!is_judged(c)) {
			*n = 0;
			return 0;
		}
		while (c + *n < end && is_judged(&c[*n]))
			++*n;
		return make_judged(pin_dir, c, *n);
	}
}
