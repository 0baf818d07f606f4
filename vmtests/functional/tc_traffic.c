// SPDX-License-Identifier: GPL-2.0-only
/* functional.tc.*: the datapath on tc hooks, by either way to attach it, and what others have
 * there. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "path.h"

/* The far side is the workload. */
#define WORKLOAD "192.0.2.1", "2001:db8:1::1"

/* From the kernel's own types, not from what corepath found out. */
static bool kernel_has_tcx(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf && btf__find_by_name_kind(btf, "tcx_link", BTF_KIND_STRUCT) > 0;

	if (!btf)
		checkrun_error("the kernel's types: %s", strerror(errno));
	btf__free(btf);
	return found;
}

static void expect_arrive(struct path *path, const char *when)
{
	for (int f = 0; f < PATH_FAMILIES; f++)
		if (!path_denied_arrives(path, f))
			ck_abort_msg("%s: an IPv%d datagram did not arrive", when,
				     f == PATH_V4 ? 4 : 6);
}

static void expect_listed(const char *what)
{
	command_good("endpoint", "list");
	if (!strstr(command_output, what))
		ck_abort_msg("'corepath endpoint list' does not say '%s'\n%s", what,
			     command_output);
}

/* Returns the descriptor of a program of somebody else, which lets all pass. */
static int foreign_program(void)
{
	const struct bpf_insn next[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TC_ACT_UNSPEC},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", next, 2, NULL);

	if (fd < 0)
		checkrun_error("a program of somebody else: %s", strerror(errno));
	return fd;
}

#define HOOK                                                                                       \
	{.sz = sizeof(struct bpf_tc_hook),                                                         \
	 .ifindex = if_nametoindex(PATH_DEVICE),                                                   \
	 .attach_point = BPF_TC_INGRESS}

/* A filter of somebody else: where most have theirs, at the first priority. */
static void add_foreign_filter(void)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = foreign_program(), .handle = 1, .priority = 1);
	struct bpf_tc_hook hook = HOOK;
	int err = bpf_tc_hook_create(&hook);

	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err)
		checkrun_error("a filter of somebody else: %s", strerror(-err));
}

static bool foreign_filter_there(void)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	struct bpf_tc_hook hook = HOOK;

	return !bpf_tc_query(&hook, &opts);
}

/* A clsact qdisc is there if a filter can be added without making one. */
static bool clsact_there(void)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = foreign_program(), .handle = 1, .priority = 2);
	LIBBPF_OPTS(bpf_tc_opts, again, .handle = 1, .priority = 2);
	struct bpf_tc_hook hook = HOOK;

	if (bpf_tc_attach(&hook, &opts))
		return false;
	if (bpf_tc_detach(&hook, &again))
		checkrun_error("a filter of somebody else cannot be removed");
	return true;
}

/* What of the datapath is on the device, by asking the device. */
static unsigned int programs_by_tcx(void)
{
	__u32 ids[8], n = 8, total = 0;

	/* the numbers of BPF_TCX_INGRESS and BPF_TCX_EGRESS, which older headers lack */
	for (int type = 46; type <= 47; type++, total += n) {
		n = 8;
		if (bpf_prog_query(if_nametoindex(PATH_DEVICE), type, 0, NULL, ids, &n))
			n = 0;
	}
	return total;
}

static void refused(void)
{
	if (command_run("endpoint", "add", PATH_DEVICE, WORKLOAD, "--tc-mode", "tcx", NULL) != 1 ||
	    !strstr(command_output, "6.6"))
		ck_abort_msg("a kernel without tcx: no failure that says what it needs\n%s",
			     command_output);
	command_good("endpoint", "list");
	if (*command_output)
		ck_abort_msg("an endpoint that could not be added is there\n%s", command_output);
}

static const struct attach_case {
	const char *mode;
	bool foreign;
} cases[] = {
	{"auto", false}, {"clsact", false}, {"tcx", false}, {"clsact", true}, {"tcx", true},
};

/* Add, count, add again, delete; what others have stays, what was made goes. */
static void attaches(int index)
{
	const struct attach_case *this = &cases[index];
	bool tcx = strcmp(this->mode, "clsact") && kernel_has_tcx();
	long long before;
	struct path path;

	path_open(&path, PATH_PLAIN);
	if (this->foreign)
		add_foreign_filter();
	command_good("up", "--dev", "lo");
	if (!strcmp(this->mode, "tcx") && !tcx) {
		refused();
		command_good("down");
		return;
	}
	command_good("endpoint", "add", PATH_DEVICE, WORKLOAD, "--tc-mode", this->mode);
	expect_listed(tcx ? "state=attached mode=tcx" : "state=attached mode=clsact");
	if (programs_by_tcx() != (tcx ? 2 : 0))
		ck_abort_msg("%u programs are attached by tcx", programs_by_tcx());
	if (command_run("endpoint", "add", PATH_DEVICE, WORKLOAD, NULL) != 1)
		ck_abort_msg("the same endpoint twice: no failure\n%s", command_output);
	before = command_counter("forwarded", "packets");
	for (int f = 0; f < PATH_FAMILIES; f++)
		path_denied_arrives(&path, f);
	if (command_counter("forwarded", "packets") < before + 2)
		ck_abort_msg("the program has not seen the packets\n%s", command_output);
	command_good("endpoint", "del", PATH_DEVICE);
	if (programs_by_tcx())
		ck_abort_msg("the program is still attached after 'endpoint del'");
	if (clsact_there() != this->foreign)
		ck_abort_msg(this->foreign ? "the qdisc of others is gone"
					   : "the clsact qdisc was left behind");
	/* down takes what is left, as del does */
	command_good("endpoint", "add", PATH_DEVICE, WORKLOAD, "--tc-mode", this->mode);
	command_good("down");
	if (programs_by_tcx() || clsact_there() != this->foreign)
		ck_abort_msg("'down' does not leave the hooks as they were");
	if (this->foreign != foreign_filter_there())
		ck_abort_msg("the filter of others is gone");
	expect_arrive(&path, "after down");
	if (access(command_pin_dir(), F_OK) == 0)
		ck_abort_msg("'down' leaves the pin directory");
}

/* Somebody else uses the qdisc that was made for us: it stays for them, and nothing of ours does.
 */
static void others_come_later(int index __attribute__((unused)))
{
	struct path path;

	path_open(&path, PATH_PLAIN);
	command_good("up", "--dev", "lo");
	command_good("endpoint", "add", PATH_DEVICE, WORKLOAD, "--tc-mode", "clsact");
	add_foreign_filter();
	command_good("endpoint", "del", PATH_DEVICE);
	if (!foreign_filter_there())
		ck_abort_msg("the filter of others went with ours");
	command_good("down");
	if (!foreign_filter_there())
		ck_abort_msg("the filter of others went with 'down'");
	if (access(command_pin_dir(), F_OK) == 0)
		ck_abort_msg("'down' leaves the pin directory");
}

static const struct functional_test tests[] = {
	{"functional.tc_traffic.others_come_later", others_come_later, 0},
	{"functional.tc_traffic.attach_auto", attaches, 0},
	{"functional.tc_traffic.attach_clsact", attaches, 1},
	{"functional.tc_traffic.attach_tcx", attaches, 2},
	{"functional.tc_traffic.attach_clsact_beside_others", attaches, 3},
	{"functional.tc_traffic.attach_tcx_beside_others", attaches, 4},
};

void tc_traffic_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
