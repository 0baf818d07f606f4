// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.rules.*: each condition of a rule, with each action: log and audit let it happen, deny
 * refuses it (or kills, where the kernel cannot prevent), kill kills; and with a condition that is
 * not met nothing happens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

#define CGROUP "/sys/fs/cgroup/ruled"

static int result(int value)
{
	return value < 0 ? errno : 0;
}

static int run_copy(void)
{
	return result(execl(watched_file("copy"), "copy", "a", "b", NULL));
}

static int run_copy_as_2001(void)
{
	return setresuid(2001, 2001, 2001) ? errno : run_copy();
}

static int run_copy_in_cgroup(void)
{
	int fd = open(CGROUP "/below/cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1 ? errno : run_copy();
}

static int open_file(void)
{
	return result(open(watched_file("file"), O_WRONLY | O_CLOEXEC));
}

static int open_to_read_cut(void)
{
	return result(open(watched_file("file"), O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int make_file(void)
{
	return result(open(watched_file("made"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int cut_file(void)
{
	return result(truncate(watched_file("file"), 0));
}

static int remove_file(void)
{
	return result(unlink(watched_file("file")));
}

static int remove_folder(void)
{
	return result(rmdir(watched_file("folder")));
}

static int rename_file(void)
{
	return result(rename(watched_file("file"), watched_file("name")));
}

static int link_file(void)
{
	return result(link(watched_file("file"), watched_file("name")));
}

static int address(const char *text, int port, struct sockaddr_in6 *out)
{
	struct sockaddr_in *v4 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, text, &out->sin6_addr) == 1) {
		out->sin6_family = AF_INET6;
		out->sin6_port = htons(port);
		return sizeof(*out);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	inet_pton(AF_INET, text, &v4->sin_addr);
	return sizeof(*v4);
}

static int connect_to(const char *text, int port)
{
	struct sockaddr_in6 sa;
	int len = address(text, port, &sa);

	return result(connect(socket(sa.sin6_family, SOCK_DGRAM, 0), (void *)&sa, len));
}

static int connect4(void)
{
	return connect_to("127.0.0.9", 5000);
}

static int connect6(void)
{
	return connect_to("::1", 5000);
}

/* The IPv6 way to say it is no way around a prefix of IPv4. */
static int connect_mapped(void)
{
	return connect_to("::ffff:127.0.0.9", 5000);
}

static int send4(void)
{
	struct sockaddr_in6 sa;
	int len = address("127.0.0.9", 5000, &sa);

	return result(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&sa, len));
}

/* What UDP takes for IPv4 although it does not say so. */
static int send_unspecified(void)
{
	struct sockaddr_in6 sa;
	int len = address("127.0.0.9", 5000, &sa);

	sa.sin6_family = AF_UNSPEC;
	return result(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&sa, len));
}

/* @ in a condition is the test's folder. */
static const struct deed {
	const char *name, *on;
	const char *met, *unmet;
	ruled_act act;
} deeds[] = {
	{"exec_path", "exec", "path: @/copy", "path: @/cop", run_copy},
	{"exec_prefix", "exec", "path: '@/co*'", "path: '@/copy/*'", run_copy},
	{"exec_suffix", "exec", "path: '*/copy'", "path: '*x/copy'", run_copy},
	{"exec_one_of", "exec", "path: [/a, '*.so', @/copy]", "path: [/a, '*.so']", run_copy},
	{"exec_not", "exec", "path: '@/*', path-not: [/bin/*, '*.so']",
	 "path: '@/*', path-not: '@/copy'", run_copy},
	{"exec_not_suffix", "exec", "path: '@/*', path-not: '*.so'",
	 "path: '@/*', path-not: '*opy'", run_copy},
	{"exec_by", "exec", "path: '@/*', exe: " WATCHED_DIR "/functional",
	 "path: '@/*', exe: " WATCHED_DIR "/act", run_copy},
	{"exec_not_by", "exec", "path: '@/*', exe-not: " WATCHED_DIR "/act",
	 "path: '@/*', exe-not: " WATCHED_DIR "/func*", run_copy},
	{"exec_parent", "exec", "path: '@/*', parent: '" WATCHED_DIR "/func*'",
	 "path: '@/*', parent: /sbin/init", run_copy},
	{"exec_uid", "exec", "path: '@/*', uid: [7, 2001]", "path: '@/*', uid: 0",
	 run_copy_as_2001},
	{"exec_not_uid", "exec", "path: '@/*', uid-not: 0", "path: '@/*', uid-not: [0, 2001]",
	 run_copy_as_2001},
	{"exec_cgroup", "exec", "cgroup: " CGROUP, "cgroup: " CGROUP "/other", run_copy_in_cgroup},
	{"exec_argc", "exec", "path: '@/*', argc: 3", "path: '@/*', argc: [0, 2]", run_copy},
	{"exec_any", "exec", "any: [{path: /a}, {path: '@/*', argc: 3}]",
	 "any: [{path: '@/*', uid: 7}, {path: /a, uid: 0}]", run_copy},
	{"open", "write", "path: @/file", "path: @/other", open_file},
	{"open_cut", "write", "path: @/file", "path: @/other", open_to_read_cut},
	{"make", "write", "path: '@/m*'", "path: '@/f*'", make_file},
	{"truncate", "write", "path: @/file", "path: @/other", cut_file},
	{"unlink", "unlink", "path: @/file", "path: @/other", remove_file},
	{"rmdir", "unlink", "path: @/folder", "path: '@/folder/*'", remove_folder},
	{"rename_from", "rename", "path: @/file", "path: @/other", rename_file},
	{"rename_to", "[rename, exec]", "path: @/name", "path: @/other", rename_file},
	{"link_from", "link", "path: @/file", "path: @/other", link_file},
	{"link_to", "link", "path: @/name", "path: @/other", link_file},
	{"connect4", "connect", "dest: 127.0.0.8/29", "dest: 127.0.0.0/29", connect4},
	{"connect6", "connect", "dest: '::/64'", "dest: 10.0.0.0/8", connect6},
	{"connect_mapped", "connect", "dest: 127.0.0.9", "dest: 127.0.0.10", connect_mapped},
	{"connect_port", "connect", "dest: 127.0.0.0/8, port: [53, 5000]",
	 "dest: 127.0.0.0/8, port: 53", connect4},
	{"connect_by", "connect", "port: 5000, exe: '" WATCHED_DIR "/*', uid: 0",
	 "port: 5000, exe: '/bin/*', uid: 0", connect4},
	{"send", "connect", "dest: 127.0.0.9", "dest: 127.0.0.10", send4},
	{"send_unspecified", "connect", "dest: 127.0.0.9", "dest: 127.0.0.10", send_unspecified},
};

#define DEEDS (sizeof(deeds) / sizeof(*deeds))

static void set_up(void)
{
	int fd;

	watched_copy(watched_file("copy"));
	fd = open(watched_file("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd) || (mkdir(watched_file("folder"), 0755) && errno != EEXIST))
		checkrun_error("files to act on: %s", strerror(errno));
	unlink(watched_file("made"));
	unlink(watched_file("name"));
}

/* The condition with the folder in place of @. */
static const char *in_folder(const char *condition)
{
	static char texts[2][512];
	static int next;
	char *text = texts[next++ % 2], *to = text;

	for (; *condition; condition++) {
		if (*condition == '@')
			to = stpcpy(to, watched_folder());
		else
			*to++ = *condition;
	}
	*to = '\0';
	return text;
}

static void judge(const struct deed *deed, const char *action, const char *condition,
		  enum ruled_end want, unsigned int least)
{
	unsigned long long hits;
	char what[128];

	ruled_none();
	set_up();
	ruled_load("  - {name: it, on: %s, action: %s, weaker: yes, %s}\n", deed->on, action,
		   in_folder(condition));
	snprintf(what, sizeof(what), "%s, %s", action, least ? "condition met" : "not met");
	ruled_expect(what, deed->act, want);
	hits = ruled_hits();
	if (hits < least || (!least && hits))
		ck_abort_msg("%s: the rule matched %llu times", what, hits);
}

static void one_deed(int index)
{
	const struct deed *deed = &deeds[index];

	if (net_unshare() < 0 || net_up("lo"))
		checkrun_error("%s", net_error());
	if ((mkdir(CGROUP, 0755) && errno != EEXIST) ||
	    (mkdir(CGROUP "/below", 0755) && errno != EEXIST) ||
	    (mkdir(CGROUP "/other", 0755) && errno != EEXIST))
		checkrun_error("cgroups: %s", strerror(errno));
	judge(deed, "deny", deed->unmet, RULED_DONE, 0);
	judge(deed, "log", deed->met, RULED_DONE, 1);
	judge(deed, "audit", deed->met, RULED_DONE, 1);
	judge(deed, "deny", deed->met, ruled_denied(), 1);
	judge(deed, "kill", deed->met, RULED_KILLED, 1);
	ruled_none();
	set_up();
	ruled_expect("without the rule", deed->act, RULED_DONE);
}

static struct functional_test tests[DEEDS];

void rules_add(Suite *suite, const struct selection *selection)
{
	static char names[DEEDS][64];

	for (size_t i = 0; i < DEEDS; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.%s", deeds[i].name);
		tests[i] = (struct functional_test){names[i], one_deed, i};
	}
	functional_add(suite, selection, tests, DEEDS);
}
