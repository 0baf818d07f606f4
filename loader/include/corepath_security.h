/* SPDX-License-Identifier: GPL-2.0-only */
/* libcorepath: processes. Part of corepath.h, which includes it. */
#ifndef COREPATH_SECURITY_H
#define COREPATH_SECURITY_H

/* "packet", "exec", "fork", "exit"; and the kind of that name, or -EINVAL */
const char *corepath_event_kind_name(enum corepath_event_kind kind);
int corepath_event_kind_parse(const char *name, enum corepath_event_kind *kind);

/* The three texts of an exec event. The event's sizes have been checked by who calls: -EINVAL if
 * they do not fit it. None ends with a NUL; each argument does, but one that is cut. */
struct corepath_exec_text {
	const char *path, *cwd, *args;
};

int corepath_exec_text(const struct corepath_exec_event *e, struct corepath_exec_text *out);

/* The texts of a rule event, likewise. */
int corepath_rule_text(const struct corepath_rule_event *e, const char **path, const char **exe);

/* "exec", "write", "unlink", "rename", "link", "connect"; "log", "audit", "deny", "kill" */
const char *corepath_op_name(enum corepath_op op);
const char *corepath_action_name(enum corepath_action action);

/* What this kernel lets rules do. */
enum corepath_enforcement {
	COREPATH_PREVENTS = 1, /* what is denied does not happen */
	COREPATH_KILLS = 2,    /* who does it is killed, after it has happened */
};

/* Found by opening a file and seeing whether a program of the BPF LSM was asked: they load and
 * attach where it is not active, too. -EPERM if that may not be done. Nothing need be up, and
 * nothing is left. */
int corepath_enforcement(enum corepath_enforcement *how);

/* "prevents"; "detects and kills, cannot prevent" */
const char *corepath_enforcement_text(enum corepath_enforcement how);

/*
 * Puts the file's rules in the place of those that are loaded, by one pointer: what a process does
 * is judged by all of before or all of after. On an error, which names file, line and field,
 * nothing has changed. An action that this kernel cannot take is an error (-EOPNOTSUPP), unless the
 * rule says `weaker: yes`; then deny is kill. The programs are attached if they are not, and
 * outlive who calls. "-" is standard input.
 */
int corepath_security_load(const char *pin_dir, const char *file);

/* No rule is in force when it returns. -ENOENT if none is loaded. */
int corepath_security_unload(const char *pin_dir);

struct corepath_rule_info {
	char name[COREPATH_RULE_NAME_MAX];
	__u32 ops; /* bits of enum corepath_op */
	enum corepath_action action, asked;
	__u64 hits; /* since it was loaded */
};

struct corepath_security_status {
	enum corepath_enforcement how;
	struct corepath_rule_info *rules; /* one for each entry of `any` */
	size_t n;
};

/* -ENOENT if nothing is loaded. The caller frees st->rules. */
int corepath_security_status(const char *pin_dir, struct corepath_security_status *st);

#endif
