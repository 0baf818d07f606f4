// SPDX-License-Identifier: GPL-2.0-only
/* Events of processes as text and as JSON. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "process.h"

static const char *const namespaces[COREPATH_NS_COUNT] = {
	[COREPATH_NS_MNT] = "mnt",   [COREPATH_NS_PID] = "pid",	      [COREPATH_NS_NET] = "net",
	[COREPATH_NS_USER] = "user", [COREPATH_NS_CGROUP] = "cgroup", [COREPATH_NS_IPC] = "ipc",
	[COREPATH_NS_UTS] = "uts",
};

/* How many bytes of `s` are one character of UTF-8 (RFC 3629 section 4), 0 if none. */
static size_t character(const unsigned char *s, size_t len)
{
	static const unsigned int least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0, i;
	unsigned int c = n == 1 ? *s : *s & (0x7f >> n);

	if (!n || n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

/*
 * File names and arguments are bytes, lines and JSON are text: what is no UTF-8 becomes \xNN. In a
 * line, so does what would end or split it, and a backslash. The caller frees the copy; NULL: no
 * memory.
 */
static char *readable(const char *from, size_t len, bool line)
{
	char *out = malloc(4 * len + 1), *to = out;
	const unsigned char *s = (const unsigned char *)from;
	size_t n;

	for (; out && len; s += n, len -= n) {
		n = character(s, len);
		if (n && !(line && (*s <= ' ' || *s == '\\' || *s == 0x7f))) {
			to = mempcpy(to, s, n);
		} else {
			n = 1;
			to += sprintf(to, "\\x%02x", *s);
		}
	}
	if (out)
		*to = '\0';
	return out;
}

static json_t *json_text(const char *from, size_t len)
{
	char *text = readable(from, len, false);
	json_t *value = text ? json_stringn(text, strlen(text)) : NULL;

	free(text);
	return value;
}

static void print_text(const char *from, size_t len)
{
	char *text = readable(from, len, true);

	printf(" %s", text ?: "?");
	free(text);
}

static json_t *json_args(const char *args, size_t left)
{
	json_t *array = json_array();
	size_t n;

	for (; left; args += n, left -= n) {
		n = strnlen(args, left);
		if (json_array_append_new(array, json_text(args, n))) {
			json_decref(array);
			return NULL;
		}
		n += n < left; /* its NUL */
	}
	return array;
}

static json_t *json_process(const struct corepath_event *head, const struct corepath_process *p,
			    const char *time)
{
	json_t *line, *ns = json_object();
	int i;

	for (i = 0; i < COREPATH_NS_COUNT; i++)
		json_object_set_new(ns, namespaces[i], json_integer(p->ns[i]));
	line = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "time", time, "kind", corepath_event_kind_name(head->kind), "hook",
			 corepath_hook_name(head->hook), "pid", (json_int_t)p->pid, "ppid",
			 (json_int_t)p->ppid, "start_ns", (json_int_t)p->start_ns, "uid",
			 (json_int_t)p->uid, "euid", (json_int_t)p->euid, "gid", (json_int_t)p->gid,
			 "egid", (json_int_t)p->egid, "cgroup", (json_int_t)p->cgroup, "namespaces",
			 ns, "comm", json_text(p->comm, strnlen(p->comm, sizeof(p->comm))));
	return line;
}

static void print_head(const struct corepath_event *head, const struct corepath_process *p,
		       const char *time)
{
	printf("%s %s %u parent %u uid %u", time, corepath_event_kind_name(head->kind), p->pid,
	       p->ppid, p->euid);
	print_text(p->comm, strnlen(p->comm, sizeof(p->comm)));
}

static const struct {
	const char *name, *text;
	unsigned int flag;
} flags[] = {
	{"path_cut", "path cut", COREPATH_EXEC_PATH_CUT},
	{"path_deleted", "deleted", COREPATH_EXEC_PATH_DELETED},
	{"path_nowhere", "on no mount", COREPATH_EXEC_PATH_NOWHERE},
	{"cwd_cut", "directory cut", COREPATH_EXEC_CWD_CUT},
	{"args_cut", "arguments cut", COREPATH_EXEC_ARGS_CUT},
	{"args_unread", "arguments not to be read", COREPATH_EXEC_ARGS_UNREAD},
};
#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static json_t *json_exec(const struct corepath_exec_event *e, const char *time)
{
	json_t *line = json_process(&e->head, &e->process, time);
	struct corepath_exec_text text;
	size_t i;

	if (corepath_exec_text(e, &text) ||
	    json_object_set_new(line, "path", json_text(text.path, e->path_len)) ||
	    json_object_set_new(line, "args", json_args(text.args, e->args_len)) ||
	    json_object_set_new(line, "cwd", json_text(text.cwd, e->cwd_len)) ||
	    json_object_set_new(line, "old_tid", json_integer(e->old_tid))) {
		json_decref(line);
		return NULL;
	}
	for (i = 0; i < N_FLAGS; i++)
		json_object_set_new(line, flags[i].name, json_boolean(e->flags & flags[i].flag));
	return line;
}

static bool print_exec(const struct corepath_exec_event *e, const char *time)
{
	struct corepath_exec_text text;
	size_t left = e->args_len, n, i;
	const char *arg;

	if (corepath_exec_text(e, &text))
		return false;
	print_head(&e->head, &e->process, time);
	print_text(text.path, e->path_len);
	fputs(" [", stdout);
	for (arg = text.args; left; arg += n, left -= n) {
		n = strnlen(arg, left);
		print_text(arg, n);
		n += n < left;
	}
	fputs(" ] in", stdout);
	print_text(text.cwd, e->cwd_len);
	for (i = 0; i < N_FLAGS; i++)
		if (e->flags & flags[i].flag)
			printf(" (%s)", flags[i].text);
	return true;
}

static json_t *json_exit(const struct corepath_exit_event *e, const char *time)
{
	json_t *line = json_process(&e->head, &e->process, time);

	if (json_object_set_new(line, "status", json_integer(e->code)) ||
	    json_object_set_new(line, "signal", json_integer(e->signal)) ||
	    json_object_set_new(line, "core", json_boolean(e->core))) {
		json_decref(line);
		return NULL;
	}
	return line;
}

static void print_exit(const struct corepath_exit_event *e, const char *time)
{
	print_head(&e->head, &e->process, time);
	if (e->signal)
		printf(" signal %u (%s)%s", e->signal, strsignal(e->signal),
		       e->core ? " core dumped" : "");
	else
		printf(" status %u", e->code);
}

static bool has_address(__u8 op)
{
	return op == COREPATH_OP_CONNECT || op == COREPATH_OP_BIND || op == COREPATH_OP_LISTEN;
}

static json_t *json_rule(const struct corepath_rule_event *e, const char *time)
{
	json_t *line = json_process(&e->head, &e->process, time);
	char dest[COREPATH_SERVICE_STRLEN], value[1024];
	const char *path, *exe;

	if (corepath_rule_text(e, &path, &exe)) {
		json_decref(line);
		return NULL;
	}
	json_object_set_new(line, "rule", json_string(e->name));
	json_object_set_new(line, "op", json_string(corepath_op_name(e->op)));
	json_object_set_new(line, "action", json_string(corepath_action_name(e->action)));
	json_object_set_new(line, "prevented", json_boolean(e->prevented));
	json_object_set_new(line, "killed", json_boolean(e->killed));
	json_object_set_new(line, "running", json_boolean(e->head.hook == COREPATH_HOOK_ITERATOR));
	json_object_set_new(line, "exe", json_text(exe, e->exe_len));
	if (has_address(e->op))
		json_object_set_new(
			line, e->op == COREPATH_OP_CONNECT ? "dest" : "addr",
			json_string(corepath_endpoint_format(&e->dest, ntohs(e->port), dest)));
	else if (e->path_len || !corepath_value_name(e->op))
		json_object_set_new(line, "path", json_text(path, e->path_len));
	if (corepath_value_name(e->op))
		json_object_set_new(
			line, corepath_value_name(e->op),
			json_string(corepath_value_text(e->op, e->value, value, sizeof(value))));
	return line;
}

static bool print_rule(const struct corepath_rule_event *e, const char *time)
{
	char dest[COREPATH_SERVICE_STRLEN], value[1024];
	const char *path, *exe;

	if (corepath_rule_text(e, &path, &exe))
		return false;
	print_head(&e->head, &e->process, time);
	printf(" %s: %s %s", e->name, corepath_action_name(e->action), corepath_op_name(e->op));
	if (has_address(e->op))
		printf(" %s", corepath_endpoint_format(&e->dest, ntohs(e->port), dest));
	else if (e->path_len || !corepath_value_name(e->op))
		print_text(path, e->path_len);
	if (corepath_value_name(e->op))
		printf(" %s %s", corepath_value_name(e->op),
		       corepath_value_text(e->op, e->value, value, sizeof(value)));
	fputs(" by", stdout);
	print_text(exe, e->exe_len);
	if (e->head.hook == COREPATH_HOOK_ITERATOR)
		fputs(", ran already", stdout);
	else
		fputs(e->prevented ? ", prevented" : ", not prevented", stdout);
	fputs(e->killed ? ", killed" : "", stdout);
	return true;
}

static bool print_object(json_t *line)
{
	bool done = line && !json_dumpf(line, stdout, JSON_COMPACT);

	json_decref(line);
	putchar('\n');
	return done;
}

bool print_process(const struct corepath_event *e, const char *time, bool json)
{
	const struct corepath_exec_event *exec = (const void *)e;
	const struct corepath_fork_event *fork = (const void *)e;
	const struct corepath_exit_event *exit = (const void *)e;
	const struct corepath_rule_event *rule = (const void *)e;
	bool done = true;

	switch (e->kind) {
	case COREPATH_EVENT_EXEC:
		if (e->size < sizeof(*exec))
			return true;
		if (json)
			return print_object(json_exec(exec, time));
		done = print_exec(exec, time);
		break;
	case COREPATH_EVENT_FORK:
		if (e->size < sizeof(*fork))
			return true;
		if (json)
			return print_object(json_process(e, &fork->process, time));
		print_head(e, &fork->process, time);
		break;
	case COREPATH_EVENT_EXIT:
		if (e->size < sizeof(*exit))
			return true;
		if (json)
			return print_object(json_exit(exit, time));
		print_exit(exit, time);
		break;
	case COREPATH_EVENT_RULE:
		if (e->size < sizeof(*rule))
			return true;
		if (json)
			return print_object(json_rule(rule, time));
		done = print_rule(rule, time);
		break;
	default:
		return true;
	}
	putchar('\n');
	return done;
}
