// SPDX-License-Identifier: GPL-2.0-only
/*
 * sec_rules: judges what processes do by the policy set, and stops it.
 *
 * Each hook is there in the ways it can be had, and the loader takes the first that works here:
 * sec_lsm_ is a program of the BPF LSM; sec_mod_ is one of BPF_MODIFY_RETURN on the function that
 * asks security modules, for kernels where the BPF LSM is not active: what it answers is returned
 * in that one's place, and a kernel lets it do so for every function whose name begins with
 * security_ (check_attach_modify_return() of kernel/bpf/verifier.c). sec_see_ is on the entry of a
 * function that nobody can refuse: who does what is denied is killed.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "lib/deeds_attr.h"
#include "lib/deeds_exec.h"
#include "lib/deeds_file.h"
#include "lib/deeds_power.h"
#include "lib/deeds_running.h"
#include "lib/deeds_socket.h"

/* BPF_PROG() gives each program a context, which none here asks for. */
#pragma clang diagnostic ignored "-Wunused-parameter"

/* What a hook may answer, as two constants: 6.12 looks for itself (5d99e198be27 "bpf, lsm: Add
 * check for BPF LSM return value"), and a compiler would make one number of them. */
static __always_inline int lsm(int answer)
{
	int refused = -EPERM;

	if (!answer)
		return 0;
	barrier_var(refused);
	return refused;
}

/* `call` is the deed, and `hook` who asks; what follows are the hook's arguments. */
#define PROGRAM(program, section, by, call, args...)                                               \
	SEC(section)                                                                               \
	int BPF_PROG(program, args)                                                                \
	{                                                                                          \
		__u32 hook = by;                                                                   \
                                                                                                   \
		return lsm(call);                                                                  \
	}

#define SEE_BY(name, section, call, args...)                                                       \
	SEC(section)                                                                               \
	int BPF_PROG(sec_see_##name, args)                                                         \
	{                                                                                          \
		__u32 hook = COREPATH_HOOK_FENTRY;                                                 \
                                                                                                   \
		call;                                                                              \
		return 0;                                                                          \
	}

#define SEE(name, function, call, args...) SEE_BY(name, "fentry/" function, call, args)

#define LSM(name, lsm_hook, call, args...)                                                         \
	PROGRAM(sec_lsm_##name, "lsm/" lsm_hook, COREPATH_HOOK_LSM, call, args)

#define HOOK(name, lsm_hook, function, call, args...)                                              \
	LSM(name, lsm_hook, call, args)                                                            \
	PROGRAM(sec_mod_##name, "fmod_ret/" function, COREPATH_HOOK_FMOD_RET, call, args)

/* Those that some kernels lack: the question mark is libbpf's. */
#define SOME(name, lsm_hook, function, call, args...)                                              \
	PROGRAM(sec_lsm_##name, "?lsm/" lsm_hook, COREPATH_HOOK_LSM, call, args)                   \
	PROGRAM(sec_mod_##name, "?fmod_ret/" function, COREPATH_HOOK_FMOD_RET, call, args)

/* Hooks that the kernel calls as its function. */
#define SAME(name, lsm_hook, call, args...) HOOK(name, lsm_hook, "security_" lsm_hook, call, args)

/* ---- files ---- */

HOOK(exec, "bprm_check_security", "security_bprm_check", on_exec(bprm, hook),
     struct linux_binprm *bprm)

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sec_see_args, struct task_struct *p, pid_t old_tid, struct linux_binprm *bprm)
{
	on_args(old_tid, bprm, COREPATH_HOOK_TRACEPOINT);
	return 0;
}

SEC("iter/task")
int sec_see_running(struct bpf_iter__task *ctx)
{
	return on_running(ctx->meta->seq, ctx->task);
}

SAME(open, "file_open", on_open(file, hook), struct file *file)

SAME(truncate, "path_truncate", on_its_path(COREPATH_OP_WRITE, path, hook), const struct path *path)

/* From 6.2 on (3350607dc562 "security: Create file_truncate hook from path_truncate hook");
 * ftruncate() asks path_truncate before. */
SOME(ftruncate, "file_truncate", "security_file_truncate", on_ftruncate(file, hook),
     struct file *file)

SAME(unlink, "path_unlink", on_name(COREPATH_OP_UNLINK, dir, dentry, hook), const struct path *dir,
     struct dentry *dentry)

SAME(rmdir, "path_rmdir", on_name(COREPATH_OP_UNLINK, dir, dentry, hook), const struct path *dir,
     struct dentry *dentry)

SAME(rename, "path_rename", on_names(COREPATH_OP_RENAME, old_dir, old, new_dir, new, hook),
     const struct path *old_dir, struct dentry *old, const struct path *new_dir, struct dentry *new)

SAME(link, "path_link", on_link(old, dir, new, hook), struct dentry *old, const struct path *dir,
     struct dentry *new)

SAME(mkdir, "path_mkdir", on_name(COREPATH_OP_CREATE, dir, dentry, hook), const struct path *dir,
     struct dentry *dentry)

/* of open() with O_CREAT, too */
SAME(mknod, "path_mknod", on_name(COREPATH_OP_CREATE, dir, dentry, hook), const struct path *dir,
     struct dentry *dentry)

SAME(symlink, "path_symlink", on_name(COREPATH_OP_CREATE, dir, dentry, hook),
     const struct path *dir, struct dentry *dentry)

SAME(chmod, "path_chmod", on_chmod(path, mode, hook), const struct path *path, umode_t mode)

/* Its ids are structs, which trampolines take from 6.1 on (720e6a435194). */
SOME(chown, "path_chown", "security_path_chown", on_its_path(COREPATH_OP_CHOWN, path, hook),
     const struct path *path)

/* ---- attributes of files ---- */

/* Whose arguments depend on the kernel: compat_xattr(). */
#define XATTR(name, optional, lsm_hook)                                                            \
	SEC(optional "lsm/" lsm_hook)                                                              \
	int sec_lsm_##name(void *ctx)                                                              \
	{                                                                                          \
		return lsm(on_xattr(ctx, COREPATH_HOOK_LSM));                                      \
	}                                                                                          \
	SEC(optional "fmod_ret/security_" lsm_hook)                                                \
	int sec_mod_##name(void *ctx)                                                              \
	{                                                                                          \
		return lsm(on_xattr(ctx, COREPATH_HOOK_FMOD_RET));                                 \
	}

XATTR(setxattr, "", "inode_setxattr")
XATTR(removexattr, "", "inode_removexattr")

/* From 6.2 on those of system.posix_acl_... ask these ("security: add set acl hook"). */
XATTR(set_acl, "?", "inode_set_acl")
XATTR(remove_acl, "?", "inode_remove_acl")

SAME(ioctl, "file_ioctl", on_ioctl(file, cmd, hook), struct file *file, unsigned int cmd)

/* of 32-bit programs, from 6.8 on and in stable kernels (f1bb47a31dff) */
SOME(ioctl32, "file_ioctl_compat", "security_file_ioctl_compat", on_ioctl(file, cmd, hook),
     struct file *file, unsigned int cmd)

SOME(file_setattr, "inode_file_setattr", "security_inode_file_setattr",
     on_file_setattr(dentry, attr, hook), struct dentry *dentry, struct file_kattr *attr)

/* ---- mounts ---- */

SAME(mount, "sb_mount", on_its_path(COREPATH_OP_MOUNT, path, hook), const char *dev_name,
     const struct path *path)

SAME(move_mount, "move_mount", on_its_path(COREPATH_OP_MOUNT, to, hook), const struct path *from,
     const struct path *to)

/* by fsconfig() */
SAME(remount, "sb_remount", on_no_file(COREPATH_OP_MOUNT, hook), struct super_block *sb)

SAME(umount, "sb_umount", on_umount(mnt, hook), struct vfsmount *mnt)

SAME(pivot_root, "sb_pivotroot", on_its_path(COREPATH_OP_PIVOT_ROOT, to, hook),
     const struct path *from, const struct path *to)

/* ---- sockets ---- */

SAME(connect, "socket_connect", on_address(COREPATH_OP_CONNECT, address, len, false, hook),
     struct socket *sock, struct sockaddr *address, int len)

SAME(send, "socket_sendmsg", on_send(msg, hook), struct socket *sock, struct msghdr *msg)

SAME(bind, "socket_bind", on_address(COREPATH_OP_BIND, address, len, true, hook),
     struct socket *sock, struct sockaddr *address, int len)

SAME(listen, "socket_listen", on_listen(sock, hook), struct socket *sock)

/* ---- credentials ---- */

SAME(setuid, "task_fix_setuid", on_setuid(now, before, hook), struct cred *now,
     const struct cred *before)

SAME(setgid, "task_fix_setgid", on_setgid(now, before, hook), struct cred *now,
     const struct cred *before)

/* Of a file that has the bit: the ids are set before modules are asked (bprm_creds_from_file() of
 * fs/exec.c). */
SAME(setuid_file, "bprm_creds_from_file", on_setuid(bprm->cred, current_cred(), hook),
     struct linux_binprm *bprm)

SAME(setgid_file, "bprm_creds_from_file", on_setgid(bprm->cred, current_cred(), hook),
     struct linux_binprm *bprm)

SAME(capset, "capset", on_capset(effective, hook), struct cred *now, const struct cred *before,
     const kernel_cap_t *effective)

/* The module that finds the capabilities is asked first of all, so the BPF LSM sees them. On the
 * function's entry they are not there yet; then they are when it is too late to refuse. */
LSM(capability_file, "bprm_creds_from_file", on_capabilities(capabilities_of(bprm->cred), hook),
    struct linux_binprm *bprm)
SEE(capability_file, "security_bprm_committing_creds",
    on_capabilities(capabilities_of(bprm->cred), hook), struct linux_binprm *bprm)

/* ---- namespaces ---- */

/* The hook is from 6.1 on (7cd4c5c2101c "security, lsm: Introduce security_create_user_ns()"). */
SOME(userns, "userns_create", "security_create_user_ns",
     on_bits(COREPATH_OP_USERNS, CLONE_NEWUSER, hook), const struct cred *cred)
SEE(userns, "create_user_ns", on_bits(COREPATH_OP_USERNS, CLONE_NEWUSER, hook), struct cred *cred)

SAME(clone, "task_alloc", on_clone(flags, hook), struct task_struct *task, unsigned long flags)

/* No module is asked. Kernels without CONFIG_IA32_EMULATION have no 32-bit calls. */
SEE(unshare, "__x64_sys_unshare", on_unshare(regs->di, hook), const struct pt_regs *regs)
SEE_BY(unshare32, "?fentry/__ia32_sys_unshare", on_unshare(regs->bx, hook),
       const struct pt_regs *regs)
SEE(setns, "__x64_sys_setns", on_setns(regs->di, regs->si, hook), const struct pt_regs *regs)
SEE_BY(setns32, "?fentry/__ia32_sys_setns", on_setns(regs->bx, regs->cx, hook),
       const struct pt_regs *regs)

/* ---- other processes, and the kernel ---- */

SAME(ptrace, "ptrace_access_check", on_attach(child, mode, hook), struct task_struct *child,
     unsigned int mode)

/* who is to be traced asks for it */
SAME(traceme, "ptrace_traceme", on_ptrace((void *)bpf_get_current_task(), hook),
     struct task_struct *parent)

SAME(module, "kernel_read_file", on_module_file(file, id, hook), struct file *file,
     enum kernel_read_file_id id)

SAME(module_data, "kernel_load_data", on_module_data(id, hook), enum kernel_load_data_id id)

SAME(module_request, "kernel_module_request", on_module_request(name, hook), char *name)

SAME(bpf, "bpf", on_number(COREPATH_OP_BPF, cmd, hook), int cmd)

char LICENSE[] SEC("license") = "GPL";
