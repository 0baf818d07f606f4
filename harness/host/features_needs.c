// SPDX-License-Identifier: GPL-2.0-only
/*
 * The uapi enums are the same for every config, what stands behind them is not: for each entry that
 * is compiled in only with an option, that option. From include/linux/bpf_types.h (5.10 to 6.18)
 * unless said otherwise. An entry that is not here needs CONFIG_BPF_SYSCALL alone, as far as is
 * known here.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features_impl.h"
#include "util.h"

static const struct need {
	const char *kind, *names; /* fnmatch(3) pattern */
	const char *options;	  /* all of them */
	int before;		  /* major * 1000 + minor: the need is gone since; 0: it is not */
} needs[] = {
	{"prog", "socket_filter", "NET", 0},
	{"prog", "sched_*", "NET", 0},
	{"prog", "xdp", "NET", 0},
	{"prog", "lwt_*", "NET", 0},
	{"prog", "sock_ops", "NET", 0},
	{"prog", "sk_skb", "NET", 0},
	{"prog", "sk_msg", "NET", 0},
	{"prog", "flow_dissector", "NET", 0},
	{"prog", "kprobe", "BPF_EVENTS", 0},
	{"prog", "tracepoint", "BPF_EVENTS", 0},
	{"prog", "perf_event", "BPF_EVENTS", 0},
	{"prog", "raw_tracepoint*", "BPF_EVENTS", 0},
	{"prog", "tracing", "BPF_EVENTS", 0},
	{"prog", "cgroup_device", "CGROUP_BPF", 0},
	{"prog", "cgroup_sysctl", "CGROUP_BPF", 0},
	{"prog", "cgroup_sockopt", "CGROUP_BPF", 0},
	{"prog", "lirc_mode2", "BPF_LIRC_MODE2", 0},
	{"prog", "sk_reuseport", "INET", 0},
	{"prog", "sk_lookup", "INET", 0},
	{"prog", "struct_ops", "BPF_JIT", 0},
	{"prog", "ext", "BPF_JIT", 0},
	{"prog", "lsm", "BPF_JIT,BPF_LSM", 0},
	{"prog", "netfilter", "NETFILTER_BPF_LINK", 0},

	{"map", "perf_event_array", "PERF_EVENTS", 0},
	{"map", "stack_trace", "PERF_EVENTS", 0},
	{"map", "cgroup_array", "CGROUPS", 0},
	{"map", "cgrp_storage", "CGROUPS", 0},
	{"map", "*cgroup_storage*", "CGROUP_BPF", 0},
	{"map", "devmap*", "NET", 0},
	{"map", "cpumap", "NET", 0},
	{"map", "sk_storage", "NET", 0},
	{"map", "xskmap", "XDP_SOCKETS", 0},
	{"map", "reuseport_sockarray", "INET", 0},
	{"map", "sock[mh]a*", "INET", 0},
	/* 887596095ec2 "bpf: Clean up sockmap related Kconfigs" */
	{"map", "sock[mh]a*", "BPF_STREAM_PARSER", 5013},
	{"map", "inode_storage", "BPF_LSM", 0},
	/* a10787e6d58c "bpf: Enable task local storage for tracing programs" */
	{"map", "task_storage", "BPF_LSM", 5013},
	{"map", "struct_ops", "BPF_JIT", 0},

	{"link", "cgroup", "CGROUP_BPF", 0},
	{"link", "netns", "NET", 0},
	{"link", "xdp", "NET", 0},
	{"link", "sockmap", "NET", 0},
	{"link", "perf_event", "PERF_EVENTS", 0},
	/* kernel/trace/bpf_trace.c, bpf_kprobe_multi_link_attach() */
	{"link", "kprobe_multi", "FPROBE", 0},
	{"link", "uprobe_multi", "UPROBES", 0},
	{"link", "netfilter", "NETFILTER_BPF_LINK", 0},
	{"link", "tcx", "NET_XGRESS", 0},     /* kernel/bpf/Makefile: tcx.o */
	{"link", "netkit", "NETKIT", 0},      /* drivers/net/Makefile */
	{"link", "struct_ops", "BPF_JIT", 0}, /* kernel/bpf/Makefile: bpf_struct_ops.o */

	{"attach", "cgroup_*", "CGROUP_BPF", 0},
	{"attach", "tcx_*", "NET_XGRESS", 0},
	{"attach", "netkit_*", "NETKIT", 0},
	{"attach", "netfilter", "NETFILTER_BPF_LINK", 0},
	{"attach", "trace_kprobe_*", "FPROBE", 0},
	{"attach", "trace_uprobe_*", "UPROBES", 0},
	{"attach", "lsm_mac", "BPF_LSM", 0},
	{"attach", "lsm_cgroup", "BPF_LSM,CGROUP_BPF", 0},
	{"attach", "lirc_mode2", "BPF_LIRC_MODE2", 0},
	/* kernel/bpf/trampoline.c: kernel functions are patched by way of ftrace (b91e014f078e) */
	{"attach", "trace_f*", "BPF_JIT,DYNAMIC_FTRACE_WITH_DIRECT_CALLS", 0},
	{"attach", "modify_return", "BPF_JIT,DYNAMIC_FTRACE_WITH_DIRECT_CALLS", 0},

	/* kernel/trace/bpf_trace.c */
	{"helper", "bpf_override_return", "BPF_KPROBE_OVERRIDE", 0},
	/* net/core/filter.c */
	{"helper", "bpf_skb_cgroup_id", "SOCK_CGROUP_DATA", 0},
	{"helper", "bpf_skb_ancestor_cgroup_id", "SOCK_CGROUP_DATA", 0},
	{"helper", "bpf_skb_get_xfrm_state", "XFRM", 0},
	{"helper", "bpf_lwt_seg6_*", "IPV6_SEG6_BPF", 0},
	{"helper", "bpf_sk_lookup_*", "INET", 0},
	{"helper", "bpf_skc_lookup_tcp", "INET", 0},
	{"helper", "bpf_tcp_sock", "INET", 0},
	{"helper", "bpf_tcp_raw_*_syncookie_ipv[46]", "SYN_COOKIES", 0},
	{"helper", "bpf_sk_select_reuseport", "INET", 0},
	/* kernel/bpf/Makefile: bpf_lsm.o, bpf_inode_storage.o */
	{"helper", "bpf_inode_storage_*", "BPF_LSM", 0},
	{"helper", "bpf_bprm_opts_set", "BPF_LSM", 0},
	/* drivers/media/rc/Makefile: bpf-lirc.o */
	{"helper", "bpf_rc_*", "BPF_LIRC_MODE2", 0},
	/* kernel/bpf/helpers.c */
	{"helper", "bpf_get_current_*cgroup_id", "CGROUPS", 0},
	{"helper", "bpf_get_local_storage", "CGROUP_BPF", 0},
	{"helper", "bpf_cgrp_storage_*", "CGROUPS", 0},
};

const struct shown_option shown_options[] = {
	{"BPF_SYSCALL", "the bpf() system call"},
	{"BPF_JIT", "programs are compiled; fentry, struct_ops and LSM programs need it"},
	{"BPF_JIT_ALWAYS_ON", "there is no interpreter"},
	{"BPF_UNPRIV_DEFAULT_OFF", "unprivileged users have no bpf() unless a sysctl says so"},
	{"BPF_EVENTS", "programs on kprobes, tracepoints and perf events"},
	{"BPF_LSM", "LSM programs; the boot must list \"bpf\" in lsm= too"},
	{"LSM", "the security modules that start when the command line has no lsm="},
	{"SECURITY_LOCKDOWN_LSM", "lockdown: kprobes, reading and writing memory may be refused"},
	{"LOCK_DOWN_KERNEL_FORCE_NONE", "lockdown is off unless the boot asks for it"},
	{"BPF_KPROBE_OVERRIDE", "bpf_override_return"},
	{"BPF_STREAM_PARSER", "stream parsers on sockmaps"},
	{"BPF_LIRC_MODE2", "programs that decode infrared"},
	{"DEBUG_INFO_BTF", "types of the kernel: CO-RE, fentry, LSM, kfuncs"},
	{"DEBUG_INFO_BTF_MODULES", "types of its modules: fentry and kfuncs of modules"},
	{"MODULE_ALLOW_BTF_MISMATCH", "a module whose types do not fit is loaded without them"},
	{"CGROUPS", "control groups"},
	{"CGROUP_BPF", "programs on control groups"},
	{"SOCK_CGROUP_DATA", "a socket knows its control group"},
	{"NET_CLS_ACT", "actions of tc"},
	{"NET_CLS_BPF", "cls_bpf: tc programs"},
	{"NET_ACT_BPF", "act_bpf"},
	{"NET_SCH_INGRESS", "the ingress and clsact qdiscs that tc programs attach to"},
	{"NET_SCH_BPF", "qdiscs in BPF"},
	{"NET_XGRESS", "tcx: tc programs without a qdisc"},
	{"NETKIT", "netkit devices"},
	{"NETFILTER_BPF_LINK", "programs on netfilter hooks"},
	{"NF_CONNTRACK", "connection tracking, and its kfuncs"},
	{"NF_NAT", "address translation, and its kfuncs"},
	{"XDP_SOCKETS", "AF_XDP"},
	{"VETH", "veth pairs"},
	{"VLAN_8021Q", "VLAN devices"},
	{"VXLAN", "VXLAN tunnels"},
	{"GENEVE", "Geneve tunnels"},
	{"NET_PKTGEN", "the packet generator"},
	{"XFRM", "IPsec; its state is read by bpf_skb_get_xfrm_state"},
	{"IPV6_SEG6_BPF", "segment routing programs"},
	{"LWTUNNEL_BPF", "programs on lightweight tunnels"},
	{"SYN_COOKIES", "SYN cookie helpers"},
	{"TCP_CONG_BPF", "congestion control in BPF"},
	{"KPROBES", "kprobes"},
	{"UPROBES", "uprobes"},
	{"KPROBE_EVENTS", "kprobes by perf_event_open"},
	{"FUNCTION_TRACER", "function entries can be patched: fentry"},
	{"DYNAMIC_FTRACE_WITH_DIRECT_CALLS", "fentry, fexit, LSM programs"},
	{"FPROBE", "kprobe.multi"},
	{"FTRACE_SYSCALLS", "syscalls:sys_enter_* tracepoints"},
	{"FUNCTION_ERROR_INJECTION", "fmod_ret on functions that allow it"},
	{"PERF_EVENTS", "perf events"},
	{"SCHED_CLASS_EXT", "sched_ext: schedulers in BPF"},
	{"HID_BPF", "HID-BPF"},
	{"IMA", "bpf_ima_inode_hash, bpf_ima_file_hash"},
	{"IO_URING", "io_uring: its requests pass by the hooks on system calls"},
	{"SECCOMP_FILTER", "seccomp filters in classic BPF"},
	{"PREEMPT_NONE", "the kernel is not preempted"},
	{"PREEMPT_VOLUNTARY", "the kernel is preempted where it says so"},
	{"PREEMPT", "the kernel is preempted: programs too, where not under a lock"},
	{"PREEMPT_LAZY", "lazy preemption"},
	{"PREEMPT_RT", "real time: some maps and spin locks differ"},
	{"PREEMPT_DYNAMIC", "preempt= of the command line decides"},
	{"HZ", "ticks per second: jiffies64"},
	{"NR_CPUS", "the most CPUs: size of per-CPU maps"},
	{"MEMCG", "map memory is charged to control groups (since 5.11)"},
	{"BPF_PRELOAD", "iterators that come with the kernel"},
	{"IKCONFIG", "the config is in the image"},
};
const size_t shown_options_n = ARRAY_SIZE(shown_options);

static int rank(const char *release)
{
	int major, minor;

	return sscanf(release, "%d.%d", &major, &minor) == 2 ? major * 1000 + minor : 1 << 30;
}

static void apply(json_t *doc, json_t *e, const char *options)
{
	const json_t *values = json_object_get(json_object_get(doc, "config"), "values");
	const char *evidence = json_string_value(json_object_get(e, "evidence"));
	char *list = xstrdup(options), *option, *save;

	for (option = strtok_r(list, ",", &save); option; option = strtok_r(NULL, ",", &save)) {
		const char *value = json_string_value(json_object_get(values, option));

		if (value)
			continue;
		json_object_set_new(
			e, "evidence",
			json_sprintf(values ? "%s, but CONFIG_%s is not set"
					    : "%s, but whether CONFIG_%s is set is not known",
				     evidence, option));
		json_object_set_new(e, "has", json_string(values ? "no" : "unknown"));
		break;
	}
	free(list);
}

void needs_apply(json_t *doc)
{
	int release = rank(json_string_value(json_object_get(doc, "release")));
	const char *name;
	json_t *e;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		if (needs[i].before && release >= needs[i].before)
			continue;
		json_object_foreach (json_object_get(doc, needs[i].kind), name, e)
			if (!fnmatch(needs[i].names, name, 0) &&
			    !strcmp(json_string_value(json_object_get(e, "has")), "yes"))
				apply(doc, e, needs[i].options);
	}
}
