// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the running kernel really has, asked by trying. Each line of standard input, "KIND NUMBER
 * NAME", becomes one "KIND:NAME yes" or "no". The number is that of the uapi enum; kfuncs and LSM
 * hooks are found by name. A map type is there when a map can be made, a program type when a
 * program of it loads; a helper or kfunc when the verifier lets at least one type of program call
 * it, whatever it says of the arguments; an attach type when the kernel does not call it invalid.
 * "module" makes the kfuncs of a loaded module known from there on.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES	    8
#define FUNCS	    (1u << 17) /* more than any kernel has: 60,000 in 7.2 */
#define LOG_SIZE    (64u << 10)
#define KIND(info)  ((info) >> 24 & 0x1f)
#define VLEN(info)  ((info) & 0xffff)
#define KIND_STRUCT 4
#define KIND_FUNC   12

/* include/linux/errno.h, not in uapi: the kernel knows the type and cannot serve it this way */
#define ENOTSUPP 524
/* newer than the oldest uapi header this is built with */
#define F_MMAPABLE	      (1u << 10)
#define MAP_CGRP_STORAGE      32
#define MAP_ARENA	      33
#define MAP_INSN_ARRAY	      34
#define PROG_NETFILTER	      32
#define ATTACH_NETFILTER      45
#define ATTACH_TCX	      46
#define ATTACH_KPROBE_SESSION 56
#define ATTACH_NETKIT	      54

struct header {
	__u16 magic;
	__u8 version, flags;
	__u32 hdr_len, type_off, type_len, str_off, str_len;
};

/* /sys/kernel/btf/NAME; a module's ids and strings begin where the kernel's end */
struct types {
	unsigned char *data;
	struct header *header;
	unsigned first, end;
	const struct types *base;
	int fd;
	struct {
		const char *name;
		unsigned id;
	} *funcs; /* by hash of the name */
};

static struct types vmlinux, modules[MODULES];
static unsigned modules_n;
/* a struct that programs may implement, and which member of it */
static unsigned struct_ops, struct_ops_member;
static char log_text[LOG_SIZE];

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static const char *string_at(const struct types *t, unsigned off)
{
	unsigned base = t->base ? t->base->header->str_len : 0;

	if (off < base)
		return string_at(t->base, off);
	return (char *)t->data + t->header->hdr_len + t->header->str_off + off - base;
}

/* Bytes behind struct btf_type's 12, by kind (Documentation/bpf/btf.rst). */
static unsigned more_of(unsigned kind, unsigned vlen)
{
	static const unsigned fixed[20] = {[1] = 4, [3] = 12, [14] = 4, [17] = 4};
	static const unsigned each[20] = {
		[4] = 12, [5] = 12, [6] = 8, [13] = 8, [15] = 12, [19] = 12};

	return fixed[kind] + each[kind] * vlen;
}

static unsigned slot_of(const struct types *t, const char *name)
{
	unsigned at = 2166136261u; /* FNV-1a */

	for (const char *p = name; *p; p++)
		at = (at ^ (unsigned char)*p) * 16777619u;
	for (at %= FUNCS; t->funcs[at].name && strcmp(t->funcs[at].name, name);)
		at = (at + 1) % FUNCS;
	return at;
}

/* The id of a function, 0 when there is none. */
static unsigned find_func(const struct types *t, const char *name)
{
	return t->funcs[slot_of(t, name)].id;
}

static void index_types(struct types *t)
{
	unsigned char *p = t->data + t->header->hdr_len + t->header->type_off;
	unsigned char *end = p + t->header->type_len;
	unsigned id = t->first;

	t->funcs = calloc(FUNCS, sizeof(*t->funcs));
	for (; p < end; id++) {
		__u32 *w = (__u32 *)p;

		if (KIND(w[1]) == KIND_FUNC) {
			unsigned at = slot_of(t, string_at(t, w[0]));

			t->funcs[at].name = string_at(t, w[0]);
			t->funcs[at].id = id;
		} else if (KIND(w[1]) == KIND_STRUCT && !t->base &&
			   !strcmp(string_at(t, w[0]), "tcp_congestion_ops")) {
			struct_ops = id;
			for (unsigned i = 0; i < VLEN(w[1]); i++)
				if (!strcmp(string_at(t, w[3 + 3 * i]), "undo_cwnd"))
					struct_ops_member = i;
		}
		p += 12 + more_of(KIND(w[1]), VLEN(w[1]));
	}
	t->end = id;
}

static bool read_types(struct types *t, const char *name, const struct types *base)
{
	char path[256];
	size_t room = 32u << 20, n;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", name);
	f = fopen(path, "r");
	if (!f)
		return false;
	t->data = malloc(room);
	n = fread(t->data, 1, room, f);
	fclose(f);
	if (n < sizeof(*t->header))
		return false;
	t->header = (struct header *)t->data;
	t->base = base;
	t->first = base ? base->end : 1;
	index_types(t);
	return true;
}

static int btf_fd_of(const char *name)
{
	union bpf_attr attr = {0};

	while (bpf(BPF_BTF_GET_NEXT_ID, &attr) == 0) {
		union bpf_attr get = {.btf_id = attr.next_id};
		char have[64] = "";
		struct bpf_btf_info info = {.name = (unsigned long)have, .name_len = sizeof(have)};
		int fd = bpf(BPF_BTF_GET_FD_BY_ID, &get);
		union bpf_attr ask = {.info = {fd, sizeof(info), (unsigned long)&info}};

		if (fd >= 0 && bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) == 0 && !strcmp(have, name))
			return fd;
		close(fd);
		attr.start_id = attr.next_id;
		attr.next_id = 0;
	}
	return -1;
}

/* One int, for maps that want to know their types. */
static int int_btf(void)
{
	static const struct {
		struct header h;
		__u32 type[4];
		char strings[5];
	} btf = {
		{0xeb9f, 1, 0, sizeof(struct header), 0, 16, 16, 5}, {1, 1u << 24, 4, 32}, "\0int"};
	union bpf_attr attr = {.btf = (unsigned long)&btf, .btf_size = sizeof(btf.h) + 16 + 5};

	return bpf(BPF_BTF_LOAD, &attr);
}

static int make_map(unsigned type, int inner)
{
	union bpf_attr attr = {.map_type = type, .key_size = 4, .value_size = 4, .max_entries = 1};

	switch (type) {
	case BPF_MAP_TYPE_STACK_TRACE:
		attr.value_size = 8;
		break;
	case BPF_MAP_TYPE_LPM_TRIE:
		attr.key_size = attr.value_size = 8;
		attr.map_flags = BPF_F_NO_PREALLOC;
		break;
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
		attr.key_size = 16;
		attr.value_size = 8;
		attr.max_entries = 0;
		break;
	case BPF_MAP_TYPE_QUEUE:
	case BPF_MAP_TYPE_STACK:
	case BPF_MAP_TYPE_BLOOM_FILTER:
		attr.key_size = 0;
		break;
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case MAP_CGRP_STORAGE:
		attr.btf_fd = int_btf();
		attr.btf_key_type_id = attr.btf_value_type_id = 1;
		attr.max_entries = 0;
		attr.map_flags = BPF_F_NO_PREALLOC;
		break;
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
		attr.key_size = attr.value_size = 0;
		attr.max_entries = 4096;
		break;
	case BPF_MAP_TYPE_STRUCT_OPS: /* without a struct to implement: known, not served */
		attr.btf_vmlinux_value_type_id = 1;
		break;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
		attr.inner_map_fd = inner;
		break;
	case MAP_ARENA:
		attr.key_size = attr.value_size = 0;
		attr.map_flags = F_MMAPABLE;
		break;
	case MAP_INSN_ARRAY:
		attr.value_size = 16; /* struct bpf_insn_array_value */
		break;
	case MAP_INSN_ARRAY + 1: /* resizable hash */
		attr.map_flags = BPF_F_NO_PREALLOC;
		break;
	}
	return bpf(BPF_MAP_CREATE, &attr);
}

static bool has_map(unsigned type)
{
	int inner = make_map(BPF_MAP_TYPE_ARRAY, -1), fd = make_map(type, inner);
	bool has = fd >= 0 || errno == ENOTSUPP;

	close(inner);
	close(fd);
	return has;
}

static int load(unsigned type, int attach, unsigned target, unsigned flags,
		const struct bpf_insn *insns, unsigned n, int *fds)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (unsigned long)insns,
		.insn_cnt = n,
		.license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log_text,
		.log_size = sizeof(log_text),
		.log_level = 1,
		.expected_attach_type = attach,
		.attach_btf_id = target,
		.prog_flags = flags,
		.fd_array = (unsigned long)fds,
	};

	log_text[0] = '\0';
	return bpf(BPF_PROG_LOAD, &attr);
}

/* How a program of each type is loaded that does nothing. */
static const struct {
	unsigned type;
	int attach;
	const char *target;
	unsigned flags;
} kinds[] = {
	{BPF_PROG_TYPE_SCHED_CLS, 0, NULL, 0},
	{BPF_PROG_TYPE_XDP, 0, NULL, 0},
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "security_file_open", 0},
	{BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_file_open", 0},
	{BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, NULL, 0},
	{BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, NULL, 0},
	{BPF_PROG_TYPE_KPROBE, 0, NULL, 0},
	{BPF_PROG_TYPE_KPROBE, ATTACH_KPROBE_SESSION, NULL, 0},
	{BPF_PROG_TYPE_SYSCALL, 0, NULL, BPF_F_SLEEPABLE},
	{BPF_PROG_TYPE_SOCKET_FILTER, 0, NULL, 0},
	{BPF_PROG_TYPE_SCHED_ACT, 0, NULL, 0},
	{BPF_PROG_TYPE_TRACEPOINT, 0, NULL, 0},
	{BPF_PROG_TYPE_PERF_EVENT, 0, NULL, 0},
	{BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, NULL, 0},
	{BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, NULL, 0},
	{BPF_PROG_TYPE_LWT_IN, 0, NULL, 0},
	{BPF_PROG_TYPE_LWT_OUT, 0, NULL, 0},
	{BPF_PROG_TYPE_LWT_XMIT, 0, NULL, 0},
	{BPF_PROG_TYPE_SK_SKB, 0, NULL, 0},
	{BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, NULL, 0},
	{BPF_PROG_TYPE_SK_MSG, 0, NULL, 0},
	{BPF_PROG_TYPE_RAW_TRACEPOINT, 0, NULL, 0},
	{BPF_PROG_TYPE_LWT_SEG6LOCAL, 0, NULL, 0},
	{BPF_PROG_TYPE_LIRC_MODE2, 0, NULL, 0},
	{BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT, NULL, 0},
	{BPF_PROG_TYPE_SK_REUSEPORT, 0, NULL, 0}, /* before 5.14 */
	{BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_FLOW_DISSECTOR, NULL, 0},
	{BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL, NULL, 0},
	{BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, NULL, 0},
	{BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, NULL, 0},
	{BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, NULL, 0},
	{PROG_NETFILTER, ATTACH_NETFILTER, NULL, 0},
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "security_file_open", 0},
	{BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "bpf_iter_task", 0},
	{BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_bprm_committed_creds", 0},
	{BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, "bpf_lsm_socket_bind", 0},
	{BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_bprm_committed_creds", BPF_F_SLEEPABLE},
	{BPF_PROG_TYPE_STRUCT_OPS, 0, NULL, 0},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static unsigned targets[KINDS];

static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K},
	{.code = BPF_JMP | BPF_EXIT},
};

static int load_kind(size_t k, const struct bpf_insn *insns, int *fds)
{
	if (kinds[k].target && !targets[k])
		return -1;
	if (kinds[k].type == BPF_PROG_TYPE_STRUCT_OPS)
		return load(kinds[k].type, struct_ops_member, struct_ops, 0, insns, 2, fds);
	return load(kinds[k].type, kinds[k].attach, targets[k], kinds[k].flags, insns, 2, fds);
}

static bool has_prog(unsigned type)
{
	for (size_t k = 0; k < KINDS; k++) {
		int fd = kinds[k].type == type ? load_kind(k, nothing, NULL) : -1;

		if (fd >= 0) {
			close(fd);
			return true;
		}
	}
	return false;
}

/* The verifier's words for a function this type of program may not call, 5.10 to 7.3. Whole enough
 * not to be met in the report that 7.3 makes of any error ("Operation is not allowed in this
 * context"). */
static bool refused(void)
{
	static const char *const words[] = {"unknown func ", "invalid func ", "cannot use helper ",
					    "calling kernel function ",
					    "helper call is not allowed"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(log_text, words[i]))
			return true;
	return false;
}

/* Type of program after type: the call is either refused or looked at. */
static bool callable(struct bpf_insn call, int *fds)
{
	const struct bpf_insn insns[] = {call, {.code = BPF_JMP | BPF_EXIT}};

	for (size_t k = 0; k < KINDS; k++) {
		int fd;

		log_text[0] = '\0';
		fd = load_kind(k, insns, fds);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || (log_text[0] && strstr(log_text, "0: (85)") && !refused()))
			return true;
	}
	return false;
}

static bool has_kfunc(const char *name)
{
	struct bpf_insn call = {.code = BPF_JMP | BPF_CALL,
				.src_reg = 2 /* BPF_PSEUDO_KFUNC_CALL */};
	int fds[1 + MODULES] = {0};

	call.imm = find_func(&vmlinux, name);
	for (unsigned i = 0; !call.imm && i < modules_n; i++) {
		call.imm = find_func(&modules[i], name);
		call.off = i + 1;
		fds[i + 1] = modules[i].fd;
	}
	return call.imm && callable(call, fds);
}

static bool has_lsm(const char *name)
{
	char func[256];
	unsigned id;
	int fd;

	snprintf(func, sizeof(func), "bpf_lsm_%s", name);
	id = find_func(&vmlinux, func);
	fd = id ? load(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, id, 0, nothing, 2, NULL) : -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* On lo, which is no netkit device: a kernel that knows the type says so (ENXIO, EACCES). */
static bool has_attach(int type)
{
	union bpf_attr attr = {.link_create = {.target_fd = 1, .attach_type = type}};
	unsigned prog = type == BPF_TRACE_KPROBE_MULTI ? BPF_PROG_TYPE_KPROBE
			: type == ATTACH_NETFILTER     ? PROG_NETFILTER
			: type == BPF_XDP	       ? BPF_PROG_TYPE_XDP
						       : BPF_PROG_TYPE_SCHED_CLS;
	int link;

	attr.link_create.prog_fd =
		load(prog, prog == BPF_PROG_TYPE_SCHED_CLS ? 0 : type, 0, 0, nothing, 2, NULL);
	if (type == BPF_TRACE_KPROBE_MULTI) {
		static const char *const syms[] = {"security_file_open"};

		attr.link_create.target_fd = 0;
		attr.link_create.kprobe_multi.syms = (unsigned long)syms;
		attr.link_create.kprobe_multi.cnt = 1;
	} else if (type == ATTACH_NETFILTER) {
		/* pf, hooknum, priority of union bpf_attr's netfilter: IPv4, local in, 1 */
		static const __u32 netfilter[3] = {2, 1, 1};

		attr.link_create.target_fd = 0;
		memcpy((char *)&attr.link_create + 16, netfilter, sizeof(netfilter));
	}
	link = bpf(BPF_LINK_CREATE, &attr);
	return link >= 0 || errno == ENXIO || errno == EACCES;
}

int main(void)
{
	char kind[16], name[128];
	unsigned number;

	if (!read_types(&vmlinux, "vmlinux", NULL)) {
		perror("probe: /sys/kernel/btf/vmlinux");
		return 1;
	}
	for (size_t k = 0; k < KINDS; k++)
		targets[k] = kinds[k].target ? find_func(&vmlinux, kinds[k].target) : 0;
	while (scanf("%15s %u %127s", kind, &number, name) == 3) {
		bool has;

		if (!strcmp(kind, "module")) { /* kfuncs are looked for there too, from here on */
			has = modules_n < MODULES &&
			      read_types(&modules[modules_n], name, &vmlinux);
			if (has)
				modules[modules_n++].fd = btf_fd_of(name);
		} else if (!strcmp(kind, "map")) {
			has = has_map(number);
		} else if (!strcmp(kind, "prog")) {
			has = has_prog(number);
		} else if (!strcmp(kind, "helper")) {
			has = callable((struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = number},
				       NULL);
		} else if (!strcmp(kind, "kfunc")) {
			has = has_kfunc(name);
		} else if (!strcmp(kind, "lsm")) {
			has = has_lsm(name);
		} else if (!strcmp(kind, "attach")) {
			has = has_attach(number);
		} else {
			fprintf(stderr, "probe: \"%s\"?\n", kind);
			return 1;
		}
		printf("%s:%s %s\n", kind, name, has ? "yes" : "no");
	}
	return 0;
}
