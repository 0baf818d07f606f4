// SPDX-License-Identifier: GPL-2.0-only
/* functional.traffic.*: real packets, the real command, real devices. */
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "path.h"

/* Rounds of a denied and an allowed datagram. */
#define ROUNDS 3

static void expect_mode(const char *device, unsigned char mode)
{
	static const char *const names[] = {
		[XDP_ATTACHED_NONE] = "not at all",
		[XDP_ATTACHED_DRV] = "natively",
		[XDP_ATTACHED_SKB] = "generically",
	};
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int err = bpf_xdp_query(if_nametoindex(device), 0, &query);

	if (err)
		checkrun_error("asking for the XDP program of %s: %s", device, strerror(-err));
	if (query.attach_mode != mode)
		ck_abort_msg("XDP on %s: expected attached %s, found %s (mode %u)", device,
			     names[mode],
			     query.attach_mode <= XDP_ATTACHED_SKB ? names[query.attach_mode]
								   : "otherwise",
			     query.attach_mode);
}

static void expect_flow(struct path *path, enum path_family family, bool denied_arrives,
			const char *when)
{
	if (path_denied_arrives(path, family) != denied_arrives)
		ck_abort_msg("%s: the IPv%d datagram from the denied source %s", when,
			     family == PATH_V4 ? 4 : 6,
			     denied_arrives ? "did not arrive" : "arrived");
}

static void expect_counter(const char *reason, const char *what, long long expected)
{
	long long got = command_counter(reason, what);

	if (got != expected)
		ck_abort_msg("counter %s: expected %lld %s, got %lld\n%s", reason, expected, what,
			     got, command_output);
}

/* The way is open before the datapath is there: otherwise "did not arrive" would say nothing. */
static void open_path(struct path *path, enum path_tag tag)
{
	path_open(path, tag);
	for (int family = 0; family < PATH_FAMILIES; family++)
		if (!path_denied_arrives(path, family))
			checkrun_error("the path loses IPv%d datagrams without any datapath",
				       family == PATH_V4 ? 4 : 6);
}

static void deny(void)
{
	command_good("prefilter", "add", PATH_DENIED4, PATH_DENIED6);
}

static void down(void)
{
	command_good("down");
}

static const struct filter_case {
	const char *mode;
	unsigned char attached;
	enum path_tag tag;
} filter_cases[] = {
	{"native", XDP_ATTACHED_DRV, PATH_PLAIN},
	{"native", XDP_ATTACHED_DRV, PATH_TAG_IN_FRAME},
	{"native", XDP_ATTACHED_DRV, PATH_TAG_BESIDE_FRAME},
	{"generic", XDP_ATTACHED_SKB, PATH_PLAIN},
	{"generic", XDP_ATTACHED_SKB, PATH_TAG_IN_FRAME},
	{"generic", XDP_ATTACHED_SKB, PATH_TAG_BESIDE_FRAME},
	{"auto", XDP_ATTACHED_DRV, PATH_PLAIN},
};

/* Up, deny, count, down; every family, every way a tag can travel, every mode. */
static void filters(int index)
{
	static const char *const reasons[] = {"denied_src4", "denied_src6"};
	const struct filter_case *this = &filter_cases[index];
	struct path path;

	open_path(&path, this->tag);
	command_good("up", "--dev", PATH_DEVICE, "--xdp-mode", this->mode);
	expect_mode(PATH_DEVICE, this->attached);
	for (int family = 0; family < PATH_FAMILIES; family++)
		expect_flow(&path, family, true, "up, nothing denied yet");
	deny();
	for (int round = 0; round < ROUNDS; round++)
		for (int family = 0; family < PATH_FAMILIES; family++)
			expect_flow(&path, family, false, "denied");
	for (int family = 0; family < PATH_FAMILIES; family++) {
		expect_counter(reasons[family], "packets", ROUNDS);
		expect_counter(reasons[family], "bytes", ROUNDS * path.frame[family]);
	}
	down();
	expect_mode(PATH_DEVICE, XDP_ATTACHED_NONE);
	for (int family = 0; family < PATH_FAMILIES; family++)
		expect_flow(&path, family, true, "after down");
}

/* The table changes under a running datapath. */
static void add_and_del(int index __attribute__((unused)))
{
	struct path path;

	open_path(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	deny();
	expect_flow(&path, PATH_V4, false, "denied");
	command_good("prefilter", "del", PATH_DENIED4);
	expect_flow(&path, PATH_V4, true, "after del of the IPv4 prefix");
	expect_flow(&path, PATH_V6, false, "after del of the IPv4 prefix only");
	deny();
	expect_flow(&path, PATH_V4, false, "denied again");
	command_good("prefilter", "add", "--allow", "198.51.100.7/32");
	expect_flow(&path, PATH_V4, true, "with an allowed exception");
	command_good("prefilter", "del", "198.51.100.7/32");
	expect_flow(&path, PATH_V4, false, "after del of the exception");
	down();
}

/* A device without a native mode on any kernel: loopback has no ndo_bpf (drivers/net/loopback.c).
 */
static void auto_falls_back(int index __attribute__((unused)))
{
	struct path path;

	path_open_loopback(&path);
	if (!path_denied_arrives(&path, PATH_V4))
		checkrun_error("loopback loses datagrams without any datapath");
	command_good("up", "--dev", "lo", "--xdp-mode", "auto");
	if (!strstr(command_output, "generic"))
		ck_abort_msg("up does not say that it fell back to generic mode\n%s",
			     command_output);
	expect_mode("lo", XDP_ATTACHED_SKB);
	command_good("prefilter", "add", "127.0.0.2/32");
	expect_flow(&path, PATH_V4, false, "denied");
	down();
	expect_flow(&path, PATH_V4, true, "after down");
}

/*
 * Forced native where there is none: said, and nothing left behind. It is the mode that is refused:
 * the same program on the same device is good enough for the other one.
 */
static void native_refused(int index __attribute__((unused)))
{
	struct path path;

	path_open_loopback(&path);
	if (!command_run("up", "--dev", "lo", "--xdp-mode", "native", NULL))
		ck_abort_msg("up claims native XDP on lo, which has none\n%s", command_output);
	if (!strstr(command_output, "lo: its driver refuses native XDP"))
		ck_abort_msg("up does not say that it was the driver of lo that refused\n%s",
			     command_output);
	expect_mode("lo", XDP_ATTACHED_NONE);
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("a failed up left its pin directory %s behind", command_pin_dir());
	command_good("up", "--dev", "lo", "--xdp-mode", "generic");
	expect_mode("lo", XDP_ATTACHED_SKB);
	down();
}

/* Every command is a process that ended: the datapath must not need it. Here the one that
 * attached is over, and the pins are the only thing that holds the program. */
static void outlives_its_loader(int index __attribute__((unused)))
{
	struct path path;

	open_path(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	deny();
	expect_flow(&path, PATH_V4, false, "with no corepath process");
	expect_mode(PATH_DEVICE, XDP_ATTACHED_DRV);
	down();
}

/*
 * kill -9 at every point where up can be between two changes of the kernel's state. Whatever is
 * left: allowed packets flow, down and up bring the datapath back.
 */
static void up_killed_anywhere(int index __attribute__((unused)))
{
	struct path path;
	int nth = 1;

	open_path(&path, PATH_PLAIN);
	while (command_run_killed(nth, "up", "--dev", PATH_DEVICE, NULL)) {
		path_denied_arrives(&path, PATH_V4);
		/* Nothing may be up yet, which down says by its exit status. */
		command_run("down", NULL);
		expect_mode(PATH_DEVICE, XDP_ATTACHED_NONE);
		if (command_run("up", "--dev", PATH_DEVICE, NULL))
			ck_abort_msg("after an up killed at its change %d, up fails\n%s", nth,
				     command_output);
		deny();
		expect_flow(&path, PATH_V4, false, "up again after a killed up");
		down();
		nth++;
	}
	if (nth < 5)
		checkrun_error("up made %d changes only: was the right thing traced?", nth - 1);
	expect_mode(PATH_DEVICE, XDP_ATTACHED_DRV);
	down();
}

static void second_up_refused(int index __attribute__((unused)))
{
	struct path path;

	open_path(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	deny();
	if (!command_run("up", "--dev", PATH_DEVICE, NULL))
		ck_abort_msg("a second up on the same device succeeds\n%s", command_output);
	if (!strstr(command_output, PATH_DEVICE))
		ck_abort_msg("the refusal does not name the device\n%s", command_output);
	expect_flow(&path, PATH_V4, false, "after the refused up");
	down();
	expect_flow(&path, PATH_V4, true, "after down");
}

/* Signatures and rates come and go under a running datapath, and what is there can be read. */
static void guard_while_up(int index __attribute__((unused)))
{
	struct path path;

	if (checkrun_skip_without_jit())
		return;
	open_path(&path, PATH_PLAIN);
	command_good("up", "--dev", PATH_DEVICE);
	command_good("prefilter", "signature", "add", "7", "proto=udp", "family=4", "from=ip",
		     "at=12", "bytes=c63364");
	expect_flow(&path, PATH_V4, false, "signed by its source in 198.51.100.0/24");
	expect_flow(&path, PATH_V6, true, "not signed");
	expect_counter("signature", "packets", 1);
	command_good("prefilter", "signature", "list");
	if (!strstr(command_output, "7 family=4 proto=udp from=ip at=12 bytes=c63364/ffffff "
				    "action=drop # 1 packets"))
		ck_abort_msg("the list has not what was added, with one packet\n%s",
			     command_output);
	if (!command_run("prefilter", "signature", "add", "7", "proto=tcp", NULL))
		ck_abort_msg("a number is given to two signatures\n%s", command_output);
	command_good("prefilter", "signature", "del", "7");
	if (!command_run("prefilter", "signature", "del", "7", NULL))
		ck_abort_msg("a signature that is gone can be deleted\n%s", command_output);
	expect_flow(&path, PATH_V4, true, "no longer signed");
	/* the first is within the rate, and of the allowed source so are all */
	command_good("prefilter", "rate", "set", "packets=1000/100", "packets-prefix=32,128");
	expect_flow(&path, PATH_V6, true, "within the rate");
	command_good("prefilter", "rate", "show", "--json");
	if (!strstr(command_output, "1000"))
		ck_abort_msg("the rate that was set is not shown\n%s", command_output);
	down();
	expect_flow(&path, PATH_V4, true, "after down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s behind", command_pin_dir());
}

static const struct functional_test tests[] = {
	{"functional.traffic.native", filters, 0},
	{"functional.traffic.native_vlan_in_frame", filters, 1},
	{"functional.traffic.native_vlan_beside_frame", filters, 2},
	{"functional.traffic.generic", filters, 3},
	{"functional.traffic.generic_vlan_in_frame", filters, 4},
	{"functional.traffic.generic_vlan_beside_frame", filters, 5},
	{"functional.traffic.auto_takes_native", filters, 6},
	{"functional.traffic.auto_falls_back_to_generic", auto_falls_back, 0},
	{"functional.traffic.native_refused_without_driver", native_refused, 0},
	{"functional.traffic.add_and_del_while_up", add_and_del, 0},
	{"functional.traffic.outlives_its_loader", outlives_its_loader, 0},
	{"functional.traffic.up_killed_anywhere", up_killed_anywhere, 0},
	{"functional.traffic.second_up_refused", second_up_refused, 0},
	{"functional.traffic.guard_while_up", guard_while_up, 0},
};

void traffic_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
