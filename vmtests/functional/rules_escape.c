// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.rules.escape.*: ways around a rule, each stopped; those that are not are in the table
 * of known limits (bpf-src/README.md), and what is there is tested to be so.
 *
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

static int run(const char *path)
{
	return ruled_result(execl(path, "copy", NULL));
}

/* ---- other names for a program that may not run ---- */

static int relative(void)
{
	return chdir(watched_folder()) ? errno : run("./copy");
}

static int dots(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/../../%s//copy", watched_folder(), watched_folder());
	return run(path);
}

static int by_symlink(void)
{
	return symlink(watched_file("copy"), watched_file("soft")) ? errno
								   : run(watched_file("soft"));
}

static int by_descriptor(void)
{
	int fd = open(watched_file("copy"), O_PATH | O_CLOEXEC);

	return fd < 0 ? errno : ruled_result(fexecve(fd, (char *[]){"copy", NULL}, environ));
}

static int by_proc(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(watched_file("copy"), O_PATH));
	return run(path);
}

static int in_chroot(void)
{
	return chroot(watched_folder()) ? errno : run("/copy");
}

static int as_interpreter(void)
{
	FILE *f = fopen(watched_file("script"), "w");

	if (!f || fprintf(f, "#!%s\n", watched_file("copy")) < 0 || fclose(f) ||
	    chmod(watched_file("script"), 0755))
		return ENOEXEC;
	return run(watched_file("script"));
}

static void *run_in_thread(void *error)
{
	*(int *)error = run(watched_file("copy"));
	return NULL;
}

static int by_thread(void)
{
	pthread_t thread;
	int error = EIO;

	if (!pthread_create(&thread, NULL, run_in_thread, &error))
		pthread_join(thread, NULL);
	return error;
}

static int in_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) ? ENOSYS : run(watched_file("copy"));
}

static void private_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(98);
}

static int in_mount_namespace(void)
{
	private_mounts();
	return run(watched_file("copy"));
}

/* ---- programs where no rule allows them ---- */

static int in_memory(void)
{
	int fd = syscall(SYS_memfd_create, "x", 1 /* MFD_CLOEXEC */);
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	watched_copy(name);
	return ruled_result(
		syscall(SYS_execveat, fd, "", (char *[]){"x", NULL}, environ, AT_EMPTY_PATH));
}

static int deleted(void)
{
	int fd = open(watched_file("copy"), O_PATH | O_CLOEXEC);

	if (fd < 0 || unlink(watched_file("copy")))
		return ENOENT;
	return ruled_result(fexecve(fd, (char *[]){"copy", NULL}, environ));
}

/* ---- other ways to a file that may not be written ---- */

static int by_openat2(void)
{
	struct {
		unsigned long long flags, mode, resolve;
	} how = {O_WRONLY, 0, 0};
	long fd = syscall(437 /* openat2 */, AT_FDCWD, watched_file("file"), &how, sizeof(how));

	return ruled_result(fd);
}

static int by_folder(void)
{
	int dir = open(watched_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return ruled_result(openat(dir, "file", O_RDWR));
}

/* From read-only to writable by way of /proc. */
static int opened_again(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", open(watched_file("file"), O_RDONLY));
	return ruled_result(open(path, O_WRONLY));
}

/* One openat() by a ring, which the kernel may do on a thread of its own. */
static int by_io_uring(bool elsewhere)
{
	struct io_uring_params p = {};
	int fd = syscall(__NR_io_uring_setup, 1, &p);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;
	int answer;

	if (fd < 0)
		return ENOSYS;
	sq = mmap(NULL, p.sq_off.array + 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + 2 * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		   IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return ENOMEM;
	*sqe = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
				     .flags = elsewhere ? IOSQE_ASYNC : 0,
				     .fd = AT_FDCWD,
				     .addr = (unsigned long)watched_file("file"),
				     .open_flags = O_WRONLY};
	*(unsigned int *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return errno;
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	answer = cqe->res;
	return answer < 0 ? -answer : 0;
}

static int by_ring(void)
{
	return by_io_uring(false);
}

static int by_ring_elsewhere(void)
{
	return by_io_uring(true);
}

/* ---- other mounts of a file of the root file system ---- */

static int act_by_bind_mount(void)
{
	private_mounts();
	if (mount(WATCHED_ACT, watched_file("other"), NULL, MS_BIND, NULL))
		return errno;
	return run(watched_file("other"));
}

/* As anybody can. */
static int act_by_own_mount(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return ENOSYS;
	if (mount(WATCHED_DIR, watched_file("dir"), NULL, MS_BIND, NULL))
		return errno;
	return run(watched_file("dir/act"));
}

/* Over a folder from which everything may run. */
static int copy_over_allowed(void)
{
	private_mounts();
	if (mount(watched_folder(), "/allowed", NULL, MS_BIND, NULL))
		return errno;
	return run("/allowed/copy");
}

static int root_over_allowed(void)
{
	private_mounts();
	if (mount("/denied", "/allowed", NULL, MS_BIND, NULL))
		return errno;
	return run("/allowed/copy");
}

/* ---- known limits ---- */

static int by_bind_mount(void)
{
	private_mounts();
	if (mount(watched_file("copy"), watched_file("other"), NULL, MS_BIND, NULL))
		return errno;
	return run(watched_file("other"));
}

static int by_older_link(void)
{
	return run(watched_file("older"));
}

#define COPY  "{name: it, on: exec, action: deny, path: %s/copy}"
#define FILE_ "{name: it, on: write, action: deny, path: %s/file}"
#define ONLY                                                                                       \
	"{name: it, on: exec, action: deny, uid: 0, path-not: [" WATCHED_DIR "/*, /bin/*], "       \
	"exe: " WATCHED_DIR "/functional} # %s"
#define ACT "{name: it, on: exec, action: deny, path: " WATCHED_DIR "/act} # %s"
#define ALLOWED                                                                                    \
	"{name: it, on: exec, action: deny, uid: 0, path-not: [" WATCHED_DIR "/*, /allowed/*], "   \
	"exe: " WATCHED_DIR "/functional} # %s"
#define BELOW "{name: it, on: write, action: deny, path: '%s/ddd*'}"

static const struct {
	const char *name, *rule;
	ruled_act act;
	bool limit; /* known: it is not stopped */
} escapes[] = {
	{"relative", COPY, relative, false},
	{"dots", COPY, dots, false},
	{"symlink", COPY, by_symlink, false},
	{"descriptor", COPY, by_descriptor, false},
	{"proc", COPY, by_proc, false},
	{"chroot", COPY, in_chroot, false},
	{"interpreter", COPY, as_interpreter, false},
	{"thread", COPY, by_thread, false},
	{"user_namespace", COPY, in_user_namespace, false},
	{"mount_namespace", COPY, in_mount_namespace, false},
	{"memory_file", ONLY, in_memory, false},
	{"deleted", ONLY, deleted, false},
	{"openat2", FILE_, by_openat2, false},
	{"folder", FILE_, by_folder, false},
	{"opened_again", FILE_, opened_again, false},
	{"io_uring", FILE_, by_ring, false},
	{"io_uring_thread", FILE_, by_ring_elsewhere, false},
	{"long_path", BELOW, ruled_go_deep, false},
	{"bind_mount", ACT, act_by_bind_mount, false},
	{"own_bind_mount", ACT, act_by_own_mount, false},
	{"mounted_over_allowed", ALLOWED, root_over_allowed, false},
	{"limit_mounted_over_allowed", ALLOWED, copy_over_allowed, true},
	{"limit_bind_mount", COPY, by_bind_mount, true},
	{"limit_older_link", COPY, by_older_link, true},
};

#define ESCAPES (sizeof(escapes) / sizeof(*escapes))

static void one_escape(int index)
{
	char rule[512];
	int fd;

	watched_copy(watched_file("copy"));
	watched_copy(watched_file("other"));
	fd = open(watched_file("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd) || link(watched_file("copy"), watched_file("older")))
		checkrun_error("files to act on: %s", strerror(errno));
	if ((mkdir(watched_file("dir"), 0755) && errno != EEXIST) ||
	    (mkdir("/allowed", 0755) && errno != EEXIST) ||
	    (mkdir("/denied", 0755) && errno != EEXIST))
		checkrun_error("folders: %s", strerror(errno));
	watched_copy("/denied/copy");
	ruled_none();
	if (ruled_run(escapes[index].act) != RULED_DONE)
		checkrun_error("it does not work without a rule either");
	watched_copy(watched_file("copy"));
	unlink(watched_file("soft"));
	snprintf(rule, sizeof(rule), escapes[index].rule, watched_folder());
	ruled_load("  - %s\n", rule);
	ruled_expect("under the rule", escapes[index].act,
		     escapes[index].limit ? RULED_DONE : RULED_REFUSED);
	ruled_none();
}

static struct functional_test tests[ESCAPES];

void rules_escape_add(Suite *suite, const struct selection *selection)
{
	static char names[ESCAPES][64];

	for (size_t i = 0; i < ESCAPES; i++) {
		snprintf(names[i], sizeof(names[i]), "functional.rules.escape.%s", escapes[i].name);
		tests[i] = (struct functional_test){names[i], one_escape, i};
	}
	functional_add(suite, selection, tests, ESCAPES);
}
