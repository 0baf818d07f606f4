// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.config_whole.*: endpoints, policies, identities, the uplink and sockets from a file,
 * under connections that must not notice.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "uplink_path.h"

#define FILE_NAME "/tmp/whole.yaml"
#define CGROUP	  "/sys/fs/cgroup/config_whole"

/* Every key of the parts there is, and none as it is by itself. Who is who: uplink_path.h. Rules
 * of w1 take w0 by its identity, and the world's server by its prefix. */
#define SERVICES                                                                                   \
	"devices: [{name: lo, xdp: generic}]\n"                                                    \
	"prefilter: {max: 700}\n"                                                                  \
	"balancer: {conn-rate: 700000}\n"                                                          \
	"services:\n"                                                                              \
	"  - {service: 'tcp 192.0.2.80:80', mode: nat, rate: 700000, backends: [{address: "        \
	"10.0.2.2}]}\n"
#define UPLINK                                                                                     \
	"uplink:\n"                                                                                \
	"  devices: [{name: " PATH_DEVICE ", tc: clsact}]\n"                                       \
	"  masquerade4: 203.0.113.1\n"                                                             \
	"  masquerade6: 2001:db8:f::1\n"                                                           \
	"  sources: [10.0.0.0/16, 'fd00:10::/32']\n"                                               \
	"  excludes: [10.0.0.0/8, 'fd00::/8']\n"                                                   \
	"  ports: 40000-50000\n"                                                                   \
	"  forward: direct\n"                                                                      \
	"  failsafe: [tcp/22, udp/53]\n"                                                           \
	"  audit: yes\n"
#define CT                                                                                         \
	"ct:\n"                                                                                    \
	"  syn: 50\n"                                                                              \
	"  established: 7440\n"                                                                    \
	"  closed: 20\n"                                                                           \
	"  reset: 21\n"                                                                            \
	"  udp: 22\n"                                                                              \
	"  udp-answered: 180\n"                                                                    \
	"  icmp: 23\n"                                                                             \
	"  other: 24\n"                                                                            \
	"  pickup: yes\n"                                                                          \
	"  max: 5000\n"
#define ENDPOINT0(identity)                                                                        \
	"endpoints:\n"                                                                             \
	"  - device: w0\n"                                                                         \
	"    addresses: [10.0.1.2, 'fd00:10:0:1::2']\n"                                            \
	"    mac: 02:00:00:00:02:00\n"                                                             \
	"    identity: " identity "\n"                                                             \
	"    limit-out: 500\n"                                                                     \
	"    tc: clsact\n"
#define ENDPOINT1(limit)                                                                           \
	"  - device: w1\n"                                                                         \
	"    addresses: [10.0.2.2, 'fd00:10:0:2::2']\n"                                            \
	"    audit: no\n"                                                                          \
	"    limit-in: " limit "\n"
#define POLICIES(identity)                                                                         \
	"policies:\n"                                                                              \
	"  - {endpoint: w1, direction: in, verdict: allow, identity: " identity                    \
	", proto: tcp, port: 80}\n"                                                                \
	"  - {endpoint: w1, direction: in, verdict: allow, proto: icmpv6}\n"                       \
	"  - {endpoint: w0, direction: out, verdict: allow}\n"                                     \
	"  - {endpoint: host, direction: in, verdict: deny, identity: 9, proto: udp}\n"
#define IDENTITIES                                                                                 \
	"identities: [{prefix: 203.0.113.0/24, identity: 9}, {prefix: '::/0', identity: 8}]\n"
#define SOCKETS "sockets: {cgroups: [" CGROUP "]}\n"

#define WHOLE SERVICES UPLINK CT ENDPOINT0("100") ENDPOINT1("7") POLICIES("100") IDENTITIES SOCKETS

static void write_file(const char *text)
{
	FILE *file = fopen(FILE_NAME, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		checkrun_error("%s: %s", FILE_NAME, strerror(errno));
}

/* What the commands say of these parts, but for counters, which move. The caller frees it. */
static char *snapshot(void)
{
	static const char *const lists[][2] = {{"endpoint", "list"},	{"policy", "list"},
					       {"identity", "list"},	{"uplink", "show"},
					       {"socket-lb", "status"}, {"service", "list"},
					       {"ct", "show"}};
	static const char *const cut[] = {" packets=", " open-in="};
	char *all = NULL, *more, *line, *rest;

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		command_good(lists[i][0], lists[i][1]);
		for (rest = command_output; (line = strsep(&rest, "\n"));) {
			if (!strncmp(line, "counter ", 8))
				continue;
			for (size_t c = 0; c < 2; c++)
				if (strstr(line, cut[c]))
					*strstr(line, cut[c]) = '\0';
			if (asprintf(&more, "%s%s\n", all ?: "", line) < 0)
				checkrun_error("out of memory");
			free(all);
			all = more;
		}
	}
	return all;
}

static void expect_said(const char *said, const char *when)
{
	if (strcmp(command_output, said))
		ck_abort_msg("%s: expected\n%s\nwas told\n%s", when, said, command_output);
}

static void expect_no_change(const char *when)
{
	command_good("diff", "-f", FILE_NAME);
	expect_said("", when);
}

/* A reload, as it is said before and by itself. */
static void reload(const char *text, const char *said)
{
	write_file(text);
	command_good("diff", "-f", FILE_NAME);
	expect_said(said, "diff");
	command_good("reload", "-f", FILE_NAME);
	expect_said(said, "reload");
	expect_no_change("after a reload");
}

static void refused(const char *text, const char *said, bool undone)
{
	char *before = snapshot(), *after;

	write_file(text);
	if (command_run("reload", "-f", FILE_NAME, NULL) != 1 || !strstr(command_output, said) ||
	    (undone && !strstr(command_output, "what ran before runs again")))
		ck_abort_msg("expected a failure that says '%s', was told\n%s", said,
			     command_output);
	after = snapshot();
	if (strcmp(before, after))
		ck_abort_msg("a refused file has changed what runs, from\n%s\nto\n%s", before,
			     after);
	free(before);
	free(after);
}

static void expect_in(const char *all, const char *line)
{
	if (!strstr(all, line))
		ck_abort_msg("'%s' is not among what the commands say\n%s", line, all);
}

/* By the commands that were there before the file had these parts. */
static void all_is_there(void)
{
	static const char *const lines[] = {
		"w0 10.0.1.2 fd00:10:0:1::2 mac=02:00:00:00:02:00 identity=100 limit-out=500\n",
		"w1 10.0.2.2 fd00:10:0:2::2 identity=1 limit-in=7\n",
		"w1 in allow identity=100 proto=tcp port=80\n",
		"w1 in allow proto=icmpv6\n",
		"w0 out allow\n",
		"host in deny identity=9 proto=udp\n",
		"203.0.113.0/24 9\n",
		"::/0 8\n",
		"10.0.1.2/32 100\n",
		"device " PATH_DEVICE " state=attached mode=clsact\n",
		"masquerade4=203.0.113.1 masquerade6=2001:db8:f::1 ports=40000-50000 "
		"forward=direct\n",
		"host audit=yes failsafe=tcp/22,udp/53\n",
		"source 10.0.0.0/16\n",
		"source fd00:10::/32\n",
		"exclude 10.0.0.0/8\n",
		"exclude fd00::/8\n",
		"syn=50 established=7440 closed=20 reset=21 udp=22 udp-answered=180 icmp=23 "
		"other=24 pickup=yes max=5000\n",
		CGROUP,
	};
	char *all = snapshot();

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		expect_in(all, lines[i]);
	free(all);
}

/* Of one endpoint with the other, and with the world behind the uplink. */
static void connect_all(const struct uplink_path *path, int fd[4])
{
	for (int f = 0; f < PATH_FAMILIES; f++) {
		fd[f] = uplink_path_between(path, 0, 1, f, SOCK_STREAM);
		uplink_path_seen(fd[f], SOCK_STREAM, f == PATH_V4 ? "10.0.1.2" : "fd00:10:0:1::2");
		fd[2 + f] = uplink_path_connect(path, 0, f, SOCK_STREAM, 0, UPLINK_PORT);
		uplink_path_seen(fd[2 + f], SOCK_STREAM, uplink_address[f]);
	}
}

static void all_live(const int fd[4])
{
	for (int i = 0; i < 4; i++)
		lb_path_exchange(fd[i]);
}

static void changes(const int fd[4])
{
	/* one thing */
	reload(SERVICES UPLINK ENDPOINT0("100") ENDPOINT1("8") POLICIES("100") IDENTITIES SOCKETS,
	       "~ endpoint w1 10.0.2.2 fd00:10:0:2::2 identity=1 limit-in=8 tc=auto\n");
	all_live(fd);
	/* who w0 is, and who may go to w1: neither without the other lets the connection go on */
	reload(SERVICES UPLINK ENDPOINT0("110") ENDPOINT1("8") POLICIES("110") IDENTITIES SOCKETS,
	       "+ policy w1 in allow identity=110 proto=tcp port=80\n"
	       "~ endpoint w0 10.0.1.2 fd00:10:0:1::2 mac=02:00:00:00:02:00 identity=110 "
	       "limit-out=500 tc=clsact\n"
	       "- policy w1 in allow identity=100 proto=tcp port=80\n");
	all_live(fd);
	/* parts that a file has not are left alone */
	reload(SERVICES SOCKETS, "");
	/* what is left out of one that it has is as it is by itself */
	reload(SERVICES "sockets: {}\nct: {established: 7440}\n",
	       "~ ct syn=60 established=7440 closed=30 reset=40 udp=30 udp-answered=120 icmp=60 "
	       "other=600 pickup=no\n"
	       "- sockets of " CGROUP "\n");
	all_live(fd);
}

static void mistakes(const int fd[4])
{
	refused(SERVICES "uplink: {ports: 1-2}\nendpoints: []\npolicies:\n"
			 "  - {endpoint: w0, direction: in, verdict: deny}\n",
		FILE_NAME ":9: policies[0].endpoint: 'w0' is none", false);
	refused(SERVICES "ct: {max: 6000, syn: 7}\nendpoints: []\n",
		"ct.max: the tables are there with 5000, and the file has 6000", false);
	refused("devices: [{name: lo}]\nprefilter: {max: 800, deny: [192.0.2.1]}\n",
		"prefilter.max: the tries are there with 700, and the file has 800", false);
	/* seen when the rest has been done: w0 is gone, w1 has another address, rules went */
	refused("devices: [{name: lo}]\n"
		"ct: {pickup: yes}\n"
		"uplink: {devices: [{name: lo}], masquerade4: 203.0.113.2}\n"
		"identities: [{prefix: 192.0.2.0/24, identity: 5}]\n"
		"endpoints:\n"
		"  - {device: w1, addresses: [10.0.2.3], identity: 3}\n"
		"  - {device: w2, addresses: [10.0.3.2]}\n"
		"policies: [{endpoint: w1, direction: in, verdict: deny}]\n",
		"w2: no such device", true);
	all_live(fd);
}

static void whole(int index __attribute__((unused)))
{
	struct uplink_path path;
	int fd[4];

	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		checkrun_error("%s: %s", CGROUP, strerror(errno));
	uplink_path_open(&path);
	uplink_path_serve(&path, 1);
	write_file(WHOLE);
	command_good("up", "-f", FILE_NAME);
	expect_no_change("after up");
	all_is_there();
	command_good("status");
	expect_in(command_output, "prefixes: IPv4 0 of 700, IPv6 0 of 700\n");
	connect_all(&path, fd);
	changes(fd);
	mistakes(fd);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	write_file("devices: [{name: lo}]\n"
		   "uplink: {}\nendpoints: []\npolicies: []\nidentities: []\n");
	command_good("reload", "-f", FILE_NAME);
	expect_no_change("after a reload without any of them");
	command_good("endpoint", "list");
	expect_said("", "endpoint list");
	command_good("policy", "list");
	expect_said("", "policy list");
	command_good("down");
	rmdir(CGROUP);
}

static const struct functional_test tests[] = {{"functional.config_whole.whole", whole, 0}};

void config_whole_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
