// SPDX-License-Identifier: GPL-2.0-only
/* What the Maglev tables promise, as numbers: even shares, shares by weight, little disruption. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../lib/internal.h"
#include "runner.h"

#define SLOTS COREPATH_MAGLEV_SLOTS

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

static void count(const __u32 *slots, size_t n, __u32 *shares)
{
	size_t i;

	memset(shares, 0, (n + 1) * sizeof(*shares));
	for (i = 0; i < SLOTS; i++) {
		ck_assert_uint_le(slots[i], n);
		shares[slots[i]]++;
	}
}

static const size_t sizes[] = {1, 2, 3, 5, 10, 50, 100, 163};

/* Turns make shares differ by one slot at most. */
START_TEST(shares_evenly)
{
	size_t n = sizes[_i], i;
	struct cp_maglev_node nodes[200];
	static __u32 slots[SLOTS], shares[201];

	make(nodes, n);
	ck_assert_int_eq(cp_maglev_fill(nodes, n, slots), 0);
	count(slots, n, shares);
	ck_assert_uint_eq(shares[0], 0);
	for (i = 1; i <= n; i++) {
		ck_assert_uint_ge(shares[i], SLOTS / n);
		ck_assert_uint_le(shares[i], SLOTS / n + 1);
	}
}
END_TEST

START_TEST(shares_by_weight)
{
	static const __u32 weights[] = {1, 2, 3, 10, 84};
	struct cp_maglev_node nodes[5];
	static __u32 slots[SLOTS], shares[6];
	size_t i;

	make(nodes, 5);
	for (i = 0; i < 5; i++)
		nodes[i].weight = weights[i];
	ck_assert_int_eq(cp_maglev_fill(nodes, 5, slots), 0);
	count(slots, 5, shares);
	/* weights sum up to 100; half a round's turns may be missing at the end */
	for (i = 0; i < 5; i++)
		ck_assert_int_le(abs((int)shares[i + 1] - (int)(SLOTS * weights[i] / 100)), 3);
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
} removals[] = {{2, 0}, {3, 2}, {5, 5}, {10, 15}, {50, 20}, {100, 20}};

START_TEST(moves_little)
{
	size_t n = removals[_i].n, i, gone;
	static __u32 before[SLOTS], after[SLOTS];
	struct cp_maglev_node nodes[100];
	int moved, worst = 0;

	make(nodes, n);
	ck_assert_int_eq(cp_maglev_fill(nodes, n, before), 0);
	for (gone = 1; gone <= n; gone += n > 10 ? n / 10 : 1) {
		make(nodes, n);
		nodes[gone - 1] = nodes[n - 1];
		ck_assert_int_eq(cp_maglev_fill(nodes, n - 1, after), 0);
		for (moved = 0, i = 0; i < SLOTS; i++) {
			ck_assert_uint_ne(after[i], gone);
			moved += before[i] != gone && before[i] != after[i];
		}
		if (moved > worst)
			worst = moved;
	}
	ck_assert_msg(worst * 1000 <= removals[_i].most_moved * SLOTS,
		      "of %zu backends one went, and %d of %d slots of others moved", n, worst,
		      SLOTS);
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
	ck_assert_int_eq(cp_maglev_fill(nodes, 10, one), 0);
	ck_assert_int_eq(cp_maglev_fill(back, 10, other), 0);
	ck_assert_mem_eq(one, other, sizeof(one));
}
END_TEST

START_TEST(no_weight_no_backend)
{
	static __u32 slots[SLOTS];
	struct cp_maglev_node nodes[2];
	size_t i;

	memset(slots, 0xff, sizeof(slots));
	ck_assert_int_eq(cp_maglev_fill(nodes, 0, slots), 0);
	for (i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(slots[i], 0);
	make(nodes, 2);
	nodes[0].weight = 0;
	ck_assert_int_eq(cp_maglev_fill(nodes, 2, slots), 0);
	for (i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(slots[i], 2);
}
END_TEST

START_TEST(slots_are_prime)
{
	int i;

	for (i = 2; i * i <= SLOTS; i++)
		ck_assert_int_ne(SLOTS % i, 0);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		FOR_EACH(shares_evenly, sizes),	  ONCE(shares_by_weight),
		FOR_EACH(moves_little, removals), ONCE(order_does_not_matter),
		ONCE(no_weight_no_backend),	  ONCE(slots_are_prime),
	};

	return RUN("maglev", tests);
}
