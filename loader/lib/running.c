// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that ran already when their rules came: an iterator judges them
 * (bpf-src/lib/deeds_running.h), and what no BPF program can do to another process is done here.
 *
 * In rounds: a look says who matches; of those the arguments are read and a pidfd is opened; then
 * the iterator tells of them. It does so of a process that was there before and after, with the
 * same start and the same program, so what was read and opened in between was of that one. Who is
 * killed has been told so before, as a process that ends tells nobody; that it can be killed was
 * asked by signal 0.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "running.h"

#define PIN_ITERATOR "rule_sec_see_running"

/* PROC_PID_INIT_INO of include/linux/proc_ns.h: where numbers of processes are the kernel's own. */
#define HOST_PID_NS 0xeffffffcu

/* Processes that match can make others, until they are killed. */
#define ROUNDS 32

/* What BPF looks at, too: ARG_PIECES of bpf-src/lib/deeds_exec.h. */
#define ARGS 48

/* At a time, of the 1,024 descriptors that a process usually may have. Who is left over is next
 * round's. */
#define PIDFDS 512

struct seen {
	struct corepath_running_match match;
	int pidfd; /* -1: it is not to be killed */
};

struct running {
	const struct cp_dir *dir;
	const struct cp_rules *rules;
	struct corepath_sec_config *config;
	int config_fd, map_fd, link_fd;
	bool kill;
	struct seen *seen; /* in this round */
	size_t n_seen, n_pidfds;
	struct corepath_running_report *report;
};

/* ---- arguments ---- */

struct args {
	char list[ARGS][COREPATH_SEC_DATA + 1]; /* as far as they are compared; then NULs */
	__u32 n;				/* how many there are, beyond ARGS, too */
};

static size_t read_text(const char *file, char text[COREPATH_ARGS_MAX])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t at = 0;
	ssize_t n;

	while (fd >= 0 && at < COREPATH_ARGS_MAX &&
	       (n = read(fd, text + at, COREPATH_ARGS_MAX - at)) > 0)
		at += n;
	if (fd >= 0)
		close(fd);
	return at;
}

/* Of any thread that has them: one that has ended has no memory any more, the first one neither. */
static size_t read_cmdline(__u32 pid, char text[COREPATH_ARGS_MAX])
{
	struct dirent *entry;
	size_t len = 0;
	char path[320];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	tasks = opendir(path);
	while (tasks && !len && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/%u/task/%s/cmdline", pid, entry->d_name);
		if (*entry->d_name != '.')
			len = read_text(path, text);
	}
	if (tasks)
		closedir(tasks);
	return len;
}

static void read_args(__u32 pid, struct args *args)
{
	static char text[COREPATH_ARGS_MAX];
	size_t left = read_cmdline(pid, text), len, at;

	memset(args, 0, sizeof(*args));
	for (at = 0; left; at += len, left -= len) {
		len = strnlen(text + at, left);
		if (args->n < ARGS)
			memcpy(args->list[args->n], text + at,
			       len < COREPATH_SEC_DATA ? len : COREPATH_SEC_DATA - 1);
		args->n++;
		len += len < left;
	}
}

static bool one_is(const struct args *args, const struct cp_condition *c)
{
	__u32 i, argc;

	if (c->dim == COREPATH_DIM_ARGC) {
		memcpy(&argc, c->data, sizeof(argc));
		return args->n == argc;
	}
	for (i = 0; i < args->n && i < ARGS; i++)
		if (!memcmp(args->list[i], c->data, c->bits / 8))
			return true;
	return false;
}

/* Of each dim one of the conditions, and none of those that must not be met. */
static bool args_meet(const struct args *args, const struct cp_rule *rule)
{
	bool asked[COREPATH_DIMS] = {}, met[COREPATH_DIMS] = {};
	size_t i;

	for (i = 0; i < rule->n_conditions; i++) {
		const struct cp_condition *c = &rule->conditions[i];

		if (c->dim != COREPATH_DIM_ARG && c->dim != COREPATH_DIM_ARGC)
			continue;
		if (c->not&&one_is(args, c))
			return false;
		asked[c->dim] |= !c->not;
		met[c->dim] |= !c->not && one_is(args, c);
	}
	return met[COREPATH_DIM_ARG] == asked[COREPATH_DIM_ARG] &&
	       met[COREPATH_DIM_ARGC] == asked[COREPATH_DIM_ARGC];
}

/* ---- one round ---- */

static int set_how(struct running *r, __u32 how)
{
	__u32 zero = 0;

	r->config->running = how;
	return bpf_map_update_elem(r->config_fd, &zero, r->config, BPF_ANY);
}

/* Has the iterator go through all processes; each match goes to `fn`. */
static int iterate(struct running *r, int (*fn)(struct running *, struct corepath_running_match *))
{
	struct corepath_running_match list[64];
	int fd = bpf_iter_create(r->link_fd), err = 0, again = 0;
	ssize_t n, i;

	if (fd < 0)
		return fd;
	while (!err) {
		n = read(fd, list, sizeof(list));
		if (!n)
			break;
		if (n < 0 && errno != EINTR && (errno != EAGAIN || ++again > 1000))
			err = -errno;
		for (i = 0; i < n / (ssize_t)sizeof(list[0]) && !err; i++)
			err = fn(r, &list[i]);
	}
	close(fd);
	return err;
}

/* A process that can be killed by us; not the one that loads the rules, nor init, whom no signal
 * of its own namespace kills. */
static int pidfd_of(__u32 pid)
{
	int fd;

	if (pid == 1 || pid == (__u32)getpid())
		return -1;
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int look_at(struct running *r, struct corepath_running_match *m)
{
	struct corepath_running_process known = {.set = m->set, .exec_id = m->exec_id};
	static struct args args;
	struct seen *grown;
	bool kill = r->kill && m->action == COREPATH_ACTION_KILL;
	int pidfd = -1, err;
	size_t i;

	if (kill && r->n_pidfds == PIDFDS)
		return 0;
	if (m->asks_args) {
		read_args(m->process.pid, &args);
		for (i = 0; i < r->rules->n; i++)
			if (args_meet(&args, &r->rules->list[i]))
				known.args[i / 64] |= 1ull << i % 64;
	}
	if (kill)
		pidfd = pidfd_of(m->process.pid);
	known.kill = pidfd >= 0;
	r->n_pidfds += known.kill;
	err = bpf_map_update_elem(r->map_fd, &m->process, &known, BPF_ANY);
	grown = err ? NULL : reallocarray(r->seen, r->n_seen + 1, sizeof(*grown));
	if (!grown) {
		close(pidfd);
		return err ?: -ENOMEM;
	}
	r->seen = grown;
	grown[r->n_seen++] = (struct seen){*m, pidfd};
	return 0;
}

static int told_of(struct running *r, struct corepath_running_match *m)
{
	struct corepath_running_report *report = r->report;
	struct corepath_running_one *grown;
	size_t i;

	for (i = 0; m->killed && i < r->n_seen; i++)
		if (!memcmp(&r->seen[i].match.process, &m->process, sizeof(m->process)))
			syscall(SYS_pidfd_send_signal, r->seen[i].pidfd, SIGKILL, NULL, 0);
	grown = reallocarray(report->list, report->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	report->list = grown;
	grown += report->n++;
	*grown = (struct corepath_running_one){
		.pid = m->process.pid, .action = m->action, .killed = m->killed};
	memcpy(grown->rule, r->rules->list[m->rule].name, sizeof(grown->rule));
	report->killed += m->killed;
	return 0;
}

static void forget_seen(struct running *r)
{
	while (r->n_seen)
		close(r->seen[--r->n_seen].pidfd);
	r->n_pidfds = 0;
}

/* 1: somebody was told of. */
static int round_of(struct running *r)
{
	const __u32 kill = r->kill ? COREPATH_RUNNING_KILL : 0;
	bool any;
	int err;

	err = set_how(r, COREPATH_RUNNING_NOTE | COREPATH_RUNNING_LOOK | kill);
	if (!err)
		err = iterate(r, look_at);
	any = r->n_seen;
	if (!err && any)
		err = set_how(r, COREPATH_RUNNING_NOTE | COREPATH_RUNNING_TELL | kill);
	if (!err && any)
		err = iterate(r, told_of);
	forget_seen(r);
	return err ?: any;
}

/* ---- all of it ---- */

int cp_running_forget(const struct cp_dir *dir)
{
	int fd = cp_pin_get(dir, CP_MAP_SEC_RUNNING), err = 0;
	struct corepath_process_key key;

	if (fd < 0)
		return fd;
	while (!err && !bpf_map_get_next_key(fd, NULL, &key))
		err = bpf_map_delete_elem(fd, &key);
	close(fd);
	return err == -ENOENT ? 0 : err;
}

static bool numbers_are_the_kernels(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == HOST_PID_NS;
}

static int judge(struct running *r)
{
	int i, err = 1;

	/* without kill those that were made since do not matter: one round tells of who was there
	 */
	for (i = 0; i < ROUNDS && err > 0; i++) {
		err = round_of(r);
		if (!r->kill)
			break;
	}
	r->report->more = r->kill && err > 0;
	return err < 0 ? err : 0;
}

int cp_running_judge(const struct cp_dir *dir, const struct cp_rules *rules, int config_fd,
		     struct corepath_sec_config *config, const struct cp_running_wish *wish)
{
	struct running r = {.dir = dir,
			    .rules = rules,
			    .config = config,
			    .config_fd = config_fd,
			    .kill = wish->kill,
			    .report = wish->report};
	int err = 0, last;

	r.report->elsewhere = !numbers_are_the_kernels();
	if (!r.report->elsewhere) {
		r.map_fd = cp_pin_get(dir, CP_MAP_SEC_RUNNING);
		r.link_fd = cp_pin_get(dir, PIN_ITERATOR);
		err = r.map_fd < 0 ? r.map_fd : r.link_fd < 0 ? r.link_fd : judge(&r);
		close(r.map_fd);
		close(r.link_fd);
		free(r.seen);
	}
	last = set_how(&r, 0);
	if (!err)
		err = last;
	if (!err)
		err = cp_running_forget(dir);
	return err;
}
