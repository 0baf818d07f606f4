// SPDX-License-Identifier: GPL-2.0-only
/* functional.rules.*: what gives a process more than it had: other ids, capabilities, namespaces,
 * mounts, other processes' memory, and code in the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

/* A call that fails so anyhow, after the hook: nothing was in its way. */
static int result_but(long value, int expected)
{
	return value < 0 && errno != expected ? errno : 0;
}

/* ---- credentials ---- */

static int back_to_root(void)
{
	return setresuid(2001, 2001, 0) ? EIO : ruled_result(seteuid(0));
}

static int become_saved(void)
{
	return setresuid(2001, 2001, 2002) ? EIO : ruled_result(setresuid(-1, 2002, -1));
}

static int run_privileged(void)
{
	if (setresgid(1001, 1001, 1001) || setresuid(2001, 2001, 2001))
		return EIO;
	return ruled_result(execl(watched_file("privileged"), "privileged", NULL));
}

static int change_group(void)
{
	return ruled_result(setgid(1002));
}

static int effective(__u32 low)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return EIO;
	data[0].effective = low & data[0].permitted;
	return ruled_result(syscall(SYS_capset, &head, data));
}

/* Gives them up, which is no deed, and takes them again. */
static int raise_capabilities(void)
{
	return effective(0) ? EIO : effective(~0u);
}

/* ---- namespaces ---- */

static int unshare_uts(void)
{
	return ruled_result(unshare(CLONE_NEWUTS));
}

static int clone_in(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	int status;

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : waitpid(pid, &status, 0) == pid ? 0 : EIO;
}

static int clone_uts(void)
{
	return clone_in(CLONE_NEWUTS);
}

static int clone3_uts(void)
{
	struct {
		unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, size,
			tls;
	} args = {.flags = CLONE_NEWUTS, .exit_signal = SIGCHLD};
	long pid = syscall(435 /* clone3 */, &args, sizeof(args));
	int status;

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : waitpid(pid, &status, 0) == pid ? 0 : EIO;
}

static int join_uts(void)
{
	return ruled_result(setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWUTS));
}

/* Of whatever type the file is. */
static int join_any(void)
{
	return ruled_result(setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), 0));
}

static int unshare_user(void)
{
	return ruled_result(unshare(CLONE_NEWUSER));
}

static int clone_user(void)
{
	return clone_in(CLONE_NEWUSER);
}

static int run_copy_in_namespaces(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET))
		return EIO;
	return ruled_result(execl(watched_file("copy"), "copy", NULL));
}

static int run_copy(void)
{
	return ruled_result(execl(watched_file("copy"), "copy", NULL));
}

/* ---- mounts ---- */

static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(98);
}

static int mount_folder(void)
{
	own_mounts();
	return ruled_result(mount("none", watched_file("folder"), "tmpfs", 0, NULL));
}

static int bind_folder(void)
{
	own_mounts();
	return ruled_result(mount(watched_folder(), watched_file("folder"), NULL, MS_BIND, NULL));
}

/* By the newer calls: open_tree() and move_mount(). */
static int move_folder(void)
{
	long tree;

	own_mounts();
	tree = syscall(428, AT_FDCWD, watched_folder(), 1 /* OPEN_TREE_CLONE */);
	if (tree < 0)
		return EIO;
	return ruled_result(syscall(429, tree, "", AT_FDCWD, watched_file("folder"),
				    4 /* MOVE_MOUNT_F_EMPTY_PATH */));
}

static int unmount_folder(void)
{
	own_mounts();
	if (mount("none", watched_file("folder"), "tmpfs", 0, NULL))
		return EIO;
	return ruled_result(umount2(watched_file("folder"), MNT_DETACH));
}

/* The root here is an initramfs, which cannot be exchanged (EINVAL). */
static int pivot(void)
{
	own_mounts();
	if (mount("none", watched_file("folder"), "tmpfs", 0, NULL) ||
	    chdir(watched_file("folder")))
		return EIO;
	return result_but(syscall(SYS_pivot_root, ".", "."), EINVAL);
}

/* ---- other processes, and the kernel ---- */

static int with_child(int (*act)(pid_t child))
{
	pid_t child = fork();
	int err;

	if (!child)
		for (;;)
			pause();
	if (child < 0)
		return EIO;
	err = act(child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return err;
}

static int seize(pid_t child)
{
	return ruled_result(ptrace(PTRACE_SEIZE, child, 0, 0));
}

static int attach(void)
{
	return with_child(seize);
}

static int read_word(pid_t child)
{
	long word = 0;
	struct iovec local = {&word, sizeof(word)}, remote = {&ruled_fd, sizeof(ruled_fd)};

	return ruled_result(process_vm_readv(child, &local, 1, &remote, 1, 0));
}

static int read_memory(void)
{
	return with_child(read_word);
}

static int traceme(void)
{
	return ruled_result(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

/* No module is what it is given: ENOEXEC, once it may be read. */
static int load_module_file(void)
{
	int fd = open(watched_file("copy"), O_RDONLY | O_CLOEXEC);

	return result_but(syscall(SYS_finit_module, fd, "", 0), ENOEXEC);
}

static int load_module_data(void)
{
	static char data[4096];

	return result_but(syscall(SYS_init_module, data, sizeof(data), ""), ENOEXEC);
}

/* In a cgroup that is ruled: the test itself, which loads the rules, is not. */
static int make_map(void)
{
	int fd = open(RULED_CGROUP "/below/cgroup.procs", O_WRONLY | O_CLOEXEC);
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

	if (fd < 0 || write(fd, "0", 1) != 1)
		return EIO;
	return ruled_result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

/* ---- files ---- */

static int chmod_setuid(void)
{
	return ruled_result(chmod(watched_file("file"), 04755));
}

static int fchmod_open(void)
{
	return ruled_result(fchmod(ruled_fd, 0602));
}

static int chown_file(void)
{
	return ruled_result(chown(watched_file("file"), 2001, -1));
}

static int ftruncate_open(void)
{
	return ruled_result(ftruncate(ruled_fd, 0));
}

static int make_folder(void)
{
	return ruled_result(mkdir(watched_file("made"), 0755));
}

static int make_symlink(void)
{
	return ruled_result(symlink("file", watched_file("made")));
}

static int make_fifo(void)
{
	return ruled_result(mknod(watched_file("made"), S_IFIFO | 0600, 0));
}

static int make_regular(void)
{
	return ruled_result(open(watched_file("made"), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

#define MADE	"path: '@/m*'", "path: '@/f*'"
#define TO_ROOT "uid-not: 0, to-uid: 0", "uid-not: 0, to-uid: [1, 2001]"
#define UTS	"namespace: uts", "namespace: [mnt, pid, net]"
#define USER	"exe: '" WATCHED_DIR "/*'", "exe: '/bin/*'"
#define FOLDER	"path: @/folder", "path: '@/folder/*'"
#define TARGET	"path: " WATCHED_DIR "/functional", "path: " WATCHED_DIR "/act"

static const struct ruled_deed deeds[] = {
	{"setuid", "setuid", TO_ROOT, back_to_root, DENIAL_REFUSES},
	{"setuid_saved", "setuid", "to-uid: 2002", "to-uid: 0", become_saved, DENIAL_REFUSES},
	{"setuid_file", "setuid", TO_ROOT, run_privileged, DENIAL_REFUSES},
	{"setgid", "setgid", "to-gid: 1002", "to-gid: 0", change_group, DENIAL_REFUSES},
	{"setgid_file", "setgid", "to-gid: 0, uid: 2001", "to-gid: 1, uid: 2001", run_privileged,
	 DENIAL_REFUSES},
	{"capset", "capability", "cap: [CAP_SYS_ADMIN, CAP_BPF]", "cap: [CAP_BPF, CAP_PERFMON]",
	 raise_capabilities, DENIAL_REFUSES},
	{"capability_file", "capability", "cap: CAP_BPF, uid: 2001", "cap: CAP_BPF, uid: 7",
	 run_privileged, DENIAL_KILLS_WITHOUT_LSM},
	{"capability_not", "capability", "cap-not: CAP_BPF, uid: 0", "cap-not: CAP_KILL, uid: 0",
	 raise_capabilities, DENIAL_REFUSES},

	{"unshare", "unshare", UTS, unshare_uts, DENIAL_KILLS},
	{"clone", "unshare", UTS, clone_uts, DENIAL_REFUSES},
	{"clone3", "unshare", UTS, clone3_uts, DENIAL_REFUSES},
	{"setns", "setns", UTS, join_uts, DENIAL_KILLS},
	{"setns_any", "setns", UTS, join_any, DENIAL_KILLS},
	{"userns_unshare", "userns", USER, unshare_user, DENIAL_KILLS_WITHOUT_USERNS},
	{"userns_clone", "userns", USER, clone_user, DENIAL_KILLS_WITHOUT_USERNS},
	{"in_namespace", "exec", "path: '@/*', mnt-ns-not: host, net-ns-not: host, pid-ns: host",
	 "path: '@/*', mnt-ns: host", run_copy_in_namespaces, DENIAL_REFUSES},
	{"in_host", "exec", "path: '@/*', mnt-ns: host, user-ns: host",
	 "path: '@/*', pid-ns-not: host", run_copy, DENIAL_REFUSES},
	{"cgroup_not", "exec", "path: '@/*', cgroup-not: " RULED_CGROUP,
	 "path: '@/*', cgroup-not: /sys/fs/cgroup", run_copy, DENIAL_REFUSES},

	{"mount", "mount", FOLDER, mount_folder, DENIAL_REFUSES},
	{"mount_bind", "mount", FOLDER, bind_folder, DENIAL_REFUSES},
	{"move_mount", "mount", FOLDER, move_folder, DENIAL_REFUSES},
	{"umount", "umount", FOLDER, unmount_folder, DENIAL_REFUSES},
	{"pivot_root", "pivot_root", FOLDER, pivot, DENIAL_REFUSES},

	{"ptrace", "ptrace", TARGET, attach, DENIAL_REFUSES},
	{"ptrace_memory", "ptrace", TARGET, read_memory, DENIAL_REFUSES},
	{"ptrace_traceme", "ptrace", TARGET, traceme, DENIAL_REFUSES},
	{"module_file", "module", "path-not: '/lib/modules/*'", "path-not: '@/*'", load_module_file,
	 DENIAL_REFUSES},
	{"module_data", "module", "path-not: '/lib/modules/*'", "path: '/*'", load_module_data,
	 DENIAL_REFUSES},
	{"bpf", "bpf", "cmd: [map_create, prog_load], cgroup: " RULED_CGROUP,
	 "cmd: prog_load, cgroup: " RULED_CGROUP, make_map, DENIAL_REFUSES},

	{"chmod", "chmod", "path: @/file, mode: [setuid, sticky]", "path: @/file, mode: setgid",
	 chmod_setuid, DENIAL_REFUSES},
	{"fchmod", "chmod", "path: @/file, mode: other-write",
	 "path: @/file, mode: [setuid, sticky]", fchmod_open, DENIAL_REFUSES},
	{"chown", "chown", "path: @/file", "path: @/other", chown_file,
	 DENIAL_CANNOT_WITHOUT_STRUCT},
	{"ftruncate", "write", "path: @/file", "path: @/other", ftruncate_open, DENIAL_REFUSES},
	{"mkdir", "create", MADE, make_folder, DENIAL_REFUSES},
	{"symlink", "create", MADE, make_symlink, DENIAL_REFUSES},
	{"mknod", "create", MADE, make_fifo, DENIAL_REFUSES},
	{"create", "create", MADE, make_regular, DENIAL_REFUSES},
};

#define DEEDS (sizeof(deeds) / sizeof(*deeds))

const struct ruled_table ruled_powers = {deeds, DEEDS};

static void one_deed(int index)
{
	ruled_deed(&deeds[index]);
}

/* ---- the kernel's own request for a module ---- */

/* A family that no kernel here has built in; what becomes of the request it does not say. */
static int ask_for_module(void)
{
	int fd = socket(AF_APPLETALK, SOCK_DGRAM, 0);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno != EAFNOSUPPORT ? errno : 0;
}

static unsigned long long modprobes(const char *action, const char *condition)
{
	struct corepath_security_status st;
	unsigned long long hits;

	ruled_load("  - {name: it, on: module_request, action: %s, %s}\n"
		   "  - {name: modprobe, on: exec, action: log, path: %s}\n",
		   action, condition, watched_file("copy"));
	ruled_expect(action, ask_for_module, strcmp(action, "kill") ? RULED_DONE : RULED_KILLED);
	if (corepath_security_status(command_pin_dir(), &st))
		ck_abort_msg("status: %s", corepath_error());
	hits = st.rules[1].hits;
	free(st.rules);
	return hits;
}

static void module_request(int index __attribute__((unused)))
{
	int fd = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);
	const char *by = watched_file("copy");

	ruled_none();
	watched_copy(by);
	if (fd < 0 || write(fd, by, strlen(by)) != (ssize_t)strlen(by) || close(fd))
		checkrun_error("/proc/sys/kernel/modprobe: %s", strerror(errno));
	if (!modprobes("deny", "exe: '/bin/*'"))
		checkrun_error("nothing asks for a module here");
	if (!modprobes("audit", "exe: '" WATCHED_DIR "/*'"))
		ck_abort_msg("audit: no module was asked for");
	if (modprobes("deny", "exe: '" WATCHED_DIR "/*'"))
		ck_abort_msg("deny: a module was asked for");
	if (modprobes("kill", "exe: '" WATCHED_DIR "/*'"))
		ck_abort_msg("kill: a module was asked for");
	ruled_none();
}

static const struct functional_test others[] = {
	{"functional.rules.module_request", module_request, 0},
};

void rules_power_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[DEEDS];
	static char names[DEEDS][64];

	ruled_add(suite, selection, &ruled_powers, tests, names, one_deed);
	functional_add(suite, selection, others, 1);
}
