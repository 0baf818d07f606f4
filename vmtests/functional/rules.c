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
#include <pthread.h>
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

static int run_copy(void)
{
	return ruled_result(execl(watched_file("copy"), "copy", "a", "b", NULL));
}

static int run_copy_as_2001(void)
{
	return setresuid(2001, 2001, 2001) ? errno : run_copy();
}

static int run_copy_in_cgroup(void)
{
	int fd = open(RULED_CGROUP "/below/cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1 ? errno : run_copy();
}

static int run_with_long_argument(void)
{
	static char argument[601];

	memset(argument, 'l', sizeof(argument) - 1);
	return ruled_result(execl(watched_file("copy"), "copy", argument, "--flag=7", NULL));
}

static int run_with_empty_argument(void)
{
	return ruled_result(execl(watched_file("copy"), "", NULL));
}

/* The interpreter's arguments are its own, the script's path and the script's. */
static int run_script(void)
{
	FILE *f = fopen(watched_file("script"), "we");

	if (!f || fprintf(f, "#!%s\n", watched_file("copy")) < 0 || fclose(f) ||
	    chmod(watched_file("script"), 0755))
		return EIO;
	return ruled_result(execl(watched_file("script"), "script", "b", NULL));
}

static void *run_in_thread(void *error)
{
	*(int *)error = run_copy();
	return NULL;
}

static int run_by_thread(void)
{
	pthread_t thread;
	int error = EIO;

	if (!pthread_create(&thread, NULL, run_in_thread, &error))
		pthread_join(thread, NULL);
	return error;
}

static int open_file(void)
{
	return ruled_result(open(watched_file("file"), O_WRONLY | O_CLOEXEC));
}

static int open_to_read_cut(void)
{
	return ruled_result(open(watched_file("file"), O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int make_file(void)
{
	return ruled_result(open(watched_file("made"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int cut_file(void)
{
	return ruled_result(truncate(watched_file("file"), 0));
}

static int remove_file(void)
{
	return ruled_result(unlink(watched_file("file")));
}

static int remove_folder(void)
{
	return ruled_result(rmdir(watched_file("folder")));
}

static int rename_file(void)
{
	return ruled_result(rename(watched_file("file"), watched_file("name")));
}

static int link_file(void)
{
	return ruled_result(link(watched_file("file"), watched_file("name")));
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

	return ruled_result(connect(socket(sa.sin6_family, SOCK_DGRAM, 0), (void *)&sa, len));
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

	return ruled_result(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&sa, len));
}

/* What UDP takes for IPv4 although it does not say so. */
static int send_unspecified(void)
{
	struct sockaddr_in6 sa;
	int len = address("127.0.0.9", 5000, &sa);

	sa.sin6_family = AF_UNSPEC;
	return ruled_result(sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&sa, len));
}

static int bound(int type, int port, int *fd)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, "127.0.0.9", &sa.sin_addr);
	*fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	return ruled_result(bind(*fd, (void *)&sa, sizeof(sa)));
}

static int bind4(void)
{
	int fd;

	return bound(SOCK_DGRAM, 5001, &fd);
}

static int bind6(void)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(5001)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return ruled_result(bind(fd, (void *)&sa, sizeof(sa)));
}

/* What the kernel takes for IPv4 although it does not say so: inet_bind(), for INADDR_ANY. */
static int bind_unspecified(void)
{
	struct sockaddr_in sa = {.sin_family = AF_UNSPEC, .sin_port = htons(5001)};

	return ruled_result(
		bind(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (void *)&sa, sizeof(sa)));
}

static int listen4(void)
{
	int fd, err = bound(SOCK_STREAM, 5002, &fd);

	return err ? err : ruled_result(listen(fd, 1));
}

static int listen6(void)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(5002)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (void *)&sa, sizeof(sa)) ? errno : ruled_result(listen(fd, 1));
}

static const struct ruled_deed deeds[] = {
	{"exec_path", "exec", "path: @/copy", "path: @/cop", run_copy, DENIAL_REFUSES},
	{"exec_prefix", "exec", "path: '@/co*'", "path: '@/copy/*'", run_copy, DENIAL_REFUSES},
	{"exec_suffix", "exec", "path: '*/copy'", "path: '*x/copy'", run_copy, DENIAL_REFUSES},
	{"exec_one_of", "exec", "path: [/a, '*.so', @/copy]", "path: [/a, '*.so']", run_copy,
	 DENIAL_REFUSES},
	{"exec_not", "exec", "path: '@/*', path-not: [/bin/*, '*.so']",
	 "path: '@/*', path-not: '@/copy'", run_copy, DENIAL_REFUSES},
	{"exec_not_suffix", "exec", "path: '@/*', path-not: '*.so'",
	 "path: '@/*', path-not: '*opy'", run_copy, DENIAL_REFUSES},
	{"exec_by", "exec", "path: '@/*', exe: " WATCHED_DIR "/functional",
	 "path: '@/*', exe: " WATCHED_DIR "/act", run_copy, DENIAL_REFUSES},
	{"exec_not_by", "exec", "path: '@/*', exe-not: " WATCHED_DIR "/act",
	 "path: '@/*', exe-not: " WATCHED_DIR "/func*", run_copy, DENIAL_REFUSES},
	{"exec_parent", "exec", "path: '@/*', parent: '" WATCHED_DIR "/func*'",
	 "path: '@/*', parent: /sbin/init", run_copy, DENIAL_REFUSES},
	{"exec_uid", "exec", "path: '@/*', uid: [7, 2001]", "path: '@/*', uid: 0", run_copy_as_2001,
	 DENIAL_REFUSES},
	{"exec_not_uid", "exec", "path: '@/*', uid-not: 0", "path: '@/*', uid-not: [0, 2001]",
	 run_copy_as_2001, DENIAL_REFUSES},
	{"exec_cgroup", "exec", "cgroup: " RULED_CGROUP, "cgroup: " RULED_CGROUP "/other",
	 run_copy_in_cgroup, DENIAL_REFUSES},
	{"exec_argc", "exec", "path: '@/*', argc: 3", "path: '@/*', argc: [0, 2]", run_copy,
	 DENIAL_REFUSES},
	{"args", "exec", "path: '@/*', args: [zz, b]", "path: '@/*', args: [zz, bb, copy/]",
	 run_copy, DENIAL_KILLS},
	{"args_prefix", "exec", "path: '@/*', args: '--flag=*'",
	 "path: '@/*', args: ['-flag*', 'flag*', '--flag=', lll]", run_with_long_argument,
	 DENIAL_KILLS},
	{"args_long", "exec", "path: '@/*', args: 'llll*'", "path: '@/*', args: '--flag=77*'",
	 run_with_long_argument, DENIAL_KILLS},
	{"args_not", "exec", "path: '@/*', args-not: [c, d]", "path: '@/*', args-not: [c, a]",
	 run_copy, DENIAL_KILLS},
	{"args_empty", "exec", "path: '@/*', args: ''", "path: '@/*', args: a",
	 run_with_empty_argument, DENIAL_KILLS},
	{"args_by", "exec", "args: b, exe: " WATCHED_DIR "/functional", "args: b, exe: @/copy",
	 run_copy, DENIAL_KILLS},
	{"args_script", "exec", "path: @/script, args: b", "path: @/script, args: a", run_script,
	 DENIAL_KILLS},
	{"args_thread", "exec", "path: @/copy, args: [a]", "path: @/copy, args: [c]", run_by_thread,
	 DENIAL_KILLS},
	{"exec_any", "exec", "any: [{path: /a}, {path: '@/*', argc: 3}]",
	 "any: [{path: '@/*', uid: 7}, {path: /a, uid: 0}]", run_copy, DENIAL_REFUSES},
	{"open", "write", "path: @/file", "path: @/other", open_file, DENIAL_REFUSES},
	{"open_cut", "write", "path: @/file", "path: @/other", open_to_read_cut, DENIAL_REFUSES},
	{"make", "write", "path: '@/m*'", "path: '@/f*'", make_file, DENIAL_REFUSES},
	{"truncate", "write", "path: @/file", "path: @/other", cut_file, DENIAL_REFUSES},
	{"unlink", "unlink", "path: @/file", "path: @/other", remove_file, DENIAL_REFUSES},
	{"rmdir", "unlink", "path: @/folder", "path: '@/folder/*'", remove_folder, DENIAL_REFUSES},
	{"rename_from", "rename", "path: @/file", "path: @/other", rename_file, DENIAL_REFUSES},
	{"rename_to", "[rename, exec]", "path: @/name", "path: @/other", rename_file,
	 DENIAL_REFUSES},
	{"link_from", "link", "path: @/file", "path: @/other", link_file, DENIAL_REFUSES},
	{"link_to", "link", "path: @/name", "path: @/other", link_file, DENIAL_REFUSES},
	{"connect4", "connect", "dest: 127.0.0.8/29", "dest: 127.0.0.0/29", connect4,
	 DENIAL_REFUSES},
	{"connect6", "connect", "dest: '::/64'", "dest: 10.0.0.0/8", connect6, DENIAL_REFUSES},
	{"connect_mapped", "connect", "dest: 127.0.0.9", "dest: 127.0.0.10", connect_mapped,
	 DENIAL_REFUSES},
	{"connect_port", "connect", "dest: 127.0.0.0/8, port: [53, 5000]",
	 "dest: 127.0.0.0/8, port: 53", connect4, DENIAL_REFUSES},
	{"connect_by", "connect", "port: 5000, exe: '" WATCHED_DIR "/*', uid: 0",
	 "port: 5000, exe: '/bin/*', uid: 0", connect4, DENIAL_REFUSES},
	{"send", "connect", "dest: 127.0.0.9", "dest: 127.0.0.10", send4, DENIAL_REFUSES},
	{"send_unspecified", "connect", "dest: 127.0.0.9", "dest: 127.0.0.10", send_unspecified,
	 DENIAL_REFUSES},
	{"bind4", "bind", "addr: 127.0.0.8/29, port: 5001", "addr: 127.0.0.0/29, port: 5001", bind4,
	 DENIAL_REFUSES},
	{"bind6", "[bind, connect]", "port: 5001", "port: 5000", bind6, DENIAL_REFUSES},
	{"bind_unspecified", "bind", "addr: 0.0.0.0", "addr: '::'", bind_unspecified,
	 DENIAL_REFUSES},
	{"listen4", "listen", "addr: 127.0.0.9, port: 5002", "addr: 127.0.0.8, port: 5002", listen4,
	 DENIAL_REFUSES},
	{"listen6", "listen", "addr: '::', port: 5002", "addr: '::1', port: 5002", listen6,
	 DENIAL_REFUSES},
};

#define DEEDS (sizeof(deeds) / sizeof(*deeds))

const struct ruled_table ruled_common = {deeds, DEEDS};

static void one_deed(int index)
{
	ruled_deed(&deeds[index]);
}

void rules_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[DEEDS];
	static char names[DEEDS][64];

	ruled_add(suite, selection, &ruled_common, tests, names, one_deed);
}
