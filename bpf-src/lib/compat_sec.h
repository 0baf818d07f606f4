/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels for the programs that watch processes. One function each, which
 * names the commit; the callers know of none.
 */
#ifndef COREPATH_COMPAT_SEC_H
#define COREPATH_COMPAT_SEC_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * Whether the thread that ends is the last of its process. sched_process_exit says so itself
 * from 6.16 on ("exit: move and extend sched_process_exit() tracepoint"); every kernel counts down
 * before it, but two last threads can both see 0 there.
 */
static __always_inline bool compat_may_be_last(struct task_struct *p)
{
	return !BPF_CORE_READ(p, signal, live.counter);
}

/* Flavours: what older or newer kernels have in place of it. */
struct proc_ns_operations___typed {
	int type;
} __attribute__((preserve_access_index));

struct ns_common___typed {
	__u32 ns_type;
} __attribute__((preserve_access_index));

/*
 * The CLONE_NEW flag of a namespace, from its inode's i_private; 0 if it is none. struct ns_common
 * has it from 6.18 on, its operations before.
 */
static __always_inline __u32 compat_namespace_type(void *ns)
{
	struct proc_ns_operations___typed *operations;
	struct ns_common___typed *typed = ns;
	struct ns_common *common = ns;

	if (!ns)
		return 0;
	if (bpf_core_field_exists(typed->ns_type))
		return BPF_CORE_READ(typed, ns_type);
	operations = (void *)BPF_CORE_READ(common, ops);
	return BPF_CORE_READ(operations, type);
}

enum kernel_read_file_id___compressed {
	READING_MODULE_COMPRESSED___compressed = 7,
};

/* Whether enum kernel_read_file_id or enum kernel_load_data_id, which are the same numbers, is of a
 * module; a compressed one has a number of its own in newer kernels. */
static __always_inline bool compat_is_module(__u32 id)
{
	if (id == bpf_core_enum_value(enum kernel_read_file_id, READING_MODULE))
		return true;
	return bpf_core_enum_value_exists(enum kernel_read_file_id___compressed,
					  READING_MODULE_COMPRESSED___compressed) &&
	       id == bpf_core_enum_value(enum kernel_read_file_id___compressed,
					 READING_MODULE_COMPRESSED___compressed);
}

struct super_block___list {
	struct list_head s_mounts;
} __attribute__((preserve_access_index));

struct mount___list {
	struct list_head mnt_instance;
} __attribute__((preserve_access_index));

/* How many mounts of one file system are looked at. */
#define COMPAT_MOUNTS_MAX 32

static __always_inline bool mount_is_whole(struct mount *m, struct super_block *sb,
					   struct mnt_namespace *ns)
{
	return BPF_CORE_READ(m, mnt_ns) == ns &&
	       BPF_CORE_READ(m, mnt.mnt_root) == BPF_CORE_READ(sb, s_root);
}

/* Two functions, and no inline ones, so that nothing of the one that is not for this kernel is
 * moved to where it runs. */
static __noinline struct mount *mount_in_list(struct super_block___list *sb,
					      struct mnt_namespace *ns)
{
	struct list_head *end =
		(void *)sb + bpf_core_field_offset(struct super_block___list, s_mounts);
	struct list_head *at = BPF_CORE_READ(sb, s_mounts.next);
	struct mount___list *m;
	int i;

	for (i = 0; i < COMPAT_MOUNTS_MAX && at && at != end; i++) {
		m = (void *)at - bpf_core_field_offset(struct mount___list, mnt_instance);
		if (mount_is_whole((void *)m, (void *)sb, ns))
			return (void *)m;
		at = BPF_CORE_READ(m, mnt_instance.next);
	}
	return NULL;
}

static __noinline struct mount *mount_in_chain(struct super_block *sb, struct mnt_namespace *ns)
{
	struct mount *m = BPF_CORE_READ(sb, s_mounts), *oldest = NULL;
	int i;

	for (i = 0; i < COMPAT_MOUNTS_MAX && m; i++) {
		if (mount_is_whole(m, sb, ns))
			oldest = m;
		m = BPF_CORE_READ(m, mnt_next_for_sb);
	}
	return oldest;
}

/*
 * The oldest mount in the namespace that is of all of the file system; NULL: there is none. They
 * are a list_head of mount.mnt_instance, the oldest first; from 6.18 on (09a1b33c080f "preparations
 * to taking MNT_WRITE_HOLD out of ->mnt_flags") linked by mnt_next_for_sb, the newest first.
 */
static __always_inline struct mount *compat_mount_of(struct super_block *sb,
						     struct mnt_namespace *ns)
{
	return bpf_core_field_exists(struct mount, mnt_next_for_sb) ? mount_in_chain(sb, ns)
								    : mount_in_list((void *)sb, ns);
}

struct vfsmount___userns {
	struct user_namespace *mnt_userns;
} __attribute__((preserve_access_index));

/*
 * The dentry and the name that hooks of extended attributes have: their first arguments, or, from
 * 5.12 on (71bc356f93a1 "commoncap: handle idmapped mounts"), those behind the mount's mapping,
 * which is a user namespace until 6.3 (39f60c1ccee7 "fs: port xattr to mnt_idmap"). Loaded by hand,
 * as a compiler may make one load of two, whose place no verifier knows.
 */
static __always_inline void compat_xattr(void *ctx, struct dentry **dentry, const char **name)
{
	if (bpf_core_field_exists(struct vfsmount, mnt_idmap) ||
	    bpf_core_field_exists(struct vfsmount___userns, mnt_userns))
		asm volatile("%0 = *(u64 *)(%2 + 8)\n"
			     "%1 = *(u64 *)(%2 + 16)"
			     : "=&r"(*dentry), "=&r"(*name)
			     : "r"(ctx));
	else
		asm volatile("%0 = *(u64 *)(%2 + 0)\n"
			     "%1 = *(u64 *)(%2 + 8)"
			     : "=&r"(*dentry), "=&r"(*name)
			     : "r"(ctx));
}

/* Whether inode_file_setattr is asked (6.17: defdd02d783c "lsm: introduce new hooks
 * for setting/getting inode fsxattr"). */
static __always_inline bool compat_has_file_setattr(void)
{
	return bpf_core_type_exists(struct file_kattr);
}

#endif
