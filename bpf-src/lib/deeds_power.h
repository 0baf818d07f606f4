/* SPDX-License-Identifier: GPL-2.0-only */
/* What gives a process more than it had: other ids, capabilities, namespaces, other processes'
 * memory, and code in the kernel. */
#ifndef COREPATH_DEEDS_POWER_H
#define COREPATH_DEEDS_POWER_H

#include "deeds_file.h"

#define PTRACE_MODE_ATTACH 2 /* include/linux/ptrace.h */

/* include/uapi/linux/sched.h */
#define CLONE_NEWTIME	0x00000080
#define CLONE_NEWNS	0x00020000
#define CLONE_NEWCGROUP 0x02000000
#define CLONE_NEWUTS	0x04000000
#define CLONE_NEWIPC	0x08000000
#define CLONE_NEWUSER	0x10000000
#define CLONE_NEWPID	0x20000000
#define CLONE_NEWNET	0x40000000
#define CLONE_NEWALL                                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

static __always_inline int on_number(enum corepath_op op, __u32 number, __u32 hook)
{
	struct deed d = {.op = op, .hook = hook};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	s->event.rule.value = number;
	if (dim_used(COREPATH_DIM_NUMBER))
		number_apply(d.trie, s, COREPATH_DIM_NUMBER, number);
	return deed_end(&d, s);
}

static __always_inline int on_bits(enum corepath_op op, __u64 bits, __u32 hook)
{
	struct deed d = {.op = op, .hook = hook};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	bits_apply(d.trie, s, bits);
	return deed_end(&d, s);
}

/* ---- credentials ---- */

#define CHANGED(now, before, id) (BPF_CORE_READ(now, id.val) != BPF_CORE_READ(before, id.val))

/* The id that changes, the most powerful first; what stays as it is is no deed. */
static __always_inline int on_setuid(const struct cred *now, const struct cred *before, __u32 hook)
{
	__u32 id;

	if (CHANGED(now, before, euid))
		id = BPF_CORE_READ(now, euid.val);
	else if (CHANGED(now, before, uid))
		id = BPF_CORE_READ(now, uid.val);
	else if (CHANGED(now, before, suid))
		id = BPF_CORE_READ(now, suid.val);
	else if (CHANGED(now, before, fsuid))
		id = BPF_CORE_READ(now, fsuid.val);
	else
		return 0;
	return on_number(COREPATH_OP_SETUID, id, hook);
}

static __always_inline int on_setgid(const struct cred *now, const struct cred *before, __u32 hook)
{
	__u32 id;

	if (CHANGED(now, before, egid))
		id = BPF_CORE_READ(now, egid.val);
	else if (CHANGED(now, before, gid))
		id = BPF_CORE_READ(now, gid.val);
	else if (CHANGED(now, before, sgid))
		id = BPF_CORE_READ(now, sgid.val);
	else if (CHANGED(now, before, fsgid))
		id = BPF_CORE_READ(now, fsgid.val);
	else
		return 0;
	return on_number(COREPATH_OP_SETGID, id, hook);
}

static __always_inline const struct cred *current_cred(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, cred);
}

/* 8 bytes on every kernel: two words of 32 bits, the lower first, before 6.3 (f122a08b197d
 * "capability: just use a 'u64' instead of a 'u32[2]' array"). */
static __always_inline __u64 capabilities_of(const struct cred *cred)
{
	__u64 caps = 0;

	bpf_core_read(&caps, sizeof(caps), &cred->cap_effective);
	return caps;
}

static __always_inline int on_capabilities(__u64 now, __u32 hook)
{
	__u64 gained = now & ~capabilities_of(current_cred());

	return gained ? on_bits(COREPATH_OP_CAPABILITY, gained, hook) : 0;
}

static __always_inline int on_capset(const void *effective, __u32 hook)
{
	__u64 caps = 0;

	bpf_probe_read_kernel(&caps, sizeof(caps), effective);
	return on_capabilities(caps, hook);
}

/* ---- namespaces ---- */

static __always_inline int on_unshare(__u64 flags, __u32 hook)
{
	flags &= CLONE_NEWALL | CLONE_NEWTIME;
	return flags ? on_bits(COREPATH_OP_UNSHARE, flags, hook) : 0;
}

/* clone(), of which CLONE_NEWTIME is no flag: clone3() has it in the same place. */
static __always_inline int on_clone(__u64 flags, __u32 hook)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!BPF_CORE_READ(task, mm)) /* the kernel's own */
		return 0;
	return on_unshare(flags & CLONE_NEWALL, hook);
}

/* What `fd` is, if the call does not say: another thread could put another file there meanwhile, so
 * rules that count say which namespaces no process may join by leaving `namespace` out. */
static __always_inline int on_setns(__u32 fd, __u32 flags, __u32 hook)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table;
	struct file **files, *file = NULL;

	if (!(sec_config.ops & 1u << COREPATH_OP_SETNS))
		return 0;
	if (!flags) {
		table = BPF_CORE_READ(task, files, fdt);
		files = BPF_CORE_READ(table, fd);
		if (fd < BPF_CORE_READ(table, max_fds))
			bpf_probe_read_kernel(&file, sizeof(file), files + fd);
		flags = compat_namespace_type(BPF_CORE_READ(file, f_inode, i_private));
	}
	return on_bits(COREPATH_OP_SETNS, flags, hook);
}

/* ---- other processes, and the kernel ---- */

/* `path` is the program of who is traced. */
static __always_inline int on_ptrace(struct task_struct *target, __u32 hook)
{
	struct deed d = {.op = COREPATH_OP_PTRACE, .hook = hook};
	struct file *file = BPF_CORE_READ(target, mm, exe_file);
	struct path path = {};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	if (file) {
		BPF_CORE_READ_INTO(&path, file, f_path);
		file_apply(&d, s, &path);
	} else {
		no_file_apply(&d, s);
	}
	return deed_end(&d, s);
}

static __always_inline int on_attach(struct task_struct *target, __u32 mode, __u32 hook)
{
	return mode & PTRACE_MODE_ATTACH ? on_ptrace(target, hook) : 0;
}

static __always_inline int on_module_file(struct file *file, __u32 id, __u32 hook)
{
	struct path path = {};

	if (!compat_is_module(id))
		return 0;
	BPF_CORE_READ_INTO(&path, file, f_path);
	return on_path(COREPATH_OP_MODULE, &path, hook);
}

static __always_inline int on_module_data(__u32 id, __u32 hook)
{
	return compat_is_module(id) ? on_no_file(COREPATH_OP_MODULE, hook) : 0;
}

#define MODULE_NAME_BYTES 64

static __always_inline int on_module_request(const char *name, __u32 hook)
{
	struct deed d = {.op = COREPATH_OP_MODULE_REQUEST, .hook = hook};
	struct sec_scratch *s;
	int answer, len;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	len = bpf_probe_read_kernel_str(s->event.rule.data, MODULE_NAME_BYTES, name);
	if (len > 1 && len <= MODULE_NAME_BYTES) {
		s->event.rule.path_len = len - 1;
		s->used = len - 1;
	}
	return deed_end(&d, s);
}

#endif
