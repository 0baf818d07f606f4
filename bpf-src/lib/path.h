/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of a file, from the root of its mount namespace, as far as the kernel lets one be: 4095
 * bytes.
 *
 * bpf_d_path() would need a path that the verifier trusts and stops at the process's own root,
 * which a chroot moves; its callers are a short list on 5.10. So the dentries are read one by one,
 * from the file upwards, as prepend_path() in fs/d_path.c does. A global function takes PATH_STEPS
 * of them and is verified once; called PATH_CALLS times it does the longest path there is on every
 * kernel alike, and bpf_loop() (5.17) would save nothing.
 */
#ifndef COREPATH_PATH_H
#define COREPATH_PATH_H

#include "sec_maps.h"

#define PATH_STEPS 16
/* 2048 names of one byte and their slashes are COREPATH_PATH_MAX; the rest is for mounts on the way
 */
#define PATH_CALLS 144

#define NAME_MAX 255 /* include/uapi/linux/limits.h */

static __always_inline void path_start(struct sec_scratch *s, const struct path *path)
{
	struct vfsmount *mnt = path->mnt;

	s->walk.dentry = (__u64)path->dentry;
	s->walk.mount = (__u64)mnt - bpf_core_field_offset(struct mount, mnt);
	s->walk.top = (__u64)BPF_CORE_READ(mnt, mnt_root);
	s->walk.at = COREPATH_PATH_MAX - 1;
	s->walk.flags = 0;
	s->name[COREPATH_PATH_MAX - 1] = 0;
}

/* Puts the name before what is there. False if there is no room. */
static __always_inline bool path_put(struct sec_scratch *s, const struct qstr *name, bool slash)
{
	__u32 len = name->len, at = s->walk.at;

	if (len > NAME_MAX)
		len = NAME_MAX;
	if (at < len + slash) {
		s->walk.flags |= PATH_CUT;
		return false;
	}
	at -= len + slash;
	s->walk.at = at;
	if (slash) {
		s->name[at & SEC_NAME_MASK] = '/';
		at++;
	}
	bpf_probe_read_kernel(&s->name[at & SEC_NAME_MASK], len & NAME_MAX, name->name);
	return true;
}

/* One name or one mount upwards. True at the end. */
static __always_inline bool path_step(struct sec_scratch *s)
{
	struct dentry *d = (void *)s->walk.dentry, *parent;
	struct mount *mount = (void *)s->walk.mount, *up;
	struct qstr name = {};

	if (s->walk.dentry == s->walk.top) {
		if (!mount) /* the file system's own path is asked for */
			return true;
		up = BPF_CORE_READ(mount, mnt_parent);
		if (up == mount)
			return true;
		s->walk.dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		s->walk.mount = (__u64)up;
		s->walk.top = (__u64)BPF_CORE_READ(up, mnt.mnt_root);
		return false;
	}
	parent = BPF_CORE_READ(d, d_parent);
	BPF_CORE_READ_INTO(&name, d, d_name);
	if (parent ==
	    d) { /* under no mount's root: what memfd_create() makes, or what a mount lost */
		s->walk.flags |= PATH_NOWHERE;
		if (s->walk.at == COREPATH_PATH_MAX - 1)
			path_put(s, &name, false);
		return true;
	}
	s->walk.dentry = (__u64)parent;
	return !path_put(s, &name, true);
}

__attribute__((noinline)) int path_steps(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	int i;

	if (!s)
		return 1;
	for (i = 0; i < PATH_STEPS; i++)
		if (path_step(s))
			return 1;
	return 0;
}

/* The path that path_start() began is in the scratch's name, from walk.at. */
__attribute__((noinline)) int path_finish(__u32 slot)
{
	struct sec_scratch *s = scratch_of(slot);
	struct dentry *d;
	int i;

	if (!s)
		return 1;
	/* d_unlinked() of include/linux/dcache.h: in no hash table, and no root */
	d = (void *)s->walk.dentry;
	if (s->walk.dentry != s->walk.top && !BPF_CORE_READ(d, d_hash.pprev) &&
	    BPF_CORE_READ(d, d_parent) != d)
		s->walk.flags |= PATH_DELETED;
	for (i = 0; i < PATH_CALLS; i++)
		if (path_steps(slot))
			break;
	if (i == PATH_CALLS)
		s->walk.flags |= PATH_CUT;
	if (s->walk.at == COREPATH_PATH_MAX - 1) { /* the root itself */
		s->walk.at--;
		s->name[COREPATH_PATH_MAX - 2] = '/';
	}
	return 0;
}

#endif
