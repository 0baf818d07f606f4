// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said of an object that the kernel refused: logs of kernels, as libbpf hands them on.
 * Those of vmtests/verifier/testdata were taken here, the others are quoted from reports, which are
 * named. Runs from the tree's top.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../lib/refusal.h"
#include "../../harness/tests/runner.h"

#define LOGS	  "vmtests/verifier/testdata/"
#define ENOTSUPP_ 524

static char said[1 << 18];

static size_t append_file(size_t used, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), LOGS "%s", name);
	file = fopen(path, "r");
	ck_assert_msg(file, "%s cannot be opened", path);
	used += fread(said + used, 1, sizeof(said) - used - 512, file);
	ck_assert_msg(feof(file), "%s cannot be read whole", path);
	fclose(file);
	return used;
}

/* As libbpf says it of a program whose log is a file's, or, if there is none, `text`. */
static void say(const char *file, const char *text)
{
	size_t used = sprintf(said, "libbpf: prog 'rejected': BPF program load failed: because\n"
				    "libbpf: prog 'rejected': -- BEGIN PROG LOAD LOG --\n");

	if (file)
		used = append_file(used, file);
	else
		used += sprintf(said + used, "%s", text);
	sprintf(said + used, "-- END PROG LOAD LOG --\n"
			     "libbpf: prog 'rejected': failed to load: -13\n"
			     "libbpf: failed to load object 'rejects'\n"
			     "libbpf: failed to load BPF skeleton 'rejects': -13\n");
}

static const struct cp_host nothing = {};

static void expect(int err, const char *messages, const char *text)
{
	struct cp_refusal r;
	char got[2048];

	ck_assert_int_eq(cp_refusal_read(err, messages, &r), 0);
	ck_assert_str_eq(cp_refusal_text(&r, &nothing, "6.12.117", got, sizeof(got)), text);
	cp_refusal_free(&r);
}

#define OOB                                                                                          \
	"the kernel refused program rejected (Permission denied): invalid access to packet, off=13 " \
	"size=1, R1(id=0,off=13,r=0); R1 offset is outside of the packet; at "
#define OOB_LINE "'return data[13] == 0x45 ? XDP_DROP : XDP_PASS;'"
#define NOT_KNOWN                                                                                   \
	"; no known problem of a kernel (this is 6.12.117): please report it, with what --verbose " \
	"shows"

START_TEST(program_reason_and_line)
{
	say("6.12/packet_oob.steps.log", NULL);
	expect(EACCES, said, OOB "rejects.bpf.c:22: " OOB_LINE NOT_KNOWN);
	/* kernels before 6.8 do not say which file */
	say("5.10/packet_oob.steps.log", NULL);
	expect(EACCES, said, OOB OOB_LINE NOT_KNOWN);
}
END_TEST

START_TEST(log_without_its_head)
{
	char *cut;

	say("6.12/packet_oob.steps.log", NULL);
	cut = strstr(said, "_w=pkt(r=0)");
	ck_assert_ptr_nonnull(cut);
	expect(EACCES, cut, OOB "rejects.bpf.c:22: " OOB_LINE NOT_KNOWN);
	/* all of it */
	cut = strstr(said, "-- END PROG LOAD LOG --");
	expect(EACCES, cut,
	       "the kernel refused program rejected (Permission denied): the verifier gave no "
	       "reason" NOT_KNOWN);
}
END_TEST

#define STEPS(n) "processed " #n " insns (limit 1000000) max_states_per_insn 0 total_states 0\n"

/* An earlier program's, which was loaded after all or was not needed, is not the reason. */
START_TEST(the_last_program_is_it)
{
	static char both[2 * sizeof(said)];

	say("6.12/endless_loop.steps.log", NULL);
	strcpy(both, said);
	say(NULL, STEPS(5));
	strcat(both, said);
	expect(EINVAL, both,
	       "the kernel refused program rejected (Invalid argument): the verifier gave no "
	       "reason" NOT_KNOWN);
}
END_TEST

START_TEST(no_program)
{
	expect(ENOMEM,
	       "libbpf: map 'lb_conns': failed to create: Cannot allocate memory(-12)\n"
	       "libbpf: failed to load object 'xdp_lb'\n",
	       "the kernel refused map lb_conns (Cannot allocate memory); known: since 5.11 what "
	       "BPF takes counts in the memory cgroup of who loads it; raise its memory.max "
	       "(MemoryMax= of a unit), or free memory");
	expect(EBUSY, "",
	       "Device or resource busy; run as root; --verbose shows what the kernel says");
}
END_TEST

static const struct {
	const char *known; /* NULL: none */
	int err;
	const char *file, *text;
	struct cp_host host;
} problems[] = {
	{NULL, EACCES, .file = "5.10/packet_oob.steps.log"},
	{NULL, EACCES, .file = "6.1/helper_null.steps.log"},
	{NULL, EINVAL, .file = "6.12/endless_loop.steps.log"},
	{NULL, EACCES, .file = "7.2/packet_oob.steps.log"},
	{NULL, EACCES, .file = "7.3/report_only.stats.log"},
	{"too-complex", E2BIG, .file = "5.10/too_complex.stats.log"},
	{"too-complex", E2BIG, .file = "6.12/too_complex.steps.log"},
	{"log-cut", EINVAL, .file = "5.10/too_complex.steps.log"},
	{"no-such-type", EINVAL, .file = "5.10/core_missing.stats.log"},
	{"no-such-type", EINVAL, .file = "6.12/core_missing.steps.log"},
	/* bottlerocket-os/bottlerocket 4702: refused after the verifier, by 6.12.53 */
	{NULL, EINVAL, .text = STEPS(5)},
	/* the same, 4567 */
	{"jit-failed", ENOTSUPP_, .text = STEPS(105)},
	/* kxxt/tracexec 173 */
	{"no-jit", EINVAL,
	 .text = "callbacks are not allowed in non-JITed programs\n" STEPS(42321)},
	/* kernel/bpf/verifier.c, fixup_call_args(); and check_map_func_compatibility() of later
	   ones */
	{"no-jit", EINVAL,
	 .text = "tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls\n" STEPS(
		 9)},
	{"no-jit", EINVAL,
	 .text = "mixing of tail_calls and bpf-to-bpf calls is not supported\n" STEPS(9)},
	/* sched-ext/sched_ext 45 */
	{"no-jit", ENOTSUPP_, .text = "JIT does not support calling kernel function\n" STEPS(0)},
	/* kxxt/tracexec 55 */
	{"too-complex", E2BIG,
	 .text = "BPF program is too large. Processed 1000001 insn\n" STEPS(1000001)},
	/* cilium/ebpf pull request 2038 */
	{"too-complex", EFAULT, .text = "The sequence of 8193 jumps is too complex.\n"},
	/* retis-org/retis 366 */
	{"return-range", EINVAL,
	 .text = "At program exit the register R0 has smin=-1 smax=-1 should have been in [0, 0]\n" STEPS(
		 69)},
	/* cilium/tetragon 5507, and what kernels up to 6.8 say instead */
	{"lockdown", EINVAL,
	 .text = "program of this type cannot use helper bpf_probe_read#4\n" STEPS(6),
	 .host = {.confidential = true}},
	{"no-helper", EINVAL,
	 .text = "program of this type cannot use helper bpf_probe_read#4\n" STEPS(6)},
	{"lockdown", EINVAL, .text = "unknown func bpf_probe_read_kernel#113\n" STEPS(6),
	 .host = {.confidential = true}},
	{"no-helper", EINVAL, .text = "unknown func bpf_probe_read_kernel#113\n" STEPS(6)},
	/* a program's own fault stays that on a kernel that is locked down */
	{NULL, EACCES, .file = "6.12/packet_oob.steps.log", .host = {.confidential = true}},
	{"no-btf", ESRCH, .text = "", .host = {.no_btf = true}},
	{"broken-btf", EINVAL, .text = "in-kernel BTF is malformed\n" STEPS(0)},
	{"verifier-bug", EFAULT,
	 .text = "verifier bug: not inlined functions bpf_x#1 is missing\n"},
};

static void expect_known(int err, const char *messages, const struct cp_host *host,
			 const char *name)
{
	const struct cp_known *known;
	struct cp_refusal r;

	ck_assert_int_eq(cp_refusal_read(err, messages, &r), 0);
	known = cp_known_problem(&r, host);
	cp_refusal_free(&r);
	ck_assert_msg(!known == !name && (!known || !strcmp(known->name, name)),
		      "%s: taken for %s, not for %s", messages, known ? known->name : "none",
		      name ? name : "none");
}

START_TEST(known_problems_of_a_program)
{
	say(problems[_i].file, problems[_i].text);
	expect_known(problems[_i].err, said, &problems[_i].host, problems[_i].known);
}
END_TEST

/* falcosecurity and others quote it such; libbpf says the first of both only before 5.11 */
#define BUMP                                                                                       \
	"libbpf: Failed to bump RLIMIT_MEMLOCK (err = -1), you might need to do it explicitly!\n"
#define TRIVIAL                                                                                    \
	"libbpf: Error in bpf_object__probe_loading():Operation not permitted(1). Couldn't load "  \
	"trivial BPF program. Make sure your kernel supports BPF (CONFIG_BPF_SYSCALL=y) and/or "   \
	"that RLIMIT_MEMLOCK is set to big enough value.\n"

START_TEST(known_problems_before_any_program)
{
	expect_known(EPERM, BUMP TRIVIAL, &nothing, "memlock");
	expect_known(EPERM, TRIVIAL, &nothing, "forbidden");
	expect_known(ENOTSUPP_, "", &nothing, "no-trampoline");
	expect_known(EINVAL,
		     "libbpf: failed to load module [loadpin_trigger]'s BTF object #7: -22\n",
		     &nothing, "module-btf");
	expect_known(EBUSY, "", &nothing, NULL);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		ONCE(program_reason_and_line),
		ONCE(log_without_its_head),
		ONCE(the_last_program_is_it),
		ONCE(no_program),
		FOR_EACH(known_problems_of_a_program, problems),
		ONCE(known_problems_before_any_program),
	};

	return RUN("refusal", tests);
}
