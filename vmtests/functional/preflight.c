// SPDX-License-Identifier: GPL-2.0-only
/* functional.preflight.*: what is said of this kernel is what then happens on it. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "preflight.h"
#include "sock_steps.h"

#define CGROUPS "/sys/fs/cgroup"

/* What it said of this kernel, for the tests after the first: each has a process of its own, and
 * under emulation preflight takes longer than all that they do. */
#define SAID "/preflight-said.json"

static json_t *ask(void)
{
	json_t *list;

	command_good("preflight", "--json");
	list = json_loads(command_output, 0, NULL);
	if (!json_is_array(list) || !json_array_size(list))
		ck_abort_msg("preflight --json: no list\n%s", command_output);
	if (json_dump_file(list, SAID, 0))
		checkrun_error("%s: cannot be written", SAID);
	return list;
}

json_t *preflight_list(void)
{
	return json_load_file(SAID, 0, NULL) ?: ask();
}

const char *preflight_member(json_t *list, const char *feature, const char *key)
{
	json_t *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		if (!strcmp(json_string_value(json_object_get(entry, "feature")), feature))
			return json_string_value(json_object_get(entry, key));
	ck_abort_msg("preflight says nothing of %s", feature);
	return NULL;
}

/* A feature works, in whatever way, if and only if its command did. */
static void expect(json_t *list, const char *feature, bool worked)
{
	const char *said = preflight_member(list, feature, "support");

	if ((!strcmp(said, "works") || !strcmp(said, "degraded")) != worked)
		ck_abort_msg("%s: preflight says '%s' (%s), and then it %s\n%s", feature, said,
			     preflight_member(list, feature, "why"), worked ? "worked" : "failed",
			     command_output);
}

static void expect_no_trace(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		checkrun_error("%s: %s", folder, strerror(errno));
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, "preflight"))
			ck_abort_msg("preflight left %s/%s", folder, entry->d_name);
	closedir(dir);
}

/* Beside a datapath that runs: nothing of that changes, and nothing of the trial stays. */
static void leaves_nothing(int index __attribute__((unused)))
{
	static char before[sizeof(command_output)];

	if (net_unshare() < 0)
		checkrun_error("%s", net_error());
	command_good("up", "--dev", "lo");
	command_good("prefilter", "add", "198.51.100.0/24");
	command_good("status", "--json");
	memcpy(before, command_output, sizeof(before));
	json_decref(ask());
	command_good("status", "--json");
	if (strcmp(before, command_output))
		ck_abort_msg("preflight changed what runs, from\n%sto\n%s", before, command_output);
	expect_no_trace("/sys/fs/bpf");
	expect_no_trace(CGROUPS);
	command_good("down");
}

static bool forked(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static void is_what_then_happens(int index __attribute__((unused)))
{
	static const char cgroup[] = CGROUPS "/functional-preflight";
	struct command watcher;
	const char *line;
	json_t *list;

	if (net_unshare() < 0) /* a loopback device of our own */
		checkrun_error("%s", net_error());
	list = preflight_list();
	expect(list, "prefilter",
	       !command_run("up", "--dev", "lo", NULL) &&
		       !command_run("prefilter", "add", "192.0.2.0/24", NULL));
	expect(list, "guard",
	       !command_run("prefilter", "signature", "add", "7", "proto=tcp", NULL));
	expect(list, "balancer",
	       !command_run("service", "add", "udp", "192.0.2.1:53", NULL) &&
		       !command_run("backend", "add", "udp", "192.0.2.1:53", "10.0.0.1", NULL));
	watcher = command_start("observe", NULL);
	line = command_line(&watcher);
	expect(list, "events", line && strstr(line, "watching"));
	command_end(&watcher, SIGINT);
	watcher = command_start("observe", "--kind", "fork", NULL);
	line = command_line(&watcher);
	if (line && strstr(line, "watching"))
		line = forked() ? command_line(&watcher) : NULL;
	expect(list, "processes", line && strstr(line, "fork"));
	command_end(&watcher, SIGINT);
	if (mkdir(cgroup, 0755) && errno != EEXIST)
		checkrun_error("%s: %s", cgroup, strerror(errno));
	expect(list, "sockets", !command_run("socket-lb", "up", "--cgroup", cgroup, NULL));
	command_good("down");
	rmdir(cgroup);
	json_decref(list);
}

/* That they are, or that the command says they are not, is functional.sock_lb.told_or_said. */
static void says_if_sockets_are_told(int index __attribute__((unused)))
{
	json_t *list;
	char said;
	int fd;

	sock_up();
	list = preflight_list();
	sock_add_plain("tcp", "1");
	fd = sock_path_connect(SOCK_V4, SOCK_SERVICE, SOCK_PORT, &said);
	command_good("backend", "del", "tcp", sock_path_service(SOCK_V4),
		     sock_path_backend(SOCK_V4, '1'));
	expect(list, "socket-close", !strstr(command_output, "note:"));
	close(fd);
	sock_down();
	json_decref(list);
}

static const struct functional_test tests[] = {
	{"functional.preflight.leaves_nothing", leaves_nothing, 0},
	{"functional.preflight.is_what_then_happens", is_what_then_happens, 0},
	{"functional.preflight.says_if_sockets_are_told", says_if_sockets_are_told, 0},
};

void preflight_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}

/* With the modules that tc needs: the way it says is the way an uplink is attached. */
static void says_how_of_tc(int index __attribute__((unused)))
{
	const char *said, *way;
	json_t *list;
	int here;

	if ((here = net_unshare()) < 0 ||
	    net_veth("up0", "02:00:00:00:00:01", "up1", "02:00:00:00:00:02", here) < 0)
		checkrun_error("%s", net_error());
	list = preflight_list();
	said = preflight_member(list, "tc", "why");
	command_good("up", "--dev", "lo");
	expect(list, "tc", !command_run("uplink", "attach", "up0", NULL));
	command_good("uplink", "show", "--json");
	way = strstr(command_output, "tcx") ? "tcx links" : "clsact filters";
	if (!strstr(said, way))
		ck_abort_msg("tc: preflight says '%s', and an uplink is attached by %s\n%s", said,
			     way, command_output);
	expect(list, "endpoint-services",
	       !command_run("service", "add", "udp", "192.0.2.1:53", "mode=nat", NULL) &&
		       !command_run("endpoint", "add", "up1", "192.0.2.3", NULL));
	command_good("down");
	json_decref(list);
}

static const struct functional_test tc_tests[] = {
	{"functional.preflight.says_how_of_tc", says_how_of_tc, 0},
};

void preflight_tc_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tc_tests, sizeof(tc_tests) / sizeof(*tc_tests));
}
