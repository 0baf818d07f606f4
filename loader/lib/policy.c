// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies of endpoints and of the host, and who is behind an address.
 *
 * A change is in the maps before endpoints get another generation, by which the datapath sees that
 * what it remembers of open connections was judged by other rules.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "internal.h"

int cp_policy_check(const struct corepath_policy_spec *spec)
{
	if (spec->port && spec->proto != IPPROTO_TCP && spec->proto != IPPROTO_UDP)
		return cp_fail(EINVAL, "port=%u: a rule with a port says proto=tcp or proto=udp",
			       spec->port);
	if (!spec->proxy)
		return 0;
	if (spec->proto != IPPROTO_TCP && spec->proto != IPPROTO_UDP)
		return cp_fail(EINVAL, "proxy=%u: a rule with a proxy says proto=tcp or proto=udp",
			       spec->proxy);
	if (spec->verdict != COREPATH_ALLOW)
		return cp_fail(EINVAL, "proxy=%u: what is denied goes nowhere; use allow",
			       spec->proxy);
	if (spec->direction != COREPATH_OUT || !strcmp(spec->dev, COREPATH_POLICY_HOST))
		return cp_fail(EINVAL,
			       "proxy=%u: only what an endpoint sends can be handed to a proxy; "
			       "write: corepath policy add DEV out allow ...",
			       spec->proxy);
	return 0;
}

static struct corepath_policy_key key_of(const struct corepath_policy_spec *spec, __u32 ifindex)
{
	return (struct corepath_policy_key){
		.scope = ifindex,
		.identity = spec->identity,
		.port = htons(spec->port),
		.proto = spec->proto,
		.direction = spec->direction,
	};
}

static bool of_host(const struct corepath_policy_spec *spec)
{
	return !strcmp(spec->dev, COREPATH_POLICY_HOST);
}

int cp_policy_scope(const struct cp_eps *m, const struct corepath_policy_spec *spec, __u32 *scope)
{
	int err;

	if (!of_host(spec)) {
		*scope = cp_eps_find(m, spec->dev);
		return *scope ? 0 : -ENOENT;
	}
	*scope = COREPATH_SCOPE_HOST;
	err = cp_host_enter(m->endpoints);
	return err ? cp_eps_fail(m, CP_MAP_ENDPOINTS, err) : 0;
}

/* A change of the host's is told to all endpoints as well: they have the number that is all. */
static int judge_anew(const struct cp_eps *m, const struct corepath_policy_spec *spec, __u32 scope)
{
	int err = cp_eps_judge_anew(m, scope);

	return !err && of_host(spec) ? cp_host_commit(&m->dir, m->endpoints) : err;
}

/* ---- proxies ---- */

static size_t count_proxies(int rules)
{
	struct corepath_policy_key key, *prev = NULL;
	struct corepath_policy_rule rule;
	size_t n = 0;

	for (; !bpf_map_get_next_key(rules, prev, &key); prev = &key)
		n += !bpf_map_lookup_elem(rules, &key, &rule) && rule.proxy;
	return n;
}

/* The way to proxies is there before the first rule that has one, and until after the last. */
static int proxy_open(const struct corepath_policy_spec *spec)
{
	int err = spec->proxy ? cp_proxy_routes_add() : 0;

	return err ? cp_fail(-err,
			     "the way to proxies (ip rule priority %d, table %d): %s; run as root, "
			     "with lo up",
			     COREPATH_PROXY_PRIORITY, COREPATH_PROXY_TABLE, strerror(-err))
		   : 0;
}

static void proxy_close(int rules, bool had)
{
	if (had && !count_proxies(rules))
		cp_proxy_routes_del();
}

size_t cp_policy_proxies(const struct cp_dir *dir)
{
	int rules = cp_pin_get(dir, CP_MAP_RULES);
	size_t n = rules < 0 ? 0 : count_proxies(rules);

	if (rules >= 0)
		close(rules);
	return n;
}

void cp_policy_down(const struct cp_dir *dir)
{
	if (cp_policy_proxies(dir))
		cp_proxy_routes_del();
}

/* ---- change ---- */

/* -ENOENT if there is no endpoint at all. */
static int open_maps(struct cp_eps *m, const char *pin_dir, enum cp_access access)
{
	int err = cp_eps_open(m, pin_dir, access, false);

	if (!err && m->rules < 0) {
		cp_eps_close(m);
		err = cp_fail(ENOENT, "no endpoint was added; 'corepath endpoint add' one first");
	}
	return err;
}

int cp_policy_put(const struct cp_eps *m, __u32 scope, const struct corepath_policy_spec *spec)
{
	struct corepath_policy_key key = key_of(spec, scope);
	struct corepath_policy_rule rule = {.verdict = spec->verdict, .proxy = htons(spec->proxy)},
				    old = {};
	int err = cp_policy_check(spec);

	if (!err)
		err = proxy_open(spec);
	if (err)
		return err;
	bpf_map_lookup_elem(m->rules, &key, &old);
	err = bpf_map_update_elem(m->rules, &key, &rule, BPF_ANY);
	proxy_close(m->rules, old.proxy || spec->proxy);
	return err ? cp_eps_fail(m, CP_MAP_RULES, err) : 0;
}

int cp_policy_remove(const struct cp_eps *m, __u32 scope, const struct corepath_policy_spec *spec)
{
	struct corepath_policy_key key = key_of(spec, scope);
	struct corepath_policy_rule old = {};
	int err;

	bpf_map_lookup_elem(m->rules, &key, &old);
	err = bpf_map_delete_elem(m->rules, &key);
	proxy_close(m->rules, old.proxy);
	if (err == -ENOENT)
		return cp_fail(ENOENT, "%s: no such rule; 'corepath policy list' shows them",
			       spec->dev);
	return err ? cp_eps_fail(m, CP_MAP_RULES, err) : 0;
}

int corepath_policy_add(const char *pin_dir, const struct corepath_policy_spec *spec)
{
	struct cp_eps m;
	__u32 scope;
	int err = cp_policy_check(spec);

	if (!err)
		err = of_host(spec) ? cp_eps_open(&m, pin_dir, CP_CHANGE, true)
				    : open_maps(&m, pin_dir, CP_CHANGE);
	if (err)
		return err;
	err = cp_policy_scope(&m, spec, &scope);
	if (!err)
		err = cp_policy_put(&m, scope, spec);
	if (!err)
		err = judge_anew(&m, spec, scope);
	cp_eps_close(&m);
	return err;
}

int corepath_policy_del(const char *pin_dir, const struct corepath_policy_spec *spec)
{
	struct cp_eps m;
	__u32 scope;
	int err = open_maps(&m, pin_dir, CP_CHANGE);

	if (err)
		return err;
	err = cp_policy_scope(&m, spec, &scope);
	if (!err)
		err = cp_policy_remove(&m, scope, spec);
	if (!err)
		err = judge_anew(&m, spec, scope);
	cp_eps_close(&m);
	return err;
}

void cp_policy_forget(const struct cp_eps *m, __u32 ifindex)
{
	struct corepath_policy_key key, next;
	bool more = !bpf_map_get_next_key(m->rules, NULL, &key), had = count_proxies(m->rules);

	while (more) {
		/* before it is deleted: the next one after a key that is gone is the first */
		more = !bpf_map_get_next_key(m->rules, &key, &next);
		if (key.scope == ifindex)
			bpf_map_delete_elem(m->rules, &key);
		key = next;
	}
	proxy_close(m->rules, had);
}

/* ---- list ---- */

static int by_rule(const void *a, const void *b)
{
	const struct corepath_policy_info *x = a, *y = b;
	int order = strcmp(x->spec.dev, y->spec.dev);

	if (!order)
		order = (int)x->spec.direction - (int)y->spec.direction;
	if (!order)
		order = x->spec.identity < y->spec.identity ? -1
							    : x->spec.identity > y->spec.identity;
	if (!order)
		order = x->spec.proto - y->spec.proto;
	return order ? order : x->spec.port - y->spec.port;
}

static void fill(const struct corepath_policy_key *key, const struct corepath_policy_rule *rule,
		 struct corepath_policy_info *out)
{
	*out = (struct corepath_policy_info){
		.spec = {.direction = key->direction,
			 .verdict = rule->verdict,
			 .identity = key->identity,
			 .proto = key->proto,
			 .port = ntohs(key->port),
			 .proxy = ntohs(rule->proxy)},
		.packets = rule->packets,
		.bytes = rule->bytes,
	};
	if (key->scope == COREPATH_SCOPE_HOST)
		strcpy(out->spec.dev, COREPATH_POLICY_HOST);
	else
		if_indextoname(key->scope, out->spec.dev); /* empty if the device is gone */
}

int corepath_policy_list(const char *pin_dir, struct corepath_policy_info **list, size_t *n)
{
	struct corepath_policy_key key, *prev = NULL;
	struct corepath_policy_info *grown;
	struct corepath_policy_rule rule;
	struct cp_eps m;
	int err;

	*n = 0;
	*list = NULL;
	err = cp_eps_open(&m, pin_dir, CP_READ, false);
	if (err)
		return err;
	for (; m.rules >= 0 && !err && !bpf_map_get_next_key(m.rules, prev, &key); prev = &key) {
		if (bpf_map_lookup_elem(m.rules, &key, &rule))
			continue;
		grown = reallocarray(*list, *n + 1, sizeof(**list));
		if (!grown) {
			err = cp_fail(ENOMEM, "list of rules: out of memory; free some");
			break;
		}
		*list = grown;
		fill(&key, &rule, &grown[(*n)++]);
	}
	cp_eps_close(&m);
	if (err) {
		free(*list);
		return err;
	}
	if (*n)
		qsort(*list, *n, sizeof(**list), by_rule);
	return 0;
}

/* ---- identities ---- */

struct corepath_identity_key cp_identity_key(const struct corepath_prefix *p)
{
	struct corepath_identity_key key = {.prefixlen = p->len + (p->family == AF_INET ? 96 : 0)};

	cp_addr_of_prefix(&key.addr, p);
	return key;
}

int cp_identity_put(const struct cp_eps *m, const struct corepath_prefix *p, __u32 identity)
{
	struct corepath_identity_key key = cp_identity_key(p);
	int err = cp_trie_put(m->identities, &key, &identity);

	return err ? cp_eps_fail(m, CP_MAP_IDENTITIES, err) : 0;
}

int cp_identity_remove(const struct cp_eps *m, const struct corepath_prefix *p)
{
	struct corepath_identity_key key = cp_identity_key(p);
	char text[COREPATH_PREFIX_STRLEN];
	int err = bpf_map_delete_elem(m->identities, &key);

	if (err == -ENOENT)
		return cp_fail(ENOENT, "%s: has no identity; 'corepath identity list' shows them",
			       corepath_prefix_format(p, text));
	return err ? cp_eps_fail(m, CP_MAP_IDENTITIES, err) : 0;
}

int corepath_identity_add(const char *pin_dir, const struct corepath_prefix *p, __u32 identity)
{
	struct cp_eps m;
	int err;

	err = cp_eps_open(&m, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	err = cp_identity_put(&m, p, identity);
	if (!err)
		err = cp_eps_judge_anew(&m, 0);
	cp_eps_close(&m);
	return err;
}

int corepath_identity_del(const char *pin_dir, const struct corepath_prefix *p)
{
	struct cp_eps m;
	int err;

	err = open_maps(&m, pin_dir, CP_CHANGE);
	if (err)
		return err;
	err = cp_identity_remove(&m, p);
	if (!err)
		err = cp_eps_judge_anew(&m, 0);
	cp_eps_close(&m);
	return err;
}

static void to_prefix(const struct corepath_identity_key *key, struct corepath_prefix *p)
{
	bool v4 = key->prefixlen >= 96 && cp_is4(&key->addr);

	*p = (struct corepath_prefix){.family = v4 ? AF_INET : AF_INET6,
				      .len = key->prefixlen - (v4 ? 96 : 0)};
	memcpy(p->addr, v4 ? &key->addr.w[3] : key->addr.w, v4 ? 4 : 16);
}

int corepath_identity_list(const char *pin_dir, struct corepath_identity_info **list, size_t *n)
{
	struct corepath_identity_key key, *prev = NULL;
	struct corepath_identity_info *grown;
	struct cp_eps m;
	int err;

	*n = 0;
	*list = NULL;
	err = cp_eps_open(&m, pin_dir, CP_READ, false);
	if (err)
		return err;
	for (; m.identities >= 0 && !bpf_map_get_next_key(m.identities, prev, &key); prev = &key) {
		grown = reallocarray(*list, *n + 1, sizeof(**list));
		if (!grown) {
			err = cp_fail(ENOMEM, "list of identities: out of memory; free some");
			break;
		}
		*list = grown;
		to_prefix(&key, &grown[*n].prefix);
		if (!bpf_map_lookup_elem(m.identities, &key, &grown[*n].identity))
			(*n)++;
	}
	cp_eps_close(&m);
	if (err)
		free(*list);
	return err;
}
