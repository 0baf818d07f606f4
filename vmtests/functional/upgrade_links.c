// SPDX-License-Identifier: GPL-2.0-only
/* functional.upgrade.*: of what is attached by other links than those of XDP. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "functional.h"
#include "ruled.h"
#include "uplink_path.h"
#include "upgrade_steps.h"
#include "watched.h"

static void expect_alive(const int fds[PATH_FAMILIES], const char *when)
{
	char bytes[] = "is anybody there", got[sizeof(bytes)];

	for (int f = 0; f < PATH_FAMILIES; f++)
		if (send(fds[f], bytes, sizeof(bytes), MSG_NOSIGNAL) != sizeof(bytes) ||
		    recv(fds[f], got, sizeof(got), MSG_WAITALL) != sizeof(got) ||
		    memcmp(bytes, got, sizeof(got)))
			ck_abort_msg("%s: the IPv%d connection between endpoints broke: %s", when,
				     f == PATH_V4 ? 4 : 6, strerror(errno));
}

static void expect_attached(const char *mode)
{
	char want[64];

	strcpy(want, "state=attached mode=");
	command_good("endpoint", "list");
	if (!strstr(command_output, strcat(want, mode)))
		ck_abort_msg("'corepath endpoint list' does not say '%s'\n%s", want,
			     command_output);
}

static const char *const modes[] = {"auto", "clsact"};

/* A connection that policies let through, as one that was known before, by tcx links or filters. */
static void endpoints(int index)
{
	struct uplink_path path;
	char hello[UPLINK_HELLO];
	int fds[PATH_FAMILIES];
	struct command c;

	uplink_path_open(&path);
	uplink_path_serve(&path, 1);
	command_good("up", "--dev", "lo");
	command_good("endpoint", "add", "w0", "10.0.1.2", "fd00:10:0:1::2", "identity=100",
		     "--tc-mode", modes[index]);
	command_good("endpoint", "add", "w1", "10.0.2.2", "fd00:10:0:2::2", "--tc-mode",
		     modes[index]);
	command_good("policy", "add", "w1", "in", "allow", "identity=100", "proto=tcp", "port=80");
	for (int f = 0; f < PATH_FAMILIES; f++) {
		fds[f] = uplink_path_between(&path, 0, 1, f, SOCK_STREAM);
		if (recv(fds[f], hello, sizeof(hello), MSG_WAITALL) != sizeof(hello))
			ck_abort_msg("the server says nothing: %s", strerror(errno));
	}
	command_binary(UPGRADE_NEXT);
	c = upgrade_until_probe(NULL);
	expect_alive(fds, "on the new programs");
	upgrade_answer(1);
	if (command_end(&c, 0) != 1)
		ck_abort_msg("a failed probe fails no upgrade\n%s", command_output);
	command_binary("corepath");
	expect_alive(fds, "after it was taken back");
	expect_attached(index ? modes[index] : "");
	command_binary(UPGRADE_NEXT);
	command_good("upgrade");
	expect_alive(fds, "after the upgrade");
	expect_attached(index ? modes[index] : "");
	command_good("ct", "list");
	if (!strstr(command_output, "established"))
		ck_abort_msg("no connection is known after the upgrade\n%s", command_output);
	command_good("down");
	if (!access(command_pin_dir(), F_OK))
		ck_abort_msg("down left %s behind", command_pin_dir());
}

static int run_copy(void)
{
	execl(watched_file("copy"), "copy", NULL);
	return errno;
}

/* The new programs are attached before the old ones go. */
static void rules(int index __attribute__((unused)))
{
	struct command c;

	ruled_none();
	watched_copy(watched_file("copy"));
	ruled_load("  - {name: it, on: exec, action: deny, weaker: yes, path: %s/copy}\n",
		   watched_folder());
	command_binary(UPGRADE_NEXT);
	c = upgrade_until_probe(NULL);
	ruled_expect("with the new programs beside the old ones", run_copy, RULED_REFUSED);
	upgrade_answer(1);
	if (command_end(&c, 0) != 1)
		ck_abort_msg("a failed probe fails no upgrade\n%s", command_output);
	ruled_expect("after it was taken back", run_copy, RULED_REFUSED);
	command_good("upgrade");
	ruled_expect("after the upgrade", run_copy, RULED_REFUSED);
	command_good("security", "status");
	if (!strstr(command_output, "it: deny exec"))
		ck_abort_msg("the rule is not shown after the upgrade\n%s", command_output);
	command_good("down");
}

/* To an address that nobody has, but for what the programs make of it. */
static bool connects(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	inet_pton(AF_INET, "203.0.113.9", &to.sin_addr);
	yes = !connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return yes;
}

static void sockets(int index __attribute__((unused)))
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
	struct command c;
	int fd;

	if (net_unshare() < 0 || net_up("lo") < 0)
		checkrun_error("%s", net_error());
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 8))
		checkrun_error("a server: %s", strerror(errno));
	command_good("socket-lb", "up", "--cgroup", "/sys/fs/cgroup");
	command_good("service", "add", "tcp", "203.0.113.9:80", "mode=nat");
	command_good("backend", "add", "tcp", "203.0.113.9:80", "127.0.0.1:8080");
	if (!connects())
		checkrun_error("a socket is not balanced: %s", strerror(errno));
	command_binary(UPGRADE_NEXT);
	c = upgrade_until_probe(NULL);
	if (!connects())
		ck_abort_msg("on the new programs: %s", strerror(errno));
	upgrade_answer(1);
	if (command_end(&c, 0) != 1 || !connects())
		ck_abort_msg("after it was taken back: %s\n%s", strerror(errno), command_output);
	command_good("upgrade");
	if (!connects())
		ck_abort_msg("after the upgrade: %s", strerror(errno));
	command_good("socket-lb", "status");
	if (!strstr(command_output, "attached") || strstr(command_output, "partly"))
		ck_abort_msg("after the upgrade\n%s", command_output);
	command_good("down");
	if (connects())
		ck_abort_msg("sockets are still balanced after down");
}

static const struct functional_test tests[] = {
	{"functional.upgrade.endpoints", endpoints, 0},
	{"functional.upgrade.endpoints_by_filters", endpoints, 1},
	{"functional.upgrade.rules", rules, 0},
	{"functional.upgrade.sockets", sockets, 0},
};

void upgrade_links_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
