/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done to files, and running them. `hook` is enum corepath_hook: who asks. */
#ifndef COREPATH_DEEDS_FILE_H
#define COREPATH_DEEDS_FILE_H

#include "deed.h"

#define FMODE_WRITE 2	  /* include/linux/fs.h */
#define O_TRUNC	    01000 /* include/uapi/asm-generic/fcntl.h */

static __always_inline int on_path(enum corepath_op op, const struct path *path, __u32 hook)
{
	struct deed d = {.op = op, .hook = hook};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	file_apply(&d, s, path);
	return deed_end(&d, s);
}

/* A path that the kernel has, of which the program makes a copy of its own. */
static __always_inline int on_its_path(enum corepath_op op, const struct path *from, __u32 hook)
{
	struct path path = {.mnt = BPF_CORE_READ(from, mnt), .dentry = BPF_CORE_READ(from, dentry)};

	return on_path(op, &path, hook);
}

/* A name in a folder, whether or not there is a file of that name. */
static __noinline int on_name(enum corepath_op op, const struct path *dir, struct dentry *dentry,
			      __u32 hook)
{
	struct path path = {.mnt = BPF_CORE_READ(dir, mnt), .dentry = dentry};

	return on_path(op, &path, hook);
}

static __always_inline int on_open(struct file *file, __u32 hook)
{
	struct path path = {};

	/* most files are opened to be read */
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE) &&
	    !(BPF_CORE_READ(file, f_flags) & O_TRUNC))
		return 0;
	BPF_CORE_READ_INTO(&path, file, f_path);
	return on_path(COREPATH_OP_WRITE, &path, hook);
}

static __always_inline int on_ftruncate(struct file *file, __u32 hook)
{
	struct path path = {};

	BPF_CORE_READ_INTO(&path, file, f_path);
	return on_path(COREPATH_OP_WRITE, &path, hook);
}

/* Either name of what has two. */
static __always_inline int on_names(enum corepath_op op, const struct path *dir,
				    struct dentry *dentry, const struct path *other_dir,
				    struct dentry *other, __u32 hook)
{
	int answer = on_name(op, dir, dentry, hook);

	return answer ? answer : on_name(op, other_dir, other, hook);
}

/* The name a file has already; its folder's mount is that of the new name (EXDEV otherwise). */
static __always_inline int on_link(struct dentry *old, const struct path *dir, struct dentry *new,
				   __u32 hook)
{
	return on_names(COREPATH_OP_LINK, dir, old, dir, new, hook);
}

/* CAP_LAST_CAP + 1 of include/uapi/linux/capability.h, the most of what has bits here. */
#define BITS_MAX 41

/* `bits` are compared one by one, and what the event has. */
static __noinline int bits_apply(void *trie, struct sec_scratch *s, __u64 bits)
{
	__u32 i;

	s->event.rule.value = bits;
	if (!dim_used(COREPATH_DIM_BIT) || !multi_start(trie, s, COREPATH_DIM_BIT))
		return 0;
	for (i = 0; i < BITS_MAX; i++) {
		if (!(bits >> i & 1))
			continue;
		s->key.data[0] = i;
		key_start(s, COREPATH_DIM_BIT, 1);
		multi_add(trie, s);
	}
	return multi_end(s);
}

static __always_inline int on_chmod(const struct path *from, __u16 mode, __u32 hook)
{
	struct deed d = {.op = COREPATH_OP_CHMOD, .hook = hook};
	struct path path = {.mnt = BPF_CORE_READ(from, mnt), .dentry = BPF_CORE_READ(from, dentry)};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	file_apply(&d, s, &path);
	bits_apply(d.trie, s, mode & 07777);
	return deed_end(&d, s);
}

/* A mount whose root is meant. */
static __always_inline int on_umount(struct vfsmount *mnt, __u32 hook)
{
	struct path path = {.mnt = mnt, .dentry = BPF_CORE_READ(mnt, mnt_root)};

	return on_path(COREPATH_OP_UMOUNT, &path, hook);
}

/* What may have a file; without one, rules with a path do not match. */
static __always_inline int on_no_file(enum corepath_op op, __u32 hook)
{
	struct deed d = {.op = op, .hook = hook};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	no_file_apply(&d, s);
	return deed_end(&d, s);
}

#endif
