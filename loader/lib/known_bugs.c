// SPDX-License-Identifier: GPL-2.0-only
/*
 * Problems of kernels, and of how one is set up, that a program without a fault meets when it is
 * loaded: known by what the kernel and libbpf say, never by the kernel's version, as distributions
 * take fixes and faults from one release to another. The first row that matches is it.
 */
#include <errno.h>
#include <string.h>
#include "internal.h"
#include "refusal.h"

static bool no_btf(const struct cp_refusal *r, const struct cp_host *host)
{
	(void)r;
	return host->no_btf;
}

/* Helpers that read the kernel's memory are not there then: kernel commit ff40e51043af "bpf,
 * lockdown, audit: Fix buggy SELinux lockdown permission checks". */
static bool locked_down(const struct cp_refusal *r, const struct cp_host *host)
{
	const char *reason = r->log.reason;

	return host->confidential &&
	       (r->err == EPERM || (reason && strstr(reason, "bpf_probe_read")));
}

/* Before 6.4 a log beyond 16 MB loses its tail, which it gets to before the limit of a million
 * instructions; and with it the errno of the verifier. */
static bool log_is_cut(const struct cp_refusal *r, const struct cp_host *host)
{
	(void)host;
	return r->log.insn >= 0 && !r->log.complete && !r->log.reason;
}

static bool of_a_program(const struct cp_refusal *r, const struct cp_host *host)
{
	(void)host;
	return *r->program;
}

static bool of_an_attachment(const struct cp_refusal *r, const struct cp_host *host)
{
	(void)host;
	return !*r->program && !*r->map;
}

#define TEXTS 3

static const struct {
	int err;		  /* 0: any */
	const char *texts[TEXTS]; /* one of them is in what was said; none: not asked */
	bool (*holds)(const struct cp_refusal *r, const struct cp_host *host);
	struct cp_known known;
} table[] = {
	{.holds = no_btf,
	 .known = {"no-btf", "this kernel has no type information (/sys/kernel/btf/vmlinux)",
		   "it must be built with CONFIG_DEBUG_INFO_BTF=y"}},
	{.texts = {"in-kernel BTF is malformed", "failed to parse target BTF",
		   "Error loading vmlinux BTF"},
	 .known = {"broken-btf",
		   "this kernel's type information is broken: the pahole it was built with did "
		   "not fit its source",
		   "use another build of it"}},
	{.texts = {"failed to load module ["},
	 .known = {"module-btf", "a loaded module's type information is broken",
		   "unload the module that --verbose names"}},
	{.holds = locked_down,
	 .known = {"lockdown",
		   "the kernel is locked down (lockdown=confidentiality), so that no program may "
		   "read its memory",
		   "boot it without"}},
	{.err = EPERM,
	 .texts = {"to bump RLIMIT_MEMLOCK"},
	 .known = {"memlock",
		   "before 5.11 kernels count what BPF takes as locked memory, and the limit is "
		   "reached",
		   "raise it: 'ulimit -l unlimited', or LimitMEMLOCK=infinity in a unit"}},
	{.err = EPERM,
	 .texts = {"Couldn't load trivial BPF program"},
	 .known = {"forbidden",
		   "something on this host forbids bpf(2) to all: a seccomp filter, what runs this "
		   "container, or a security module",
		   "allow it there; the audit log may name it"}},
	{.err = ENOMEM,
	 .known = {"memory",
		   "since 5.11 what BPF takes counts in the memory cgroup of who loads it",
		   "raise its memory.max (MemoryMax= of a unit), or free memory"}},
	{.texts = {"in non-JITed programs", "mixing of tail_calls and bpf-to-bpf calls",
		   "JIT does not support calling kernel function"},
	 .known = {"no-jit",
		   "the JIT is off, or this architecture's lacks what the program needs (tail "
		   "calls beside functions: x86-64 5.10, arm64 6.0 by d4609a5d8c70)",
		   "sysctl net.core.bpf_jit_enable=1, or a newer kernel"}},
	{.texts = {"BPF program is too large. Processed", "jumps is too complex"},
	 .known =
		 {"too-complex",
		  "this kernel's verifier walks more paths than others do, as 6.6.64 to 6.6.69 are "
		  "known to (ecc2aeeaa08a, reverted by 199f04528737) and some from 6.19.4 to 7.0",
		  "use another release of it"}},
	{.holds = log_is_cut,
	 .known = {"log-cut",
		   "the verifier said more than kernels before 6.4 can tell, as it does of "
		   "programs that are too complex for it",
		   "use another release of it"}},
	{.texts = {"should have been in ["},
	 .known = {"return-range",
		   "since 6.8 (c871d0e00f0e), of the BPF LSM since 6.12 (5d99e198be27), the "
		   "verifier holds what a program returns to a range",
		   "use a version of corepath that knows this kernel"}},
	{.texts = {"verifier bug", "kernel subsystem misconfigured verifier"},
	 .known = {"verifier-bug", "the verifier itself is wrong, and says so",
		   "use another release of the kernel; dmesg may have more, for "
		   "bpf@vger.kernel.org"}},
	{.texts = {"failed to resolve CO-RE relocation", "unknown#195896080"},
	 .known = {"no-such-type",
		   "a type, field or constant that the program reads is not in this kernel: its "
		   "configuration leaves it out, or it is newer than this version",
		   "use a version of corepath that knows this kernel"}},
	{.texts = {"unknown func bpf_", "cannot use helper bpf_"},
	 .known = {"no-helper",
		   "this kernel keeps a helper from programs of this kind, as hardened builds do",
		   "use a kernel whose configuration has it"}},
	{.err = CP_KERNEL_ENOTSUPP,
	 .holds = of_a_program,
	 .known = {"jit-failed",
		   "the JIT gave up on the program: memory for it is used up, or it is too long "
		   "for this architecture's",
		   "raise net.core.bpf_jit_limit"}},
	{.err = CP_KERNEL_ENOTSUPP,
	 .holds = of_an_attachment,
	 .known = {"no-trampoline",
		   "programs cannot be attached to functions here: arm64 has that since 6.0 "
		   "(efc9909fdce0), and at its hooks since 6.4 (2aa6ac03516d); none has it without "
		   "the JIT",
		   "use a newer kernel, or sysctl net.core.bpf_jit_enable=1"}},
};

static bool is_said(const char *const texts[TEXTS], const char *said)
{
	size_t i;

	for (i = 0; i < TEXTS && texts[i]; i++)
		if (strstr(said, texts[i]))
			return true;
	return !texts[0];
}

const struct cp_known *cp_known_problem(const struct cp_refusal *r, const struct cp_host *host)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((!table[i].err || table[i].err == r->err) && is_said(table[i].texts, r->said) &&
		    (!table[i].holds || table[i].holds(r, host)))
			return &table[i].known;
	return NULL;
}
