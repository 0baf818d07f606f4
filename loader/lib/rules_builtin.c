// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies that a line of a file switches on ('- builtin: NAME'). Each is the text of ordinary
 * rules, as one would write them, and what the file's entry says besides is added to each of them:
 * lists of one field grow, action, name and rate are replaced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "rules_read.h"

static const struct corepath_builtin builtins[] = {
	{"root-exec", NULL,
	 "Root runs programs from the system's own directories alone. Add others with path-not.",
	 "- name: root-exec\n"
	 "  on: exec\n"
	 "  action: deny\n"
	 "  uid: 0\n"
	 "  path-not: [/bin/*, /sbin/*, /lib/*, /lib32/*, /lib64/*, /usr/*]\n"},
	{"system-files", NULL,
	 "Nobody changes /etc, /boot, programs or libraries. Let the package manager with exe-not.",
	 "- name: system-files\n"
	 "  on: [write, create, unlink, rename, link, chmod]\n"
	 "  action: deny\n"
	 "  path: [/etc, /etc/*, /boot, /boot/*, /bin, /bin/*, /sbin, /sbin/*, /lib, /lib/*,\n"
	 "         /lib32, /lib32/*, /lib64, /lib64/*, /usr, /usr/*]\n"},
	{"connect-deny", "dest",
	 "Nobody connects or sends to the prefixes in dest. Narrow it with port, exe, cgroup.",
	 "- name: connect-deny\n"
	 "  on: connect\n"
	 "  action: deny\n"},
	{"empty-args", NULL,
	 "No program is run with an empty argument list (CVE-2021-4034). From 5.18 on, and on long-term\n"
	 "kernels that took it over, the kernel gives it one empty argument in its place, which is told;\n"
	 "action: kill stops that, too.",
	 "- name: empty-args\n"
	 "  on: exec\n"
	 "  action: deny\n"
	 "  argc: 0\n"
	 "- name: empty-first-argument\n"
	 "  on: exec\n"
	 "  action: audit\n"
	 "  argc: 1\n"
	 "  args: ''\n"},
	{"setuid-root", NULL,
	 "Who is not root becomes root, by a call or by a set-user-ID file: told. action: kill or deny\n"
	 "stops it; exe-not, parent-not and cgroup-not name who may.",
	 "- name: setuid-root\n"
	 "  on: setuid\n"
	 "  action: audit\n"
	 "  uid-not: 0\n"
	 "  to-uid: 0\n"},
	{"container-escape", "cgroup",
	 "In the cgroup and below nobody mounts, makes or joins namespaces, or gives the kernel code.",
	 "- name: container-mount\n"
	 "  on: [mount, umount, pivot_root]\n"
	 "  action: deny\n"
	 "- name: container-namespace\n"
	 "  on: [unshare, setns, userns]\n"
	 "  action: deny\n"
	 "  weaker: yes\n"
	 "- name: container-kernel\n"
	 "  on: [module, module_request, bpf]\n"
	 "  action: deny\n"},
	{"kernel-code", NULL,
	 "Modules are loaded by kmod and udev, BPF programs by systemd and corepath; others: exe-not.",
	 "- name: kernel-module\n"
	 "  on: module\n"
	 "  action: deny\n"
	 "  exe-not: [/bin/kmod, /sbin/modprobe, /usr/bin/kmod, /usr/bin/udevadm,\n"
	 "            /usr/lib/systemd/systemd-modules-load]\n"
	 "- name: kernel-bpf\n"
	 "  on: bpf\n"
	 "  action: deny\n"
	 "  cmd: prog_load\n"
	 "  exe-not: ['@self', /usr/lib/systemd/systemd]\n"},
	{"self-guard", NULL,
	 "What corepath has pinned is left alone by all but the program that loads this ('@self').",
	 "- name: guard-pins\n"
	 "  on: [unlink, rename, link, create]\n"
	 "  action: deny\n"
	 "  path: ['@pins', '@pins/*']\n"
	 "  exe-not: '@self'\n"
	 "- name: guard-bpf\n"
	 "  on: bpf\n"
	 "  action: deny\n"
	 "  cmd: [obj_get, map_get_fd_by_id, prog_get_fd_by_id, link_get_fd_by_id]\n"
	 "  exe-not: '@self'\n"
	 "- name: guard-mount\n"
	 "  on: [mount, umount]\n"
	 "  action: deny\n"
	 "  path: [/sys/fs/bpf, /sys/fs/bpf/*]\n"
	 "- name: guard-trace\n"
	 "  on: ptrace\n"
	 "  action: deny\n"
	 "  path: '@self'\n"},
};

const struct corepath_builtin *corepath_builtins(size_t *n)
{
	*n = sizeof(builtins) / sizeof(builtins[0]);
	return builtins;
}

static const struct corepath_builtin *find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

static bool has_condition(const struct cp_rule *rule, const char *name)
{
	size_t i;

	for (i = 0; i < rule->n_conditions; i++)
		if (!strcmp(rule->conditions[i].kind->name, name) && !rule->conditions[i].not)
			return true;
	return false;
}

/* One rule of a builtin, and what the file's entry says besides. */
static int read_built_rule(struct reader *r, yaml_node_t *node, struct reader *text,
			   yaml_node_t *built, const struct corepath_builtin *b)
{
	yaml_node_t *any = NULL, *none = NULL;
	struct cp_rule rule;
	int err;

	err = cp_rule_start(r, node, &rule);
	if (!err)
		err = cp_rule_read(text, built, &rule, &any);
	if (!err)
		err = cp_rule_read(r, node, &rule, &none);
	if (!err && b->needs && !has_condition(&rule, b->needs))
		err = FAIL(r, node, b->needs, "is missing: builtin '%s' needs it", b->name);
	if (!err)
		err = cp_rule_append(r, node, text, &rule, any);
	free(rule.conditions);
	return err;
}

int cp_builtin_read(struct reader *r, yaml_node_t *node, const yaml_node_t *name)
{
	const struct corepath_builtin *b = find(cp_yaml_text(name));
	struct reader text = {.rules = r->rules, .pin_dir = r->pin_dir};
	yaml_node_item_t *item;
	yaml_node_t *root;
	int err;

	if (!b)
		return FAIL(r, name, "builtin",
			    "'%s': there is none of that name; 'corepath security builtins' lists "
			    "them",
			    cp_yaml_text(name));
	if (cp_yaml_find(&r->yaml, node, "on") || cp_yaml_find(&r->yaml, node, "any"))
		return FAIL(
			r, node, "builtin",
			"'%s' has an 'on' and an 'any' of its own; add other fields, or write a "
			"rule",
			b->name);
	err = cp_yaml_open_text(&text.yaml, r->yaml.file, b->rules);
	if (err)
		return err;
	root = cp_yaml_root(&text.yaml);
	for (item = root->data.sequence.items.start; item < root->data.sequence.items.top && !err;
	     item++)
		err = read_built_rule(r, node, &text, yaml_document_get_node(&text.yaml.doc, *item),
				      b);
	cp_yaml_close(&text.yaml);
	return err;
}
