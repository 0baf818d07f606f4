// SPDX-License-Identifier: GPL-2.0-only
/* functional.rules.*: what a file has beside its content and its mode: extended attributes, ACLs
 * among them, and flags. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "ruled.h"
#include "watched.h"

#define ACL "system.posix_acl_access"

/* The call fails so anyhow, after the hook: nothing was in its way. */
static int result_but(long value, int expected)
{
	return value < 0 && errno != expected ? errno : 0;
}

static int set_attribute(void)
{
	return result_but(setxattr(watched_file("file"), "trusted.x", "1", 1, 0), 0);
}

static int set_of_open(void)
{
	return result_but(fsetxattr(ruled_fd, "trusted.x", "1", 1, 0), 0);
}

/* Of a file of the root file system. */
static int set_of_root(void)
{
	int fd = open("/ruled-file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || close(fd))
		return EIO;
	return result_but(setxattr("/ruled-file", "trusted.x", "1", 1, 0), EOPNOTSUPP);
}

/* There is none. */
static int remove_attribute(void)
{
	return result_but(removexattr(watched_file("file"), "trusted.none"), ENODATA);
}

/* u=rw,g=r,o=r, as include/uapi/linux/posix_acl_xattr.h has it: version, then tag, bits and id. */
static int set_acl(void)
{
	static const unsigned int acl[] = {2,	6 << 16 | 0x01, ~0u, 4 << 16 | 0x04,
					   ~0u, 4 << 16 | 0x20, ~0u};

	return result_but(setxattr(watched_file("file"), ACL, acl, sizeof(acl), 0), 0);
}

static int remove_acl(void)
{
	return result_but(removexattr(watched_file("file"), ACL), ENODATA);
}

/* The root file system of the VM may have none, and not all have those that 64-bit programs do not
 * use; the hook comes first. */
static int flags_by(unsigned long command, void *value)
{
	int err = result_but(ioctl(ruled_fd, command, value), ENOTTY);

	return err == EOPNOTSUPP ? 0 : err;
}

static int set_flags(void)
{
	int flags = FS_NODUMP_FL;

	return flags_by(FS_IOC_SETFLAGS, &flags);
}

static int set_flags32(void)
{
	int flags = FS_NODUMP_FL;

	return flags_by(FS_IOC32_SETFLAGS, &flags);
}

static int set_xflags(void)
{
	struct fsxattr flags = {.fsx_xflags = FS_XFLAG_NODUMP};

	return flags_by(FS_IOC_FSSETXATTR, &flags);
}

/* By file_setattr() where the kernel has it (6.17), or by the call that it takes the place of. */
static int set_by_path(void)
{
	struct {
		unsigned long long flags;
		unsigned int more[4];
	} attr = {.flags = FS_XFLAG_NODUMP};

	if (!ruled_kernel_has("security_inode_file_setattr"))
		return set_xflags();
	return result_but(syscall(469 /* file_setattr */, AT_FDCWD, watched_file("file"), &attr,
				  sizeof(attr), 0),
			  EOPNOTSUPP);
}

/* What is no change of flags is not looked at. */
static int get_flags(void)
{
	int flags;

	return flags_by(FS_IOC_GETFLAGS, &flags);
}

static const struct ruled_deed deeds[] = {
	{"setxattr", "xattr", "path: @/file, attribute: [user.y, 'trusted.*']",
	 "path: @/file, attribute: [user.x, trusted, 'trusted.x.*']", set_attribute,
	 DENIAL_REFUSES},
	{"setxattr_path", "xattr", "path: @/file", "path: @/fil", set_attribute, DENIAL_REFUSES},
	{"setxattr_not", "xattr", "path: '@/*', attribute-not: 'user.*'",
	 "path: '@/*', attribute-not: trusted.x", set_attribute, DENIAL_REFUSES},
	{"fsetxattr", "xattr", "path: '*/file', attribute: trusted.x", "path: '*/other'",
	 set_of_open, DENIAL_REFUSES},
	{"setxattr_root", "xattr", "path: /ruled-file", "path: /file", set_of_root, DENIAL_REFUSES},
	{"removexattr", "xattr", "path: @/file, attribute: trusted.none",
	 "path: @/file, attribute: trusted.x", remove_attribute, DENIAL_REFUSES},
	{"set_acl", "xattr", "path: @/file, attribute: " ACL, "path: @/file, attribute: 'trusted*'",
	 set_acl, DENIAL_REFUSES},
	{"remove_acl", "[xattr, chmod]", "path: @/file, exe: '" WATCHED_DIR "/*'",
	 "path: @/file, exe: '/bin/*'", remove_acl, DENIAL_REFUSES},
	{"chattr", "chattr", "path: @/file", "path: @/other", set_flags, DENIAL_REFUSES},
	{"chattr32", "chattr", "path: @/file", "path: @/other", set_flags32, DENIAL_REFUSES},
	{"chattr_xflags", "chattr", "path: @/file", "path: @/other", set_xflags, DENIAL_REFUSES},
	{"file_setattr", "chattr", "path: @/file", "path: @/other", set_by_path, DENIAL_REFUSES},
};

#define DEEDS (sizeof(deeds) / sizeof(*deeds))

const struct ruled_table ruled_attributes = {deeds, DEEDS};

static void one_deed(int index)
{
	ruled_deed(&deeds[index]);
}

/* Each deed is one match, whichever of its hooks a kernel asks. */
static void once(int index __attribute__((unused)))
{
	static const ruled_act acts[] = {set_attribute, set_acl, set_flags, set_xflags};
	int fd;

	ruled_none();
	fd = open(watched_file("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ruled_fd = fd;
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		ruled_load("  - {name: it, on: [xattr, chattr], action: log, path: %s/file}\n",
			   watched_folder());
		ruled_expect("log", acts[i], RULED_DONE);
		if (ruled_hits() != 1)
			ck_abort_msg("deed %zu: %llu matches", i, ruled_hits());
		ruled_expect("what only looks", get_flags, RULED_DONE);
		if (ruled_hits() != 1)
			ck_abort_msg("reading the flags matched");
	}
	ruled_none();
}

static const struct functional_test others[] = {
	{"functional.rules.attributes_once", once, 0},
};

void rules_attr_add(Suite *suite, const struct selection *selection)
{
	static struct functional_test tests[DEEDS];
	static char names[DEEDS][64];

	ruled_add(suite, selection, &ruled_attributes, tests, names, one_deed);
	functional_add(suite, selection, others, 1);
}
