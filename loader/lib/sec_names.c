// SPDX-License-Identifier: GPL-2.0-only
/* What rules and their events call things: the numbers are the kernel's, the names those of its
 * manual pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "rules.h"

static const char *const ops[COREPATH_OPS] = {
	[COREPATH_OP_EXEC] = "exec",
	[COREPATH_OP_WRITE] = "write",
	[COREPATH_OP_UNLINK] = "unlink",
	[COREPATH_OP_RENAME] = "rename",
	[COREPATH_OP_LINK] = "link",
	[COREPATH_OP_CONNECT] = "connect",
	[COREPATH_OP_BIND] = "bind",
	[COREPATH_OP_LISTEN] = "listen",
	[COREPATH_OP_SETUID] = "setuid",
	[COREPATH_OP_SETGID] = "setgid",
	[COREPATH_OP_CAPABILITY] = "capability",
	[COREPATH_OP_USERNS] = "userns",
	[COREPATH_OP_MOUNT] = "mount",
	[COREPATH_OP_UMOUNT] = "umount",
	[COREPATH_OP_PIVOT_ROOT] = "pivot_root",
	[COREPATH_OP_UNSHARE] = "unshare",
	[COREPATH_OP_SETNS] = "setns",
	[COREPATH_OP_MODULE] = "module",
	[COREPATH_OP_MODULE_REQUEST] = "module_request",
	[COREPATH_OP_PTRACE] = "ptrace",
	[COREPATH_OP_BPF] = "bpf",
	[COREPATH_OP_CHMOD] = "chmod",
	[COREPATH_OP_CHOWN] = "chown",
	[COREPATH_OP_CREATE] = "create",
	[COREPATH_OP_XATTR] = "xattr",
	[COREPATH_OP_CHATTR] = "chattr",
};

static const char *const actions[COREPATH_ACTIONS] = {
	[COREPATH_ACTION_LOG] = "log",
	[COREPATH_ACTION_AUDIT] = "audit",
	[COREPATH_ACTION_DENY] = "deny",
	[COREPATH_ACTION_KILL] = "kill",
};

/* include/uapi/linux/capability.h, by number */
static const char *const caps[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

/* The CLONE_NEW flags of include/uapi/linux/sched.h, by bit; as in /proc/PID/ns. */
static const char *const namespaces[] = {
	[7] = "time", [17] = "mnt",  [25] = "cgroup", [26] = "uts",
	[27] = "ipc", [28] = "user", [29] = "pid",    [30] = "net",
};

/* include/uapi/linux/stat.h, by bit */
static const char *const modes[] = {
	[1] = "other-write",
	[9] = "sticky",
	[10] = "setgid",
	[11] = "setuid",
};

/* enum bpf_cmd of include/uapi/linux/bpf.h */
static const char *const cmds[] = {
	"map_create",	     "map_lookup_elem",
	"map_update_elem",   "map_delete_elem",
	"map_get_next_key",  "prog_load",
	"obj_pin",	     "obj_get",
	"prog_attach",	     "prog_detach",
	"prog_test_run",     "prog_get_next_id",
	"map_get_next_id",   "prog_get_fd_by_id",
	"map_get_fd_by_id",  "obj_get_info_by_fd",
	"prog_query",	     "raw_tracepoint_open",
	"btf_load",	     "btf_get_fd_by_id",
	"task_fd_query",     "map_lookup_and_delete_elem",
	"map_freeze",	     "btf_get_next_id",
	"map_lookup_batch",  "map_lookup_and_delete_batch",
	"map_update_batch",  "map_delete_batch",
	"link_create",	     "link_update",
	"link_get_fd_by_id", "link_get_next_id",
	"enable_stats",	     "iter_create",
	"link_detach",	     "prog_bind_map",
	"token_create",
};

#define TABLE(of) (of), sizeof(of) / sizeof((of)[0])

static int find(const char *name, const char *const *table, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (table[i] && !strcasecmp(name, table[i]))
			return i;
	return -EINVAL;
}

const char *corepath_op_name(enum corepath_op op)
{
	return op < COREPATH_OPS ? ops[op] : "?";
}

const char *corepath_action_name(enum corepath_action action)
{
	return action < COREPATH_ACTIONS ? actions[action] : "?";
}

int cp_cap_parse(const char *name)
{
	return find(name, TABLE(caps));
}

int cp_namespace_parse(const char *name)
{
	return find(name, TABLE(namespaces));
}

int cp_mode_parse(const char *name)
{
	return find(name, TABLE(modes));
}

int cp_cmd_parse(const char *name)
{
	unsigned long long number;

	return cp_parse_number(name, 0xffff, &number) ? (int)number : find(name, TABLE(cmds));
}

/* The names of the bits, with commas. */
static const char *list(__u64 bits, const char *const *table, size_t n, char *out, size_t size)
{
	size_t used = 0, i;

	*out = '\0';
	for (i = 0; i < 64 && used < size; i++) {
		if (!(bits >> i & 1))
			continue;
		if (i < n && table[i])
			used += snprintf(out + used, size - used, "%s%s", used ? "," : "",
					 table[i]);
		else
			used += snprintf(out + used, size - used, "%s%zu", used ? "," : "", i);
	}
	return out;
}

static __u64 all(const char *const *table, size_t n)
{
	__u64 bits = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (table[i])
			bits |= 1ull << i;
	return bits;
}

const char *cp_namespace_names(void)
{
	static char text[128];

	return list(all(TABLE(namespaces)), TABLE(namespaces), text, sizeof(text));
}

const char *cp_mode_names(void)
{
	static char text[128];

	return list(all(TABLE(modes)), TABLE(modes), text, sizeof(text));
}

const char *corepath_value_name(enum corepath_op op)
{
	switch (op) {
	case COREPATH_OP_SETUID:
		return "to-uid";
	case COREPATH_OP_SETGID:
		return "to-gid";
	case COREPATH_OP_CAPABILITY:
		return "cap";
	case COREPATH_OP_UNSHARE:
	case COREPATH_OP_SETNS:
		return "namespace";
	case COREPATH_OP_BPF:
		return "cmd";
	case COREPATH_OP_CHMOD:
		return "mode";
	default:
		return NULL;
	}
}

const char *corepath_value_text(enum corepath_op op, __u64 value, char *out, size_t size)
{
	if (op == COREPATH_OP_CAPABILITY)
		return list(value, TABLE(caps), out, size);
	if (op == COREPATH_OP_UNSHARE || op == COREPATH_OP_SETNS)
		return list(value, TABLE(namespaces), out, size);
	if (op == COREPATH_OP_CHMOD)
		snprintf(out, size, "%04llo", (unsigned long long)value);
	else if (op == COREPATH_OP_BPF && value < sizeof(cmds) / sizeof(cmds[0]))
		snprintf(out, size, "%s", cmds[value]);
	else
		snprintf(out, size, "%llu", (unsigned long long)value);
	return out;
}
