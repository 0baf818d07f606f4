// SPDX-License-Identifier: GPL-2.0-only
/* functional.privileges.*: three capabilities suffice; which is missing is said. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"

#define CGROUP "/sys/fs/cgroup/functional-privileges"
#define RULES  "privileges.yaml"

static const struct {
	unsigned int cap;
	const char *name;
} caps[] = {{CAP_BPF, "CAP_BPF"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_PERFMON, "CAP_PERFMON"}};

#define N_CAPS (sizeof(caps) / sizeof(*caps))

/* What the test runs from here on has those alone: root's programs get what the bounding set has.
 */
static void leave_caps(uint64_t mask)
{
	for (unsigned int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!(mask & 1ull << cap) && prctl(PR_CAPBSET_DROP, cap))
			checkrun_error("PR_CAPBSET_DROP %u: %s", cap, strerror(errno));
}

static uint64_t mask_of_all(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < N_CAPS; i++)
		mask |= 1ull << caps[i].cap;
	return mask;
}

static void unshare_net(void)
{
	if (net_unshare() < 0)
		checkrun_error("%s", net_error());
}

static void write_rules(void)
{
	FILE *f = fopen(RULES, "we");

	if (!f || fputs("rules: [{name: any, on: exec, action: log, path: '/*'}]\n", f) < 0 ||
	    fclose(f))
		checkrun_error("%s: %s", RULES, strerror(errno));
}

static void three_suffice(int index __attribute__((unused)))
{
	if (checkrun_skip_without_jit())
		return;
	unshare_net();
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		checkrun_error("%s: %s", CGROUP, strerror(errno));
	write_rules();
	leave_caps(mask_of_all());
	command_good("up", "--dev", "lo");
	command_good("prefilter", "add", "192.0.2.0/24");
	command_good("prefilter", "list");
	command_good("socket-lb", "up", "--cgroup", CGROUP);
	command_good("status", "--json");
	if (!command_run("security", "load", RULES, NULL) ||
	    !strstr(command_output, "CAP_SYS_PTRACE"))
		ck_abort_msg("security load does not say what it takes\n%s", command_output);
	command_good("prefilter", "signature", "add", "7", "proto=tcp");
	command_good("service", "add", "udp", "192.0.2.1:53");
	command_good("backend", "add", "udp", "192.0.2.1:53", "10.0.0.1");
	command_good("service", "list");
	command_good("down");
	rmdir(CGROUP);
}

static void one_more_for_rules(int index __attribute__((unused)))
{
	write_rules();
	leave_caps(mask_of_all() | 1ull << CAP_SYS_PTRACE);
	command_good("security", "load", RULES);
	command_good("security", "status");
	command_good("security", "unload");
	command_good("down");
}

static void three_suffice_for_tc(int index __attribute__((unused)))
{
	int here = net_unshare();

	if (here < 0 || net_veth("up0", "02:00:00:00:00:01", "up1", "02:00:00:00:00:02", here) < 0)
		checkrun_error("%s", net_error());
	leave_caps(mask_of_all());
	command_good("up", "--dev", "lo");
	command_good("endpoint", "add", "up0", "10.0.0.2", "2001:db8::2");
	command_good("policy", "add", "up0", "in", "allow", "proto=tcp");
	command_good("uplink", "attach", "up1");
	command_good("ct", "gc");
	command_good("endpoint", "list");
	command_good("down");
}

/* Where the kernel says no more than "not permitted", or the verifier complains of a pointer. */
static void missing_is_named(int i)
{
	char wanted[64];

	unshare_net();
	leave_caps(mask_of_all() & ~(1ull << caps[i].cap));
	if (command_run("up", "--dev", "lo", NULL) != 1)
		ck_abort_msg("up without %s did not fail\n%s", caps[i].name, command_output);
	snprintf(wanted, sizeof(wanted), "; missing: %s\n", caps[i].name);
	if (!strstr(command_output, wanted))
		ck_abort_msg("%s is not named\n%s", caps[i].name, command_output);
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("it failed, and left %s", command_pin_dir());
}

static unsigned long long status_of(int pid, const char *field)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		checkrun_error("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field))) {
			fclose(f);
			return strtoull(line + strlen(field), NULL, 16);
		}
	checkrun_error("%s has no %s", path, field);
	return 0;
}

/* It runs for days, and parses what others send. */
static void watcher_gives_up(int index __attribute__((unused)))
{
	struct command watcher;

	unshare_net();
	command_good("up", "--dev", "lo");
	watcher = command_start("observe", "--kind", "all", NULL);
	if (!command_line(&watcher))
		ck_abort_msg("observe: %s", command_output);
	if (status_of(watcher.pid, "CapPrm:") != 1ull << CAP_BPF ||
	    status_of(watcher.pid, "CapEff:") != 1ull << CAP_BPF ||
	    status_of(watcher.pid, "NoNewPrivs:") != 1)
		ck_abort_msg("observe keeps capabilities: %llx", status_of(watcher.pid, "CapPrm:"));
	if (command_end(&watcher, SIGINT))
		ck_abort_msg("observe, at its end: %s", command_output);
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s", command_pin_dir());
}

static const struct functional_test tests[] = {
	{"functional.privileges.three_suffice", three_suffice, 0},
	{"functional.privileges.one_more_for_rules", one_more_for_rules, 0},
	{"functional.privileges.bpf_is_named", missing_is_named, 0},
	{"functional.privileges.net_admin_is_named", missing_is_named, 1},
	{"functional.privileges.perfmon_is_named", missing_is_named, 2},
	{"functional.privileges.watcher_gives_up", watcher_gives_up, 0},
};

static const struct functional_test tc_tests[] = {
	{"functional.privileges.three_suffice_for_tc", three_suffice_for_tc, 0},
};

void privileges_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}

void privileges_tc_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tc_tests, sizeof(tc_tests) / sizeof(*tc_tests));
}
