// SPDX-License-Identifier: GPL-2.0-only
/* What is told of objects without loading them: those of vmtests/fixtures, as compilers leave them.
 */
#include <stdlib.h>
#include <string.h>

#include "../host/needs.h"
#include "../host/util.h"
#include "runner.h"

/* The needs of a program, separated by spaces. */
static char *needs_of(const char *path, const char *program)
{
	char why[256], *text = NULL;
	struct needs needs;

	ck_assert_msg(needs_read(path, &needs, why, sizeof(why)) == 0, "%s", why);
	for (size_t i = 0; i < needs.n; i++) {
		const struct program_needs *p = &needs.programs[i];

		if (strcmp(p->program, program))
			continue;
		text = xstrdup("");
		for (size_t k = 0; k < p->n; k++)
			text = fmt("%s%s%s", text, k ? " " : "", p->names[k]);
	}
	needs_free(&needs);
	ck_assert_msg(text, "%s has no program %s", path, program);
	return text;
}

/* The call is two functions away: in .text, reached from a section of its own. */
START_TEST(helper_of_a_called_function)
{
	ck_assert_str_eq(needs_of("build/fixtures/boundaries.bpf.o", "by_helper"),
			 "helper:bpf_loop prog:xdp");
	ck_assert_str_eq(needs_of("build/fixtures/boundaries.bpf.o", "everywhere"), "prog:xdp");
}
END_TEST

/* Only by its address does the program reach the function that calls the helper. */
START_TEST(helper_of_a_callback)
{
	ck_assert_str_eq(needs_of("build/fixtures/boundaries.bpf.o", "by_callback"),
			 "helper:bpf_get_prandom_u32 helper:bpf_loop prog:xdp");
}
END_TEST

START_TEST(attach_target)
{
	ck_assert_str_eq(needs_of("build/fixtures/boundaries.bpf.o", "by_function"),
			 "attach:trace_fentry func:blk_account_io_start prog:tracing");
}
END_TEST

/* The weak one is no need; that of a flavour is the kernel's, which knows none. */
START_TEST(kfuncs)
{
	ck_assert_str_eq(needs_of("build/fixtures/ct_lookup.bpf.o", "ct_lookup"),
			 "kfunc:bpf_ct_release kfunc:bpf_xdp_ct_lookup prog:xdp");
}
END_TEST

START_TEST(maps)
{
	char *needs = needs_of("build/bpf/xdp_prefilter.bpf.o", "xdp_prefilter");

	ck_assert_ptr_nonnull(strstr(needs, "map:lpm_trie"));
	ck_assert_ptr_nonnull(strstr(needs, "helper:bpf_map_lookup_elem"));
}
END_TEST

START_TEST(no_object)
{
	struct needs needs;
	char why[256] = "";

	ck_assert_int_lt(needs_read("README.md", &needs, why, sizeof(why)), 0);
	ck_assert_ptr_nonnull(strstr(why, "README.md"));
	ck_assert_int_lt(needs_read("/nowhere/x.o", &needs, why, sizeof(why)), 0);
	ck_assert_uint_eq(needs.n, 0);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		ONCE(helper_of_a_called_function),
		ONCE(helper_of_a_callback),
		ONCE(attach_target),
		ONCE(kfuncs),
		ONCE(maps),
		ONCE(no_object),
	};

	return RUN("needs", tests);
}
