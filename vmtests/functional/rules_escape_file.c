// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.rules.escape.*: ways around rules about files, each stopped; those that are not are in
 * the table of known limits (bpf-src/README.md), and are tested to be so: limit_...
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

#define DENIED "/denied" /* a folder of the root file system */

/* ---- ways to a folder, for every deed ---- */

static char dir[PATH_MAX];

static void private_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(98);
}

/* Each sets dir, which is @base by that way; 0 if it could. */
static int plainly(const char *base)
{
	return !strcpy(dir, base);
}

static int relative(const char *base)
{
	return !strcpy(dir, ".") || chdir(base);
}

static int dots(const char *base)
{
	return snprintf(dir, sizeof(dir), "%s/../..%s//.", watched_folder(), base) < 0;
}

static int by_symlink(const char *base)
{
	return snprintf(dir, sizeof(dir), "%s/soft", base) < 0;
}

static int by_proc_root(const char *base)
{
	return snprintf(dir, sizeof(dir), "/proc/self/root%s", base) < 0;
}

static int by_another_root(const char *base)
{
	return snprintf(dir, sizeof(dir), "/proc/1/root%s", base) < 0;
}

static int by_proc_cwd(const char *base)
{
	return !strcpy(dir, "/proc/self/cwd") || chdir(base);
}

static int by_descriptor(const char *base)
{
	int fd = open(base, O_PATH | O_CLOEXEC);

	return fd < 0 || snprintf(dir, sizeof(dir), "/proc/self/fd/%d", fd) < 0;
}

static int in_chroot(const char *base)
{
	return !strcpy(dir, "/.") || chroot(base);
}

static int in_user_namespace(const char *base)
{
	return plainly(base) || unshare(CLONE_NEWUSER);
}

static int in_mount_namespace(const char *base)
{
	private_mounts();
	return plainly(base);
}

static int by_bind_mount(const char *base)
{
	private_mounts();
	strcpy(dir, watched_file("dir"));
	return mount(base, dir, NULL, MS_BIND, NULL);
}

static const struct way {
	const char *name;
	int (*find)(const char *base);
	bool root_only; /* known: stopped for the root file system alone */
} ways[] = {
	{"plainly", plainly, false},
	{"relative", relative, false},
	{"dots", dots, false},
	{"symlink", by_symlink, false},
	{"/proc/self/root", by_proc_root, false},
	{"/proc/1/root", by_another_root, false},
	{"/proc/self/cwd", by_proc_cwd, false},
	{"/proc/self/fd", by_descriptor, false},
	{"chroot", in_chroot, false},
	{"user namespace", in_user_namespace, false},
	{"mount namespace", in_mount_namespace, false},
	{"bind mount", by_bind_mount, true},
};

/* ---- deeds, of "file" in that folder ---- */

static const char *in(const char *name)
{
	static char paths[2][PATH_MAX + 16];
	static int next;
	char *path = paths[next++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static int do_write(void)
{
	return ruled_result(open(in("file"), O_WRONLY | O_CLOEXEC));
}

static int do_truncate(void)
{
	return ruled_result(truncate(in("file"), 0));
}

static int do_unlink(void)
{
	return ruled_result(unlink(in("file")));
}

static int do_rename(void)
{
	return ruled_result(rename(in("file"), in("name")));
}

static int do_rename_over(void)
{
	return ruled_result(rename(in("other"), in("file")));
}

static int do_exchange(void)
{
	return ruled_result(syscall(SYS_renameat2, AT_FDCWD, in("other"), AT_FDCWD, in("file"),
				    2 /* RENAME_EXCHANGE */));
}

static int do_link(void)
{
	return ruled_result(link(in("file"), in("name")));
}

static int do_chmod(void)
{
	return ruled_result(chmod(in("file"), 0755));
}

static void *do_in_thread(void *arg)
{
	ruled_act *act = arg;

	return (void *)(long)(*act)();
}

static const struct deed {
	const char *name, *on;
	ruled_act act;
} deeds[] = {
	{"write", "write", do_write},
	{"truncate", "write", do_truncate},
	{"unlink", "unlink", do_unlink},
	{"rename", "rename", do_rename},
	{"replace", "rename", do_rename_over},
	{"exchange", "rename", do_exchange},
	{"link", "link", do_link},
	{"chmod", "chmod", do_chmod},
};

/* Of the child that does it. */
static const struct way *way;
static const char *base;
static ruled_act act;
static bool by_thread;

static int do_it(void)
{
	pthread_t thread;
	void *err = (void *)EIO;

	if (way->find(base))
		return ENOSYS;
	if (!by_thread)
		return act();
	if (pthread_create(&thread, NULL, do_in_thread, &act) || pthread_join(thread, &err))
		return EIO;
	return (long)err;
}

static void make_file(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!access(path, F_OK)) /* what is there may be under a rule */
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "content", 7) != 7 || fchmod(fd, 0644) || close(fd))
		checkrun_error("%s: %s", path, strerror(errno));
}

/* Two files and a link to the folder itself, in each of the two folders. */
static void set_up(void)
{
	const char *const folders[] = {watched_folder(), DENIED};
	char path[256];

	if (mkdir(DENIED, 0755) && errno != EEXIST)
		checkrun_error(DENIED ": %s", strerror(errno));
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/name", folders[i]);
		unlink(path);
		make_file(folders[i], "file");
		make_file(folders[i], "other");
		snprintf(path, sizeof(path), "%s/soft", folders[i]);
		if (symlink(".", path) && errno != EEXIST)
			checkrun_error("%s: %s", path, strerror(errno));
	}
	if (mkdir(watched_file("dir"), 0755) && errno != EEXIST)
		checkrun_error("%s: %s", watched_file("dir"), strerror(errno));
}

/* Every way, by the first thread and by another, to a file of either file system. */
static void one_deed(int index)
{
	const char *const bases[] = {watched_folder(), DENIED};
	enum ruled_end want;
	char what[64];

	ruled_none();
	act = deeds[index].act;
	for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
		way = &ways[w];
		base = bases[w % 2];
		set_up();
		if (ruled_run(do_it) != RULED_DONE)
			checkrun_error("%s does not work without a rule either", way->name);
	}
	set_up();
	ruled_load("  - {name: it, on: %s, action: deny, path: [%s/file, " DENIED "/file]}\n",
		   deeds[index].on, watched_folder());
	for (size_t i = 0; i < 4 * sizeof(ways) / sizeof(*ways); i++) {
		way = &ways[i / 4];
		base = bases[i % 2];
		by_thread = i / 2 % 2;
		want = way->root_only && i % 2 == 0 ? RULED_DONE : RULED_REFUSED;
		snprintf(what, sizeof(what), "%s of %s%s", way->name, base,
			 by_thread ? ", by a thread" : "");
		ruled_expect(what, do_it, want);
		if (want == RULED_DONE)
			set_up();
	}
	ruled_none();
}

/* ---- single ways ---- */

static int by_handle(void)
{
	struct {
		struct file_handle head;
		char bytes[128];
	} handle = {.head.handle_bytes = 128};
	int folder = open(watched_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), mount_id;

	if (folder < 0 ||
	    name_to_handle_at(AT_FDCWD, watched_file("file"), &handle.head, &mount_id, 0))
		return ENOSYS;
	return ruled_result(open_by_handle_at(folder, &handle.head, O_WRONLY | O_CLOEXEC));
}

static int opened_again(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 open(watched_file("file"), O_PATH | O_CLOEXEC));
	return ruled_result(open(path, O_WRONLY | O_CLOEXEC));
}

/* One call by a ring; -EINVAL if the ring has no such call. */
static int by_ring(const struct io_uring_sqe *what)
{
	struct io_uring_params p = {};
	int fd = syscall(__NR_io_uring_setup, 1, &p);
	struct io_uring_sqe *sqe;
	char *sq, *cq;

	if (fd < 0)
		return -ENOSYS;
	sq = mmap(NULL, p.sq_off.array + 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + 2 * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		   IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return -ENOMEM;
	*sqe = *what;
	*(unsigned int *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -errno;
	return ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
}

/* From 5.11 on rings have it; before, it is the call itself. */
static int unlink_by_ring(void)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_UNLINKAT,
				   .fd = AT_FDCWD,
				   .addr = (unsigned long)watched_file("file")};
	int answer = by_ring(&sqe);

	if (answer == -EINVAL)
		return ruled_result(unlink(watched_file("file")));
	return answer < 0 ? -answer : 0;
}

static int rename_by_ring(void)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_RENAMEAT,
				   .fd = AT_FDCWD,
				   .addr = (unsigned long)watched_file("file"),
				   .len = AT_FDCWD,
				   .addr2 = (unsigned long)watched_file("name")};
	int answer = by_ring(&sqe);

	if (answer == -EINVAL)
		return ruled_result(rename(watched_file("file"), watched_file("name")));
	return answer < 0 ? -answer : 0;
}

static int unlink_deep(void)
{
	return ruled_go_deep() ?: ruled_result(unlink("x"));
}

static int rename_deep(void)
{
	return ruled_go_deep() ?: ruled_result(rename("x", "y"));
}

/* ---- known limits ---- */

static int replace(void)
{
	return ruled_result(rename(watched_file("other"), watched_file("file")));
}

static int by_new_link(void)
{
	if (link(watched_file("file"), watched_file("name")))
		return errno;
	return ruled_result(open(watched_file("name"), O_WRONLY | O_CLOEXEC));
}

static int by_folder_renamed(void)
{
	if (rename(watched_file("dir"), watched_file("name")))
		return errno;
	return ruled_result(open(watched_file("name/inner"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* The content by every call that takes a file which is open. */
static int by_open_file(void)
{
	int from = open(watched_file("other"), O_RDONLY | O_CLOEXEC), ends[2];
	char *memory = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, ruled_fd, 0);
	off_t at = 0;

	if (from < 0 || memory == MAP_FAILED || pipe2(ends, O_CLOEXEC))
		return EIO;
	memcpy(memory, "4444", 4);
	if (pwrite(ruled_fd, "55555", 5, 0) != 5 || sendfile(ruled_fd, from, &at, 4) != 4 ||
	    copy_file_range(from, &(off_t){0}, ruled_fd, &(off_t){0}, 4, 0) != 4 ||
	    fallocate(ruled_fd, 0, 0, 100) || write(ends[1], "66", 2) != 2 ||
	    splice(ends[0], NULL, ruled_fd, &(off_t){0}, 2, 0) != 2)
		return errno;
	return 0;
}

#define RULE(on, file) "{name: it, on: " on ", action: deny, path: '%s/" file "'}"

static const struct {
	const char *name, *rule;
	ruled_act act;
	enum ruled_end end;
} singles[] = {
	{"write_by_handle", RULE("write", "file"), by_handle, RULED_REFUSED},
	{"write_opened_again", RULE("write", "file"), opened_again, RULED_REFUSED},
	{"unlink_io_uring", RULE("unlink", "file"), unlink_by_ring, RULED_REFUSED},
	{"rename_io_uring", RULE("rename", "file"), rename_by_ring, RULED_REFUSED},
	{"unlink_long_path", RULE("unlink", "ddd*"), unlink_deep, RULED_REFUSED},
	{"rename_long_path", RULE("rename", "ddd*"), rename_deep, RULED_REFUSED},
	{"write_replaced", RULE("[write, rename]", "file"), replace, RULED_REFUSED},
	{"write_new_link", RULE("[write, link]", "file"), by_new_link, RULED_REFUSED},
	{"write_folder_renamed", RULE("[write, rename]", "dir*"), by_folder_renamed, RULED_REFUSED},
	{"limit_write_replaced", RULE("write", "file"), replace, RULED_DONE},
	{"limit_unlink_replaced", RULE("unlink", "file"), replace, RULED_DONE},
	{"limit_write_new_link", RULE("[write, rename]", "file"), by_new_link, RULED_DONE},
	{"limit_write_folder_renamed", RULE("[write, rename]", "dir/inner"), by_folder_renamed,
	 RULED_DONE},
	{"limit_write_open_file", RULE("write", "file"), by_open_file, RULED_DONE},
};

#define DEEDS	(sizeof(deeds) / sizeof(*deeds))
#define SINGLES (sizeof(singles) / sizeof(*singles))

static void put_back(void)
{
	rename(watched_file("name"), watched_file("dir"));
	set_up();
}

static void one_single(int index)
{
	char rule[256];

	ruled_none();
	set_up();
	ruled_fd = open(watched_file("file"), O_RDWR | O_CLOEXEC);
	if (ruled_run(singles[index].act) != RULED_DONE)
		checkrun_error("it does not work without a rule either");
	put_back();
	snprintf(rule, sizeof(rule), singles[index].rule, watched_folder());
	ruled_load("  - %s\n", rule);
	ruled_expect("under the rule", singles[index].act, singles[index].end);
	ruled_none();
}

void rules_escape_file_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[DEEDS + SINGLES];
	static char names[DEEDS + SINGLES][64];
	const char *name;

	for (size_t i = 0; i < DEEDS + SINGLES; i++) {
		name = i < DEEDS ? deeds[i].name : singles[i - DEEDS].name;
		snprintf(names[i], sizeof(names[i]), "functional.rules.escape.%s%s",
			 i < DEEDS ? "ways_to_" : "", name);
		tests[i] = i < DEEDS ? (struct functional_test){names[i], one_deed, i}
				     : (struct functional_test){names[i], one_single, i - DEEDS};
	}
	functional_add(suite, selection, tests, DEEDS + SINGLES);
}
