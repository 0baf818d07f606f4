// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules in force. A load attaches the programs that they need (sec_hooks.c) and then puts a new
 * trie in the old one's place. What a killed call leaves is the old set, or the new one, and what
 * the next call takes over.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "running.h"
#include "sec_hooks.h"
#include "sec_rules.skel.h"
#include "upgrade.h"

const void *cp_elf_rules(size_t *size)
{
	return sec_rules__elf_bytes(size);
}

#define MAP_POLICY  "sec_policy"
#define MAP_CONFIG  ".data.sec"
#define MAP_HITS    "sec_hits"
#define MAP_RATES   "sec_rates"
#define MAP_PENDING "sec_pending"

const char *corepath_enforcement_text(enum corepath_enforcement how)
{
	static const char *const texts[] = {
		[COREPATH_PREVENTS] = "prevents",
		[COREPATH_PREVENTS_PART] = "prevents in part",
		[COREPATH_KILLS] = "detects and kills, cannot prevent",
		[COREPATH_CANNOT] = "can do nothing",
	};

	return texts[how];
}

const char *corepath_means_name(enum corepath_means means)
{
	return means == COREPATH_MEANS_LSM	  ? "lsm"
	       : means == COREPATH_MEANS_FMOD_RET ? "fmod_ret"
						  : "none";
}

static enum corepath_enforcement enforcement(const struct cp_hooks *h, __u32 ops)
{
	return h->cannot & ops	    ? COREPATH_CANNOT
	       : !(h->weak & ops)   ? COREPATH_PREVENTS
	       : !(h->strong & ops) ? COREPATH_KILLS
				    : COREPATH_PREVENTS_PART;
}

int corepath_enforcement(__u32 ops, enum corepath_enforcement *how)
{
	struct cp_hooks hooks;
	int err = cp_hooks_find(NULL, ops, &hooks);

	if (!err)
		*how = enforcement(&hooks, ops);
	return err;
}

static enum corepath_op first_of(__u32 ops)
{
	return __builtin_ctz(ops);
}

static bool has(const struct cp_rule *r, __u8 dim)
{
	size_t i;

	for (i = 0; i < r->n_conditions; i++)
		if (r->conditions[i].dim == dim)
			return true;
	return false;
}

/* Each rule's action as this kernel can take it; -EOPNOTSUPP if a rule does not allow that. */
static int settle(struct cp_rules *rules, const struct cp_hooks *h)
{
	enum corepath_op op;
	size_t i;

	for (i = 0; i < rules->n; i++) {
		struct cp_rule *r = &rules->list[i];
		bool late = r->ops & 1u << COREPATH_OP_EXEC && has(r, COREPATH_DIM_ARG);
		__u32 weak = late ? r->ops : r->ops & h->weak;

		if (r->ops & h->cannot) {
			op = first_of(r->ops & h->cannot);
			return cp_fail(
				EOPNOTSUPP,
				"%s:%zu: on: rule '%s' is about %s, which cannot be seen on this "
				"kernel: %s; leave it out here",
				rules->file, r->line, r->name, corepath_op_name(op),
				cp_hooks_why(h, op));
		}
		if (!weak || r->action != COREPATH_ACTION_DENY)
			continue;
		op = first_of(weak);
		if (!r->weaker)
			return cp_fail(
				EOPNOTSUPP,
				"%s:%zu: action: rule '%s' denies %s, and this kernel detects and "
				"kills, cannot prevent: %s; allow kill in its place with 'weaker: "
				"yes'",
				rules->file, r->line, r->name, corepath_op_name(op),
				late ? CP_ARGS_LATE : cp_hooks_why(h, op));
		if (late || !(r->ops & h->strong)) /* else deny is done where it can be */
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

/* A set: what the programs look for, and its trie. */
struct set {
	__u32 ops, dims;
	size_t n;
	int trie;
};

/* What the old set needs and what the new one does is looked at before the pointer moves, and what
 * the new one does after: whichever set a program has, it misses nothing of it. */
static int replace(const struct cp_dir *dir, const struct maps *m, const struct set *set,
		   const struct corepath_sec_config *now)
{
	struct corepath_sec_config old, wide = *now;
	__u32 zero = 0;
	int err;

	err = bpf_map_lookup_elem(m->config, &zero, &old);
	wide.ops = old.ops | now->ops;
	wide.dims = old.dims | now->dims;
	if (!err)
		err = bpf_map_update_elem(m->config, &zero, &wide, BPF_ANY);
	if (!err)
		err = zero_counts(m, set->n);
	if (!err) /* returns when no program has the old one any more (maybe_wait_bpf_programs()) */
		err = cp_inner_put(dir, MAP_POLICY, m->policy, set->trie);
	if (!err)
		err = bpf_map_update_elem(m->config, &zero, now, BPF_ANY);
	return err;
}

/* Those that ran already: after the hooks have the rules, so nobody comes in between. */
static int judge_running(const struct cp_dir *dir, const struct cp_rules *rules,
			 const struct maps *m, struct corepath_sec_config *config,
			 struct cp_running_wish *wish)
{
	int err = cp_running_judge(dir, rules, m->config, config, wish);

	return err ? cp_fail(-err,
			     "security: the rules are in force, but not all processes that ran "
			     "already were judged by them: %s; run as root",
			     err == -E2BIG ? "too many match" : strerror(-err))
		   : 0;
}

static int enforce(const struct cp_dir *dir, const struct set *set, const struct cp_rules *rules,
		   struct cp_running_wish *wish)
{
	struct corepath_sec_config config = {.ops = set->ops, .dims = set->dims};
	bool exec = set->ops & 1u << COREPATH_OP_EXEC;
	int err = find_root(&config.root);
	struct maps m;

	if (err)
		return err;
	if (exec)
		config.running = COREPATH_RUNNING_NOTE;
	err = open_maps(dir, &m);
	if (!err) {
		err = exec ? cp_running_forget(dir) : 0;
		if (!err)
			err = replace(dir, &m, set, &config);
		if (err)
			cp_fail(-err, "security: put the rules in force: %s; run as root",
				strerror(-err));
		else if (exec)
			err = judge_running(dir, rules, &m, &config, wish);
	}
	close_maps(&m);
	return err;
}

static int load(const struct cp_dir *dir, struct cp_rules *rules, struct cp_running_wish *wish)
{
	struct set set = {.ops = rules->ops, .dims = rules->dims, .n = rules->n};
	struct cp_hooks hooks;
	int err = cp_hooks_find(dir, rules->ops, &hooks);

	if (!err)
		err = settle(rules, &hooks);
	if (!err)
		err = cp_hooks_attach(dir, &hooks);
	if (err)
		return err;
	set.trie = cp_rules_trie(rules);
	if (set.trie < 0)
		return cp_fail(-set.trie, "security: make the rules' map: %s; run as root",
			       strerror(-set.trie));
	err = enforce(dir, &set, rules, wish);
	close(set.trie);
	return err;
}

static int put(const char *pin_dir, struct cp_rules *rules, struct cp_running_wish *wish)
{
	struct cp_dir dir;
	int err = cp_dir_open(&dir, pin_dir, CP_CREATE);

	if (err)
		return err;
	err = load(&dir, rules, wish);
	if (err && dir.created)
		cp_dir_remove(&dir); /* if nothing was pinned */
	cp_dir_close(&dir);
	return err;
}

int cp_security_put(const char *pin_dir, struct cp_rules *rules)
{
	struct corepath_running_report report = {};
	struct cp_running_wish wish = {.report = &report};
	int err = put(pin_dir, rules, &wish);

	free(report.list);
	return err;
}

int corepath_security_load_running(const char *pin_dir, const char *file, bool kill,
				   struct corepath_running_report *report)
{
	struct cp_running_wish wish = {.kill = kill, .report = report};
	struct cp_rules rules;
	int err;

	*report = (struct corepath_running_report){};
	err = cp_rules_read(file, pin_dir, &rules);
	if (!err) {
		err = put(pin_dir, &rules, &wish);
		cp_rules_free(&rules);
	}
	return err;
}

int corepath_security_load(const char *pin_dir, const char *file)
{
	struct corepath_running_report report;
	int err = corepath_security_load_running(pin_dir, file, false, &report);

	free(report.list);
	return err;
}

int cp_security_unpin(const struct cp_dir *dir)
{
	static const char *const names[] = {MAP_POLICY, MAP_CONFIG,  MAP_HITS,
					    MAP_RATES,	MAP_PENDING, CP_MAP_SEC_RUNNING};
	struct maps m;
	__u32 zero = 0;
	int err;
	size_t i;

	if (!cp_pin_there(dir, MAP_POLICY))
		return 0;
	if (!open_maps(dir, &m))
		bpf_map_delete_elem(m.policy, &zero); /* no rule is in force from here on */
	close_maps(&m);
	err = cp_hooks_detach(dir);
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
	struct corepath_sec_config config;
	__u32 zero = 0, id;
	struct cp_hooks hooks;
	struct maps m;
	int err, trie;

	err = open_maps(dir, &m);
	if (!err && (bpf_map_lookup_elem(m.policy, &zero, &id) ||
		     bpf_map_lookup_elem(m.config, &zero, &config)))
		err = cp_fail(
			ENOENT,
			"security: no rules are loaded; a load was killed half-way, run it again");
	trie = err ? -1 : cp_inner_get(dir, MAP_POLICY, m.policy);
	if (!err && trie < 0)
		err = cp_fail(-trie, "security: read the rules: %s; run as root", strerror(-trie));
	if (!err)
		err = read_rules(&m, trie, st);
	if (!err)
		err = cp_hooks_find(dir, 0, &hooks);
	if (!err) {
		st->how = enforcement(&hooks, config.ops);
		st->weak = hooks.weak & config.ops;
		st->means = hooks.means;
	}
	if (trie >= 0)
		close(trie);
	close_maps(&m);
	return err;
}

int cp_security_get(const char *pin_dir, struct cp_rules_image *image, bool *there)
{
	__u32 zero = 0, id;
	struct cp_dir dir;
	struct maps m;
	int err = cp_dir_open(&dir, pin_dir, CP_READ), trie;

	*there = false;
	if (err)
		return err;
	if (cp_pin_there(&dir, MAP_POLICY)) {
		err = open_maps(&dir, &m);
		/* a load that was killed half-way has put nothing in force */
		if (!err && !bpf_map_lookup_elem(m.policy, &zero, &id)) {
			*there = true;
			trie = cp_inner_get(&dir, MAP_POLICY, m.policy);
			err = trie < 0 ? cp_fail(-trie, "security: read the rules: %s; run as root",
						 strerror(-trie))
				       : cp_rules_image_of(trie, image);
			if (trie >= 0)
				close(trie);
		}
		close_maps(&m);
	}
	cp_dir_close(&dir);
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
