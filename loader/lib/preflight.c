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
#include "internal.h"
#include "tc_uplink.skel.h"

#define DEVICE	   "lo"
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

struct trial {
	struct corepath_feature *f; /* to be filled */
	char pin_dir[PATH_MAX];
	const char *cgroups; /* where cgroup version 2 is mounted */
	char cgroup[PATH_MAX];
};

typedef void (*try_fn)(struct trial *t);

static void say(struct trial *t, enum corepath_support state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct trial *t, enum corepath_support state, const char *fmt, ...)
{
	va_list ap;

	t->f->state = state;
	va_start(ap, fmt);
	vsnprintf(t->f->why, sizeof(t->f->why), fmt, ap);
	va_end(ap);
}

/* After a call of the library: works, or what the call said. */
static void judge(struct trial *t, int err)
{
	if (err < 0)
		say(t, COREPATH_MISSING, "%s", corepath_error());
	else
		say(t, COREPATH_WORKS, "tried");
}

static void try_btf(struct trial *t)
{
	if (access(KERNEL_BTF, R_OK))
		say(t, COREPATH_MISSING, "%s: %s; the kernel needs CONFIG_DEBUG_INFO_BTF=y",
		    KERNEL_BTF, strerror(errno));
	else
		say(t, COREPATH_WORKS, "%s is there", KERNEL_BTF);
}

static void try_prefilter(struct trial *t)
{
	const char *dev = DEVICE;
	struct corepath_up_request req = {
		.pin_dir = t->pin_dir, .devs = &dev, .n_devs = 1, .mode = COREPATH_XDP_GENERIC};
	struct corepath_attachment at;
	struct corepath_prefix p;
	int err = corepath_up(&req, &at);

	if (!err)
		err = corepath_prefix_parse("192.0.2.0/24", &p);
	judge(t, err < 0 ? err : corepath_prefix_add(t->pin_dir, &p, 1));
}

static void try_guard(struct trial *t)
{
	struct corepath_signature s;
	int err = corepath_signature_parse("1", &s);

	if (!err)
		err = corepath_signature_option("proto=udp", &s);
	judge(t, err ? err : corepath_signature_add(t->pin_dir, &s));
}

static void try_balancer(struct trial *t)
{
	struct corepath_service_spec s = {.mode = COREPATH_LB_NAT};
	struct corepath_backend_spec b;
	int err = corepath_service_parse("tcp", "192.0.2.1:80", &s.id);

	if (!err)
		err = corepath_backend_parse("192.0.2.2", &b);
	if (!err)
		err = corepath_service_add(t->pin_dir, &s);
	judge(t, err ? err : corepath_backend_add(t->pin_dir, &s.id, &b));
}

static int on_event(const struct corepath_event *e, void *arg)
{
	(void)e;
	(void)arg;
	return 0;
}

static void try_events(struct trial *t)
{
	static const bool reasons[COREPATH_DROP_COUNT] = {[COREPATH_DROP_DENIED_SRC4] = true};
	struct corepath_watch_request req = {
		.pin_dir = t->pin_dir, .reasons = reasons, .fn = on_event};
	struct corepath_watch *w;
	int err = corepath_watch_open(&req, &w);

	judge(t, err);
	if (!err)
		corepath_watch_close(w);
}

static void try_sockets(struct trial *t)
{
	int err;

	if (!t->cgroups) {
		say(t, COREPATH_MISSING,
		    "no cgroup version 2 is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	snprintf(t->cgroup, sizeof(t->cgroup), "%s/corepath-preflight-%d", t->cgroups, getpid());
	if (mkdir(t->cgroup, 0755)) {
		say(t, COREPATH_MISSING, "%s: %s; run as root", t->cgroup, strerror(errno));
		*t->cgroup = '\0';
		return;
	}
	err = corepath_socket_up(t->pin_dir, t->cgroup);
	judge(t, err);
	if (!err)
		corepath_socket_down(t->pin_dir, t->cgroup);
	rmdir(t->cgroup);
}

static void try_socket_close(struct trial *t)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (btf && btf__find_by_name_kind(btf, "bpf_sock_destroy", BTF_KIND_FUNC) > 0)
		say(t, COREPATH_WORKS, "kfunc bpf_sock_destroy is in the kernel's BTF");
	else if (cp_diag_there())
		say(t, COREPATH_DEGRADED,
		    "by netlink: the kernel has no kfunc bpf_sock_destroy (6.5); sock_diag answers");
	else
		say(t, COREPATH_MISSING,
		    "the kernel has neither kfunc bpf_sock_destroy (6.5) nor sock_diag "
		    "(CONFIG_INET_DIAG_DESTROY, modules tcp_diag and udp_diag)");
	btf__free(btf);
}

static void try_tc(struct trial *t)
{
	struct cp_tc tc = {.kind = "trial", .dev = DEVICE, .ifindex = if_nametoindex(DEVICE)};
	struct tc_uplink *skel = tc_uplink__open_and_load();
	struct cp_dir dir;
	int err;

	if (!skel) {
		say(t, COREPATH_MISSING, "its programs cannot be loaded: %s", strerror(errno));
		return;
	}
	err = cp_dir_open(&dir, t->pin_dir, CP_CHANGE);
	if (!err) {
		err = cp_tc_attach(&dir, &tc, bpf_program__fd(skel->progs.tc_uplink_in),
				   COREPATH_TC_AUTO);
		if (err)
			judge(t, err);
		else if (tc.mode == COREPATH_TC_TCX)
			say(t, COREPATH_WORKS, "tried: by tcx links");
		else
			say(t, COREPATH_WORKS,
			    "tried: by clsact filters, as the kernel has no tcx (6.6)");
		if (!err)
			cp_tc_detach(&dir, &tc);
		cp_dir_close(&dir);
	} else {
		judge(t, err);
	}
	tc_uplink__destroy(skel);
}

/* As a user has it: a service first or an endpoint first, which is the same here. */
static void try_endpoint_services(struct trial *t)
{
	struct corepath_service_spec s = {.mode = COREPATH_LB_NAT};
	struct corepath_endpoint_spec e;
	int err = corepath_service_parse("udp", "192.0.2.1:53", &s.id);

	if (!err)
		err = corepath_endpoint_init(DEVICE, &e);
	if (!err)
		err = corepath_endpoint_word("192.0.2.3", &e);
	if (!err)
		err = corepath_service_add(t->pin_dir, &s);
	if (!err)
		err = corepath_endpoint_add(t->pin_dir, &e, COREPATH_TC_AUTO, NULL);
	judge(t, err);
	if (!err)
		corepath_endpoint_del(t->pin_dir, DEVICE);
}

/* In the order they are tried: each needs those before it that it names, or nothing. */
static const struct {
	const char *name, *text;
	const char *needs;
	try_fn try;
} features[] = {
	{"kernel-btf", "type information, which every program needs", NULL, try_btf},
	{"prefilter", "source prefixes, by XDP", "kernel-btf", try_prefilter},
	{"guard", "signatures of packets and rates of sources, by XDP", "prefilter", try_guard},
	{"balancer", "services, by XDP", "prefilter", try_balancer},
	{"events", "what became of packets, told to watchers", "prefilter", try_events},
	{"sockets", "services for sockets of this host", "kernel-btf", try_sockets},
	{"socket-close", "sockets told that their backend went", "sockets", try_socket_close},
	{"tc", "endpoints and the uplink, on tc hooks", "kernel-btf", try_tc},
	{"endpoint-services", "services for what endpoints send, on tc hooks", "tc",
	 try_endpoint_services},
};

#define FEATURES (sizeof(features) / sizeof(features[0]))

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

/* The feature that one needs and that is not there. */
static const struct corepath_feature *lacks(const struct corepath_feature *list, size_t i)
{
	size_t j;

	for (j = 0; j < i && features[i].needs; j++)
		if (!strcmp(list[j].name, features[i].needs) && list[j].state > COREPATH_DEGRADED)
			return &list[j];
	return NULL;
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
static void child(const char *parent_dir, int out)
{
	struct corepath_feature list[FEATURES] = {};
	struct trial t = {.cgroups = find_cgroups()};
	const struct corepath_feature *lack;
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(t.pin_dir, sizeof(t.pin_dir), "%s/corepath-preflight-%d", parent_dir, getpid());
	for (i = 0; i < FEATURES; i++) {
		t.f = &list[i];
		snprintf(t.f->name, sizeof(t.f->name), "%s", features[i].name);
		snprintf(t.f->text, sizeof(t.f->text), "%s", features[i].text);
		lack = lacks(list, i);
		if (lack)
			say(&t, COREPATH_UNTRIED, "needs %s", lack->name);
		else
			features[i].try(&t);
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
	return cp_fail(
		EIO, "preflight: the process that tried %s ended by %s; see the kernel's log",
		features[*n].name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "itself");
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
		child(parent, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	err = pid < 0 ? cp_fail(errno, "preflight: %s", strerror(errno))
		      : collect(ends[0], pid, *list, n);
	if (err)
		free(*list);
	return err;
}
