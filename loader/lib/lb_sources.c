// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clients that services take: one trie for all services, read as a whole the first time any is
 * asked for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include "compat.h"
#include "lb_state.h"

static struct corepath_source_key source_key(__u32 service, const struct corepath_prefix *p)
{
	struct corepath_source_key key = {.service = service};

	if (p->family == AF_INET) {
		key.addr.w[2] = htonl(0xffff);
		memcpy(&key.addr.w[3], p->addr, 4);
		key.prefixlen = 32 + 96 + p->len;
	} else {
		memcpy(&key.addr, p->addr, 16);
		key.prefixlen = 32 + p->len;
	}
	return key;
}

/* In memory, before the others of its service. */
static int note(struct cp_lb *lb, const struct corepath_source_key *key)
{
	struct cp_service *s = &lb->service[key->service];
	struct cp_source *grown;

	if (lb->n_sources == lb->room_sources) {
		lb->room_sources = lb->room_sources ? lb->room_sources * 2 : 64;
		grown = reallocarray(lb->source, lb->room_sources, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		lb->source = grown;
	}
	lb->source[lb->n_sources] = (struct cp_source){*key, s->sources};
	s->sources = ++lb->n_sources;
	return 0;
}

int cp_sources_read(struct cp_lb *lb)
{
	struct corepath_source_key *keys;
	__u32 *values, n, max;
	int err;

	if (lb->sources_read)
		return 0;
	err = cp_map_read(lb->sources, (void **)&keys, (void **)&values, &n, &max);
	if (!err) {
		while (n-- && !err)
			if (keys[n].service < lb->max_services)
				err = note(lb, &keys[n]);
		free(keys);
		free(values);
	}
	lb->sources_read = !err;
	return err ? cp_fail(-err, "map %s/%s: read: %s; run as root", lb->dir.path,
			     CP_MAP_LB_SOURCES, strerror(-err))
		   : 0;
}

static bool is_there(const struct cp_lb *lb, const struct cp_service *s,
		     const struct corepath_source_key *key)
{
	__u32 i;

	for (i = s->sources; i; i = lb->source[i - 1].next)
		if (!memcmp(&lb->source[i - 1].key, key, sizeof(*key)))
			return true;
	return false;
}

int cp_sources_add(struct cp_lb *lb, struct cp_service *s, const struct corepath_service_spec *spec)
{
	__u32 one = 1;
	size_t i;
	int err;

	err = cp_sources_read(lb);
	if (err)
		return err;
	for (i = 0; i < spec->n_sources && !err; i++) {
		struct corepath_source_key key = source_key(s->value.id, &spec->sources[i]);

		if (is_there(lb, s, &key))
			continue;
		err = cp_trie_put(lb->sources, &key, &one);
		if (!err)
			err = note(lb, &key);
	}
	return err ? cp_lb_fail(lb, CP_MAP_LB_SOURCES, err) : 0;
}

static bool has_source(const struct corepath_service_spec *spec,
		       const struct corepath_source_key *key)
{
	size_t i;

	for (i = 0; spec && i < spec->n_sources; i++) {
		struct corepath_source_key want = source_key(key->service, &spec->sources[i]);

		if (!memcmp(&want, key, sizeof(want)))
			return true;
	}
	return false;
}

int cp_sources_trim(struct cp_lb *lb, struct cp_service *s,
		    const struct corepath_service_spec *keep)
{
	__u32 *at = &s->sources;
	int err;

	err = cp_sources_read(lb);
	if (err)
		return err;
	while (*at && !err) {
		struct cp_source *source = &lb->source[*at - 1];

		if (has_source(keep, &source->key)) {
			at = &source->next;
			continue;
		}
		err = bpf_map_delete_elem(lb->sources, &source->key);
		if (!err)
			*at = source->next;
	}
	return err ? cp_lb_fail(lb, CP_MAP_LB_SOURCES, err) : 0;
}

int cp_sources_list(struct cp_lb *lb, const struct cp_service *s,
		    struct corepath_service_spec *spec)
{
	size_t n = 0;
	__u32 i;

	for (i = s->sources; i; i = lb->source[i - 1].next)
		n++;
	spec->sources = calloc(n + 1, sizeof(*spec->sources));
	if (!spec->sources)
		return -ENOMEM;
	for (i = s->sources; i; i = lb->source[i - 1].next) {
		const struct corepath_source_key *key = &lb->source[i - 1].key;
		struct corepath_prefix *p = &spec->sources[spec->n_sources++];
		bool v4 = cp_is4(&key->addr) && key->prefixlen >= 128;

		p->family = v4 ? AF_INET : AF_INET6;
		p->len = key->prefixlen - (v4 ? 128 : 32);
		memcpy(p->addr, v4 ? &key->addr.w[3] : key->addr.w, v4 ? 4 : 16);
	}
	return 0;
}
