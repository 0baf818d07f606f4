// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maglev's table (Eisenbud et al., NSDI 2016, section 3.4): each backend has its own order of
 * preference over all slots, and backends take turns at taking the first free slot of theirs. So
 * slots are shared evenly, and when a backend comes or goes few others change hands.
 *
 * A backend's weight is how many turns it gets: in each round it moves its own clock on by its
 * weight, and takes a slot when that has passed the heaviest one's.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"
#include "maglev.h"

struct turn {
	__u32 next, skip; /* the order of preference: next, next + skip, ... modulo the slots */
	__u64 clock;
};

/* The finaliser of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014). */
static __u64 mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static __u64 hash(const struct cp_maglev_node *n, __u64 seed)
{
	__u64 high = (__u64)n->addr.w[0] << 32 | n->addr.w[1];
	__u64 low = (__u64)n->addr.w[2] << 32 | n->addr.w[3];

	return mix(mix(mix(seed + high) + low) + n->port);
}

static int compare(const void *va, const void *vb)
{
	const struct cp_maglev_node *a = va, *b = vb;
	int d = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return d ? d : (a->port > b->port) - (a->port < b->port);
}

static void take_slot(struct turn *t, __u32 id, __u32 *slots, __u32 n_slots)
{
	while (slots[t->next])
		t->next = (t->next + t->skip) % n_slots;
	slots[t->next] = id;
}

/*
 * Sizes of tables: 1, 401, 1889 and 16369 slots, which with the map's own header fill 2, 8 and 68
 * KiB. A few only, because where a set of backends outgrows its size, flows that are not
 * remembered change hands once, as if all backends were new.
 */
static const __u32 sizes[] = {1, 26, 119, 1024};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Slots for each backend, so that their shares are even to 1% (Maglev, section 3.4). */
#define SLOTS_EACH 100

__u32 cp_maglev_lines(const struct cp_maglev_node *nodes, size_t n)
{
	__u64 total = 0, lightest = UINT32_MAX, shares;
	size_t i;

	for (i = 0; i < n; i++) {
		total += nodes[i].weight;
		if (nodes[i].weight && nodes[i].weight < lightest)
			lightest = nodes[i].weight;
	}
	shares = (total + lightest - 1) / lightest;
	if (shares <= 1)
		return sizes[0];
	for (i = 1; i + 1 < N_SIZES; i++)
		if (corepath_maglev_slots(sizes[i]) >= shares * SLOTS_EACH)
			break;
	return sizes[i];
}

int cp_maglev_fill(struct cp_maglev_node *nodes, size_t n, __u32 *slots, __u32 n_slots)
{
	__u32 heaviest = 0, taken = 0;
	struct turn *turns;
	size_t i;

	memset(slots, 0, n_slots * sizeof(*slots));
	qsort(nodes, n, sizeof(*nodes), compare);
	turns = calloc(n + 1, sizeof(*turns));
	if (!turns)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		/* the number of slots is prime, so any skip but 0 visits them all */
		turns[i].next = hash(&nodes[i], 1) % n_slots;
		turns[i].skip = n_slots > 1 ? hash(&nodes[i], 2) % (n_slots - 1) + 1 : 0;
		if (nodes[i].weight > heaviest)
			heaviest = nodes[i].weight;
	}
	while (heaviest && taken < n_slots) {
		for (i = 0; i < n && taken < n_slots; i++) {
			turns[i].clock += nodes[i].weight;
			if (turns[i].clock < heaviest)
				continue;
			turns[i].clock -= heaviest;
			take_slot(&turns[i], nodes[i].id, slots, n_slots);
			taken++;
		}
	}
	free(turns);
	return 0;
}
