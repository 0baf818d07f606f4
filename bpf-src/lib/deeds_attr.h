/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done to a file beside its content and its mode: extended attributes and its flags. */
#ifndef COREPATH_DEEDS_ATTR_H
#define COREPATH_DEEDS_ATTR_H

#include "deeds_file.h"

/* include/uapi/linux/fs.h; those of 32-bit programs are another number */
#define FS_IOC_SETFLAGS	  0x40086602
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_IOC_FSSETXATTR 0x401c5820

/*
 * These hooks are told the dentry and not by which mount it was found. So it is the one that is the
 * oldest of those that the process sees and that are of all of the file system; NULL: there is
 * none, and the path is from the file system's own root.
 */
static __always_inline struct vfsmount *mount_of(struct dentry *dentry)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct mount *m =
		compat_mount_of(BPF_CORE_READ(dentry, d_sb), BPF_CORE_READ(task, nsproxy, mnt_ns));

	return m ? (void *)m + bpf_core_field_offset(struct mount, mnt) : NULL;
}

/* `name` is the attribute's, or NULL if that is not what it is about. */
static __noinline int on_dentry(enum corepath_op op, struct dentry *dentry, const char *name,
				__u32 hook)
{
	struct deed d = {.op = op, .hook = hook};
	struct sec_scratch *s;
	struct path path = {};
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	path.dentry = dentry;
	path.mnt = mount_of(dentry);
	file_apply(&d, s, &path);
	if (name && dim_used(COREPATH_DIM_ARG)) {
		bpf_probe_read_kernel_str(s->key.data, COREPATH_SEC_DATA, name);
		key_start(s, COREPATH_DIM_ARG, COREPATH_SEC_DATA);
		key_apply(d.trie, s);
	}
	return deed_end(&d, s);
}

/* Set, or removed. `ctx` is the hook's arguments. */
static __always_inline int on_xattr(void *ctx, __u32 hook)
{
	struct dentry *dentry;
	const char *name;

	compat_xattr(ctx, &dentry, &name);
	return on_dentry(COREPATH_OP_XATTR, dentry, name, hook);
}

/* chattr(1). Where inode_file_setattr is asked, it is so of FS_IOC_FSSETXATTR as well. */
static __always_inline int on_ioctl(struct file *file, __u32 cmd, __u32 hook)
{
	struct path path = {};

	if (cmd != FS_IOC_SETFLAGS && cmd != FS_IOC32_SETFLAGS &&
	    (cmd != FS_IOC_FSSETXATTR || compat_has_file_setattr()))
		return 0;
	BPF_CORE_READ_INTO(&path, file, f_path);
	return on_path(COREPATH_OP_CHATTR, &path, hook);
}

/* By file_setattr() or FS_IOC_FSSETXATTR: FS_IOC_SETFLAGS has been judged. */
static __always_inline int on_file_setattr(struct dentry *dentry, struct file_kattr *attr,
					   __u32 hook)
{
	return BPF_CORE_READ_BITFIELD_PROBED(attr, flags_valid)
		       ? 0
		       : on_dentry(COREPATH_OP_CHATTR, dentry, NULL, hook);
}

#endif
