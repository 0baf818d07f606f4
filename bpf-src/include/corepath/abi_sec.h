/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of processes. Part of abi.h, which includes it. */
#include <corepath/abi.h> /* before the guard: alone, this comes at its place in there */

#ifndef COREPATH_ABI_SEC_H
#define COREPATH_ABI_SEC_H

/* PATH_MAX of include/uapi/linux/limits.h, its NUL included: no system call takes a longer path. */
#define COREPATH_PATH_MAX 4096

/* Bytes of the arguments that an event has, their NULs included. */
#define COREPATH_ARGS_MAX 4096

enum corepath_namespace {
	COREPATH_NS_MNT,
	COREPATH_NS_PID,
	COREPATH_NS_NET,
	COREPATH_NS_USER,
	COREPATH_NS_CGROUP,
	COREPATH_NS_IPC,
	COREPATH_NS_UTS,
	COREPATH_NS_COUNT,
};

/* A process, as its leader is. Numbers are those of the initial namespaces. */
struct corepath_process {
	__u64 start_ns; /* CLOCK_BOOTTIME; with pid it names a process for ever */
	__u64 cgroup;	/* of cgroup version 2: its folder's inode number */
	__u32 pid;	/* of the process: getpid() */
	__u32 ppid;
	__u32 uid, euid, gid, egid;
	__u32 ns[COREPATH_NS_COUNT]; /* inode numbers, as in /proc/PID/ns */
	__u32 pad;
	char comm[16];
};

/* What an event has beside what is known in full. */
enum corepath_exec_flags {
	COREPATH_EXEC_PATH_CUT = 1 << 0,     /* longer than COREPATH_PATH_MAX: its end is there */
	COREPATH_EXEC_PATH_DELETED = 1 << 1, /* the name is gone, the file is not */
	COREPATH_EXEC_PATH_NOWHERE = 1 << 2, /* on no mount of a namespace (memfd_create) */
	COREPATH_EXEC_CWD_CUT = 1 << 3,
	COREPATH_EXEC_ARGS_CUT = 1 << 4,    /* more than COREPATH_ARGS_MAX: their start is there */
	COREPATH_EXEC_ARGS_UNREAD = 1 << 5, /* their memory was not there to be read */
};

/*
 * A process has replaced its program. `data` is the path of the file whose code runs (of a script:
 * its interpreter), then the current directory, each from the root of its mount namespace with all
 * links resolved, then the arguments with a NUL after each. The three lengths say where each ends.
 */
struct corepath_exec_event {
	struct corepath_event head;
	struct corepath_process process;
	__u32 old_tid; /* of the thread that called execve(); process.pid if the leader did */
	__u16 path_len, cwd_len, args_len;
	__u16 flags; /* enum corepath_exec_flags */
	__u32 pad;
	char data[];
};

/* A new process; new threads are not told of. */
struct corepath_fork_event {
	struct corepath_event head;
	struct corepath_process process; /* the child; its parent is ppid */
};

/* The last thread of a process has ended. */
struct corepath_exit_event {
	struct corepath_event head;
	struct corepath_process process;
	__u32 code;   /* exit status, 0 if a signal ended it */
	__u32 signal; /* that ended it, or 0 */
	__u32 core;   /* it dumped core */
	__u32 pad;
};

#include <corepath/abi_rules.h>

#endif
