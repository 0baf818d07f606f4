// SPDX-License-Identifier: GPL-2.0-only
/* The search of `vmtest sweep` over made-up verdicts, its releases, and its words for causes. */
#include <stdlib.h>
#include <string.h>

#include "../host/sweep.h"
#include "../host/sweep_cause.h"
#include "../host/sweep_releases.h"
#include "../host/util.h"
#include "runner.h"

#define MOST 64

/*
 * A truth for each program: a letter per release, 'w' works, 'n' no verdict, others a cause each.
 * Tries what is asked for, `at_once` at a time, to the end.
 */
static void play(struct sweep *s, const char *const *truth, unsigned programs, const char *anchors,
		 unsigned budget, unsigned at_once)
{
	unsigned n = strlen(truth[0]), batch[MOST], got;

	sweep_init(s, n, budget);
	for (unsigned r = 0; r < n; r++)
		s->anchor[r] = anchors[r] != ' ';
	for (unsigned p = 0; p < programs; p++)
		sweep_add_program(s);
	while ((got = sweep_next(s, batch, at_once))) {
		ck_assert_uint_le(got, at_once);
		for (unsigned i = 0; i < got; i++) {
			ck_assert_msg(!s->tried[batch[i]], "%u is tried twice", batch[i]);
			for (unsigned p = 0; p < programs; p++) {
				char c = truth[p][batch[i]];

				if (c != 'n')
					s->verdict[p][batch[i]] =
						c == 'w' ? SWEEP_WORKS : SWEEP_FAILS + c;
			}
			sweep_note_tried(s, batch[i]);
		}
		ck_assert_uint_le(s->tried_n, budget);
	}
}

/* What is known, a letter per release: '.' untried, '?' no verdict. */
static const char *known(const struct sweep *s, unsigned program)
{
	static char text[MOST];

	for (unsigned r = 0; r < s->releases_n; r++) {
		int v = s->verdict[program][r];

		text[r] = v == SWEEP_UNTRIED	  ? '.'
			  : v == SWEEP_NO_VERDICT ? '?'
			  : v == SWEEP_WORKS	  ? 'w'
						  : v - SWEEP_FAILS;
	}
	text[s->releases_n] = '\0';
	return text;
}

START_TEST(one_boundary)
{
	const char *truth[] = {"xxxxxxxxxxxwwwwwwwwwwwww"};
	struct sweep s;

	/* two ends, then bisection of 22 releases: at most five more */
	play(&s, truth, 1, "a                      a", 7, 1);
	ck_assert_int_eq(known(&s, 0)[10], 'x');
	ck_assert_int_eq(known(&s, 0)[11], 'w');
	ck_assert_uint_eq(s.tried_n, 7);
	sweep_free(&s);
}
END_TEST

/* The boundaries of a hole are found as soon as one release in it was tried. */
START_TEST(hole_that_an_anchor_hits)
{
	const char *truth[] = {"wwwwwwxxxxwwwwwwwwww"};
	struct sweep s;

	/* three, then bisection of 7 and of 12 steps: three and four more */
	play(&s, truth, 1, "a      a           a", 10, 1);
	ck_assert_int_eq(known(&s, 0)[5], 'w');
	ck_assert_int_eq(known(&s, 0)[6], 'x');
	ck_assert_int_eq(known(&s, 0)[9], 'x');
	ck_assert_int_eq(known(&s, 0)[10], 'w');
	sweep_free(&s);
}
END_TEST

/* Everything tried first says "works": only the spread over the rest can meet the hole. */
START_TEST(hole_between_good_neighbours)
{
	const char *truth[] = {"wwwwwwwwwwwwwwwwwxxxxxwwwwwwwwww"};
	struct sweep_stretch t[MOST];
	struct sweep s;

	play(&s, truth, 1, "a                              a", 16, 1);
	ck_assert_uint_eq(sweep_stretches(&s, 0, t), 3);
	ck_assert_uint_eq(t[0].last, 16);
	ck_assert_uint_eq(t[1].first, 17);
	ck_assert_uint_eq(t[1].last, 21);
	ck_assert_int_eq(t[1].verdict, SWEEP_FAILS + 'x');
	ck_assert_uint_eq(t[2].first, 22);
	sweep_free(&s);
}
END_TEST

START_TEST(spread_is_even)
{
	const char *truth[] = {"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"};
	struct sweep s;
	unsigned longest = 0, run = 0;

	play(&s, truth, 1, "a                               a", 9, 1);
	for (unsigned r = 0; r < s.releases_n; r++) {
		run = s.tried[r] ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	/* nine of 33: between two tried ones three untried, were it perfect */
	ck_assert_uint_le(longest, 4);
	ck_assert_uint_eq(s.tried_n, 9);
	sweep_free(&s);
}
END_TEST

/* Rejected for another reason is another verdict. */
START_TEST(causes_make_boundaries)
{
	const char *truth[] = {"xxxxxxxxxxxxyyyyyyyy"};
	struct sweep s;

	play(&s, truth, 1, "a                  a", 7, 1);
	ck_assert_int_eq(known(&s, 0)[11], 'x');
	ck_assert_int_eq(known(&s, 0)[12], 'y');
	sweep_free(&s);
}
END_TEST

/* A machine that gave no verdict is no boundary, and hides none. */
START_TEST(no_verdict_is_passed_over)
{
	const char *truth[] = {"xxxxxxnnnwwwwwww"}, *silent[] = {"nnnnnnnnnnnnnnnn"};
	struct sweep_stretch t[MOST];
	struct sweep s;

	play(&s, truth, 1, "a              a", 16, 1);
	ck_assert_str_eq(known(&s, 0), "xxxxxx???wwwwwww");
	ck_assert_uint_eq(sweep_stretches(&s, 0, t), 2);
	ck_assert_uint_eq(t[0].last, 5);
	ck_assert_uint_eq(t[1].first, 9);
	ck_assert_uint_eq(sweep_untried(&s, 5, 9), 0);
	sweep_free(&s);
	play(&s, silent, 1, "a              a", 6, 1);
	ck_assert_uint_eq(sweep_stretches(&s, 0, t), 0);
	ck_assert_uint_eq(s.tried_n, 6);
	sweep_free(&s);
}
END_TEST

/* Nor is the budget spent on narrowing it down: the first quarter gets its share. */
START_TEST(no_verdict_is_no_boundary)
{
	const char *truth[] = {"wwwwwwwwwwwwwwwwnwwwwwwwwwwwwwwww"};
	struct sweep s;

	play(&s, truth, 1, "a               a               a", 8, 1);
	ck_assert(s.tried[8] && s.tried[24]);
	ck_assert(s.tried[4]);
	sweep_free(&s);
}
END_TEST

START_TEST(each_program_has_its_boundaries)
{
	const char *truth[] = {"xxxxwwwwwwwwwwwwwwww", "wwwwwwwwwwwwwwwxxxxx"};
	struct sweep s;

	play(&s, truth, 2, "a                  a", 11, 2);
	ck_assert_mem_eq(known(&s, 0) + 3, "xw", 2);
	ck_assert_mem_eq(known(&s, 1) + 14, "wx", 2);
	sweep_free(&s);
}
END_TEST

START_TEST(everything_with_budget_enough)
{
	const char *truth[] = {"xwxwxwxw"};
	struct sweep s;

	play(&s, truth, 1, "a      a", 100, 3);
	ck_assert_str_eq(known(&s, 0), truth[0]);
	ck_assert_uint_eq(s.tried_n, 8);
	sweep_free(&s);
}
END_TEST

START_TEST(small_budget)
{
	const char *truth[] = {"xxxxwwww"};
	struct sweep s;

	play(&s, truth, 1, "a  a   a", 2, 5);
	ck_assert_uint_eq(s.tried_n, 2);
	sweep_free(&s);
}
END_TEST

/* A program that is met only later has no verdict where it was not seen. */
START_TEST(program_met_later)
{
	unsigned batch[MOST];
	struct sweep s;

	sweep_init(&s, 4, 4);
	sweep_note_tried(&s, 2);
	ck_assert_uint_eq(sweep_add_program(&s), 0);
	ck_assert_str_eq(known(&s, 0), "..?.");
	ck_assert_uint_eq(sweep_next(&s, batch, 1), 1);
	sweep_free(&s);
}
END_TEST

static struct listed list[] = {
	{"7.0.4", "7.0.4-a", "7.0.4-1", "p", "s"},
	{"7.0~rc2", "7.0-rc2-a", "7.0~rc2-1", "p", "s"},
	{"6.12.117", "6.12.117-a", "117-2", "p", "s"},
	{"6.12.117", "6.12.117-b", "117-1", "p", "s"},
	{"6.12.9", "6.12.9-a", "9-1", "p", "s"},
	{"6.9.2", "6.9.2-a", "2-1", "p", "s"},
	{"6.1.170", "6.1.0-47-a", "6.1.170-3", "p", "s"},
	{"6.1.169", "6.1.0-46-a", "6.1.169-1", "p", "s"},
	{NULL, NULL, NULL, NULL, NULL},
};

static struct series series[] = {{.series = "6.1"}, {.series = "6.12"}};
static const struct matrix matrix = {.kernels = series, .kernels_count = 2};

static void check_releases(const char *selector, const char *expected)
{
	struct releases r = {0};
	char *text = xstrdup("");

	ck_assert_int_eq(releases_add(&r, list, "packages", selector), 0);
	releases_complete(&r, &matrix);
	for (unsigned i = 0; i < r.n; i++)
		text = fmt("%s%s%s%s", text, i ? " " : "", r.all[i].listed->release,
			   r.all[i].anchor ? "!" : "");
	ck_assert_str_eq(text, expected);
	free(r.all);
}

/* By number, not by letter; one package of a version; the newest of each series and the ends. */
START_TEST(releases)
{
	struct releases r = {0};

	check_releases("all", "6.1.0-46-a! 6.1.0-47-a! 6.9.2-a 6.12.9-a 6.12.117-a! 7.0.4-a!");
	check_releases("6.1", "6.1.0-46-a! 6.1.0-47-a!");
	check_releases("6.1.170..6.9", "6.1.0-47-a! 6.9.2-a!");
	check_releases("6.12.9,6.1.169", "6.1.0-46-a! 6.12.9-a!");
	ck_assert_int_lt(releases_add(&r, list, "packages", "6.12..6.1"), 0);
	ck_assert_int_lt(releases_add(&r, list, "packages", "6.x"), 0);
	ck_assert_int_lt(releases_add(&r, list, "packages", "6"), 0);
	free(r.all);
}
END_TEST

START_TEST(room_between_releases)
{
	struct release a = {.version = {6, 12, 43}}, next = {.version = {6, 12, 44}},
		       later = {.version = {6, 12, 57}}, other = {.version = {6, 13, 0}};

	ck_assert(!releases_have_room(&a, &next));
	ck_assert(releases_have_room(&a, &later));
	ck_assert(releases_have_room(&a, &other));
}
END_TEST

static const char *cause(const char *outcome, const char *stage, const char *reason)
{
	bool fails = strcmp(outcome, "pass") && strcmp(outcome, "error");
	json_t *line = json_pack("{s:s, s:s, s:s, s:{s:s}}", "status",
				 fails			   ? "FAIL"
				 : strcmp(outcome, "pass") ? "ERROR"
							   : "PASS",
				 "outcome", outcome, "reason", reason, "verifier", "stage", stage);
	const char *name = sweep_cause_name(sweep_cause_of_line(line));

	json_decref(line);
	return name;
}

START_TEST(causes)
{
	ck_assert_str_eq(cause("pass", "", ""), "works");
	ck_assert_str_eq(cause("error", "other", "cannot be judged alone"), "no-verdict");
	ck_assert_str_eq(cause("panic", "", "Kernel panic - not syncing"), "kernel-panic");
	ck_assert_str_eq(cause("fail", "verifier", "invalid func unknown#181"), "helper-missing");
	ck_assert_str_eq(cause("fail", "verifier",
			       "program of this type cannot use helper bpf_get_stack#67"),
			 "helper-not-allowed");
	ck_assert_str_eq(cause("fail", "verifier", "unknown func bpf_get_stack#67"),
			 "helper-not-allowed");
	ck_assert_str_eq(
		cause("fail", "verifier", "BPF program is too large. Processed 1000001 insn"),
		"too-complex");
	ck_assert_str_eq(cause("fail", "verifier", "The sequence of 8193 jumps is too complex."),
			 "too-complex");
	ck_assert_str_eq(cause("fail", "verifier", "R1 !read_ok"), "verifier-rejected");
	ck_assert_str_eq(cause("fail", "kfunc", "missing kfunc x"), "kfunc-missing");
	ck_assert_str_eq(cause("fail", "other", "who knows"), "not-loaded");
}
END_TEST

START_TEST(cause_of_a_need)
{
	int helper = SWEEP_FAILS, target = SWEEP_FAILS;

	while (strcmp(sweep_cause_name(helper), "helper-missing"))
		helper++;
	while (strcmp(sweep_cause_name(target), "target-missing"))
		target++;
	ck_assert(sweep_cause_is_of(helper, "helper:bpf_loop"));
	ck_assert(!sweep_cause_is_of(helper, "kfunc:bpf_loop"));
	ck_assert(sweep_cause_is_of(target, "func:tcp_v4_rcv"));
	ck_assert(!sweep_cause_is_of(SWEEP_WORKS, "helper:bpf_loop"));
	while (strcmp(sweep_cause_name(target), "callback-unknown"))
		target--;
	ck_assert(sweep_cause_is_of(target, "helper:bpf_loop"));
	ck_assert(!sweep_cause_is_of(target, "helper:bpf_d_path"));
}
END_TEST

/* A kernel whose modules are not to be had tells nothing of what they hold. */
START_TEST(what_a_module_may_hold)
{
	int v = SWEEP_FAILS;

	while (strcmp(sweep_cause_name(v), "kfunc-missing"))
		v++;
	ck_assert(sweep_cause_may_be_module(v));
	while (strcmp(sweep_cause_name(v), "helper-missing"))
		v--;
	ck_assert(!sweep_cause_may_be_module(v));
	ck_assert(!sweep_cause_may_be_module(SWEEP_WORKS));
	ck_assert(sweep_need_may_be_module("kfunc:bpf_ct_release"));
	ck_assert(sweep_need_may_be_module("func:nf_hook"));
	ck_assert(!sweep_need_may_be_module("helper:bpf_loop"));
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		ONCE(one_boundary),
		ONCE(hole_that_an_anchor_hits),
		ONCE(hole_between_good_neighbours),
		ONCE(spread_is_even),
		ONCE(causes_make_boundaries),
		ONCE(no_verdict_is_passed_over),
		ONCE(no_verdict_is_no_boundary),
		ONCE(each_program_has_its_boundaries),
		ONCE(everything_with_budget_enough),
		ONCE(small_budget),
		ONCE(program_met_later),
		ONCE(releases),
		ONCE(room_between_releases),
		ONCE(causes),
		ONCE(cause_of_a_need),
		ONCE(what_a_module_may_hold),
	};

	return RUN("sweep", tests);
}
