// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules as one trie (abi_rules.h). A lookup finds the longest entry that fits, so each entry has
 * the bits of all shorter ones as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "rules.h"

struct entry {
	struct corepath_sec_key key;
	struct corepath_sec_bits bits;
};

struct entries {
	struct entry *list;
	size_t n;
};

/* The entry of that key, made if it is not there; NULL: no memory. */
static struct entry *entry_of(struct entries *all, __u8 dim, const void *data, __u32 bits)
{
	struct corepath_sec_key key = {.prefixlen = 8 + bits, .dim = dim};
	struct entry *grown;
	size_t i;

	if (bits)
		memcpy(key.data, data, (bits + 7) / 8);
	for (i = 0; i < all->n; i++)
		if (!memcmp(&all->list[i].key, &key, sizeof(key)))
			return &all->list[i];
	grown = reallocarray(all->list, all->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	all->list = grown;
	grown += all->n++;
	memset(grown, 0, sizeof(*grown));
	grown->key = key;
	return grown;
}

static void set(__u64 *words, size_t rule)
{
	words[rule / 64] |= 1ull << rule % 64;
}

static int add_meta(struct entries *all, __u8 dim, __u8 which, size_t rule)
{
	struct entry *e = entry_of(all, dim, &which, 8);

	if (!e)
		return -ENOMEM;
	set(e->bits.yes, rule);
	return 0;
}

static int add_name(struct entries *all, const struct cp_rule *r, __u32 rule)
{
	struct corepath_rule_name name = {.ops = r->ops, .action = r->action, .asked = r->asked};
	struct entry *e = entry_of(all, COREPATH_DIM_NAME, &rule, 32);

	if (!e)
		return -ENOMEM;
	_Static_assert(sizeof(name) == sizeof(e->bits), "all values of a map are of one size");
	strcpy(name.name, r->name);
	if (r->rate) {
		name.interval_ns = r->rate_s * 1000000000ull / r->rate;
		name.window_ns = r->rate_s * 1000000000ull;
	}
	memcpy(&e->bits, &name, sizeof(name));
	return 0;
}

static int add_rule(struct entries *all, const struct cp_rule *r, size_t rule)
{
	__u32 with = 0, dim, op;
	bool late = false;
	struct entry *e;
	size_t i;
	int err;

	for (i = 0; i < r->n_conditions; i++) {
		const struct cp_condition *c = &r->conditions[i];

		e = entry_of(all, c->dim, c->data, c->bits);
		if (!e)
			return -ENOMEM;
		set(c->not? e->bits.no : e->bits.yes, rule);
		late |= c->dim == COREPATH_DIM_ARG;
		if (!c->not)
			with |= 1u << c->dim;
	}
	if (late) {
		e = entry_of(all, COREPATH_DIM_SET, NULL, 0);
		if (!e)
			return -ENOMEM;
		set(e->bits.no, rule);
	}
	err = add_name(all, r, rule);
	if (!err)
		err = add_meta(all, COREPATH_DIM_ACTION, r->action, rule);
	for (op = 0; op < COREPATH_OPS && !err; op++)
		if (r->ops & 1u << op)
			err = add_meta(all, COREPATH_DIM_OP, op, rule);
	for (dim = 0; dim < COREPATH_DIMS && !err; dim++)
		if (!(with & 1u << dim))
			err = add_meta(all, COREPATH_DIM_ANY, dim, rule);
	return err;
}

static bool fits(const struct corepath_sec_key *shorter, const struct corepath_sec_key *longer)
{
	__u32 bits = shorter->prefixlen - 8;

	if (shorter->dim != longer->dim || shorter->prefixlen >= longer->prefixlen ||
	    memcmp(shorter->data, longer->data, bits / 8))
		return false;
	return !(bits % 8) ||
	       !((shorter->data[bits / 8] ^ longer->data[bits / 8]) & (0xff00 >> bits % 8 & 0xff));
}

static void widen(struct entries *all)
{
	size_t i, j, w;

	for (i = 0; i < all->n; i++)
		for (j = 0; j < all->n; j++) {
			struct entry *to = &all->list[i], *from = &all->list[j];

			if (to->key.dim >= COREPATH_DIMS || !fits(&from->key, &to->key))
				continue;
			for (w = 0; w < COREPATH_RULE_WORDS; w++) {
				to->bits.yes[w] |= from->bits.yes[w];
				to->bits.no[w] |= from->bits.no[w];
			}
		}
}

/* Every dim has its entry for rules without a condition, even if there are none: the programs look
 * for it. */
static int add_dims(struct entries *all)
{
	__u8 dim;

	for (dim = 0; dim < COREPATH_DIMS; dim++)
		if (!entry_of(all, COREPATH_DIM_ANY, &dim, 8))
			return -ENOMEM;
	return 0;
}

static int make(const struct entries *all)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd, err = 0;
	size_t i;

	fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "sec_trie", sizeof(struct corepath_sec_key),
			    sizeof(struct corepath_sec_bits), all->n, &opts);
	for (i = 0; fd >= 0 && i < all->n && !err; i++)
		err = cp_trie_put(fd, &all->list[i].key, &all->list[i].bits);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* What tells this set from every other: when it was made. */
static int add_set(struct entries *all)
{
	struct entry *e = entry_of(all, COREPATH_DIM_SET, NULL, 0);
	struct timespec now;

	if (!e)
		return -ENOMEM;
	clock_gettime(CLOCK_BOOTTIME, &now);
	e->bits.yes[0] = now.tv_sec * 1000000000ull + now.tv_nsec;
	return 0;
}

int cp_rules_trie(const struct cp_rules *rules)
{
	struct entries all = {};
	int err = add_dims(&all);
	size_t i;

	if (!err)
		err = add_set(&all);

	for (i = 0; i < rules->n && !err; i++)
		err = add_rule(&all, &rules->list[i], i);
	if (!err) {
		widen(&all);
		err = make(&all);
	}
	free(all.list);
	return err;
}
