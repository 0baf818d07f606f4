/* SPDX-License-Identifier: GPL-2.0-only */
/* Security policies as the kernel has them. Part of abi.h, which includes it. */
#include <corepath/abi.h> /* before the guard: alone, this comes at its place in there */

#ifndef COREPATH_ABI_RULES_H
#define COREPATH_ABI_RULES_H

/*
 * A policy set is one trie, so that one pointer replaces all of it. Rules are bits: each condition
 * that a process or file meets gives the rules it is a condition of, and what is left after all of
 * them matches. So a thousand rules cost as many lookups as one.
 */
#define COREPATH_RULES_MAX  1024
#define COREPATH_RULE_WORDS (COREPATH_RULES_MAX / 64)

/* What is done that a rule can be about. */
enum corepath_op {
	COREPATH_OP_EXEC = 0,  /* a program is run; of a script, the script, then its interpreter */
	COREPATH_OP_WRITE = 1, /* a file is opened for writing, or cut to length */
	COREPATH_OP_UNLINK = 2,	 /* a file or folder is removed */
	COREPATH_OP_RENAME = 3,	 /* either name of a file that gets another */
	COREPATH_OP_LINK = 4,	 /* either name of a file that gets a second one */
	COREPATH_OP_CONNECT = 5, /* a socket connects, or sends to an address */
	COREPATH_OP_BIND = 6,
	COREPATH_OP_LISTEN = 7,
	COREPATH_OP_SETUID = 8, /* a user id changes, by a call or by running a file */
	COREPATH_OP_SETGID = 9,
	COREPATH_OP_CAPABILITY = 10, /* effective capabilities are gained, likewise */
	COREPATH_OP_USERNS = 11,     /* a user namespace is made */
	COREPATH_OP_MOUNT = 12,	     /* mounted, moved, or mounted otherwise */
	COREPATH_OP_UMOUNT = 13,
	COREPATH_OP_PIVOT_ROOT = 14,
	COREPATH_OP_UNSHARE = 15, /* namespaces are made, by clone() as well */
	COREPATH_OP_SETNS = 16,
	COREPATH_OP_MODULE = 17,	 /* a kernel module is loaded */
	COREPATH_OP_MODULE_REQUEST = 18, /* the kernel is made to ask for one */
	COREPATH_OP_PTRACE = 19, /* a process attaches to another, or reads or writes its memory */
	COREPATH_OP_BPF = 20,	 /* bpf() */
	COREPATH_OP_CHMOD = 21,
	COREPATH_OP_CHOWN = 22,
	COREPATH_OP_CREATE = 23, /* a folder, symbolic link, node or file is made */
	COREPATH_OP_XATTR = 24,	 /* an extended attribute is set or removed, ACLs among them */
	COREPATH_OP_CHATTR = 25, /* flags of a file, such as immutable */
	COREPATH_OPS,
};

/* From the weakest to the strongest. */
enum corepath_action {
	COREPATH_ACTION_LOG = 0,
	COREPATH_ACTION_AUDIT = 1, /* told as deny is, and let through */
	COREPATH_ACTION_DENY = 2,  /* EPERM */
	COREPATH_ACTION_KILL = 3,  /* SIGKILL, and EPERM where that is possible */
	COREPATH_ACTIONS,
};

/* The first byte of a key, and what the rest of it is. */
enum corepath_dim {
	COREPATH_DIM_PATH = 0,	   /* of the file, with its NUL if all of it must be the same */
	COREPATH_DIM_EXE = 1,	   /* of the program that does it, likewise */
	COREPATH_DIM_PARENT = 2,   /* of its parent's program, likewise */
	COREPATH_DIM_UID = 3,	   /* effective, __u32 */
	COREPATH_DIM_CGROUP = 4,   /* __u64; of the process's or one above */
	COREPATH_DIM_DEST = 5,	   /* struct corepath_addr */
	COREPATH_DIM_PORT = 6,	   /* __u16, network order */
	COREPATH_DIM_ARGC = 7,	   /* of exec, __u32 */
	COREPATH_DIM_PATH_END = 8, /* the last bytes of the path, backwards */
	COREPATH_DIM_NUMBER = 9,   /* __u32: the new id of setuid and setgid, the command of bpf */
	COREPATH_DIM_BIT = 10,	   /* __u8: a capability, a CLONE_NEW flag, a bit of a mode */
	COREPATH_DIM_ARG = 11,	   /* one of exec's arguments or xattr's name, likewise as a path */
	COREPATH_DIM_MNT_NS = 12,  /* of the process, __u32: inode number, as the next three */
	COREPATH_DIM_PID_NS = 13,
	COREPATH_DIM_USER_NS = 14,
	COREPATH_DIM_NET_NS = 15,
	COREPATH_DIMS,
	COREPATH_DIM_OP = 16,	  /* __u8: `yes` has the op's rules */
	COREPATH_DIM_ANY = 17,	  /* __u8, a dim: `yes` has the rules without a condition of it */
	COREPATH_DIM_ACTION = 18, /* __u8: `yes` has the action's rules */
	COREPATH_DIM_NAME = 19,	  /* __u32, a rule: a struct corepath_rule_name */
	/* nothing: yes[0] is a number that no other set has; `no` has the rules about arguments */
	COREPATH_DIM_SET = 20,
	/* nothing: `yes` has the rules of exec that a process that runs already can be judged by,
	 * `no` those of them that its arguments decide */
	COREPATH_DIM_RUNNING = 21,
};

/* LPM_DATA_SIZE_MAX of kernel/bpf/lpm_trie.c is 256 bytes, the dim among them. */
#define COREPATH_SEC_DATA 255

struct corepath_sec_key {
	__u32 prefixlen; /* bits, those of the dim included */
	__u8 dim;	 /* enum corepath_dim */
	__u8 data[COREPATH_SEC_DATA];
};

/* Rules whose condition is met, and rules that must not meet it. */
struct corepath_sec_bits {
	__u64 yes[COREPATH_RULE_WORDS];
	__u64 no[COREPATH_RULE_WORDS];
};

#define COREPATH_RULE_NAME_MAX 64

/* As long as the other values. */
struct corepath_rule_name {
	char name[COREPATH_RULE_NAME_MAX];
	__u64 interval_ns; /* of events: one each; 0: no limit */
	__u64 window_ns;   /* how far they may run ahead of that */
	__u32 ops;	   /* bits; for who asks what is loaded */
	__u8 action;	   /* enum corepath_action, what is done here */
	__u8 asked;	   /* what the file says */
	__u8 pad[2];
	__u8 rest[sizeof(struct corepath_sec_bits) - COREPATH_RULE_NAME_MAX - 24];
};

/* The only value of sec_config. The programs look at nothing else while it is 0. */
struct corepath_sec_config {
	__u32 ops;     /* bits of those that some rule is about */
	__u32 dims;    /* bits of those that some rule has a condition of */
	__u32 root;    /* the device of the host's root file system, as the kernel has it */
	__u32 running; /* enum corepath_running_how: while those that run already are judged */
};

enum corepath_running_how {
	COREPATH_RUNNING_NOTE = 1 << 0, /* hooks note which programs they have judged */
	COREPATH_RUNNING_LOOK = 1 << 1, /* the iterator says who matches, to who reads it alone */
	COREPATH_RUNNING_TELL = 1 << 2, /* and to who watches */
	COREPATH_RUNNING_KILL = 1 << 3, /* but of `kill` only who has been looked at before */
};

/* Key of sec_running and sec_ended: `pid` of the process, `start_ns` of its leader. */
struct corepath_process_key {
	__u64 start_ns;
	__u32 pid;
	__u32 pad;
};

/* A map of some 800 KB: no more that match at one load are told of and killed one by one. */
#define COREPATH_RUNNING_MAX 4096

/* Value of sec_running. It says something of a process while that has the same program. */
struct corepath_running_process {
	__u64 set;     /* of rules: COREPATH_DIM_SET */
	__u64 exec_id; /* task_struct.self_exec_id, which counts the programs */
	__u8 told;
	__u8 kill; /* who loads the rules has it in hand, and kills it when it is told */
	__u8 pad[6];
	__u64 args[COREPATH_RULE_WORDS]; /* rules whose conditions of arguments it meets */
};

/* What the iterator gives who reads it, for each process that matches. */
struct corepath_running_match {
	struct corepath_process_key process;
	__u64 set;
	__u64 exec_id;
	__u32 rule; /* the strongest; with LOOK as if all conditions of arguments were met */
	__u8 action;
	__u8 killed;	/* as in its event */
	__u8 asks_args; /* some rule that is left has a condition of arguments */
	__u8 pad;
};

/* A rule has matched. `data` is the path of the file (or the name of the module), if there is one,
 * then that of the program. */
struct corepath_rule_event {
	struct corepath_event head;
	struct corepath_process process;
	char name[COREPATH_RULE_NAME_MAX];
	struct corepath_addr dest; /* of connect; of bind and listen the socket's own */
	__u16 port;		   /* network order */
	__u8 op;
	__u8 action;	/* of the rule */
	__u8 prevented; /* it was not done */
	__u8 killed;
	__u16 path_len, exe_len;
	__u32 pad;
	__u64 value; /* of conditions number and bit: what was compared, all bits of it */
	char data[];
};

#endif
