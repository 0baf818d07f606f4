// SPDX-License-Identifier: GPL-2.0-only
/* What runs on tc hooks: connection tracking, endpoints, policies, who is behind an address, the
 * uplink. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "config.h"
#include "internal.h"

const struct cp_config_endpoint *cp_config_find_endpoint(const struct corepath_config *c,
							 const char *dev)
{
	size_t i;

	for (i = 0; i < c->n_endpoints; i++)
		if (!c->endpoints[i].gone && !strcmp(c->endpoints[i].spec.dev, dev))
			return &c->endpoints[i];
	return NULL;
}

static int running_endpoints(const char *pin_dir, struct corepath_config *c)
{
	struct corepath_endpoint_info *list;
	struct cp_config_endpoint *e;
	size_t i, n;
	int err = corepath_endpoint_list(pin_dir, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		e = cp_config_more(&c->endpoints, &c->n_endpoints, sizeof(*e));
		if (e)
			*e = (struct cp_config_endpoint){.spec = list[i].spec,
							 .mode = list[i].mode,
							 .gone = list[i].state !=
								 COREPATH_ATTACHED};
		else
			err = -ENOMEM;
	}
	free(list);
	return err;
}

/* Rules outlive a device that was deleted; who comes in its place has none of them. */
static int running_policies(const char *pin_dir, struct corepath_config *c)
{
	struct corepath_policy_info *list;
	struct cp_config_policy *p;
	size_t i, n;
	int err = corepath_policy_list(pin_dir, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		if (strcmp(list[i].spec.dev, COREPATH_POLICY_HOST) &&
		    !cp_config_find_endpoint(c, list[i].spec.dev))
			continue;
		p = cp_config_more(&c->policies, &c->n_policies, sizeof(*p));
		if (p)
			p->spec = list[i].spec;
		else
			err = -ENOMEM;
	}
	free(list);
	return err;
}

/* Whether an endpoint, gone or not, has that address. */
static bool is_own(const struct corepath_config *c, const struct corepath_prefix *p)
{
	struct corepath_addr addr;
	size_t i;

	if (p->len != (p->family == AF_INET ? 32 : 128))
		return false;
	cp_addr_of_prefix(&addr, p);
	for (i = 0; i < c->n_endpoints; i++)
		if (!memcmp(&c->endpoints[i].spec.addr[p->family == AF_INET6], &addr, sizeof(addr)))
			return true;
	return false;
}

static int running_identities(const char *pin_dir, struct corepath_config *c)
{
	struct corepath_identity_info *list;
	struct cp_config_identity *to;
	size_t i, n;
	int err = corepath_identity_list(pin_dir, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		if (is_own(c, &list[i].prefix))
			continue;
		to = cp_config_more(&c->identities, &c->n_identities, sizeof(*to));
		if (to)
			to->info = list[i];
		else
			err = -ENOMEM;
	}
	free(list);
	return err;
}

static int running_uplinks(const char *pin_dir, struct corepath_config *c)
{
	struct corepath_uplink_device *list;
	struct cp_config_tc_device *d;
	size_t i, n;
	int err = corepath_uplink_devices(pin_dir, &list, &n);

	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		if (list[i].state != COREPATH_ATTACHED)
			continue;
		d = cp_config_more(&c->uplink_devices, &c->n_uplink_devices, sizeof(*d));
		if (d) {
			strcpy(d->name, list[i].dev);
			d->mode = list[i].mode;
		} else {
			err = -ENOMEM;
		}
	}
	free(list);
	return err;
}

int cp_config_running_tc(const char *pin_dir, struct corepath_config *c)
{
	int err = corepath_ct_get(pin_dir, &c->ct), which;

	if (!err)
		err = running_endpoints(pin_dir, c);
	if (!err)
		err = running_policies(pin_dir, c);
	if (!err)
		err = running_identities(pin_dir, c);
	if (!err)
		err = corepath_uplink_get(pin_dir, &c->uplink);
	if (!err)
		err = running_uplinks(pin_dir, c);
	for (which = 0; which < 2 && !err; which++)
		err = corepath_uplink_prefixes(pin_dir, which, &c->uplink_lists[which],
					       &c->n_uplink_lists[which]);
	return err;
}

void cp_config_free_tc(struct corepath_config *c)
{
	free(c->uplink_devices);
	free(c->uplink_lists[0]);
	free(c->uplink_lists[1]);
	free(c->endpoints);
	free(c->policies);
	free(c->identities);
}
