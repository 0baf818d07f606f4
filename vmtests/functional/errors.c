// SPDX-License-Identifier: GPL-2.0-only
/* functional.errors.*: what stands in the way of a command is said, and nothing is half done. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"

#define BPFFS "/sys/fs/bpf"

static void unshare_net(void)
{
	if (net_unshare() < 0)
		checkrun_error("%s", net_error());
}

/* Mounts of this test alone. */
static void unshare_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		checkrun_error("mounts of the test's own: %s", strerror(errno));
}

static void set_read_only(bool on)
{
	if (mount(NULL, BPFFS, NULL, MS_REMOUNT | MS_BIND | (on ? MS_RDONLY : 0), NULL))
		checkrun_error("%s: %s", BPFFS, strerror(errno));
}

/* The command that ran has failed and said why, and what to do. */
static void expect_refused(int status, const char *why, const char *what_to_do)
{
	const char *at = strstr(command_output, why);

	if (status != 1 || !at || !strstr(at, what_to_do))
		ck_abort_msg("expected status 1 and '%s', then '%s', got %d and\n%s", why,
			     what_to_do, status, command_output);
}

static void expect_said(const char *words)
{
	if (!strstr(command_output, words))
		ck_abort_msg("expected '%s' in\n%s", words, command_output);
}

static void expect_nothing_left(void)
{
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("it failed, and left %s", command_pin_dir());
}

static void no_bpf_file_system(int index __attribute__((unused)))
{
	unshare_net();
	unshare_mounts();
	if (umount2(BPFFS, MNT_DETACH))
		checkrun_error("%s: %s", BPFFS, strerror(errno));
	expect_refused(command_run("up", "--dev", "lo", NULL), BPFFS " is not on a BPF file system",
		       "mount -t bpf bpf /sys/fs/bpf");
	expect_refused(command_run("status", NULL), "is not on a BPF file system", "mount");
}

/* What cannot be written is not begun; what runs can be read, and goes on. */
static void read_only(int index __attribute__((unused)))
{
	unshare_net();
	unshare_mounts();
	set_read_only(true);
	expect_refused(command_run("up", "--dev", "lo", NULL), "Read-only file system",
		       "remount,rw");
	set_read_only(false);
	expect_nothing_left();
	command_good("up", "--dev", "lo");
	set_read_only(true);
	command_good("status");
	expect_refused(command_run("down", NULL), "Read-only file system", "remount,rw");
	command_good("status");
	expect_said("lo: generic mode");
	set_read_only(false);
	command_good("down");
	expect_nothing_left();
}

static void full_list(int index __attribute__((unused)))
{
	unshare_net();
	command_good("up", "--dev", "lo", "--max-prefixes", "2");
	command_good("prefilter", "add", "192.0.2.1");
	expect_refused(
		command_run("prefilter", "add", "192.0.2.2", "2001:db8::1", "192.0.2.3", NULL),
		"was set up for 2, so nothing was added", "--max-prefixes");
	command_good("prefilter", "list");
	ck_assert_str_eq(command_output, "192.0.2.1/32\n");
	command_good("down");
}

/* Somebody else: another datapath, which knows nothing of this one. */
static void of_somebody_else(int index __attribute__((unused)))
{
	unshare_net();
	command_share_pin_dir("somebody-else");
	command_good("up", "--dev", "lo");
	command_share_pin_dir(NULL);
	expect_refused(command_run("up", "--dev", "lo", NULL), "lo: XDP program '",
		       "detach it with its own tool");
	expect_nothing_left();
	command_share_pin_dir("somebody-else");
	command_good("status");
	expect_said("generic");
	command_good("down");
}

static void veth(int peer_ns)
{
	if (net_veth("gone0", "02:00:00:00:00:01", "gone1", "02:00:00:00:00:02", peer_ns) < 0)
		checkrun_error("%s", net_error());
}

/* It dies with its other end, whose namespace goes with its last descriptor. */
static void device_gone(int index __attribute__((unused)))
{
	int other;

	unshare_net();
	other = net_new_namespace();
	if (other < 0)
		checkrun_error("%s", net_error());
	veth(other);
	command_good("up", "--dev", "gone0", "--dev", "lo");
	command_good("prefilter", "add", "192.0.2.1");
	close(other);
	if (net_gone("gone0") < 0)
		checkrun_error("%s", net_error());
	command_good("status");
	expect_said("gone0: gone; the device was deleted");
	expect_refused(command_run("up", "--dev", "gone0", NULL), "gone0: no such device",
		       "ip link");
	other = net_new_namespace();
	veth(other);
	command_good("up", "--dev", "gone0");
	command_good("prefilter", "list");
	ck_assert_str_eq(command_output, "192.0.2.1/32\n");
	command_good("down");
	expect_nothing_left();
}

/* By `bpftool link detach`, say: the pin stays, and what it was of runs no more. */
static void link_removed(int index __attribute__((unused)))
{
	char path[128];
	int link;

	unshare_net();
	command_good("up", "--dev", "lo");
	snprintf(path, sizeof(path), "%s/xdp_%u_lo", command_pin_dir(), if_nametoindex("lo"));
	link = bpf_obj_get(path);
	if (link < 0 || bpf_link_detach(link))
		checkrun_error("%s: %s", path, strerror(errno));
	close(link);
	command_good("status");
	expect_said("lo: gone; the device was deleted or its link detached");
	command_good("up", "--dev", "lo");
	command_good("status");
	expect_said("lo: generic mode");
	command_good("down");
	expect_nothing_left();
}

static void unreadable_file(int index __attribute__((unused)))
{
	unshare_net();
	expect_refused(command_run("up", "-f", "/no/such.yaml", NULL),
		       "/no/such.yaml: No such file or directory", "name a file that can be read");
	expect_refused(command_run("up", "-f", "/tmp", NULL), "/tmp: Is a directory",
		       "name a file that can be read");
	expect_nothing_left();
	command_good("up", "--dev", "lo");
	expect_refused(command_run("reload", "-f", "/no/such.yaml", NULL),
		       "/no/such.yaml: No such file or directory", "name a file that can be read");
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.errors.no_bpf_file_system", no_bpf_file_system, 0},
	{"functional.errors.read_only", read_only, 0},
	{"functional.errors.full_list", full_list, 0},
	{"functional.errors.of_somebody_else", of_somebody_else, 0},
	{"functional.errors.device_gone", device_gone, 0},
	{"functional.errors.link_removed", link_removed, 0},
	{"functional.errors.unreadable_file", unreadable_file, 0},
};

void errors_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
