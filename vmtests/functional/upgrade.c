// SPDX-License-Identifier: GPL-2.0-only
/* functional.upgrade.*: other programs in the place of those that run, with traffic on them. */
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "upgrade_steps.h"

static const char *const services[PATH_FAMILIES] = {"203.0.113.9:80", "[2001:db8:2::9]:80"};
static const char *const first[PATH_FAMILIES] = {"10.0.1.1:8080", "[2001:db8:b1::1]:8080"};
static const char *const second[PATH_FAMILIES] = {"10.0.2.1:8080", "[2001:db8:b2::1]:8080"};

static void states(const char *of_first, const char *of_second)
{
	for (int f = 0; f < PATH_FAMILIES; f++) {
		command_good("backend", "set-state", "tcp", services[f], first[f], of_first);
		command_good("backend", "set-state", "tcp", services[f], second[f], of_second);
	}
}

/* A thousand connections that only the table of connections leads to where they began: their
 * backend takes no new ones, and the Maglev table names the other. */
static void begin(struct lb_path *path, struct many *m)
{
	lb_path_open(path);
	many_serve(path);
	command_good("up", "--dev", PATH_DEVICE);
	for (int f = 0; f < PATH_FAMILIES; f++) {
		command_good("service", "add", "tcp", services[f], "mode=nat");
		command_good("backend", "add", "tcp", services[f], first[f]);
	}
	many_connect(m, path, "the first ones, connecting");
	for (int f = 0; f < PATH_FAMILIES; f++)
		command_good("backend", "add", "tcp", services[f], second[f]);
	states("draining", "active");
	many_round(m, "before");
}

static void expect_broken_refused(struct many *m)
{
	command_binary(UPGRADE_REFUSED);
	upgrade_refused("the kernel refused program xdp_prefilter (Permission denied): "
			"invalid access to packet, off=100 size=1",
			"upgrade", NULL);
	many_round(m, "after objects that the kernel refused");
	command_binary(UPGRADE_DEAF);
	upgrade_refused("says 1 to an ARP request", "upgrade", NULL);
	many_round(m, "after programs that let nothing in");
}

/* What came into the new version's longer table goes on in the old one's. */
static void expect_rolled_back(struct many *m, struct many *late, const struct lb_path *path)
{
	struct command c;

	command_binary(UPGRADE_NEXT);
	upgrade_refused("run 'corepath upgrade'", "service", "list");
	c = upgrade_until_probe(m);
	upgrade_refused("another corepath", "upgrade", NULL);
	many_connect(late, path, "those that began on the new programs, connecting");
	upgrade_answer(1);
	if (command_end(&c, 0) != 1 || !strstr(command_output, "taken back: 0.1.0 runs as before"))
		ck_abort_msg("an upgrade whose probe failed is not taken back\n%s", command_output);
	command_binary("corepath");
	/* the late ones have the second, and a new one of theirs would now have the first */
	states("active", "draining");
	many_round(m, "after a probe that failed");
	many_round(late, "after a probe that failed, those that began on the new programs");
}

/* Into a layout where entries of connections are longer and there are more counters. */
static void expect_upgraded(struct many *m, struct many *late)
{
	long long before = command_counter("lb_translated", "packets");
	struct command c;

	states("draining", "active");
	command_binary(UPGRADE_NEXT);
	c = upgrade_until_probe(m);
	upgrade_answer(0);
	if (command_end(&c, 0) || !strstr(command_output, "upgraded from 0.1.0 to 9.0.0"))
		ck_abort_msg("the upgrade failed\n%s", command_output);
	many_round(m, "after the upgrade");
	many_round(late, "after the upgrade, the later ones");
	if (command_counter("lb_translated", "packets") < before + 3 * MANY)
		ck_abort_msg("the counters begin anew: %lld before\n%s", before, command_output);
	command_binary("corepath");
	upgrade_refused("newer", "service", "list");
	upgrade_refused("newer", "upgrade", NULL);
	upgrade_refused("newer", "down", NULL);
	many_round(m, "after a downgrade that was refused");
}

static void keeps_connections(int index __attribute__((unused)))
{
	static struct many m, late;
	struct lb_path path;

	if (checkrun_skip_without_jit())
		return;
	begin(&path, &m);
	expect_broken_refused(&m);
	expect_rolled_back(&m, &late, &path);
	expect_upgraded(&m, &late);
	command_binary(UPGRADE_NEXT);
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s behind", command_pin_dir());
}

static void expect_filtered(struct path *path, int nth)
{
	for (int f = 0; f < PATH_FAMILIES; f++)
		if (path_denied_arrives(path, f))
			ck_abort_msg("after an upgrade killed at its change %d the denied source's "
				     "datagram arrives",
				     nth);
}

/*
 * kill -9 at every point where an upgrade is between two changes of the kernel's state: packets are
 * judged as before, by the old programs or the new ones, and whatever command is next finds one of
 * both whole.
 */
static void killed_anywhere(int index __attribute__((unused)))
{
	int nth = 1, settled = 0;
	struct path path;
	bool killed;

	path_open(&path, PATH_PLAIN);
	command_kill_beside_maps();
	command_good("up", "--dev", PATH_DEVICE);
	command_good("prefilter", "add", PATH_DENIED4, PATH_DENIED6);
	do {
		command_binary(UPGRADE_NEXT);
		killed = command_run_killed(nth, "upgrade", NULL);
		expect_filtered(&path, nth);
		/* takes back what is left, or finishes it; and is of what runs then, or refused */
		if (command_run("prefilter", "add", PATH_DENIED4, NULL)) {
			command_binary("corepath");
			command_good("prefilter", "add", PATH_DENIED4);
		} else {
			settled++; /* and from here on it is one to its own version */
		}
		expect_filtered(&path, nth++);
	} while (killed);
	if (nth < 12 || settled < 3)
		checkrun_error(
			"an upgrade made %d changes, %d of them after it was settled: was the "
			"right thing traced?",
			nth - 2, settled);
	command_binary(UPGRADE_NEXT);
	command_good("down");
}

/* A thousand connections take their time where the machine is shared. */
static const struct functional_test many_tests[] = {
	{"functional.upgrade.keeps_connections", keeps_connections, 0},
};

static const struct functional_test tests[] = {
	{"functional.upgrade.killed_anywhere", killed_anywhere, 0},
};

void upgrade_add(Suite *suite, const struct selection *selection)
{
	functional_add_long(suite, selection, many_tests, 1, 400);
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
