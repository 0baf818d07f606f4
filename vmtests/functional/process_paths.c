// SPDX-License-Identifier: GPL-2.0-only
/* functional.process.path.*: under which path a program is told of, however it was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "functional.h"
#include "watched.h"

static void run_program(const char *path)
{
	execl(path, "act", NULL);
}

/* Each runs the program another way; what comes back means that it could not. */

static void absolute(void)
{
	run_program(WATCHED_ACT);
}

static void relative(void)
{
	if (!chdir(WATCHED_DIR))
		run_program("act");
}

static void dots(void)
{
	run_program(WATCHED_DIR "/.././" WATCHED_DIR "//act");
}

static void by_symlink(void)
{
	if (!symlink(WATCHED_ACT, watched_file("link")))
		run_program(watched_file("link"));
}

static void by_hard_link(void)
{
	watched_copy(watched_file("soft"));
	if (!link(watched_file("soft"), watched_file("hard")))
		run_program(watched_file("hard"));
}

static void renamed(void)
{
	watched_copy(watched_file("old"));
	if (!rename(watched_file("old"), watched_file("new")))
		run_program(watched_file("new"));
}

/* Opened by one name and run under the next. */
static void renamed_when_open(void)
{
	int fd;

	watched_copy(watched_file("old"));
	fd = open(watched_file("old"), O_PATH | O_CLOEXEC);
	if (fd >= 0 && !rename(watched_file("old"), watched_file("new")))
		fexecve(fd, (char *[]){"act", NULL}, environ);
}

static void private_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(98);
}

static void bind_mount(void)
{
	const char *dir = watched_file("bind");

	private_mounts();
	if (!mkdir(dir, 0755) && !mount(WATCHED_DIR, dir, NULL, MS_BIND, NULL))
		run_program(watched_file("bind/act"));
}

static void bind_mounted_file(void)
{
	private_mounts();
	watched_copy(watched_file("file"));
	if (!mount(WATCHED_ACT, watched_file("file"), NULL, MS_BIND, NULL))
		run_program(watched_file("file"));
}

static void nested_mounts(void)
{
	const char *outer = watched_file("outer"), *inner = watched_file("outer/inner");

	private_mounts();
	if (mkdir(outer, 0755) || mount("tmpfs", outer, "tmpfs", 0, NULL) || mkdir(inner, 0755) ||
	    mount("tmpfs", inner, "tmpfs", 0, NULL))
		return;
	watched_copy(watched_file("outer/inner/copy"));
	run_program(watched_file("outer/inner/copy"));
}

static void in_chroot(void)
{
	watched_copy(watched_file("jailed"));
	if (!chroot(watched_folder()))
		run_program("/jailed");
}

static void deleted(void)
{
	int fd;

	watched_copy(watched_file("gone"));
	fd = open(watched_file("gone"), O_PATH | O_CLOEXEC);
	if (fd >= 0 && !unlink(watched_file("gone")))
		fexecve(fd, (char *[]){"act", NULL}, environ);
}

static void memory_file(void)
{
	int fd = syscall(SYS_memfd_create, "hidden", 1 /* MFD_CLOEXEC */);
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	watched_copy(name);
	syscall(SYS_execveat, fd, "", (char *[]){"act", NULL}, environ, AT_EMPTY_PATH);
}

static void script(void)
{
	FILE *f = fopen(watched_file("script"), "w");

	if (!f || fputs("#!" WATCHED_ACT "\n", f) < 0 || fclose(f) ||
	    chmod(watched_file("script"), 0755))
		return;
	run_program(watched_file("script"));
}

static const struct {
	void (*run)(void);
	const char *path; /* one that has no leading slash is in the test's folder */
	unsigned int flags;
} paths[] = {
	{absolute, WATCHED_ACT, 0},	{relative, WATCHED_ACT, 0},
	{dots, WATCHED_ACT, 0},		{by_symlink, WATCHED_ACT, 0},
	{by_hard_link, "hard", 0},	{renamed, "new", 0},
	{renamed_when_open, "new", 0},	{bind_mount, "bind/act", 0},
	{bind_mounted_file, "file", 0}, {nested_mounts, "outer/inner/copy", 0},
	{in_chroot, "jailed", 0},	{deleted, "gone", COREPATH_EXEC_PATH_DELETED},
	{script, WATCHED_ACT, 0},
};

static void expect_path(pid_t pid, const char *want, unsigned int flags)
{
	const struct corepath_exec_event *e = watched_exec(pid, 0);

	if (strcmp(watched_path(e), want))
		ck_abort_msg("expected the path %s (%zu bytes), was told %s (%u bytes)", want,
			     strlen(want), watched_path(e), e->path_len);
	if (e->flags != flags)
		ck_abort_msg("expected flags 0x%x with the path, was told 0x%x", flags, e->flags);
}

static void one_path(int index)
{
	const char *want = paths[index].path;
	pid_t pid;
	int status;

	watched_start(true, false, false);
	status = watched_run(paths[index].run, &pid);
	if (status)
		checkrun_error("the program could not be run this way: wait status 0x%x", status);
	expect_path(pid, *want == '/' ? want : watched_file(want), paths[index].flags);
	watched_end();
}

/* A file that has no place has no leading slash, so that no rule for paths takes it for one that
 * has. */
static void memory_file_is_nowhere(int index __attribute__((unused)))
{
	pid_t pid;

	watched_start(true, false, false);
	if (watched_run(memory_file, &pid))
		checkrun_error("a file of memfd_create() could not be run");
	expect_path(pid, "memfd:hidden", COREPATH_EXEC_PATH_NOWHERE);
	watched_end();
}

/* ---- long paths ---- */

/* How many bytes of path the child goes down, and the length of each folder's name. */
static int deep_bytes, deep_name;

/* What the child's own getcwd() says, in memory that we share with it. */
static char *deep_path;

/* The longest path a system call takes, NUL included, is PATH_MAX: the folders are entered one by
 * one. */
static void run_deep(void)
{
	int at = strlen(watched_folder()), left, n;
	char name[NAME_MAX + 1];

	if (chdir(watched_folder()))
		return;
	for (; (left = deep_bytes - at - 2) > 0; at += n + 1) {
		n = left - 1 < deep_name ? left - 1 : deep_name;
		if (left - (n + 1) == 1) /* no room for a last name of its own */
			n += n > 1 ? -1 : 1;
		memset(name, 'd', n);
		name[n] = '\0';
		if (mkdir(name, 0755) || chdir(name))
			return;
	}
	if (at + 2 < PATH_MAX && !getcwd(deep_path, PATH_MAX))
		return;
	strcat(deep_path, "/x");
	watched_copy("x");
	run_program("./x");
}

/* The path of @bytes bytes is told in full. */
static void deep(int bytes, int name, unsigned int flags)
{
	const struct corepath_exec_event *e;
	const char *path;
	pid_t pid;
	int status;

	deep_path =
		mmap(NULL, 2 * PATH_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (deep_path == MAP_FAILED)
		checkrun_error("mmap: %s", strerror(errno));
	deep_bytes = bytes;
	deep_name = name;
	watched_start(true, false, false);
	status = watched_run(run_deep, &pid);
	if (status)
		checkrun_error("the folders could not be made: wait status 0x%x", status);
	e = watched_exec(pid, 0);
	path = watched_path(e);
	if (e->flags != flags)
		ck_abort_msg("flags 0x%x, expected 0x%x", e->flags, flags);
	if (e->path_len != strlen(path) || strcmp(path + strlen(path) - 2, "/x"))
		ck_abort_msg("path of %u bytes, which ends in %.8s", e->path_len,
			     path + strlen(path) - 8);
	if (!flags && (strcmp(path, deep_path) || (int)strlen(path) != bytes))
		ck_abort_msg("path of %d bytes: %zu are told, which begin with %.40s", bytes,
			     strlen(path), path);
	watched_end();
}

static void longest(int index __attribute__((unused)))
{
	deep(PATH_MAX - 1, 200, 0);
}

static void longest_of_one_byte_names(int index __attribute__((unused)))
{
	deep(PATH_MAX - 1, 1, 0);
}

static void too_long(int index __attribute__((unused)))
{
	deep(PATH_MAX + 400, 200, COREPATH_EXEC_PATH_CUT | COREPATH_EXEC_CWD_CUT);
}

static const struct functional_test tests[] = {
	{"functional.process.path.absolute", one_path, 0},
	{"functional.process.path.relative", one_path, 1},
	{"functional.process.path.dots", one_path, 2},
	{"functional.process.path.symlink", one_path, 3},
	{"functional.process.path.hard_link", one_path, 4},
	{"functional.process.path.renamed", one_path, 5},
	{"functional.process.path.renamed_when_open", one_path, 6},
	{"functional.process.path.bind_mount", one_path, 7},
	{"functional.process.path.bind_mounted_file", one_path, 8},
	{"functional.process.path.nested_mounts", one_path, 9},
	{"functional.process.path.chroot", one_path, 10},
	{"functional.process.path.deleted", one_path, 11},
	{"functional.process.path.script", one_path, 12},
	{"functional.process.path.memory_file", memory_file_is_nowhere, 0},
	{"functional.process.path.longest", longest, 0},
	{"functional.process.path.longest_of_one_byte_names", longest_of_one_byte_names, 0},
	{"functional.process.path.too_long", too_long, 0},
};

void process_paths_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
