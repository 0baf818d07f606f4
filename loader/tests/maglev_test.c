// SPDX-License-Identifier: GPL-2.0-only
/* What the Maglev tables promise, as numbers: even shares, shares by weight, little disruption. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../lib/internal.h"
#include "../lib/maglev.h"
#include "../../harness/tests/runner.h"

/* The tables' sizes, the only one of one slot left out. What is promised of shares and moves holds
 * at the paper's large one as well. */
#define SMALL  401
#define MIDDLE 1889
#define SLOTS  16369
#define LARGE  65537

/* Backends 10.0.0.1 .. n with their number as id and all the same weight. */
static void make(struct cp_maglev_node *nodes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		nodes[i] = (struct cp_maglev_node){
			.addr = {{0, 0, htonl(0xffff), htonl(0x0a000001 + i)}},
			.id = i + 1,
			.weight = 1,
		};
}

static void count(const __u32 *slots, __u32 n_slots, size_t n, __u32 *shares)
{
	size_t i;

	memset(shares, 0, (n + 1) * sizeof(*shares));
	for (i = 0; i < n_slots; i++) {
		ck_assert_uint_le(slots[i], n);
		shares[slots[i]]++;
	}
}

static const struct {
	size_t n;
	__u32 slots;
} sizes[] = {{1, 1},	  {2, SMALL},	{4, SMALL},   {5, MIDDLE},  {18, MIDDLE}, {19, SLOTS},
	     {50, SLOTS}, {100, SLOTS}, {163, SLOTS}, {100, LARGE}, {163, LARGE}};

/* Turns make shares differ by one slot at most. */
START_TEST(shares_evenly)
{
	size_t n = sizes[_i].n, i;
	__u32 n_slots = sizes[_i].slots;
	struct cp_maglev_node nodes[200];
	static __u32 slots[LARGE], shares[201];

	make(nodes, n);
	ck_assert_int_eq(cp_maglev_fill(nodes, n, slots, n_slots), 0);
	count(slots, n_slots, n, shares);
	ck_assert_uint_eq(shares[0], 0);
	for (i = 1; i <= n; i++) {
		ck_assert_uint_ge(shares[i], n_slots / n);
		ck_assert_uint_le(shares[i], n_slots / n + 1);
	}
}
END_TEST

static const __u32 tables[] = {SLOTS, LARGE};

START_TEST(shares_by_weight)
{
	const __u32 n_slots = tables[_i];
	static const __u32 weights[] = {1, 2, 3, 10, 84};
	struct cp_maglev_node nodes[5];
	static __u32 slots[LARGE], shares[6];
	size_t i;

	make(nodes, 5);
	for (i = 0; i < 5; i++)
		nodes[i].weight = weights[i];
	ck_assert_int_eq(cp_maglev_fill(nodes, 5, slots, n_slots), 0);
	count(slots, n_slots, 5, shares);
	/* weights sum up to 100; half a round's turns may be missing at the end */
	for (i = 0; i < 5; i++)
		ck_assert_int_le(abs((int)shares[i + 1] - (int)(n_slots * weights[i] / 100)), 3);
}
END_TEST

/*
 * One of n backends goes. Its own slots must change hands; of the others' the paper (section 5.3)
 * finds a few percent at 100 slots per backend and less with more. Bounds in thousandths of all
 * slots.
 */
static const struct {
	size_t n;
	int most_moved;
	int slots;
} removals[] = {{2, 0, SMALL},	  {3, 15, SMALL},  {4, 15, SMALL},   {10, 20, MIDDLE},
		{18, 30, MIDDLE}, {50, 20, SLOTS}, {100, 20, SLOTS}, {100, 20, LARGE}};

START_TEST(moves_little)
{
	size_t n = removals[_i].n, i, gone;
	static __u32 before[LARGE], after[LARGE];
	const int n_slots = removals[_i].slots;
	struct cp_maglev_node nodes[100];
	int moved, worst = 0;

	make(nodes, n);
	ck_assert_int_eq(cp_maglev_fill(nodes, n, before, n_slots), 0);
	for (gone = 1; gone <= n; gone += n > 10 ? n / 10 : 1) {
		make(nodes, n);
		nodes[gone - 1] = nodes[n - 1];
		ck_assert_int_eq(cp_maglev_fill(nodes, n - 1, after, n_slots), 0);
		for (moved = 0, i = 0; i < (size_t)n_slots; i++) {
			ck_assert_uint_ne(after[i], gone);
			moved += before[i] != gone && before[i] != after[i];
		}
		if (moved > worst)
			worst = moved;
	}
	ck_assert_msg(worst * 1000 <= removals[_i].most_moved * n_slots,
		      "of %zu backends one went, and %d of %d slots of others moved", n, worst,
		      n_slots);
}
END_TEST

/* The table depends on the set, not on the order it was written down or numbered in. */
START_TEST(order_does_not_matter)
{
	static __u32 one[SLOTS], other[SLOTS];
	struct cp_maglev_node nodes[10], back[10];
	size_t i;

	make(nodes, 10);
	for (i = 0; i < 10; i++)
		back[i] = nodes[9 - i];
	ck_assert_int_eq(cp_maglev_fill(nodes, 10, one, SLOTS), 0);
	ck_assert_int_eq(cp_maglev_fill(back, 10, other, SLOTS), 0);
	ck_assert_mem_eq(one, other, sizeof(one));
}
END_TEST

START_TEST(no_weight_no_backend)
{
	static __u32 slots[SLOTS];
	struct cp_maglev_node nodes[2];
	size_t i;

	memset(slots, 0xff, sizeof(slots));
	ck_assert_int_eq(cp_maglev_fill(nodes, 0, slots, SLOTS), 0);
	for (i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(slots[i], 0);
	make(nodes, 2);
	nodes[0].weight = 0;
	ck_assert_int_eq(cp_maglev_fill(nodes, 2, slots, SLOTS), 0);
	for (i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(slots[i], 2);
}
END_TEST

/* Backends of the same weight, or the heaviest of two whose other one weighs 1. */
static const struct {
	size_t n;
	__u32 heaviest, slots;
} fits[] = {{0, 1, 1},	    {1, 1, 1},	     {1, 65535, 1},    {2, 1, SMALL},	 {4, 1, SMALL},
	    {5, 1, MIDDLE}, {18, 1, MIDDLE}, {19, 1, SLOTS},   {1000, 1, SLOTS}, {2, 2, SMALL},
	    {2, 4, MIDDLE}, {2, 18, SLOTS},  {2, 65535, SLOTS}};

START_TEST(size_fits_backends)
{
	static struct cp_maglev_node nodes[1000];

	make(nodes, fits[_i].n);
	nodes[0].weight = fits[_i].heaviest;
	ck_assert_uint_eq(corepath_maglev_slots(cp_maglev_lines(nodes, fits[_i].n)),
			  fits[_i].slots);
}
END_TEST

START_TEST(slots_are_prime)
{
	const __u32 n_slots[] = {SMALL, MIDDLE, SLOTS};
	size_t t;
	__u32 i;

	for (t = 0; t < sizeof(n_slots) / sizeof(n_slots[0]); t++)
		for (i = 2; i * i <= n_slots[t]; i++)
			ck_assert_int_ne(n_slots[t] % i, 0);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(shares_evenly, sizes),
		FOR_EACH(shares_by_weight, tables),
		FOR_EACH(moves_little, removals),
		ONCE(order_does_not_matter),
		ONCE(no_weight_no_backend),
		FOR_EACH(size_fits_backends, fits),
		ONCE(slots_are_prime),
	};

	return RUN("maglev", tests);
}
