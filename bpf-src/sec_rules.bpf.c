// SPDX-License-Identifier: GPL-2.0-only
/*
 * sec_rules: judges what processes do by the policy set, and stops it.
 *
 * Each hook is there twice: as a BPF LSM program, whose answer is the kernel's, and, for kernels
 * where the BPF LSM is not active, on the entry of the function that would have asked it, where
 * nothing can be prevented, but who does it can be killed before it returns to user space. The
 * loader attaches one of the two.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "lib/place.h"
#include "lib/rules.h"

/* BPF_PROG() gives each program a context, which none here asks for. */
#pragma clang diagnostic ignored "-Wunused-parameter"

#define AF_UNSPEC 0 /* include/linux/socket.h */
#define AF_INET	  2
#define AF_INET6  10

#define FMODE_WRITE 2	  /* include/linux/fs.h */
#define O_TRUNC	    01000 /* include/uapi/asm-generic/fcntl.h */

static __always_inline int on_exec(struct linux_binprm *bprm, bool preventable)
{
	struct deed d = {.op = COREPATH_OP_EXEC, .preventable = preventable};
	struct sec_scratch *s;
	struct path path = {};
	__u32 argc;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	BPF_CORE_READ_INTO(&path, bprm, file, f_path);
	file_apply(&d, s, &path);
	if (dim_used(COREPATH_DIM_ARGC)) {
		argc = BPF_CORE_READ(bprm, argc);
		__builtin_memcpy(s->key.data, &argc, sizeof(argc));
		key_start(s, COREPATH_DIM_ARGC, sizeof(argc));
		key_apply(d.trie, s);
	}
	return deed_end(&d, s);
}

static __always_inline int on_path(enum corepath_op op, const struct path *path, bool preventable)
{
	struct deed d = {.op = op, .preventable = preventable};
	struct sec_scratch *s;
	int answer;

	if (!deed_begin(&d, &s, &answer))
		return answer;
	file_apply(&d, s, path);
	return deed_end(&d, s);
}

/* A name in a folder, whether or not there is a file of that name. */
static __noinline int on_name(enum corepath_op op, const struct path *dir, struct dentry *dentry,
			      bool preventable)
{
	struct path path = {.mnt = BPF_CORE_READ(dir, mnt), .dentry = dentry};

	return on_path(op, &path, preventable);
}

static __always_inline int on_open(struct file *file, bool preventable)
{
	struct path path = {};

	/* most files are opened to be read */
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE) &&
	    !(BPF_CORE_READ(file, f_flags) & O_TRUNC))
		return 0;
	BPF_CORE_READ_INTO(&path, file, f_path);
	return on_path(COREPATH_OP_WRITE, &path, preventable);
}

static __always_inline int on_truncate(const struct path *from, bool preventable)
{
	struct path path = {.mnt = BPF_CORE_READ(from, mnt), .dentry = BPF_CORE_READ(from, dentry)};

	return on_path(COREPATH_OP_WRITE, &path, preventable);
}

/* Either name of what has two. */
static __always_inline int on_names(enum corepath_op op, const struct path *dir,
				    struct dentry *dentry, const struct path *other_dir,
				    struct dentry *other, bool preventable)
{
	int answer = on_name(op, dir, dentry, preventable);

	return answer ? answer : on_name(op, other_dir, other, preventable);
}

/* The name a file has already; its folder's mount is that of the new name (EXDEV otherwise). */
static __always_inline int on_link(struct dentry *old, const struct path *dir, struct dentry *new,
				   bool preventable)
{
	return on_names(COREPATH_OP_LINK, dir, old, dir, new, preventable);
}

/* `any_family`: what udp_sendmsg() takes for AF_INET although it says AF_UNSPEC. */
static __always_inline int on_address(const void *address, __u32 len, bool any_family,
				      bool preventable)
{
	struct deed d = {.op = COREPATH_OP_CONNECT, .preventable = preventable};
	struct corepath_addr dest = {};
	struct sockaddr_in6 sa = {};
	struct sockaddr_in *sin = (void *)&sa;
	struct corepath_rule_event *e;
	struct sec_scratch *s;
	int answer;

	if (!(sec_config.ops & 1u << COREPATH_OP_CONNECT) || len < sizeof(*sin))
		return 0;
	bpf_probe_read_kernel(&sa, len < sizeof(sa) ? sizeof(*sin) : sizeof(sa), address);
	if (sa.sin6_family == AF_INET || (any_family && sa.sin6_family == AF_UNSPEC))
		addr_from4(&dest, sin->sin_addr.s_addr);
	else if (sa.sin6_family == AF_INET6 &&
		 len >= 24) /* SIN6_LEN_RFC2133 of include/net/ipv6.h */
		__builtin_memcpy(&dest, &sa.sin6_addr, sizeof(dest));
	else
		return 0;
	if (!deed_begin(&d, &s, &answer))
		return answer;
	e = &s->event.rule;
	e->dest = dest;
	e->port = sa.sin6_port;
	if (dim_used(COREPATH_DIM_DEST)) {
		__builtin_memcpy(s->key.data, &dest, sizeof(dest));
		key_start(s, COREPATH_DIM_DEST, sizeof(dest));
		key_apply(d.trie, s);
	}
	if (dim_used(COREPATH_DIM_PORT)) {
		__builtin_memcpy(s->key.data, &sa.sin6_port, sizeof(sa.sin6_port));
		key_start(s, COREPATH_DIM_PORT, sizeof(sa.sin6_port));
		key_apply(d.trie, s);
	}
	return deed_end(&d, s);
}

static __always_inline int on_send(struct msghdr *msg, bool preventable)
{
	const void *name = BPF_CORE_READ(msg, msg_name);

	return name ? on_address(name, BPF_CORE_READ(msg, msg_namelen), true, preventable) : 0;
}

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

/* Who is not asked answers nothing. */
static __always_inline int seen(int answer)
{
	return 0;
}

/* ---- the BPF LSM ---- */

SEC("lsm/bprm_check_security")
int BPF_PROG(sec_lsm_exec, struct linux_binprm *bprm)
{
	return lsm(on_exec(bprm, true));
}

SEC("lsm/file_open")
int BPF_PROG(sec_lsm_open, struct file *file)
{
	return lsm(on_open(file, true));
}

SEC("lsm/path_truncate")
int BPF_PROG(sec_lsm_truncate, const struct path *path)
{
	return lsm(on_truncate(path, true));
}

SEC("lsm/path_unlink")
int BPF_PROG(sec_lsm_unlink, const struct path *dir, struct dentry *dentry)
{
	return lsm(on_name(COREPATH_OP_UNLINK, dir, dentry, true));
}

SEC("lsm/path_rmdir")
int BPF_PROG(sec_lsm_rmdir, const struct path *dir, struct dentry *dentry)
{
	return lsm(on_name(COREPATH_OP_UNLINK, dir, dentry, true));
}

SEC("lsm/path_rename")
int BPF_PROG(sec_lsm_rename, const struct path *old_dir, struct dentry *old,
	     const struct path *new_dir, struct dentry *new)
{
	return lsm(on_names(COREPATH_OP_RENAME, old_dir, old, new_dir, new, true));
}

SEC("lsm/path_link")
int BPF_PROG(sec_lsm_link, struct dentry *old, const struct path *dir, struct dentry *new)
{
	return lsm(on_link(old, dir, new, true));
}

SEC("lsm/socket_connect")
int BPF_PROG(sec_lsm_connect, struct socket *sock, struct sockaddr *address, int len)
{
	return lsm(on_address(address, len, false, true));
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(sec_lsm_send, struct socket *sock, struct msghdr *msg, int size)
{
	return lsm(on_send(msg, true));
}

/* ---- who would have asked it ---- */

SEC("fentry/security_bprm_check")
int BPF_PROG(sec_see_exec, struct linux_binprm *bprm)
{
	return seen(on_exec(bprm, false));
}

SEC("fentry/security_file_open")
int BPF_PROG(sec_see_open, struct file *file)
{
	return seen(on_open(file, false));
}

SEC("fentry/security_path_truncate")
int BPF_PROG(sec_see_truncate, const struct path *path)
{
	return seen(on_truncate(path, false));
}

SEC("fentry/security_path_unlink")
int BPF_PROG(sec_see_unlink, const struct path *dir, struct dentry *dentry)
{
	return seen(on_name(COREPATH_OP_UNLINK, dir, dentry, false));
}

SEC("fentry/security_path_rmdir")
int BPF_PROG(sec_see_rmdir, const struct path *dir, struct dentry *dentry)
{
	return seen(on_name(COREPATH_OP_UNLINK, dir, dentry, false));
}

SEC("fentry/security_path_rename")
int BPF_PROG(sec_see_rename, const struct path *old_dir, struct dentry *old,
	     const struct path *new_dir, struct dentry *new)
{
	return seen(on_names(COREPATH_OP_RENAME, old_dir, old, new_dir, new, false));
}

SEC("fentry/security_path_link")
int BPF_PROG(sec_see_link, struct dentry *old, const struct path *dir, struct dentry *new)
{
	return seen(on_link(old, dir, new, false));
}

SEC("fentry/security_socket_connect")
int BPF_PROG(sec_see_connect, struct socket *sock, struct sockaddr *address, int len)
{
	return seen(on_address(address, len, false, false));
}

SEC("fentry/security_socket_sendmsg")
int BPF_PROG(sec_see_send, struct socket *sock, struct msghdr *msg, int size)
{
	return seen(on_send(msg, false));
}

char LICENSE[] SEC("license") = "GPL";
