/* SPDX-License-Identifier: GPL-2.0-only */
/* libcorepath: processes. Part of corepath.h, which includes it. */
#include <corepath.h> /* before the guard: alone, this comes at its place in there */

#ifndef COREPATH_SECURITY_H
#define COREPATH_SECURITY_H

#ifdef __cplusplus
extern "C" {
#endif

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

/* "exec", "write", ...; "log", "audit", "deny", "kill" */
const char *corepath_op_name(enum corepath_op op);
const char *corepath_action_name(enum corepath_action action);

/* What a rule event's value is called ("to-uid", "cap", "namespace", "cmd", "mode"), NULL if its op
 * has none; and as text: a number, or names with commas. */
const char *corepath_value_name(enum corepath_op op);
const char *corepath_value_text(enum corepath_op op, __u64 value, char *out, size_t size);

/* What this kernel lets rules do. */
enum corepath_enforcement {
	COREPATH_PREVENTS = 1,	    /* what is denied does not happen */
	COREPATH_KILLS = 2,	    /* who does it is killed, before it returns to user space */
	COREPATH_PREVENTS_PART = 3, /* the one or the other, by op */
	COREPATH_CANNOT = 4,	    /* some op cannot be seen */
};

/* Who is asked before something is done: the BPF LSM, or, where it is not active, programs of
 * BPF_MODIFY_RETURN on the functions that ask security modules. */
enum corepath_means { COREPATH_MEANS_LSM = 1, COREPATH_MEANS_FMOD_RET = 2 };

/* "lsm", "fmod_ret"; "none" of 0 */
const char *corepath_means_name(enum corepath_means means);

/* Of these ops together (bits of enum corepath_op). Found by opening a file and seeing whether a
 * program was asked: those of the BPF LSM load and attach where it is not active, too. -EPERM if
 * that may not be done. Nothing need be up, and nothing is left. */
int corepath_enforcement(__u32 ops, enum corepath_enforcement *how);

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

/* A process that ran already when the rules came, and matches one about exec. */
struct corepath_running_one {
	__u32 pid;
	enum corepath_action action; /* of the rule */
	bool killed;
	char rule[COREPATH_RULE_NAME_MAX];
};

struct corepath_running_report {
	struct corepath_running_one *list;
	size_t n;
	size_t killed;
	bool more;	/* those that are to be killed are made faster than they can be */
	bool elsewhere; /* nobody was judged: we are not in the host's PID namespace */
};

/*
 * The same, with what became of processes that ran already. They are judged by the rules about exec
 * by what they are now, when the rules are in force for all that begin: by their program, whoever
 * ran it, so a rule with `exe` is none of them. Each that matches is told of as an event of hook
 * COREPATH_HOOK_ITERATOR, and of the strongest rule. @kill: those of action `kill` are killed, but
 * for init and who calls. An error that comes after the rules are in force says so. The caller
 * frees report->list, of errors, too.
 */
int corepath_security_load_running(const char *pin_dir, const char *file, bool kill,
				   struct corepath_running_report *report);

/* No rule is in force when it returns. -ENOENT if none is loaded. */
int corepath_security_unload(const char *pin_dir);

struct corepath_rule_info {
	char name[COREPATH_RULE_NAME_MAX];
	__u32 ops; /* bits of enum corepath_op */
	enum corepath_action action, asked;
	__u64 hits; /* since it was loaded */
};

struct corepath_security_status {
	enum corepath_enforcement how; /* of the rules' ops */
	enum corepath_means means;
	__u32 weak;			  /* ops that cannot be prevented here */
	struct corepath_rule_info *rules; /* one for each entry of `any` */
	size_t n;
};

/* -ENOENT if nothing is loaded. The caller frees st->rules. */
int corepath_security_status(const char *pin_dir, struct corepath_security_status *st);

/* A policy that '- builtin: NAME' in a file of rules switches on. */
struct corepath_builtin {
	const char *name;
	const char *needs; /* the field that the entry must have, or NULL */
	const char *about;
	const char *rules; /* YAML, as a file has them */
};

const struct corepath_builtin *corepath_builtins(size_t *n);

#ifdef __cplusplus
}
#endif

#endif
