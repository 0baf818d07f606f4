// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each part of the datapath, tried: by the calls that a user's commands make, on a loopback device
 * nobody uses and in a pin directory and a cgroup of its own.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "preflight.h"
#include "refusal.h"
#include "rules.h"
#include "sockets.h"
#include "tc_uplink.skel.h"

#define DEVICE "lo"

/* Bound of waiting for an event that has happened already. */
#define EVENT_MS 5000

static void say(struct cp_trial *t, enum corepath_support state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct cp_trial *t, enum corepath_support state, const char *fmt, ...)
{
	va_list ap;

	t->f->state = state;
	va_start(ap, fmt);
	vsnprintf(t->f->why, sizeof(t->f->why), fmt, ap);
	va_end(ap);
}

/* After a call of the library: works, or what the call said. */
static void judge(struct cp_trial *t, int err)
{
	if (err < 0)
		say(t, COREPATH_MISSING, "%s", corepath_error());
	else
		say(t, COREPATH_WORKS, "tried");
}

static void try_btf(struct cp_trial *t)
{
	if (access(CP_KERNEL_BTF, R_OK))
		say(t, COREPATH_MISSING, "%s: %s; the kernel needs CONFIG_DEBUG_INFO_BTF=y",
		    CP_KERNEL_BTF, strerror(errno));
	else
		say(t, COREPATH_WORKS, "%s is there", CP_KERNEL_BTF);
}

static void try_prefilter(struct cp_trial *t)
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

static void try_guard(struct cp_trial *t)
{
	struct corepath_signature s;
	int err = corepath_signature_parse("1", &s);

	if (!err)
		err = corepath_signature_option("proto=udp", &s);
	judge(t, err ? err : corepath_signature_add(t->pin_dir, &s));
}

static void try_balancer(struct cp_trial *t)
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

static void try_events(struct cp_trial *t)
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

static void try_sockets(struct cp_trial *t)
{
	char cgroup[PATH_MAX];
	int err;

	if (!t->cgroups) {
		say(t, COREPATH_MISSING,
		    "no cgroup version 2 is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	snprintf(cgroup, sizeof(cgroup), "%s/corepath-preflight-%d", t->cgroups, getpid());
	if (mkdir(cgroup, 0755)) {
		say(t, COREPATH_MISSING, "%s: %s; run as root", cgroup, strerror(errno));
		return;
	}
	err = corepath_socket_up(t->pin_dir, cgroup);
	judge(t, err);
	if (!err)
		corepath_socket_down(t->pin_dir, cgroup);
	rmdir(cgroup);
}

static void try_socket_close(struct cp_trial *t)
{
	if (cp_sockets_closable())
		say(t, COREPATH_WORKS, "tried: by kfunc bpf_sock_destroy");
	else if (cp_diag_there())
		say(t, COREPATH_DEGRADED,
		    "by netlink: kfunc bpf_sock_destroy cannot be called (6.5, and the JIT); "
		    "sock_diag answers");
	else
		say(t, COREPATH_MISSING,
		    "neither can kfunc bpf_sock_destroy be called (6.5, and the JIT) nor does "
		    "sock_diag answer (CONFIG_INET_DIAG_DESTROY, modules tcp_diag and udp_diag)");
}

static void try_tc(struct cp_trial *t)
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
static void try_endpoint_services(struct cp_trial *t)
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

static int on_fork(const struct corepath_event *e, void *arg)
{
	*(bool *)arg |= e->kind == COREPATH_EVENT_FORK;
	return 0;
}

/* A watcher of forks, and a fork. Others' count as well: they were seen. */
static void try_processes(struct cp_trial *t)
{
	static const bool kinds[COREPATH_EVENT_KINDS] = {[COREPATH_EVENT_FORK] = true};
	bool seen = false;
	struct corepath_watch_request req = {
		.pin_dir = t->pin_dir, .kinds = kinds, .fn = on_fork, .arg = &seen};
	struct corepath_watch *w;
	int err = corepath_watch_open(&req, &w), n = 1;
	pid_t pid;

	judge(t, err);
	if (err)
		return;
	pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	while (!seen && n > 0)
		n = corepath_watch_poll(w, EVENT_MS);
	corepath_watch_close(w);
	if (!seen)
		say(t, COREPATH_MISSING, "its programs are attached, and saw no fork");
}

/* All rules' programs are loaded; none is attached, for every process would pass them. */
static void try_rules(struct cp_trial *t)
{
	struct cp_dir dir;
	int err = cp_hooks_find(NULL, CP_OPS_ALL, &t->hooks);

	if (!err)
		err = cp_dir_open(&dir, t->pin_dir, CP_CREATE);
	if (!err) {
		err = cp_hooks_try(&dir, &t->hooks);
		cp_dir_close(&dir);
	}
	judge(t, err);
	if (err)
		return;
	if (t->hooks.means == COREPATH_MEANS_LSM)
		say(t, COREPATH_WORKS, "tried: the BPF LSM is asked before a file is opened");
	else if (t->hooks.means == COREPATH_MEANS_FMOD_RET)
		say(t, COREPATH_DEGRADED,
		    "tried: the BPF LSM is not active (lsm= and CONFIG_LSM do not name bpf); "
		    "BPF_MODIFY_RETURN is asked before a file is opened");
	else
		say(t, COREPATH_DEGRADED, "%s; %s", corepath_enforcement_text(COREPATH_KILLS),
		    cp_hooks_why(&t->hooks, COREPATH_OP_WRITE));
}

static void name_rule(struct corepath_feature *f, const char *name, const char *text)
{
	snprintf(f->name, sizeof(f->name), "rule-%s", name);
	snprintf(f->text, sizeof(f->text), "rules on %s", text);
	snprintf(f->decides, sizeof(f->decides), "%s",
		 "BPF LSM hooks, security_ functions for BPF_MODIFY_RETURN, tracepoints");
	snprintf(f->without, sizeof(f->without), "%s",
		 "what cannot be denied is killed for, if the rule takes that (weaker: yes)");
	f->found = COREPATH_FOUND_BTF;
}

static void try_op(struct cp_trial *t, enum corepath_op op)
{
	const __u32 bit = 1u << op;

	name_rule(t->f, corepath_op_name(op), corepath_op_name(op));
	if (t->hooks.cannot & bit)
		say(t, COREPATH_MISSING, "cannot be seen: %s", cp_hooks_why(&t->hooks, op));
	else if (t->hooks.weak & bit)
		say(t, COREPATH_DEGRADED, "%s%s: %s", t->hooks.strong & bit ? "some of it: " : "",
		    corepath_enforcement_text(COREPATH_KILLS), cp_hooks_why(&t->hooks, op));
	else
		say(t, COREPATH_WORKS, "%s, by %s", corepath_enforcement_text(COREPATH_PREVENTS),
		    t->hooks.means == COREPATH_MEANS_LSM ? "the BPF LSM" : "BPF_MODIFY_RETURN");
}

void cp_trial_rule(struct cp_trial *t, size_t rule)
{
	if (rule < COREPATH_OPS) {
		try_op(t, rule);
		return;
	}
	name_rule(t->f, "args", "the arguments of exec");
	say(t, COREPATH_DEGRADED, "%s: %s", corepath_enforcement_text(COREPATH_KILLS),
	    CP_ARGS_LATE);
}

/* What there is, what decides it, and what is left without: in the order it is tried. */
const struct cp_trial_row cp_trials[] = {
	{"kernel-btf", "type information, which every program needs", NULL, "CONFIG_DEBUG_INFO_BTF",
	 "nothing can be loaded", COREPATH_FOUND_FILE, try_btf},
	{"prefilter", "source prefixes, by XDP", "kernel-btf",
	 "XDP, maps of type lpm_trie, BPF links (5.9)",
	 "no part by XDP; sockets, endpoints and rules remain", COREPATH_FOUND_TRIAL,
	 try_prefilter},
	{"guard", "signatures of packets and rates of sources, by XDP", "prefilter",
	 "tail calls, maps of maps", "signatures and rates are refused; prefixes remain",
	 COREPATH_FOUND_TRIAL, try_guard},
	{"balancer", "services, by XDP", "prefilter", "tail calls, maps of maps",
	 "services are refused where a device is up; those of sockets remain", COREPATH_FOUND_TRIAL,
	 try_balancer},
	{"events", "what became of packets, told to watchers", "prefilter", "ring buffers (5.8)",
	 "counters remain", COREPATH_FOUND_TRIAL, try_events},
	{"sockets", "services for sockets of this host", "kernel-btf",
	 "cgroup version 2, programs on connect, sendmsg, recvmsg and getpeername (5.8)",
	 "services remain for packets", COREPATH_FOUND_TRIAL, try_sockets},
	{"socket-close", "sockets told that their backend went", "sockets",
	 "kfunc bpf_sock_destroy (6.5) and the JIT, or CONFIG_INET_DIAG_DESTROY",
	 "sockets keep a backend that is deleted, and the command says so", COREPATH_FOUND_TRIAL,
	 try_socket_close},
	{"tc", "endpoints and the uplink, on tc hooks", "kernel-btf",
	 "tcx (6.6), or clsact and cls_bpf", "no endpoints and no uplink", COREPATH_FOUND_TRIAL,
	 try_tc},
	{"endpoint-services", "services for what endpoints send, on tc hooks", "tc",
	 "tail calls, maps of maps", "no endpoints beside services", COREPATH_FOUND_TRIAL,
	 try_endpoint_services},
	{"processes", "exec, fork and exit of processes, told to watchers", "kernel-btf",
	 "BTF tracepoints, ring buffers (5.8)", "observe tells of packets and rules alone",
	 COREPATH_FOUND_TRIAL, try_processes},
	{"rules", "what processes may do, judged in the kernel", "kernel-btf",
	 "BPF LSM, or BPF_MODIFY_RETURN (the JIT)",
	 "rules that deny are refused, unless they take less (weaker: yes)", COREPATH_FOUND_TRIAL,
	 try_rules},
};

const size_t cp_n_trials = sizeof(cp_trials) / sizeof(cp_trials[0]);
