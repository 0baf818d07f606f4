// SPDX-License-Identifier: GPL-2.0-only
/* datapath.yaml: endpoints, policies, who is behind an address, the uplink. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "config_read.h"

/* "tc: tcx" */
static int read_tc_mode(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			enum corepath_tc_mode *out)
{
	enum corepath_tc_mode mode;
	int err = cp_yaml_expect(r, node, key, YAML_SCALAR_NODE);

	if (err)
		return err;
	for (mode = COREPATH_TC_AUTO; mode <= COREPATH_TC_CLSACT; mode++)
		if (!strcmp(cp_yaml_text(node), corepath_tc_mode_name(mode)))
			return *out = mode, 0;
	return CP_YAML_FAIL(r, node, key, "'%.40s' is no mode; expected auto, tcx or clsact",
			    cp_yaml_text(node));
}

/* ---- endpoints ---- */

static int endpoint_option(const char *word, void *spec)
{
	return corepath_endpoint_word(word, spec);
}

static int read_address(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	int err = cp_yaml_expect(r, node, key, YAML_SCALAR_NODE);

	if (err)
		return err;
	if (strchr(cp_yaml_text(node), '='))
		return CP_YAML_FAIL(r, node, key, "'%.60s' is no address; write 10.0.0.2",
				    cp_yaml_text(node));
	return corepath_endpoint_word(cp_yaml_text(node), into) ? cp_yaml_place(r, node, key) : 0;
}

static int read_endpoint_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			     void *into)
{
	struct cp_config_endpoint *e = into;

	if (!strcmp(key, "device"))
		return 0; /* read before the others */
	if (!strcmp(key, "addresses"))
		return cp_yaml_each_item(r, node, key, read_address, &e->spec);
	if (!strcmp(key, "tc"))
		return read_tc_mode(r, node, key, &e->mode);
	if (strcmp(key, "mac") && strcmp(key, "identity") && strcmp(key, "limit-in") &&
	    strcmp(key, "limit-out") && strcmp(key, "audit"))
		return CP_YAML_FAIL(r, node, key,
				    "no such key; expected device, addresses, mac, identity, "
				    "limit-in, limit-out, audit or tc");
	return cp_yaml_word(r, node, key, endpoint_option, &e->spec);
}

/* Neither its device nor an address of it is another's. */
static int check_endpoint(struct cp_yaml_reader *r, yaml_node_t *node,
			  const struct corepath_config *c, const struct corepath_endpoint_spec *e)
{
	char text[COREPATH_SERVICE_STRLEN];
	size_t i;
	int f;

	if (!cp_is_set(&e->addr[0]) && !cp_is_set(&e->addr[1]))
		return CP_YAML_FAIL(r, node, "addresses",
				    "is missing; for example 'addresses: [10.0.0.2]'");
	for (i = 0; i + 1 < c->n_endpoints; i++) {
		const struct corepath_endpoint_spec *other = &c->endpoints[i].spec;

		if (!strcmp(e->dev, other->dev))
			return CP_YAML_FAIL(r, node, "device", "%s is there twice; keep one",
					    e->dev);
		for (f = 0; f < 2; f++)
			if (cp_is_set(&e->addr[f]) &&
			    !memcmp(&e->addr[f], &other->addr[f], sizeof(e->addr[f])))
				return CP_YAML_FAIL(
					r, node, "addresses", "%s is the address of %s; keep one",
					corepath_endpoint_format(&e->addr[f], 0, text), other->dev);
	}
	return 0;
}

int cp_config_read_endpoint(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    void *into)
{
	yaml_node_t *device = cp_yaml_must_find(r, node, "device", "veth7");
	struct corepath_config *c = into;
	struct cp_config_endpoint *e;
	char name[IF_NAMESIZE];
	int err;

	(void)key;
	if (!device)
		return -EINVAL;
	err = cp_config_read_device(r, device, "device", name);
	if (err)
		return err;
	if (!strcmp(name, COREPATH_POLICY_HOST))
		return CP_YAML_FAIL(
			r, device, "device",
			"'%s' is the host itself in policies; give the device another name", name);
	e = cp_config_more(&c->endpoints, &c->n_endpoints, sizeof(*e));
	if (!e)
		return -ENOMEM;
	corepath_endpoint_init(name, &e->spec);
	err = cp_yaml_each_pair(r, node, read_endpoint_key, e);
	return err ? err : check_endpoint(r, node, c, &e->spec);
}

/* ---- policies ---- */

static int policy_option(const char *word, void *spec)
{
	return corepath_policy_word(word, spec);
}

static int read_policy_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	if (!strcmp(key, "endpoint") || !strcmp(key, "direction") || !strcmp(key, "verdict"))
		return 0; /* read before the others */
	if (strcmp(key, "identity") && strcmp(key, "proto") && strcmp(key, "port") &&
	    strcmp(key, "proxy"))
		return CP_YAML_FAIL(r, node, key,
				    "no such key; expected endpoint, direction, verdict, identity, "
				    "proto, port or proxy");
	return cp_yaml_word(r, node, key, policy_option, into);
}

static bool same_rule(const struct corepath_policy_spec *a, const struct corepath_policy_spec *b)
{
	return !strcmp(a->dev, b->dev) && a->direction == b->direction &&
	       a->identity == b->identity && a->proto == b->proto && a->port == b->port;
}

/* What every rule has. Each is read by what reads the command line's words. */
static int read_rule(struct cp_yaml_reader *r, yaml_node_t *node, struct corepath_policy_spec *spec)
{
	yaml_node_t *dev = cp_yaml_must_find(r, node, "endpoint", "veth7");
	yaml_node_t *dir = dev ? cp_yaml_must_find(r, node, "direction", "in") : NULL;
	yaml_node_t *verdict = dir ? cp_yaml_must_find(r, node, "verdict", "allow") : NULL;
	const char *name;

	if (!verdict)
		return -EINVAL;
	name = cp_yaml_text(dev);
	if (corepath_policy_init(name, "in", NULL, spec))
		return cp_yaml_place(r, dev, "endpoint");
	if (corepath_policy_init(name, cp_yaml_text(dir), NULL, spec))
		return cp_yaml_place(r, dir, "direction");
	if (corepath_policy_init(name, cp_yaml_text(dir), cp_yaml_text(verdict), spec))
		return cp_yaml_place(r, verdict, "verdict");
	return 0;
}

int cp_config_read_policy(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_config *c = into;
	struct cp_config_policy *p;
	size_t i;
	int err;

	p = cp_config_more(&c->policies, &c->n_policies, sizeof(*p));
	if (!p)
		return -ENOMEM;
	err = read_rule(r, node, &p->spec);
	if (!err)
		err = cp_yaml_each_pair(r, node, read_policy_key, &p->spec);
	if (err)
		return err;
	if (cp_policy_check(&p->spec))
		return cp_yaml_place(r, node, key);
	for (i = 0; i + 1 < c->n_policies; i++)
		if (same_rule(&c->policies[i].spec, &p->spec))
			return CP_YAML_FAIL(r, node, key,
					    "is the rule of line %zu; keep one of the two",
					    c->policies[i].line);
	p->line = node->start_mark.line + 1;
	return 0;
}

/* ---- who is behind an address ---- */

static int read_identity_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			     void *into)
{
	struct corepath_identity_info *info = into;
	struct corepath_policy_spec spec = {}; /* it reads identities */
	int err;

	if (!strcmp(key, "prefix"))
		return 0; /* read before the others */
	if (strcmp(key, "identity"))
		return CP_YAML_FAIL(r, node, key, "no such key; expected prefix or identity");
	err = cp_yaml_word(r, node, key, policy_option, &spec);
	info->identity = spec.identity;
	return err;
}

int cp_config_read_identity(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    void *into)
{
	yaml_node_t *prefix = cp_yaml_must_find(r, node, "prefix", "10.20.0.0/16");
	struct corepath_config *c = into;
	struct cp_config_identity *d;
	size_t i;
	int err;

	(void)key;
	if (!prefix)
		return -EINVAL;
	d = cp_config_more(&c->identities, &c->n_identities, sizeof(*d));
	if (!d)
		return -ENOMEM;
	if (corepath_prefix_parse(cp_yaml_text(prefix), &d->info.prefix) < 0)
		return cp_yaml_place(r, prefix, "prefix");
	for (i = 0; i + 1 < c->n_identities; i++)
		if (!cp_config_compare_prefix(&c->identities[i].info.prefix, &d->info.prefix))
			return CP_YAML_FAIL(r, prefix, "prefix", "'%.60s' is there twice; keep one",
					    cp_yaml_text(prefix));
	d->line = node->start_mark.line + 1;
	err = cp_yaml_each_pair(r, node, read_identity_key, &d->info);
	if (!err && !d->info.identity)
		err = CP_YAML_FAIL(r, node, "identity", "is missing; for example 'identity: 200'");
	return err;
}

/* ---- the uplink ---- */

static int uplink_option(const char *word, void *spec)
{
	return corepath_uplink_option(word, spec);
}

static int read_uplink_device_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
				  void *into)
{
	struct cp_config_tc_device *d = into;

	if (!strcmp(key, "name"))
		return cp_config_read_device(r, node, key, d->name);
	if (!strcmp(key, "tc"))
		return read_tc_mode(r, node, key, &d->mode);
	return CP_YAML_FAIL(r, node, key, "no such key; expected name or tc");
}

static int read_uplink_device(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			      void *into)
{
	struct corepath_config *c = into;
	struct cp_config_tc_device *d;
	size_t i;
	int err;

	d = cp_config_more(&c->uplink_devices, &c->n_uplink_devices, sizeof(*d));
	if (!d)
		return -ENOMEM;
	err = cp_yaml_each_pair(r, node, read_uplink_device_key, d);
	if (!err && !*d->name)
		err = CP_YAML_FAIL(r, node, key, "name is missing: the device, such as eth0");
	for (i = 0; i + 1 < c->n_uplink_devices && !err; i++)
		if (!strcmp(c->uplink_devices[i].name, d->name))
			err = CP_YAML_FAIL(r, node, "name", "%s is there twice; keep one", d->name);
	return err;
}

static int read_network(struct cp_yaml_reader *r, yaml_node_t *node, struct corepath_config *c,
			enum corepath_uplink_list which)
{
	return cp_config_read_prefix(r, node, &c->uplink_lists[which], &c->n_uplink_lists[which])
		       ? 0
		       : -EINVAL;
}

static int read_source(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	(void)key;
	return read_network(r, node, into, COREPATH_UPLINK_SOURCES);
}

static int read_exclude(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	(void)key;
	return read_network(r, node, into, COREPATH_UPLINK_EXCLUDES);
}

int cp_config_read_uplink(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_config *c = into;

	if (!strcmp(key, "devices"))
		return cp_yaml_each_item(r, node, key, read_uplink_device, c);
	if (!strcmp(key, "sources"))
		return cp_yaml_each_item(r, node, key, read_source, c);
	if (!strcmp(key, "excludes"))
		return cp_yaml_each_item(r, node, key, read_exclude, c);
	if (strcmp(key, "masquerade4") && strcmp(key, "masquerade6") && strcmp(key, "ports") &&
	    strcmp(key, "forward") && strcmp(key, "failsafe") && strcmp(key, "audit"))
		return CP_YAML_FAIL(r, node, key,
				    "no such key; expected devices, masquerade4, masquerade6, "
				    "sources, excludes, ports, forward, failsafe or audit");
	return cp_yaml_word(r, node, key, uplink_option, &c->uplink);
}

/* ---- the whole ---- */

static const struct corepath_endpoint_spec *owner_of(const struct corepath_config *c,
						     const struct corepath_prefix *p)
{
	struct corepath_addr addr;
	size_t i;

	cp_addr_of_prefix(&addr, p);
	for (i = 0; i < c->n_endpoints && p->len == (p->family == AF_INET ? 32 : 128); i++)
		if (!memcmp(&c->endpoints[i].spec.addr[p->family == AF_INET6], &addr, sizeof(addr)))
			return &c->endpoints[i].spec;
	return NULL;
}

int cp_config_check_tc(const char *file, const struct corepath_config *c)
{
	const struct corepath_endpoint_spec *owner;
	size_t i;

	for (i = 0; i < c->n_policies; i++) {
		const struct cp_config_policy *p = &c->policies[i];

		if (c->parts & CP_PART_ENDPOINTS && strcmp(p->spec.dev, COREPATH_POLICY_HOST) &&
		    !cp_config_find_endpoint(c, p->spec.dev))
			return cp_fail(EINVAL,
				       "%s:%zu: policies[%zu].endpoint: '%s' is none of the file's "
				       "endpoints; name one of them, or host",
				       file, p->line, i, p->spec.dev);
	}
	for (i = 0; i < c->n_identities; i++) {
		owner = owner_of(c, &c->identities[i].info.prefix);
		if (owner)
			return cp_fail(EINVAL,
				       "%s:%zu: identities[%zu].prefix: is the address of endpoint "
				       "%s; give that the identity",
				       file, c->identities[i].line, i, owner->dev);
	}
	return 0;
}
