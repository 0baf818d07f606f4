// SPDX-License-Identifier: GPL-2.0-only
/* functional.rules.builtin.*: policies that one line switches on, each with what it lets happen and
 * what it does not. */
#include <arpa/inet.h>
#include <corepath.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

static int run_system(void)
{
	return ruled_result(execl(WATCHED_ACT, "act", NULL));
}

static int run_copy(void)
{
	return ruled_result(execl(watched_file("copy"), "copy", NULL));
}

static int run_copy_as_2001(void)
{
	return setresuid(2001, 2001, 2001) ? EIO : run_copy();
}

static int write_own(void)
{
	return ruled_result(open(watched_file("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int write_etc(void)
{
	return ruled_result(open("/etc/made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int link_into_etc(void)
{
	unlink("/etc/linked");
	return ruled_result(symlink("/", "/etc/linked"));
}

static int connect_to(const char *address)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(5000)};

	inet_pton(AF_INET, address, &sa.sin_addr);
	return ruled_result(connect(socket(AF_INET, SOCK_DGRAM, 0), (void *)&sa, sizeof(sa)));
}

static int connect_9(void)
{
	return connect_to("127.0.0.9");
}

static int connect_17(void)
{
	return connect_to("127.0.0.17");
}

static int back_to_root(void)
{
	return setresuid(2001, 2001, 0) ? EIO : ruled_result(seteuid(0));
}

static int become_other(void)
{
	return setresuid(2001, 2001, 2002) ? EIO : ruled_result(seteuid(2002));
}

static int enter(void)
{
	int fd = open(RULED_CGROUP "/below/cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1 ? EIO : 0;
}

static int mount_here(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return EIO;
	return ruled_result(mount("none", watched_file("folder"), "tmpfs", 0, NULL));
}

/* The mount namespace is made by who is outside still. */
static int mount_there(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || enter())
		return EIO;
	return ruled_result(mount("none", watched_file("folder"), "tmpfs", 0, NULL));
}

static int unshare_there(void)
{
	return enter() ? EIO : ruled_result(unshare(CLONE_NEWUTS));
}

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

	return ruled_result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int map_there(void)
{
	return enter() ? EIO : make_map();
}

static int load_module(void)
{
	int fd = open(watched_file("copy"), O_RDONLY | O_CLOEXEC);

	return syscall(SYS_finit_module, fd, "", 0) && errno != ENOEXEC ? errno : 0;
}

/* r0 = 0; exit */
static int load_program(void)
{
	static const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
						{.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			       .insns = (unsigned long)insns,
			       .insn_cnt = 2,
			       .license = (unsigned long)"GPL"};

	return ruled_result(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static const char *pin(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/sec_policy", command_pin_dir());
	return path;
}

static int remove_pin(void)
{
	return ruled_result(unlink(pin()));
}

static int open_pin(void)
{
	union bpf_attr attr = {.pathname = (unsigned long)pin()};

	return ruled_result(syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)));
}

static const struct {
	const char *name, *entry;
	ruled_act allowed, denied;
	enum ruled_end end;
} policies[] = {
	{"root_exec", "builtin: root-exec, path-not: '" WATCHED_DIR "/*'", run_system, run_copy,
	 RULED_REFUSED},
	{"root_exec_others", "builtin: root-exec, path-not: '" WATCHED_DIR "/*', action: kill",
	 run_copy_as_2001, run_copy, RULED_KILLED},
	{"system_files", "builtin: system-files", write_own, write_etc, RULED_REFUSED},
	{"system_files_link", "builtin: system-files", write_own, link_into_etc, RULED_REFUSED},
	{"connect_deny", "builtin: connect-deny, dest: 127.0.0.8/29", connect_17, connect_9,
	 RULED_REFUSED},
	{"setuid_root", "builtin: setuid-root", back_to_root, NULL, RULED_DONE},
	{"setuid_root_kill", "builtin: setuid-root, action: kill", become_other, back_to_root,
	 RULED_KILLED},
	{"container_mount", "builtin: container-escape, cgroup: " RULED_CGROUP, mount_here,
	 mount_there, RULED_REFUSED},
	{"container_namespace", "builtin: container-escape, cgroup: " RULED_CGROUP, mount_here,
	 unshare_there, RULED_KILLED},
	{"container_bpf", "builtin: container-escape, cgroup: " RULED_CGROUP, make_map, map_there,
	 RULED_REFUSED},
	{"kernel_module", "builtin: kernel-code", make_map, load_module, RULED_REFUSED},
	{"kernel_module_listed", "builtin: kernel-code, exe-not: '" WATCHED_DIR "/*'", load_module,
	 NULL, RULED_DONE},
	{"kernel_bpf", "builtin: kernel-code", make_map, load_program, RULED_REFUSED},
	{"self_guard_pin", "builtin: self-guard", make_map, remove_pin, RULED_REFUSED},
	{"self_guard_map", "builtin: self-guard", make_map, open_pin, RULED_REFUSED},
};

#define POLICIES (sizeof(policies) / sizeof(*policies))

/* By the command, which is '@self' then: this program is not. */
static void load(const char *rules)
{
	if (ruled_try("  - {%s}\n", rules))
		ck_abort_msg("load: %s", command_output);
}

static void one_policy(int index)
{
	ruled_none();
	if (net_unshare() < 0 || net_up("lo"))
		checkrun_error("%s", net_error());
	watched_copy(watched_file("copy"));
	if ((mkdir(RULED_CGROUP, 0755) && errno != EEXIST) ||
	    (mkdir(RULED_CGROUP "/below", 0755) && errno != EEXIST) ||
	    (mkdir(watched_file("folder"), 0755) && errno != EEXIST) ||
	    (mkdir("/etc", 0755) && errno != EEXIST))
		checkrun_error("folders: %s", strerror(errno));
	load(policies[index].entry);
	ruled_expect("allowed", policies[index].allowed, RULED_DONE);
	if (policies[index].denied)
		ruled_expect("denied", policies[index].denied, policies[index].end);
	load("name: nothing, on: exec, action: log, path: /none");
	if (policies[index].denied && policies[index].denied != remove_pin)
		ruled_expect("without it", policies[index].denied, RULED_DONE);
}

/* Refused, or, where the kernel gives it one empty argument (dcd46d897adb), told. */
static int run_without_arguments(void)
{
	return ruled_result(syscall(SYS_execve, WATCHED_ACT, (char *[]){NULL}, (char *[]){NULL}));
}

static void empty_args(int index __attribute__((unused)))
{
	ruled_none();
	load("builtin: empty-args");
	ruled_expect("with arguments", run_system, RULED_DONE);
	if (ruled_hits())
		ck_abort_msg("a program with arguments is told");
	ruled_run(run_without_arguments);
	if (ruled_hits() != 1)
		ck_abort_msg("a program without arguments is neither refused nor told");
	ruled_none();
}

/* Each of them is listed, as rules that can be loaded as they stand there. */
static void listed(int index __attribute__((unused)))
{
	const struct corepath_builtin *b;
	struct command command;
	size_t n;

	b = corepath_builtins(&n);
	command = command_start("security", "builtins", NULL);
	if (command_end(&command, 0))
		ck_abort_msg("builtins: %s", command_output);
	for (size_t i = 0; i < n; i++)
		if (!strstr(command_output, b[i].name) || !strstr(command_output, b[i].rules))
			ck_abort_msg("%s is not listed", b[i].name);
	if (ruled_try("  - {builtin: container-escape}\n") != 1 ||
	    !strstr(command_output, ":2: cgroup: is missing: builtin 'container-escape' needs it"))
		ck_abort_msg("without its cgroup: %s", command_output);
	if (ruled_try("  - {builtin: none-such}\n") != 1 ||
	    !strstr(command_output, ":2: builtin: 'none-such': there is none"))
		ck_abort_msg("none-such: %s", command_output);
}

static const struct functional_test others[] = {
	{"functional.rules.builtin.empty_args", empty_args, 0},
	{"functional.rules.builtin.listed", listed, 0},
};

void rules_builtin_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[POLICIES];
	static char names[POLICIES][64];

	for (size_t i = 0; i < POLICIES; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.builtin.%s",
			 policies[i].name);
		tests[i] = (struct functional_test){names[i], one_policy, i};
	}
	functional_add(suite, selection, tests, POLICIES);
	functional_add(suite, selection, others, 2);
}
