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

/* The entry of that key, made if it is not there; NULL: no memory. */
static struct cp_rules_entry *entry_of(struct cp_rules_image *all, __u8 dim, const void *data,
				       __u32 bits)
{
	struct corepath_sec_key key = {.prefixlen = 8 + bits, .dim = dim};
	struct cp_rules_entry *grown;
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

static int add_meta(struct cp_rules_image *all, __u8 dim, __u8 which, size_t rule)
{
	struct cp_rules_entry *e = entry_of(all, dim, &which, 8);

	if (!e)
		return -ENOMEM;
	set(e->bits.yes, rule);
	return 0;
}

static int add_name(struct cp_rules_image *all, const struct cp_rule *r, __u32 rule)
{
	struct corepath_rule_name name = {.ops = r->ops, .action = r->action, .asked = r->asked};
	struct cp_rules_entry *e = entry_of(all, COREPATH_DIM_NAME, &rule, 32);
	struct cp_pace pace = cp_pace_of(r->rate, r->rate_s);

	if (!e)
		return -ENOMEM;
	_Static_assert(sizeof(name) == sizeof(e->bits), "all values of a map are of one size");
	strcpy(name.name, r->name);
	name.interval_ns = pace.interval_ns;
	name.window_ns = pace.window_ns;
	memcpy(&e->bits, &name, sizeof(name));
	return 0;
}

/* How a process that runs already can be judged by it: not by what ran it (`exe`), which is gone.
 */
static int add_running(struct cp_rules_image *all, const struct cp_rule *r, size_t rule)
{
	bool args = false;
	struct cp_rules_entry *e;
	size_t i;

	if (!(r->ops & 1u << COREPATH_OP_EXEC))
		return 0;
	for (i = 0; i < r->n_conditions; i++) {
		__u8 dim = r->conditions[i].dim;

		if (dim == COREPATH_DIM_EXE)
			return 0;
		args |= dim == COREPATH_DIM_ARG || dim == COREPATH_DIM_ARGC;
	}
	e = entry_of(all, COREPATH_DIM_RUNNING, NULL, 0);
	if (!e)
		return -ENOMEM;
	set(e->bits.yes, rule);
	if (args)
		set(e->bits.no, rule);
	return 0;
}

static int add_rule(struct cp_rules_image *all, const struct cp_rule *r, size_t rule)
{
	__u32 with = 0, dim, op;
	bool late = false;
	struct cp_rules_entry *e;
	size_t i;
	int err;

	for (i = 0; i < r->n_conditions; i++) {
		const struct cp_condition *c = &r->conditions[i];

		e = entry_of(all, c->dim, c->data, c->bits);
		if (!e)
			return -ENOMEM;
		set(c->not? e->bits.no : e->bits.yes, rule);
		late |= r->ops & 1u << COREPATH_OP_EXEC && c->dim == COREPATH_DIM_ARG;
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
		err = add_running(all, r, rule);
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
	return shorter->dim == longer->dim && shorter->prefixlen < longer->prefixlen &&
	       cp_same_bits(shorter->data, longer->data, shorter->prefixlen - 8);
}

static void widen(struct cp_rules_image *all)
{
	size_t i, j, w;

	for (i = 0; i < all->n; i++)
		for (j = 0; j < all->n; j++) {
			struct cp_rules_entry *to = &all->list[i], *from = &all->list[j];

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
static int add_dims(struct cp_rules_image *all)
{
	__u8 dim;

	for (dim = 0; dim < COREPATH_DIMS; dim++)
		if (!entry_of(all, COREPATH_DIM_ANY, &dim, 8))
			return -ENOMEM;
	return 0;
}

static int make(const struct cp_rules_image *all)
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
static int add_set(struct cp_rules_image *all)
{
	struct cp_rules_entry *e = entry_of(all, COREPATH_DIM_SET, NULL, 0);
	struct timespec now;

	if (!e)
		return -ENOMEM;
	clock_gettime(CLOCK_BOOTTIME, &now);
	e->bits.yes[0] = now.tv_sec * CP_NSEC_PER_SEC + now.tv_nsec;
	return 0;
}

static int fill(struct cp_rules_image *all, const struct cp_rules *rules)
{
	int err = add_dims(all);
	size_t i;

	if (!err)
		err = add_set(all);
	for (i = 0; i < rules->n && !err; i++)
		err = add_rule(all, &rules->list[i], i);
	if (!err)
		widen(all);
	return err;
}

int cp_rules_trie(const struct cp_rules *rules)
{
	struct cp_rules_image all = {};
	int err = fill(&all, rules);

	if (!err)
		err = make(&all);
	free(all.list);
	return err;
}

/* ---- what is said of a set without this kernel ---- */

static int by_key(const void *a, const void *b)
{
	const struct cp_rules_entry *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* Leaves out when a set was made, and which actions it came to. */
static void settle(struct cp_rules_image *image)
{
	size_t i, kept = 0;

	for (i = 0; i < image->n; i++) {
		struct cp_rules_entry *e = &image->list[i];

		if (e->key.dim == COREPATH_DIM_ACTION)
			continue;
		if (e->key.dim == COREPATH_DIM_SET)
			memset(e->bits.yes, 0, sizeof(e->bits.yes));
		image->list[kept++] = *e;
	}
	image->n = kept;
	qsort(image->list, image->n, sizeof(*image->list), by_key);
}

int cp_rules_image(const struct cp_rules *rules, struct cp_rules_image *image)
{
	int err = fill(image, rules);
	size_t i;
	__u32 rule;

	for (i = 0; i < image->n && !err; i++) {
		struct cp_rules_entry *e = &image->list[i];

		if (e->key.dim != COREPATH_DIM_NAME)
			continue;
		memcpy(&rule, e->key.data, sizeof(rule));
		if (rules->list[rule].weaker && e->name.asked == COREPATH_ACTION_DENY)
			e->name.action = COREPATH_ACTION_KILL;
	}
	if (err)
		return cp_fail(ENOMEM, "%s: out of memory; free some", rules->file);
	settle(image);
	return 0;
}

int cp_rules_image_of(int trie, struct cp_rules_image *image)
{
	struct corepath_sec_key *keys;
	struct corepath_sec_bits *values;
	void *k, *v;
	__u32 i, n, max;
	int err = cp_map_read(trie, &k, &v, &n, &max);

	if (err)
		return cp_fail(-err, "security: read the rules: %s; run as root", strerror(-err));
	keys = k;
	values = v;
	image->list = calloc(n + 1, sizeof(*image->list));
	for (i = 0; i < n && image->list; i++) {
		image->list[i].key = keys[i];
		image->list[i].bits = values[i];
	}
	image->n = image->list ? n : 0;
	free(k);
	free(v);
	if (!image->list)
		return cp_fail(ENOMEM, "security: out of memory; free some");
	settle(image);
	return 0;
}

static bool same_entry(const struct cp_rules_entry *from, const struct cp_rules_entry *to)
{
	struct corepath_rule_name a = from->name, b = to->name;

	if (by_key(from, to))
		return false;
	if (from->key.dim != COREPATH_DIM_NAME)
		return !memcmp(&from->bits, &to->bits, sizeof(from->bits));
	if (a.action != a.asked && a.action != b.action)
		return false;
	a.action = b.action;
	return !memcmp(&a, &b, sizeof(a));
}

bool cp_rules_same(const struct cp_rules_image *from, const struct cp_rules_image *to)
{
	size_t i;

	for (i = 0; i < from->n && i < to->n; i++)
		if (!same_entry(&from->list[i], &to->list[i]))
			return false;
	return from->n == to->n;
}
