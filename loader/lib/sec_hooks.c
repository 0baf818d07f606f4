// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs that judge by rules, each by a link pinned as rule_PROGRAM. Those are attached that
 * a rule needs; they ask nothing until there is a trie.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "refusal.h"
#include "sec_hooks.h"
#include "sec_probe.skel.h"
#include "sec_rules.skel.h"

static const char *const prefixes[] = {
	[CP_WAY_LSM] = "sec_lsm_",
	[CP_WAY_MOD] = "sec_mod_",
	[CP_WAY_SEE] = "sec_see_",
};

enum hook_flags {
	OPTIONAL = 1 << 0,     /* kernels without it ask another one of the same op */
	TAKES_STRUCT = 1 << 1, /* has an argument that is a struct */
	AFTER = 1 << 2,	       /* of deeds that another hook has judged first */
};

static const struct hook {
	const char *name; /* of its programs, what follows the prefix */
	enum corepath_op op;
	int flags;	 /* enum hook_flags */
	const char *why; /* it cannot be prevented, or not be had */
} hooks[] = {
	{"exec", COREPATH_OP_EXEC, 0, NULL},
	{"args", COREPATH_OP_EXEC, AFTER, NULL},
	{"running", COREPATH_OP_EXEC, AFTER, NULL},
	{"open", COREPATH_OP_WRITE, 0, NULL},
	{"truncate", COREPATH_OP_WRITE, 0, NULL},
	{"ftruncate", COREPATH_OP_WRITE, OPTIONAL, NULL},
	{"unlink", COREPATH_OP_UNLINK, 0, NULL},
	{"rmdir", COREPATH_OP_UNLINK, 0, NULL},
	{"rename", COREPATH_OP_RENAME, 0, NULL},
	{"link", COREPATH_OP_LINK, 0, NULL},
	{"mkdir", COREPATH_OP_CREATE, 0, NULL},
	{"mknod", COREPATH_OP_CREATE, 0, NULL},
	{"symlink", COREPATH_OP_CREATE, 0, NULL},
	{"chmod", COREPATH_OP_CHMOD, 0, NULL},
	{"chown", COREPATH_OP_CHOWN, TAKES_STRUCT,
	 "its BPF trampolines take no struct as argument (those of 6.1 and later do)"},
	{"setxattr", COREPATH_OP_XATTR, 0, NULL},
	{"removexattr", COREPATH_OP_XATTR, 0, NULL},
	{"set_acl", COREPATH_OP_XATTR, OPTIONAL, NULL},
	{"remove_acl", COREPATH_OP_XATTR, OPTIONAL, NULL},
	{"ioctl", COREPATH_OP_CHATTR, 0, NULL},
	{"ioctl32", COREPATH_OP_CHATTR, OPTIONAL, NULL},
	{"file_setattr", COREPATH_OP_CHATTR, OPTIONAL, NULL},
	{"mount", COREPATH_OP_MOUNT, 0, NULL},
	{"move_mount", COREPATH_OP_MOUNT, 0, NULL},
	{"remount", COREPATH_OP_MOUNT, 0, NULL},
	{"umount", COREPATH_OP_UMOUNT, 0, NULL},
	{"pivot_root", COREPATH_OP_PIVOT_ROOT, 0, NULL},
	{"connect", COREPATH_OP_CONNECT, 0, NULL},
	{"send", COREPATH_OP_CONNECT, 0, NULL},
	{"bind", COREPATH_OP_BIND, 0, NULL},
	{"listen", COREPATH_OP_LISTEN, 0, NULL},
	{"setuid", COREPATH_OP_SETUID, 0, NULL},
	{"setuid_file", COREPATH_OP_SETUID, 0, NULL},
	{"setgid", COREPATH_OP_SETGID, 0, NULL},
	{"setgid_file", COREPATH_OP_SETGID, 0, NULL},
	{"capset", COREPATH_OP_CAPABILITY, 0, NULL},
	{"capability_file", COREPATH_OP_CAPABILITY, 0,
	 "those of a file are known too late without the BPF LSM (lsm= and CONFIG_LSM do not name bpf)"},
	{"userns", COREPATH_OP_USERNS, 0,
	 "it asks no security module (6.1 and later do: userns_create)"},
	{"clone", COREPATH_OP_UNSHARE, 0, NULL},
	{"unshare", COREPATH_OP_UNSHARE, 0, "unshare() asks no security module"},
	{"unshare32", COREPATH_OP_UNSHARE, OPTIONAL, NULL},
	{"setns", COREPATH_OP_SETNS, 0, "setns() asks no security module"},
	{"setns32", COREPATH_OP_SETNS, OPTIONAL, NULL},
	{"ptrace", COREPATH_OP_PTRACE, 0, NULL},
	{"traceme", COREPATH_OP_PTRACE, 0, NULL},
	{"module", COREPATH_OP_MODULE, 0, NULL},
	{"module_data", COREPATH_OP_MODULE, 0, NULL},
	{"module_request", COREPATH_OP_MODULE_REQUEST, 0, NULL},
	{"bpf", COREPATH_OP_BPF, 0, NULL},
};

#define N_HOOKS (sizeof(hooks) / sizeof(hooks[0]))
_Static_assert(N_HOOKS <= CP_HOOKS_MAX, "struct cp_hooks has room for each");

static void pin_name(enum cp_way way, size_t hook, char pin[64])
{
	snprintf(pin, 64, "rule_%s%s", prefixes[way], hooks[hook].name);
}

/* The program that a hook is had by, or NULL; also how its link is pinned. */
static struct bpf_program *program_of(const struct bpf_object *obj, enum cp_way way, size_t hook,
				      char pin[64])
{
	pin_name(way, hook, pin);
	return bpf_object__find_program_by_name(obj, pin + strlen("rule_"));
}

/* ---- what is asked on this kernel ---- */

/* Whether the program, attached, sees a file opened. -EPERM is the only error that says nothing of
 * the kernel. */
static int asked(bool mod, bool *yes)
{
	struct sec_probe *skel = sec_probe__open();
	struct bpf_program *prog;
	int err = skel ? 0 : -errno, link, fd;

	*yes = false;
	if (err)
		return err;
	bpf_program__set_autoload(skel->progs.sec_probe, !mod);
	bpf_program__set_autoload(skel->progs.sec_probe_mod, mod);
	prog = mod ? skel->progs.sec_probe_mod : skel->progs.sec_probe;
	err = sec_probe__load(skel);
	link = err ? err : bpf_raw_tracepoint_open(NULL, bpf_program__fd(prog));
	if (link >= 0) {
		skel->bss->probe_pid = getpid();
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		*yes = skel->bss->probe_seen;
		close(link);
	}
	sec_probe__destroy(skel);
	return link == -EPERM ? link : 0;
}

struct kernel {
	struct btf *btf;
	struct bpf_object *obj; /* not loaded: what programs there are */
	struct sec_rules *skel;
	bool lsm, mod;
};

static bool has_function(const struct kernel *k, const char *prefix, const char *name)
{
	char function[128];

	snprintf(function, sizeof(function), "%s%s", prefix, name);
	return btf__find_by_name_kind(k->btf, function, BTF_KIND_FUNC) > 0;
}

/* Whether structs can be arguments of what a program is attached to (720e6a435194 "bpf: Allow
 * struct argument in trampoline based programs", 6.1). */
static bool takes_structs(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "btf_func_model", BTF_KIND_STRUCT), i;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;

	for (i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), "arg_flags"))
			return true;
	return false;
}

static bool can(const struct kernel *k, enum cp_way way, size_t hook)
{
	const struct bpf_program *prog;
	const char *section;
	char pin[64];

	if ((way == CP_WAY_LSM && !k->lsm) || (way == CP_WAY_MOD && !k->mod))
		return false;
	if ((hooks[hook].flags & TAKES_STRUCT) && !takes_structs(k->btf))
		return false;
	prog = program_of(k->obj, way, hook, pin);
	if (!prog)
		return false;
	section = bpf_program__section_name(prog);
	if (!strncmp(section, "tp_btf/", strlen("tp_btf/")) || !strcmp(section, "iter/task"))
		return true; /* every kernel has those */
	return has_function(k, way == CP_WAY_LSM ? "bpf_lsm_" : "", strchr(section, '/') + 1);
}

static int look(struct kernel *k)
{
	int err;

	cp_log_start();
	err = asked(false, &k->lsm);
	if (!err && !k->lsm)
		err = asked(true, &k->mod);
	if (err)
		return cp_fail(-err, "security: %s; run as root", strerror(-err));
	k->btf = btf__load_vmlinux_btf();
	if (!k->btf)
		return cp_fail(errno,
			       "security: the kernel's types: %s; it needs CONFIG_DEBUG_INFO_BTF",
			       strerror(errno));
	k->skel = sec_rules__open();
	if (!k->skel)
		return cp_fail(errno, "security: open the programs: %s", strerror(errno));
	k->obj = k->skel->obj;
	return 0;
}

static enum cp_way choose(const struct kernel *k, size_t hook)
{
	enum cp_way way;

	for (way = CP_WAY_LSM; way < CP_WAY_CANNOT; way++)
		if (can(k, way, hook))
			break;
	return way;
}

static void sum_up(struct cp_hooks *h)
{
	size_t i;

	h->weak = h->strong = h->cannot = h->means = 0;
	for (i = 0; i < N_HOOKS; i++) {
		__u32 op = 1u << hooks[i].op;

		if (h->ways[i] == CP_WAY_SEE && !(hooks[i].flags & AFTER))
			h->weak |= op;
		if (h->ways[i] == CP_WAY_CANNOT && !(hooks[i].flags & OPTIONAL))
			h->cannot |= op;
		if (h->ways[i] == CP_WAY_LSM || h->ways[i] == CP_WAY_MOD)
			h->strong |= op;
		if (h->ways[i] == CP_WAY_LSM)
			h->means = COREPATH_MEANS_LSM;
		else if (h->ways[i] == CP_WAY_MOD)
			h->means = COREPATH_MEANS_FMOD_RET;
	}
}

/* Of every hook. A kernel does not change what it has, and looking takes longer than all else that
 * a load does; so it is done once. */
static int find_ways(const enum cp_way **ways)
{
	static enum cp_way found[N_HOOKS];
	struct kernel k = {};
	size_t i;
	int err;

	*ways = found;
	if (*found != CP_WAY_NONE)
		return 0;
	err = look(&k);
	for (i = 0; i < N_HOOKS && !err; i++)
		found[i] = choose(&k, i);
	btf__free(k.btf);
	sec_rules__destroy(k.skel);
	return err;
}

int cp_hooks_find(const struct cp_dir *dir, __u32 ops, struct cp_hooks *h)
{
	const enum cp_way *ways;
	enum cp_way way;
	char pin[64];
	int err = 0;
	size_t i;

	*h = (struct cp_hooks){};
	for (i = 0; i < N_HOOKS && !err; i++) {
		for (way = CP_WAY_LSM; dir && way < CP_WAY_CANNOT && !h->there[i]; way++) {
			pin_name(way, i, pin);
			h->there[i] = cp_pin_there(dir, pin);
			if (h->there[i])
				h->ways[i] = way;
		}
		if (h->there[i] || !(ops & 1u << hooks[i].op))
			continue;
		err = find_ways(&ways);
		if (!err)
			h->ways[i] = ways[i];
	}
	if (!err)
		sum_up(h);
	return err;
}

const char *cp_hooks_why(const struct cp_hooks *h, enum corepath_op op)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; i < N_HOOKS; i++)
		if (hooks[i].op == op && h->ways[i] >= CP_WAY_SEE && hooks[i].why)
			why = hooks[i].why;
	return why
		       ?: "neither the BPF LSM is active (lsm= and CONFIG_LSM do not name bpf) nor is "
			  "BPF_MODIFY_RETURN there (it needs the JIT)";
}

/* ---- attaching ---- */

static bool to_load(const struct cp_hooks *h, size_t hook)
{
	return !h->there[hook] && h->ways[hook] != CP_WAY_NONE && h->ways[hook] != CP_WAY_CANNOT;
}

static int load_programs(const struct cp_dir *dir, struct sec_rules *skel, const struct cp_hooks *h)
{
	struct bpf_program *prog;
	char pin[64];
	int err;
	size_t i;

	bpf_object__for_each_program (prog, skel->obj)
		bpf_program__set_autoload(prog, false);
	for (i = 0; i < N_HOOKS; i++) {
		if (to_load(h, i))
			bpf_program__set_autoload(program_of(skel->obj, h->ways[i], i, pin), true);
	}
	err = cp_scratch_resize(skel->obj);
	if (!err)
		err = cp_maps_share(dir, skel->obj);
	if (!err)
		err = sec_rules__load(skel);
	if (!err)
		err = cp_maps_pin(dir, skel->obj);
	return err;
}

static int attach_each(const struct cp_dir *dir, struct bpf_object *obj, const struct cp_hooks *h)
{
	struct bpf_program *prog;
	char pin[64];
	int err = 0;
	size_t i;

	for (i = 0; i < N_HOOKS && !err; i++) {
		if (!to_load(h, i))
			continue;
		prog = program_of(obj, h->ways[i], i, pin);
		err = cp_trace_attach(dir, bpf_program__fd(prog), pin);
	}
	for (; err && i--;)
		if (to_load(h, i)) {
			pin_name(h->ways[i], i, pin);
			cp_trace_remove(dir, pin);
		}
	return err;
}

static int load(const struct cp_dir *dir, const struct cp_hooks *h, bool attach)
{
	struct sec_rules *skel;
	int err;

	cp_log_start(); /* what was said of a probe is no reason for what becomes of these */
	skel = sec_rules__open();
	err = skel ? load_programs(dir, skel, h) : -errno;
	if (!err && attach)
		err = attach_each(dir, skel->obj, h);
	sec_rules__destroy(skel);
	return err ? cp_fail_load(err, "security: load the programs") : 0;
}

int cp_hooks_try(const struct cp_dir *dir, const struct cp_hooks *h)
{
	return load(dir, h, false);
}

int cp_hooks_attach(const struct cp_dir *dir, const struct cp_hooks *h)
{
	size_t i;

	for (i = 0; i < N_HOOKS; i++)
		if (to_load(h, i))
			return load(dir, h, true);
	return 0;
}

int cp_hooks_detach(const struct cp_dir *dir)
{
	enum cp_way way;
	char pin[64];
	int err = 0;
	size_t i;

	for (way = CP_WAY_LSM; way < CP_WAY_CANNOT; way++)
		for (i = 0; i < N_HOOKS && !err; i++) {
			pin_name(way, i, pin);
			err = cp_trace_remove(dir, pin);
		}
	return err;
}
