// SPDX-License-Identifier: GPL-2.0-only
/*
 * datapath.yaml: from text to struct corepath_config.
 *
 * The file has the words of the command line ("mode=nat" is "mode: nat"), so a value is read by
 * what reads it there and nothing is said twice. Every error names file, line and field.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_read.h"

static int service_option(const char *word, void *spec)
{
	return corepath_service_option(word, spec);
}

static int backend_option(const char *word, void *spec)
{
	return corepath_backend_option(word, spec);
}

static int balancer_option(const char *word, void *spec)
{
	return corepath_balancer_option(word, spec);
}

static int signature_option(const char *word, void *spec)
{
	return corepath_signature_option(word, spec);
}

static int ct_option(const char *word, void *settings)
{
	return corepath_ct_word(word, settings);
}

static int rates_option(const char *word, void *spec)
{
	return corepath_rates_option(word, spec);
}

/* ---- devices ---- */

int cp_config_read_device(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, char *name)
{
	int err = cp_yaml_expect(r, node, key, YAML_SCALAR_NODE);

	if (err)
		return err;
	if (!*cp_yaml_text(node) || strlen(cp_yaml_text(node)) >= IF_NAMESIZE)
		return CP_YAML_FAIL(r, node, key,
				    "'%.40s' is no name of a device; 'ip link' lists them",
				    cp_yaml_text(node));
	strcpy(name, cp_yaml_text(node));
	return 0;
}

static int read_device_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct cp_config_device *d = into;
	enum corepath_xdp_mode mode;
	int err = cp_yaml_expect(r, node, key, YAML_SCALAR_NODE);

	if (err)
		return err;
	if (!strcmp(key, "name"))
		return cp_config_read_device(r, node, key, d->name);
	if (strcmp(key, "xdp"))
		return CP_YAML_FAIL(r, node, key, "no such key; expected name or xdp");
	for (mode = COREPATH_XDP_AUTO; mode <= COREPATH_XDP_GENERIC; mode++)
		if (!strcmp(cp_yaml_text(node), corepath_xdp_mode_name(mode)))
			return d->mode = mode, 0;
	return CP_YAML_FAIL(r, node, key, "'%.40s' is no mode; expected auto, native or generic",
			    cp_yaml_text(node));
}

static int read_device(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_config *c = into;
	struct cp_config_device *d;
	size_t i;
	int err;

	d = cp_config_more(&c->devices, &c->n_devices, sizeof(*d));
	if (!d)
		return -ENOMEM;
	err = cp_yaml_each_pair(r, node, read_device_key, d);
	if (!err && !*d->name)
		err = CP_YAML_FAIL(r, node, key, "name is missing: the device, such as eth0");
	for (i = 0; i + 1 < c->n_devices && !err; i++)
		if (!strcmp(c->devices[i].name, d->name))
			err = CP_YAML_FAIL(r, node, "name", "%s is there twice; keep one", d->name);
	return err;
}

/* ---- prefilter ---- */

struct corepath_prefix *cp_config_read_prefix(struct cp_yaml_reader *r, yaml_node_t *node,
					      struct corepath_prefix **list, size_t *n)
{
	struct corepath_prefix *p;
	size_t i;

	if (cp_yaml_expect(r, node, "", YAML_SCALAR_NODE))
		return NULL;
	p = cp_config_more(list, n, sizeof(*p));
	if (!p)
		return NULL;
	if (corepath_prefix_parse(cp_yaml_text(node), p) < 0) {
		cp_yaml_place(r, node, "");
		return NULL;
	}
	for (i = 0; i + 1 < *n; i++)
		if (!cp_config_compare_prefix(&(*list)[i], p)) {
			CP_YAML_FAIL(r, node, "", "'%.60s' is there twice; keep one",
				     cp_yaml_text(node));
			return NULL;
		}
	return p;
}

static int read_prefix(struct cp_yaml_reader *r, yaml_node_t *node, struct corepath_config *c,
		       enum corepath_verdict verdict)
{
	struct corepath_prefix *p = cp_config_read_prefix(r, node, &c->prefixes, &c->n_prefixes);

	if (!p)
		return -EINVAL;
	p->verdict = verdict;
	return 0;
}

static int read_deny(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	(void)key;
	return read_prefix(r, node, into, COREPATH_DENY);
}

static int read_allow(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	(void)key;
	return read_prefix(r, node, into, COREPATH_ALLOW);
}

static int read_signature_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			      void *into)
{
	if (!strcmp(key, "number"))
		return 0; /* read before the others */
	return cp_yaml_word(r, node, key, signature_option, into);
}

static int read_signature(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	yaml_node_t *number = cp_yaml_must_find(r, node, "number", "7");
	struct corepath_signature *s, parsed;
	struct corepath_config *c = into;
	int err;

	if (!number)
		return -EINVAL;
	if (corepath_signature_parse(cp_yaml_text(number), &parsed))
		return cp_yaml_place(r, number, "number");
	if (cp_config_find_signature(c, parsed.id))
		return CP_YAML_FAIL(r, number, "number", "%u is there twice; keep one", parsed.id);
	if (c->n_signatures == COREPATH_SIGNATURES_MAX)
		return CP_YAML_FAIL(r, node, key, "more than %d signatures",
				    COREPATH_SIGNATURES_MAX);
	s = cp_config_more(&c->signatures, &c->n_signatures, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = parsed;
	err = cp_yaml_each_pair(r, node, read_signature_key, s);
	if (!err && corepath_signature_check(s))
		err = cp_yaml_place(r, node, key);
	return err;
}

static int read_rate_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	return cp_yaml_word(r, node, key, rates_option, into);
}

/* As --max-prefixes. */
static int max_option(const char *word, void *into)
{
	struct corepath_config *c = into;
	unsigned long long number;

	if (!cp_parse_number(cp_word_value(word, "max"), INT32_MAX, &number) || !number)
		return cp_word_fail(word, "not a number from 1 to 2147483647");
	c->max_prefixes = number;
	return 0;
}

static int read_prefilter_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			      void *into)
{
	struct corepath_config *c = into;

	if (!strcmp(key, "deny"))
		return cp_yaml_each_item(r, node, key, read_deny, c);
	if (!strcmp(key, "allow"))
		return cp_yaml_each_item(r, node, key, read_allow, c);
	if (!strcmp(key, "signatures"))
		return cp_yaml_each_item(r, node, key, read_signature, c);
	if (!strcmp(key, "rate"))
		return cp_yaml_within(r, node, key, read_rate_key, &c->rates);
	if (!strcmp(key, "max"))
		return cp_yaml_word(r, node, key, max_option, c);
	return CP_YAML_FAIL(r, node, key,
			    "no such key; expected deny, allow, signatures, rate or max");
}

/* ---- services ---- */

static int read_backend_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    void *into)
{
	if (!strcmp(key, "address"))
		return 0; /* read before the others */
	return cp_yaml_word(r, node, key, backend_option, into);
}

static int read_backend(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	struct corepath_service_info *s = into;
	yaml_node_t *address = cp_yaml_must_find(r, node, "address", "10.0.0.1");
	struct corepath_backend_spec *b;
	size_t i;

	(void)key;
	if (!address)
		return -EINVAL;
	b = cp_config_more(&s->backends, &s->n_backends, sizeof(*b));
	if (!b)
		return -ENOMEM;
	if (corepath_backend_parse(cp_yaml_text(address), b))
		return cp_yaml_place(r, address, "address");
	for (i = 0; i + 1 < s->n_backends; i++)
		if (!memcmp(&s->backends[i].addr, &b->addr, sizeof(b->addr)) &&
		    s->backends[i].port == b->port)
			return CP_YAML_FAIL(r, address, "address", "%s is there twice; keep one",
					    cp_yaml_text(address));
	return cp_yaml_each_pair(r, node, read_backend_key, b);
}

static int read_service_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			    void *into)
{
	struct corepath_service_info *s = into;

	if (!strcmp(key, "service"))
		return 0; /* read before the others */
	if (!strcmp(key, "backends"))
		return cp_yaml_each_item(r, node, key, read_backend, s);
	return cp_yaml_word(r, node, key, service_option, &s->spec);
}

/* "tcp 203.0.113.9:80" */
static int read_service_id(struct cp_yaml_reader *r, yaml_node_t *node,
			   struct corepath_service_id *id)
{
	const char *text = cp_yaml_text(node);
	size_t len = strcspn(text, " \t"), rest = len + strspn(text + len, " \t");
	char proto[8];

	if (!text[rest] || len >= sizeof(proto))
		return CP_YAML_FAIL(r, node, "service",
				    "expected 'tcp ADDRESS:PORT' or 'udp ADDRESS:PORT'");
	snprintf(proto, sizeof(proto), "%.*s", (int)len, text);
	return corepath_service_parse(proto, text + rest, id) ? cp_yaml_place(r, node, "service")
							      : 0;
}

/* Whether the file has it already. */
static int check_once(struct cp_yaml_reader *r, yaml_node_t *node,
		      const struct corepath_service_info *s)
{
	struct corepath_service_info *copy = malloc(sizeof(*copy)), **found;
	void **seen = &((struct cp_config_reader *)r)->seen;

	if (copy)
		copy->spec.id = s->spec.id;
	found = copy ? tsearch(copy, seen, cp_config_compare_service) : NULL;
	if (found && *found == copy)
		return 0;
	free(copy);
	return found ? CP_YAML_FAIL(r, node, "service", "%s is there twice; keep one",
				    cp_yaml_text(node))
		     : cp_fail(ENOMEM, "%s: out of memory; free some", r->file);
}

static int read_service(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	yaml_node_t *id = cp_yaml_must_find(r, node, "service", "tcp 203.0.113.9:80");
	struct corepath_config *c = into;
	struct corepath_service_info *s;
	int err;

	(void)key;
	if (!id)
		return -EINVAL;
	s = cp_config_more(&c->services, &c->n_services, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->spec.mode = COREPATH_LB_TUNNEL;
	err = read_service_id(r, id, &s->spec.id);
	if (!err)
		err = check_once(r, id, s);
	return err ? err : cp_yaml_each_pair(r, node, read_service_key, s);
}

/* ---- the whole ---- */

static int read_balancer_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
			     void *into)
{
	return cp_yaml_word(r, node, key, balancer_option, into);
}

static int read_ct_key(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	return cp_yaml_word(r, node, key, ct_option, into);
}

/* The parts that a file may leave to their own commands. */
static int read_part(struct cp_yaml_reader *r, yaml_node_t *node, const char *key,
		     struct corepath_config *c, unsigned int part)
{
	c->parts |= part;
	switch (part) {
	case CP_PART_UPLINK:
		return cp_yaml_within(r, node, key, cp_config_read_uplink, c);
	case CP_PART_ENDPOINTS:
		return cp_yaml_each_item(r, node, key, cp_config_read_endpoint, c);
	case CP_PART_POLICIES:
		return cp_yaml_each_item(r, node, key, cp_config_read_policy, c);
	case CP_PART_IDENTITIES:
		return cp_yaml_each_item(r, node, key, cp_config_read_identity, c);
	case CP_PART_SOCKETS:
		return cp_yaml_within(r, node, key, cp_config_read_sockets, c);
	case CP_PART_CT:
		return cp_yaml_within(r, node, key, read_ct_key, &c->ct);
	default:
		return cp_config_read_security(r, node, key, c);
	}
}

static int read_top(struct cp_yaml_reader *r, yaml_node_t *node, const char *key, void *into)
{
	static const char *const parts[] = {"uplink",  "endpoints", "policies", "identities",
					    "sockets", "security",  "ct"};
	struct corepath_config *c = into;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(key, parts[i]))
			return read_part(r, node, key, c, 1u << i);
	if (!strcmp(key, "devices"))
		return cp_yaml_each_item(r, node, key, read_device, c);
	if (!strcmp(key, "prefilter"))
		return cp_yaml_within(r, node, key, read_prefilter_key, c);
	if (!strcmp(key, "balancer"))
		return cp_yaml_within(r, node, key, read_balancer_key, &c->balancer);
	if (!strcmp(key, "services"))
		return cp_yaml_each_item(r, node, key, read_service, c);
	return CP_YAML_FAIL(
		r, node, key,
		"no such key; expected devices, prefilter, balancer, services, ct, uplink, "
		"endpoints, policies, identities, sockets or security");
}

int corepath_config_read(const char *file, const char *pin_dir, struct corepath_config **config)
{
	struct corepath_config *c = calloc(1, sizeof(*c));
	struct cp_config_reader r = {.pin_dir = pin_dir};
	int err;

	if (!c)
		return cp_fail(ENOMEM, "%s: out of memory; free some", file);
	cp_lb_default_settings(&c->balancer);
	corepath_rates_default(&c->rates);
	corepath_ct_defaults(&c->ct);
	cp_uplink_default_settings(&c->uplink);
	err = cp_yaml_read(&r.yaml, file, read_top, c);
	tdestroy(r.seen, free);
	if (!err)
		err = cp_config_check_tc(r.yaml.file, c);
	if (err)
		corepath_config_free(c);
	else
		*config = c;
	return err;
}
