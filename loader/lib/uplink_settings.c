// SPDX-License-Identifier: GPL-2.0-only
/* What the uplink does: its settings, as text too, and its networks. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"

static int fail_map(const struct cp_uplink *u, const char *map, int err)
{
	if (err == -ENOSPC)
		return cp_fail(ENOSPC, "map %s/%s: full; delete networks first", u->dir.path, map);
	return cp_fail(-err, "map %s/%s: %s; run as root", u->dir.path, map, strerror(-err));
}

/* ---- settings ---- */

/* What Linux gives to sockets by default is the lower part of these ports
 * (net.ipv4.ip_local_port_range is 32768-60999), so most endpoints keep theirs. */
void cp_uplink_default_settings(struct corepath_uplink *u)
{
	*u = (struct corepath_uplink){.port_min = 32768, .port_max = 65535};
	cp_failsafe_defaults(u->failsafe);
}

static void from_config(const struct corepath_nat_config *cfg, struct corepath_uplink *out)
{
	out->masquerade4 = cfg->masquerade4;
	out->masquerade6 = cfg->masquerade6;
	out->port_min = cfg->port_min;
	out->port_max = cfg->port_max;
	out->direct = cfg->flags & COREPATH_UPLINK_DIRECT;
	memcpy(out->failsafe, cfg->failsafe, sizeof(out->failsafe));
}

int corepath_uplink_get(const char *pin_dir, struct corepath_uplink *out)
{
	struct corepath_nat_config cfg;
	struct cp_uplink u;
	__u32 zero = 0;
	int err;

	err = cp_uplink_open(&u, pin_dir, CP_READ, false);
	if (err)
		return err;
	cp_uplink_default_settings(out);
	if (u.loaded) {
		err = bpf_map_lookup_elem(u.config, &zero, &cfg);
		if (err)
			err = fail_map(&u, CP_MAP_NAT_CONFIG, err);
		else
			from_config(&cfg, out);
		out->audit = cp_host_audits(u.endpoints);
	}
	cp_uplink_close(&u);
	return err;
}

int corepath_uplink_set(const char *pin_dir, const struct corepath_uplink *in)
{
	struct corepath_nat_config cfg = {
		.masquerade4 = in->masquerade4,
		.masquerade6 = in->masquerade6,
		.port_min = in->port_min,
		.port_max = in->port_max,
		.flags = in->direct ? COREPATH_UPLINK_DIRECT : 0,
	};
	struct cp_uplink u;
	__u32 zero = 0;
	int err;

	err = cp_uplink_open(&u, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	memcpy(cfg.failsafe, in->failsafe, sizeof(cfg.failsafe));
	if (cp_host_has_rules(u.endpoints))
		cfg.flags |= COREPATH_UPLINK_HOST;
	err = bpf_map_update_elem(u.config, &zero, &cfg, BPF_ANY);
	if (err)
		err = fail_map(&u, CP_MAP_NAT_CONFIG, err);
	else if ((err = cp_host_set_audit(u.endpoints, in->audit)))
		err = fail_map(&u, CP_MAP_ENDPOINTS, err);
	cp_uplink_close(&u);
	return err;
}

static int parse_address(const char *word, const char *text, int family, struct corepath_addr *out)
{
	struct corepath_prefix p;

	if (!strcmp(text, "none")) {
		memset(out, 0, sizeof(*out));
		return 0;
	}
	if (strchr(text, '/'))
		return cp_word_fail(word, "not one address; leave the length out");
	if (corepath_prefix_parse(text, &p) < 0)
		return -EINVAL;
	if (p.family != family)
		return cp_word_fail(word, "of the other address family");
	if (!memcmp(p.addr, &in6addr_any, sizeof(p.addr))) /* 0.0.0.0 has zeros behind it */
		return cp_word_fail(word, "no address of a device; write none to leave packets "
					  "alone");
	cp_addr_of_prefix(out, &p);
	return 0;
}

static int parse_ports(const char *word, const char *text, struct corepath_uplink *u)
{
	const char *dash = strchr(text, '-');
	unsigned long long min, max;
	char first[8];

	if (dash)
		snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	if (!dash || !cp_parse_number(first, 65535, &min) ||
	    !cp_parse_number(dash + 1, 65535, &max) || !min || max < min)
		return cp_word_fail(word, "not MIN-MAX, both from 1 to 65535 and the lower first; "
					  "write ports=32768-65535");
	u->port_min = min;
	u->port_max = max;
	return 0;
}

int corepath_uplink_option(const char *word, struct corepath_uplink *u)
{
	const char *v;

	if ((v = cp_word_value(word, "masquerade4")))
		return parse_address(word, v, AF_INET, &u->masquerade4);
	if ((v = cp_word_value(word, "masquerade6")))
		return parse_address(word, v, AF_INET6, &u->masquerade6);
	if ((v = cp_word_value(word, "ports")))
		return parse_ports(word, v, u);
	if ((v = cp_word_value(word, "forward"))) {
		u->direct = !strcmp(v, "direct");
		return u->direct || !strcmp(v, "stack")
			       ? 0
			       : cp_word_fail(word, "no way to forward; use stack or direct");
	}
	if ((v = cp_word_value(word, "failsafe")))
		return cp_failsafe_parse(word, v, u->failsafe);
	if ((v = cp_word_value(word, "audit"))) {
		if (strcmp(v, "yes") && strcmp(v, "no"))
			return cp_word_fail(word, "neither yes nor no");
		u->audit = *v == 'y';
		return 0;
	}
	return cp_word_fail(word, "no such setting; use masquerade4=, masquerade6=, ports=, "
				  "forward=, audit= or failsafe=");
}

const char *corepath_uplink_address(const struct corepath_addr *addr, char *buf)
{
	if (cp_is_set(addr))
		return corepath_endpoint_format(addr, 0, buf);
	return strcpy(buf, "none");
}

/* ---- networks ---- */

static const char *const list_maps[] = {CP_MAP_NAT_SOURCES, CP_MAP_NAT_EXCLUDES};
static const char *const list_words[] = {"source", "exclude"};

static int list_fd(const struct cp_uplink *u, enum corepath_uplink_list which)
{
	return which == COREPATH_UPLINK_SOURCES ? u->sources : u->excludes;
}

static struct corepath_nat_prefix key_of(const struct corepath_prefix *p)
{
	struct corepath_nat_prefix key = {.prefixlen = p->family == AF_INET ? 96 + p->len : p->len};

	cp_addr_of_prefix(&key.addr, p);
	return key;
}

int corepath_uplink_add(const char *pin_dir, enum corepath_uplink_list which,
			const struct corepath_prefix *list, size_t n)
{
	struct cp_uplink u;
	size_t i;
	int err;

	err = cp_uplink_open(&u, pin_dir, CP_CHANGE, true);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		struct corepath_nat_prefix key = key_of(&list[i]);
		__u32 family = list[i].family == AF_INET ? 4 : 6;

		err = cp_trie_put(list_fd(&u, which), &key, &family);
	}
	if (err)
		err = fail_map(&u, list_maps[which], err);
	cp_uplink_close(&u);
	return err;
}

int corepath_uplink_del(const char *pin_dir, enum corepath_uplink_list which,
			const struct corepath_prefix *list, size_t n)
{
	const struct corepath_prefix *missing = NULL;
	char text[COREPATH_PREFIX_STRLEN];
	struct cp_uplink u;
	size_t i;
	int err;

	err = cp_uplink_open(&u, pin_dir, CP_CHANGE, false);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++) {
		struct corepath_nat_prefix key = key_of(&list[i]);

		err = u.loaded ? bpf_map_delete_elem(list_fd(&u, which), &key) : -ENOENT;
		if (err == -ENOENT) {
			missing = missing ?: &list[i];
			err = 0;
		}
	}
	if (err)
		err = fail_map(&u, list_maps[which], err);
	else if (missing)
		err = cp_fail(ENOENT, "%s: no such %s; 'corepath uplink show' has them",
			      corepath_prefix_format(missing, text), list_words[which]);
	cp_uplink_close(&u);
	return err;
}

static int by_address(const void *va, const void *vb)
{
	const struct corepath_prefix *a = va, *b = vb;
	int d;

	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	d = memcmp(a->addr, b->addr, sizeof(a->addr));
	return d ? d : (int)a->len - (int)b->len;
}

static int read_list(int fd, struct corepath_prefix **list, size_t *n)
{
	struct corepath_nat_prefix key, *prev = NULL;
	struct corepath_prefix *grown;
	__u32 family;
	int err;

	for (; !(err = bpf_map_get_next_key(fd, prev, &key)); prev = &key) {
		struct corepath_prefix p = {};

		err = bpf_map_lookup_elem(fd, &key, &family);
		if (err)
			return err;
		p.family = family == 4 ? AF_INET : AF_INET6;
		p.len = family == 4 ? key.prefixlen - 96 : key.prefixlen;
		memcpy(p.addr, family == 4 ? &key.addr.w[3] : key.addr.w, family == 4 ? 4 : 16);
		grown = reallocarray(*list, *n + 1, sizeof(p));
		if (!grown)
			return -ENOMEM;
		*list = grown;
		grown[(*n)++] = p;
	}
	return err == -ENOENT ? 0 : err;
}

int corepath_uplink_prefixes(const char *pin_dir, enum corepath_uplink_list which,
			     struct corepath_prefix **list, size_t *n)
{
	struct cp_uplink u;
	int err;

	*list = NULL;
	*n = 0;
	err = cp_uplink_open(&u, pin_dir, CP_READ, false);
	if (err)
		return err;
	if (u.loaded)
		err = read_list(list_fd(&u, which), list, n);
	if (err) {
		err = fail_map(&u, list_maps[which], err);
		free(*list);
		*list = NULL;
		*n = 0;
	}
	if (*n)
		qsort(*list, *n, sizeof(**list), by_address);
	cp_uplink_close(&u);
	return err;
}
