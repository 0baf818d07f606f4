// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules in force. Programs are attached by the first load, each by a link pinned as
 * rule_PROGRAM, and ask nothing until there is a trie; a load puts a new trie in the old one's
 * place. What a killed call leaves is the old set, or the new one, and what the next call takes
 * over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "rules.h"
#include "sec_probe.skel.h"
#include "sec_rules.skel.h"

#define MAP_POLICY "sec_policy"
#define MAP_CONFIG ".data.sec"
#define MAP_HITS   "sec_hits"
#define MAP_RATES  "sec_rates"

/* By enum corepath_enforcement: how the programs of each begin, in sec_rules.bpf.c. */
static const char *const prefixes[] = {
	[COREPATH_PREVENTS] = "sec_lsm_",
	[COREPATH_KILLS] = "sec_see_",
};

const char *corepath_enforcement_text(enum corepath_enforcement how)
{
	return how == COREPATH_PREVENTS ? "prevents" : "detects and kills, cannot prevent";
}

static int probe(struct sec_probe *skel, enum corepath_enforcement *how)
{
	int link, fd;

	link = bpf_raw_tracepoint_open(NULL, bpf_program__fd(skel->progs.sec_probe));
	if (link < 0)
		return link;
	skel->bss->probe_pid = getpid();
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	*how = skel->bss->probe_seen ? COREPATH_PREVENTS : COREPATH_KILLS;
	close(link);
	return fd < 0 ? -errno : 0;
}

int corepath_enforcement(enum corepath_enforcement *how)
{
	struct sec_probe *skel;
	int err;

	cp_log_start();
	skel = sec_probe__open();
	err = skel ? sec_probe__load(skel) : -errno;
	if (!err)
		err = probe(skel, how);
	sec_probe__destroy(skel);
	if (err == -EPERM)
		return cp_fail(EPERM, "security: %s; run as root", strerror(EPERM));
	if (err) /* a kernel without the BPF LSM's hooks (CONFIG_BPF_LSM) */
		*how = COREPATH_KILLS;
	return 0;
}

/* What follows in their names. */
static const char *const hooks[] = {"exec",   "open", "truncate", "unlink", "rmdir",
				    "rename", "link", "connect",  "send"};
#define N_HOOKS (sizeof(hooks) / sizeof(hooks[0]))

static void pin_name(enum corepath_enforcement how, size_t hook, char pin[64])
{
	snprintf(pin, 64, "rule_%s%s", prefixes[how], hooks[hook]);
}

static bool all_there(const struct cp_dir *dir, enum corepath_enforcement how)
{
	char pin[64];
	size_t i;

	for (i = 0; i < N_HOOKS; i++) {
		pin_name(how, i, pin);
		if (!cp_pin_there(dir, pin))
			return false;
	}
	return true;
}

/* How the programs that are attached enforce; 0 if not all of them are. */
static enum corepath_enforcement attached(const struct cp_dir *dir)
{
	return all_there(dir, COREPATH_PREVENTS) ? COREPATH_PREVENTS
	       : all_there(dir, COREPATH_KILLS)	 ? COREPATH_KILLS
						 : 0;
}

static int detach(const struct cp_dir *dir)
{
	enum corepath_enforcement how;
	char pin[64];
	int err = 0;
	size_t i;

	for (how = COREPATH_PREVENTS; how <= COREPATH_KILLS; how++)
		for (i = 0; i < N_HOOKS && !err; i++) {
			pin_name(how, i, pin);
			err = cp_trace_remove(dir, pin);
		}
	return err;
}

static int attach_each(const struct cp_dir *dir, struct bpf_object *obj,
		       enum corepath_enforcement how)
{
	struct bpf_program *prog;
	char pin[64];
	int err = 0;
	size_t i;

	for (i = 0; i < N_HOOKS && !err; i++) {
		pin_name(how, i, pin);
		prog = bpf_object__find_program_by_name(obj, pin + strlen("rule_"));
		err = prog ? cp_trace_attach(dir, bpf_program__fd(prog), pin) : -ENOENT;
	}
	return err;
}

static int load_programs(const struct cp_dir *dir, struct sec_rules *skel,
			 enum corepath_enforcement how)
{
	struct bpf_program *prog;
	int err;

	bpf_object__for_each_program (prog, skel->obj)
		bpf_program__set_autoload(prog, !strncmp(bpf_program__name(prog), prefixes[how],
							 strlen(prefixes[how])));
	err = cp_scratch_resize(skel->obj);
	if (!err)
		err = cp_maps_share(dir, skel->obj);
	if (!err)
		err = sec_rules__load(skel);
	if (!err)
		err = cp_maps_pin(dir, skel->obj);
	return err;
}

/* Loads and attaches the programs of `how`, which judge nothing yet. */
static int attach(const struct cp_dir *dir, enum corepath_enforcement how)
{
	struct sec_rules *skel = sec_rules__open();
	int err = skel ? load_programs(dir, skel, how) : -errno;

	if (!err)
		err = attach_each(dir, skel->obj, how);
	sec_rules__destroy(skel);
	if (!err)
		return 0;
	detach(dir);
	return cp_fail(
		-err,
		"security: load the programs: %s; run as root; --verbose shows what the kernel "
		"says",
		strerror(-err));
}

/* Each rule's action as this kernel can take it; -EOPNOTSUPP if a rule does not allow that. */
static int settle(struct cp_rules *rules, enum corepath_enforcement how)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		struct cp_rule *r = &rules->list[i];

		if (how == COREPATH_PREVENTS || r->action != COREPATH_ACTION_DENY)
			continue;
		if (!r->weaker)
			return cp_fail(
				EOPNOTSUPP,
				"%s:%zu: action: rule '%s' denies, and this kernel %s: the BPF LSM is not "
				"active (lsm= and CONFIG_LSM do not name bpf); boot with it, or allow kill "
				"in its place with 'weaker: yes'",
				rules->file, r->line, r->name, corepath_enforcement_text(how));
		r->action = COREPATH_ACTION_KILL;
	}
	return 0;
}

struct maps {
	int policy, config, hits, rates;
};

static int open_maps(const struct cp_dir *dir, struct maps *m)
{
	m->policy = cp_map_get(dir, MAP_POLICY);
	m->config = m->policy < 0 ? m->policy : cp_map_get(dir, MAP_CONFIG);
	m->hits = m->config < 0 ? m->config : cp_map_get(dir, MAP_HITS);
	m->rates = m->hits < 0 ? m->hits : cp_map_get(dir, MAP_RATES);
	return m->rates < 0 ? m->rates : 0;
}

static void close_maps(const struct maps *m)
{
	const int fds[] = {m->policy, m->config, m->hits, m->rates};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int zero_counts(const struct maps *m, size_t n)
{
	__u64 zero = 0;
	__u32 i;
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		err = bpf_map_update_elem(m->hits, &i, &zero, BPF_ANY);
		if (!err)
			err = bpf_map_update_elem(m->rates, &i, &zero, BPF_ANY);
	}
	return err;
}

/* The root file system of the initial mount namespace, whoever's we are in. */
static int find_root(__u32 *dev)
{
	static const char path[] = "/proc/1/root";
	struct stat st;

	if (stat(path, &st))
		return cp_fail(errno, "security: %s: %s; run as root, or with CAP_SYS_PTRACE too",
			       path, strerror(errno));
	/* a kernel's number has 20 bits for the minor (include/linux/kdev_t.h) */
	*dev = major(st.st_dev) << 20 | minor(st.st_dev);
	return 0;
}

/* What the old set needs and what the new one does is looked at before the pointer moves, and what
 * the new one does after: whichever set a program has, it misses nothing of it. */
static int replace(const struct cp_dir *dir, const struct maps *m, const struct cp_rules *rules,
		   __u32 root, int trie)
{
	struct corepath_sec_config old, wide,
		now = {.ops = rules->ops, .dims = rules->dims, .root = root};
	__u32 zero = 0;
	int err;

	err = bpf_map_lookup_elem(m->config, &zero, &old);
	wide.root = now.root;
	wide.pad = 0;
	wide.ops = old.ops | now.ops;
	wide.dims = old.dims | now.dims;
	if (!err)
		err = bpf_map_update_elem(m->config, &zero, &wide, BPF_ANY);
	if (!err)
		err = zero_counts(m, rules->n);
	if (!err) /* returns when no program has the old one any more (maybe_wait_bpf_programs()) */
		err = cp_inner_put(dir, MAP_POLICY, m->policy, trie);
	if (!err)
		err = bpf_map_update_elem(m->config, &zero, &now, BPF_ANY);
	return err;
}

static int enforce(const struct cp_dir *dir, const struct cp_rules *rules)
{
	int trie, err;
	struct maps m;
	__u32 root = 0;

	err = find_root(&root);
	if (err)
		return err;
	trie = cp_rules_trie(rules);
	if (trie < 0)
		return cp_fail(-trie, "security: make the rules' map: %s; run as root",
			       strerror(-trie));
	err = open_maps(dir, &m);
	if (!err) {
		err = replace(dir, &m, rules, root, trie);
		if (err)
			cp_fail(-err, "security: put the rules in force: %s; run as root",
				strerror(-err));
	}
	close_maps(&m);
	close(trie);
	return err;
}

static int load(const struct cp_dir *dir, struct cp_rules *rules)
{
	enum corepath_enforcement how = attached(dir);
	bool there = how;
	int err = there ? 0 : corepath_enforcement(&how);

	if (!err)
		err = settle(rules, how);
	if (!err && !there)
		err = detach(dir); /* what a killed call left */
	if (!err && !there)
		err = attach(dir, how);
	return err ? err : enforce(dir, rules);
}

int corepath_security_load(const char *pin_dir, const char *file)
{
	struct cp_rules rules;
	struct cp_dir dir;
	int err = cp_rules_read(file, &rules);

	if (err)
		return err;
	err = cp_dir_open(&dir, pin_dir, CP_CREATE);
	if (!err) {
		err = load(&dir, &rules);
		if (err && dir.created)
			rmdir(dir.path); /* if nothing was pinned */
		cp_dir_close(&dir);
	}
	cp_rules_free(&rules);
	return err;
}

int cp_security_unpin(const struct cp_dir *dir)
{
	static const char *const names[] = {MAP_POLICY, MAP_CONFIG, MAP_HITS, MAP_RATES};
	struct maps m;
	__u32 zero = 0;
	int err;
	size_t i;

	if (!cp_pin_there(dir, MAP_POLICY))
		return 0;
	if (!open_maps(dir, &m))
		bpf_map_delete_elem(m.policy, &zero); /* no rule is in force from here on */
	close_maps(&m);
	err = detach(dir);
	if (!err)
		err = cp_inner_unpin(dir, MAP_POLICY);
	for (i = sizeof(names) / sizeof(names[0]); i-- && !err;)
		err = cp_pin_remove(dir, names[i]);
	return err;
}

int corepath_security_unload(const char *pin_dir)
{
	struct cp_dir dir;
	int err = cp_dir_open(&dir, pin_dir, CP_CHANGE);

	if (err)
		return err;
	if (cp_pin_there(&dir, MAP_POLICY))
		err = cp_security_unpin(&dir);
	else
		err = cp_fail(ENOENT, "security: no rules are loaded");
	cp_dir_close(&dir);
	return err;
}

/* ---- what is loaded ---- */

static int read_rules(const struct maps *m, int trie, struct corepath_security_status *st)
{
	struct corepath_sec_key key = {.prefixlen = 8 + 32, .dim = COREPATH_DIM_NAME};
	struct corepath_rule_name name;
	struct corepath_rule_info *grown;
	__u32 i;

	for (i = 0; i < COREPATH_RULES_MAX; i++) {
		memcpy(key.data, &i, sizeof(i));
		if (bpf_map_lookup_elem(trie, &key, &name))
			return 0;
		grown = reallocarray(st->rules, st->n + 1, sizeof(*grown));
		if (!grown)
			return cp_fail(ENOMEM, "security: out of memory; free some");
		st->rules = grown;
		grown += st->n++;
		*grown = (struct corepath_rule_info){
			.ops = name.ops, .action = name.action, .asked = name.asked};
		memcpy(grown->name, name.name, sizeof(grown->name));
		if (bpf_map_lookup_elem(m->hits, &i, &grown->hits))
			grown->hits = 0;
	}
	return 0;
}

static int read_status(const struct cp_dir *dir, struct corepath_security_status *st)
{
	__u32 zero = 0, id;
	struct maps m;
	int err, trie;

	st->how = attached(dir);
	err = open_maps(dir, &m);
	if (!err && (!st->how || bpf_map_lookup_elem(m.policy, &zero, &id)))
		err = cp_fail(
			ENOENT,
			"security: no rules are loaded; a load was killed half-way, run it again");
	trie = err ? -1 : cp_inner_get(dir, MAP_POLICY, m.policy);
	if (!err && trie < 0)
		err = cp_fail(-trie, "security: read the rules: %s; run as root", strerror(-trie));
	if (!err)
		err = read_rules(&m, trie, st);
	if (trie >= 0)
		close(trie);
	close_maps(&m);
	return err;
}

int corepath_security_status(const char *pin_dir, struct corepath_security_status *st)
{
	struct cp_dir dir;
	int err;

	*st = (struct corepath_security_status){};
	err = cp_dir_open(&dir, pin_dir, CP_READ);
	if (err)
		return err;
	if (cp_pin_there(&dir, MAP_POLICY))
		err = read_status(&dir, st);
	else
		err = cp_fail(
			ENOENT,
			"security: no rules are loaded; 'corepath security load FILE' loads some");
	cp_dir_close(&dir);
	if (err)
		free(st->rules);
	return err;
}
