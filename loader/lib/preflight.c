// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the datapath works on this kernel, found by doing it: a child process in a network
 * namespace of its own brings up each part, by the calls that a user's commands make, on a loopback
 * device nobody uses and in a pin directory and a cgroup of its own, and takes all away again. So
 * nothing is guessed from a version, and what was found true is true of these programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <mntent.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "preflight.h"

const char *corepath_support_name(enum corepath_support state)
{
	static const char *const names[] = {
		[COREPATH_WORKS] = "works",
		[COREPATH_DEGRADED] = "degraded",
		[COREPATH_MISSING] = "missing",
		[COREPATH_UNTRIED] = "untried",
	};

	return names[state];
}

const char *corepath_found_name(enum corepath_found found)
{
	static const char *const names[] = {
		[COREPATH_FOUND_FILE] = "file",
		[COREPATH_FOUND_TRIAL] = "trial",
		[COREPATH_FOUND_BTF] = "btf",
	};

	return names[found];
}

#define FEATURES (cp_n_trials + CP_TRIAL_RULES)

/* Whether the feature called so is there. */
static bool is_there(const struct corepath_feature *list, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n && name; i++)
		if (!strcmp(list[i].name, name))
			return list[i].state <= COREPATH_DEGRADED;
	return true;
}

static void untried(struct corepath_feature *f, const char *lack)
{
	f->state = COREPATH_UNTRIED;
	snprintf(f->why, sizeof(f->why), "needs %s", lack);
}

static void try_row(struct cp_trial *t, const struct corepath_feature *list, size_t i)
{
	const struct cp_trial_row *row = &cp_trials[i];

	snprintf(t->f->name, sizeof(t->f->name), "%s", row->name);
	snprintf(t->f->text, sizeof(t->f->text), "%s", row->text);
	snprintf(t->f->decides, sizeof(t->f->decides), "%s", row->decides);
	snprintf(t->f->without, sizeof(t->f->without), "%s", row->without);
	t->f->found = row->found;
	if (is_there(list, i, row->after))
		row->try(t);
	else
		untried(t->f, row->after);
}

static const char *find_cgroups(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	static char path[PATH_MAX];
	struct mntent *m;

	while (mounts && !*path && (m = getmntent(mounts)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			snprintf(path, sizeof(path), "%s", m->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return *path ? path : NULL;
}

/* Everything is tried in here, and the results are written as they come: a kernel that kills us
 * leaves those before. */
static void child(struct corepath_feature *list, const char *parent_dir, int out)
{
	struct cp_trial t = {.cgroups = find_cgroups()};
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(t.pin_dir, sizeof(t.pin_dir), "%s/corepath-preflight-%d", parent_dir, getpid());
	for (i = 0; i < FEATURES; i++) {
		t.f = &list[i];
		if (i < cp_n_trials)
			try_row(&t, list, i);
		else
			cp_trial_rule(&t, i - cp_n_trials);
		if (i >= cp_n_trials && !is_there(list, cp_n_trials, "rules"))
			untried(t.f, "rules");
		if (write(out, t.f, sizeof(*t.f)) != sizeof(*t.f))
			break;
	}
	corepath_down(t.pin_dir, NULL, 0);
}

static int check_caps(void)
{
	const char *lacking = cp_caps_lacking();

	if (lacking)
		return cp_fail(EPERM, "preflight: %s; run as root", strerror(EPERM));
	if (!cp_cap_held(CAP_SYS_ADMIN))
		return cp_fail(EPERM,
			       "preflight: CAP_SYS_ADMIN is missing, for a network namespace "
			       "to try in; run as root");
	return 0;
}

/* The directory the pin directory is in. */
static void parent_of(const char *pin_dir, char *out)
{
	char *slash;

	snprintf(out, PATH_MAX, "%s", pin_dir);
	slash = strrchr(out, '/');
	if (slash && slash != out)
		*slash = '\0';
	else
		strcpy(out, slash ? "/" : ".");
}

static int collect(int in, pid_t pid, struct corepath_feature *list, size_t *n)
{
	int status;

	while (*n < FEATURES && read(in, &list[*n], sizeof(*list)) == sizeof(*list))
		(*n)++;
	close(in);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (*n == FEATURES)
		return 0;
	return cp_fail(EIO,
		       "preflight: the process that tried %s ended by %s; see the kernel's log",
		       *n < cp_n_trials ? cp_trials[*n].name : "rules",
		       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "itself");
}

int corepath_preflight(const char *pin_dir, struct corepath_feature **list, size_t *n)
{
	char parent[PATH_MAX];
	int ends[2], err;
	pid_t pid;

	err = check_caps();
	if (err)
		return err;
	*n = 0;
	*list = calloc(FEATURES, sizeof(**list));
	if (!*list || pipe2(ends, O_CLOEXEC)) {
		free(*list);
		return cp_fail(errno, "preflight: %s; free some memory", strerror(errno));
	}
	parent_of(pin_dir, parent);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		if (unshare(CLONE_NEWNET))
			_exit(1);
		child(*list, parent, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	err = pid < 0 ? cp_fail(errno, "preflight: %s", strerror(errno))
		      : collect(ends[0], pid, *list, n);
	if (err)
		free(*list);
	return err;
}
