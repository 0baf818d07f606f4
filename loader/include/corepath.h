/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libcorepath: load, attach, watch and remove the datapath.
 *
 * All state is in the kernel, under a pin directory on a BPF file system, so that the datapath
 * outlives every process that touches it and any process can go on where another stopped.
 * Functions take the pin directory and hold its lock for as long as they run: shared to read,
 * exclusive to change.
 *
 * Functions return 0 or a negative errno, and then corepath_error() says what failed, why, and
 * what to do. The library is not thread-safe: its error text and libbpf's log are global.
 */
#ifndef COREPATH_H
#define COREPATH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <corepath/abi.h>
#include "corepath_guard.h"

#ifdef __cplusplus
extern "C" {
#endif

#define COREPATH_VERSION "0.1.0"
#define COREPATH_PIN_DIR "/sys/fs/bpf/corepath"

/* "what: why; do this" for the last call that failed. Valid until the next call. */
const char *corepath_error(void);

/* What the last call that changed a backend did not do although it succeeded, in the same form;
 * empty if nothing. Valid until the next such call. */
const char *corepath_note(void);

/* What libbpf and the kernel's verifier said since the last corepath_up began, its last 16 KiB;
 * empty if nothing. */
const char *corepath_log(void);

/* Also copy libbpf's messages, debug level included, to standard error as they come. */
void corepath_set_verbose(bool on);

/* Gives up all capabilities but CAP_BPF, which every look at a map takes where unprivileged BPF is
 * disabled, and for good: for who only watches from here on. */
int corepath_keep_only_bpf(void);

/* Called when a function begins to wait for another process (0: unknown) that changes the pin
 * directory for longer than a second. */
void corepath_on_wait(void (*fn)(int pid, const char *path));

/* ---- attaching ---- */

enum corepath_xdp_mode {
	COREPATH_XDP_AUTO, /* native, or generic if the driver cannot */
	COREPATH_XDP_NATIVE,
	COREPATH_XDP_GENERIC,
};

/* "auto", "native", "generic" */
const char *corepath_xdp_mode_name(enum corepath_xdp_mode mode);

/* How programs are attached to tc hooks. Both behave alike. */
enum corepath_tc_mode {
	COREPATH_TC_AUTO, /* a tcx link, or clsact if the kernel has none (before 6.6) */
	COREPATH_TC_TCX,
	COREPATH_TC_CLSACT, /* a filter of a clsact qdisc */
};

/* "auto", "tcx", "clsact" */
const char *corepath_tc_mode_name(enum corepath_tc_mode mode);

enum corepath_state {
	COREPATH_ATTACHED,
	COREPATH_GONE,	    /* the device was deleted; the pin is left for `down` to remove */
	COREPATH_ELSEWHERE, /* attached, but not to a device of this network namespace */
};

/* "attached", "gone", "elsewhere" */
const char *corepath_state_name(enum corepath_state state);

struct corepath_attachment {
	char dev[IF_NAMESIZE]; /* today's name, or the one it was attached under */
	unsigned int ifindex;
	enum corepath_state state;
	enum corepath_xdp_mode mode; /* NATIVE or GENERIC; AUTO (unknown) unless ATTACHED */
	__u32 prog_id;
	__u32 link_id;
	int native_error; /* corepath_up only: why AUTO took GENERIC, as a positive errno, or 0 */
};

struct corepath_up_request {
	const char *pin_dir;
	const char *const *devs;
	size_t n_devs; /* at least 1 */
	enum corepath_xdp_mode mode;
	__u32 max_prefixes; /* per address family; 0 keeps the default or what is already there */
};

/*
 * Loads the datapath and attaches it to every device, or, on failure, to none: what this call
 * created is removed again. Maps that are already pinned are shared. `out` has n_devs elements.
 * Errors: -ENODEV, -EEXIST (up already), -EBUSY (a foreign XDP program is there, and stays),
 * -EPERM, -EINVAL, -EOPNOTSUPP and what else the kernel returns.
 */
int corepath_up(const struct corepath_up_request *req, struct corepath_attachment *out);

/*
 * Detaches from the devices; with n_devs 0 from all, and removes every map and the directory.
 * The program has stopped seeing packets when this returns. -ENOENT if a device is not attached
 * or nothing is up; then nothing is detached.
 */
int corepath_down(const char *pin_dir, const char *const *devs, size_t n_devs);

/* ---- another version ---- */

struct corepath_upgrade_request {
	const char *pin_dir;
	const char *probe;	    /* a shell command, or NULL */
	unsigned int probe_seconds; /* it may take; 0: 10 */
};

struct corepath_upgrade_report {
	struct corepath_running from;
	size_t links;			/* and filters that have new programs */
	size_t maps_kept, maps_carried; /* as they were; into another shape */
	size_t entries;			/* of the latter */
};

/*
 * Puts this build's programs in the place of those that run, be they older or the same. Connections
 * stay. They are tried with packets before, and with the probe after; if anything fails, what ran
 * before runs again when this returns, and the error text says so. Errors: -ENOENT (nothing is up),
 * -EBUSY (somebody else is changing it), -ENOTSUP (what runs is newer), -EINVAL (a map cannot be
 * carried over), -EPROTO and -ETIMEDOUT (a probe), and what else the kernel returns.
 */
int corepath_upgrade(const struct corepath_upgrade_request *req,
		     struct corepath_upgrade_report *report);

/* Who made what runs; all 0 if nobody said. -ENOENT if nothing is up. */
int corepath_running(const char *pin_dir, struct corepath_running *r);

struct corepath_usage {
	__u32 used;
	__u32 max;
};

struct corepath_status {
	struct corepath_attachment *devs;
	size_t n_devs;
	struct corepath_usage prefixes4;
	struct corepath_usage prefixes6;
	size_t n_endpoints;	       /* whose programs are attached */
	size_t n_services;	       /* all of them */
	size_t n_endpoint_services;    /* those that packets of endpoints are translated to */
	size_t n_proxies;	       /* rules that hand connections to a proxy */
	struct corepath_served served; /* by all services since each was added */
};

/* Fills `st`; the caller frees st->devs. -ENOENT if nothing is up. */
int corepath_status(const char *pin_dir, struct corepath_status *st);

/* ---- source prefixes ---- */

struct corepath_prefix {
	int family;    /* AF_INET or AF_INET6 */
	__u8 addr[16]; /* network order; IPv4 uses the first 4 bytes */
	__u32 len;
	enum corepath_verdict verdict;
};

/* An IPv6 prefix with its length: INET6_ADDRSTRLEN and "/128". */
#define COREPATH_PREFIX_STRLEN (46 + 4)

/*
 * Parses "ADDR" or "ADDR/LEN" and clears the host bits. Returns 1 if there were any, else 0.
 * -EINVAL for text that is no prefix, for a length out of range and for IPv4-mapped IPv6, which
 * is never on the wire. Sets the verdict to DENY.
 */
int corepath_prefix_parse(const char *text, struct corepath_prefix *p);

/* Writes "ADDR/LEN" to a buffer of COREPATH_PREFIX_STRLEN bytes and returns it. */
const char *corepath_prefix_format(const struct corepath_prefix *p, char *buf);

/* Whether the address is in the prefix. */
bool corepath_prefix_covers(const struct corepath_prefix *p, const struct corepath_addr *addr);

/*
 * Reads one prefix per line; '#' starts a comment, a leading '!' means allow, host bits are
 * cleared. A bad line fails the whole file with "file:line: ...". "-" is standard input. The
 * caller frees *list.
 */
int corepath_prefix_read(const char *file, struct corepath_prefix **list, size_t *n);

/*
 * Adds the prefixes, or changes the verdict of those already there. All or none, if what fails is
 * that there is no room (-ENOSPC); but a kernel that changes no entry of a full list (5.10) stops
 * at the first to change. -ENOENT if nothing is up.
 */
int corepath_prefix_add(const char *pin_dir, const struct corepath_prefix *list, size_t n);

/* Removes every prefix that is there; -ENOENT, naming the first, if one was not. */
int corepath_prefix_del(const char *pin_dir, const struct corepath_prefix *list, size_t n);

/* All prefixes, IPv4 first, by address, then shortest first. The caller frees *list. */
int corepath_prefix_list(const char *pin_dir, struct corepath_prefix **list, size_t *n);

/* ---- load balancing ---- */

/* What is balanced. Text: "tcp 203.0.113.9:80", "udp [2001:db8::9]:53", "tcp 203.0.113.0/24:0". */
struct corepath_service_id {
	struct corepath_addr addr; /* host bits are 0 */
	__u32 len;		   /* 0..128; IPv4 lengths are 96 more */
	__u16 port;		   /* host order; 0 is any port without a service of its own */
	__u8 proto;		   /* IPPROTO_TCP or IPPROTO_UDP */
};

/* Whether sockets of this host go to a service's backends by themselves. By default those of
 * COREPATH_LB_NAT do: the others' backends promise to serve the service's address only. */
enum corepath_sockets {
	COREPATH_SOCKETS_DEFAULT,
	COREPATH_SOCKETS_YES,
	COREPATH_SOCKETS_NO,
};

struct corepath_service_spec {
	struct corepath_service_id id;
	enum corepath_lb_mode mode;
	enum corepath_sockets sockets; /* never DEFAULT in what a list says */
	__u32 affinity_s; /* seconds a client keeps its backend after its last new flow; 0: none */
	__u32 rate;	  /* packets per rate_s seconds that one source may send; 0: any */
	__u32 rate_s;
	struct corepath_prefix *sources; /* clients that may use it; none: all */
	size_t n_sources;
};

struct corepath_backend_spec {
	struct corepath_addr addr;
	__u16 port;   /* host order; 0: the service's. Other ports in COREPATH_LB_NAT only */
	__u32 weight; /* 1..65535, relative to the service's others */
	enum corepath_backend_state state;
	__u8 mac[6]; /* of the next hop; all 0: the one the client's packet came from */
};

/* A service as it is, and its backends. */
struct corepath_service_info {
	struct corepath_service_spec spec;
	struct corepath_backend_spec *backends;
	size_t n_backends;
	struct corepath_served served; /* since it was added, summed over CPUs */
};

/* Each changes the running datapath; a packet sees it before or after, never in between. Errors:
 * -ENOENT if nothing is up or there is no such service or backend, -EEXIST, -ENOSPC, -EINVAL. */
int corepath_service_add(const char *pin_dir, const struct corepath_service_spec *spec);
int corepath_service_del(const char *pin_dir, const struct corepath_service_id *id);
int corepath_backend_add(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec);
int corepath_backend_del(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_addr *addr, __u16 port);
/* A backend that is deleted or set down loses its connected sockets (corepath_socket_up): TCP's
 * users get ECONNABORTED. If the kernel has no way to do that, corepath_note() says so. */
/* Changes a service in place, its flows and clients kept; -EINVAL to or from COREPATH_LB_NAT. */
int corepath_service_set(const char *pin_dir, const struct corepath_service_spec *spec);

/* Changes weight, state and mac of a backend in place, its flows kept. */
int corepath_backend_set(const char *pin_dir, const struct corepath_service_id *id,
			 const struct corepath_backend_spec *spec);
int corepath_backend_set_state(const char *pin_dir, const struct corepath_service_id *id,
			       const struct corepath_addr *addr, __u16 port,
			       enum corepath_backend_state state);

/* All services. corepath_service_free() frees the list. */
int corepath_service_list(const char *pin_dir, struct corepath_service_info **list, size_t *n);
void corepath_service_free(struct corepath_service_info *list, size_t n);

/* Settings of all services. A tunnel's source is the address with its host bits from the flow. */
struct corepath_balancer {
	struct corepath_prefix source4, source6;
	__u32 mtu;	 /* of the way to the backends, bytes of IP: 1280..9216 */
	__u32 conn_rate; /* new connections remembered per CPU and second; 0: none */
};

int corepath_balancer_get(const char *pin_dir, struct corepath_balancer *b);
int corepath_balancer_set(const char *pin_dir, const struct corepath_balancer *b);

/* Text. Each parser returns -EINVAL and says what is wrong. */
int corepath_service_parse(const char *proto, const char *text, struct corepath_service_id *id);
int corepath_backend_parse(const char *text, struct corepath_backend_spec *b); /* ADDR[:PORT] */

/* One "key=value" word of a service, a backend or the settings. */
int corepath_service_option(const char *word, struct corepath_service_spec *spec);
int corepath_backend_option(const char *word, struct corepath_backend_spec *b);
int corepath_balancer_option(const char *word, struct corepath_balancer *b);

/* "tcp 203.0.113.9:80" and "10.0.0.1:8080", in buffers of COREPATH_SERVICE_STRLEN bytes. */
#define COREPATH_SERVICE_STRLEN 72
const char *corepath_service_format(const struct corepath_service_id *id, char *buf);
const char *corepath_endpoint_format(const struct corepath_addr *addr, __u16 port, char *buf);

/* "tunnel", "gue", "nat"; "active", "draining", "down" */
const char *corepath_lb_mode_name(enum corepath_lb_mode mode);
const char *corepath_backend_state_name(enum corepath_backend_state state);
int corepath_backend_state_parse(const char *text, enum corepath_backend_state *state);

/* ---- sockets of this host ---- */

enum corepath_cgroup_state {
	COREPATH_CGROUP_ATTACHED,
	COREPATH_CGROUP_PARTLY, /* an `up` was killed half-way; no socket is sent to a backend */
	COREPATH_CGROUP_GONE,	/* the cgroup was removed; the pins are left for `down` */
};

/* "attached", "partly", "gone" */
const char *corepath_cgroup_state_name(enum corepath_cgroup_state state);

struct corepath_cgroup {
	__u64 id; /* its inode number */
	enum corepath_cgroup_state state;
	char *path; /* NULL if it is gone or on no mount of this namespace */
};

/*
 * Balances the sockets of a cgroup (version 2) and those below it; makes the pin directory if it is
 * not there, and needs no device. All or nothing. Errors: -EEXIST (up already), -EINVAL (no such
 * cgroup), -EPERM, and what else the kernel returns.
 */
int corepath_socket_up(const char *pin_dir, const char *cgroup);

/* Detaches from the cgroup, or, if it is NULL, from all; services stay. Sockets that have a backend
 * keep it. -ENOENT if it is not attached or nothing is up. */
int corepath_socket_down(const char *pin_dir, const char *cgroup);

/* Every cgroup attached to. corepath_socket_free() frees the list. -ENOENT if nothing is up. */
int corepath_socket_status(const char *pin_dir, struct corepath_cgroup **list, size_t *n);
void corepath_socket_free(struct corepath_cgroup *list, size_t n);

/* ---- what this kernel can do ---- */

enum corepath_support {
	COREPATH_WORKS,
	COREPATH_DEGRADED, /* in another way, which `why` names */
	COREPATH_MISSING,
	COREPATH_UNTRIED, /* it needs what is missing */
};

/* "works", "degraded", "missing", "untried" */
const char *corepath_support_name(enum corepath_support state);

/* How support was found out. */
enum corepath_found {
	COREPATH_FOUND_FILE,  /* the kernel shows a file */
	COREPATH_FOUND_TRIAL, /* it was loaded, attached and, where something can be, triggered */
	COREPATH_FOUND_BTF, /* what `rules` found by trial, and the functions in the kernel's BTF */
};

/* "file", "trial", "btf" */
const char *corepath_found_name(enum corepath_found found);

struct corepath_feature {
	char name[24];
	char text[80]; /* what it is, one line */
	enum corepath_support state;
	enum corepath_found found;
	char decides[96]; /* the features of the kernel that decide it */
	char without[96]; /* what there is where they are missing */
	char why[800];	  /* what was found */
};

/*
 * Tries each part of the datapath in a network namespace, a cgroup and a pin directory of its own,
 * beside pin_dir, and removes them again; what runs is not touched. The caller frees *list. -EPERM
 * names the capability that is missing.
 */
int corepath_preflight(const char *pin_dir, struct corepath_feature **list, size_t *n);

/* ---- configuration ---- */

/* What is to run, or what runs: all of the datapath (datapath.schema.json). */
struct corepath_config;

/* From a YAML file; "-" is standard input. -EINVAL, and the error text has "file:line: field: ...".
 * '@pins' in rules of processes is pin_dir; without one (NULL) the file's rules are not looked at,
 * for they name what is on the host that they are of. */
int corepath_config_read(const char *file, const char *pin_dir, struct corepath_config **config);

/* What runs. -ENOENT if nothing is up. */
int corepath_config_running(const char *pin_dir, struct corepath_config **config);
void corepath_config_free(struct corepath_config *config);

/* What there is to change, one line each ("+ service ...", "- ...", "~ ..."), in the order it would
 * be made. Both configurations must stay for as long as the plan. */
struct corepath_plan;
int corepath_plan_make(const struct corepath_config *from, const struct corepath_config *to,
		       struct corepath_plan **plan);
size_t corepath_plan_size(const struct corepath_plan *plan);
const char *corepath_plan_text(const struct corepath_plan *plan, size_t i);
void corepath_plan_free(struct corepath_plan *plan);

/* Brings up what the configuration says, or nothing. -EEXIST if something is up already. */
int corepath_config_up(const char *pin_dir, const struct corepath_config *to);

/*
 * Makes the changes of a plan from what runs. What is in both configurations keeps its connections.
 * If something fails, what ran before is put back, and the error text says so.
 */
int corepath_plan_apply(const char *pin_dir, const struct corepath_plan *plan);

/* ---- counters ---- */

/* Packets and bytes by enum corepath_drop since the first `up`, summed over CPUs and devices. */
int corepath_counters(const char *pin_dir, struct corepath_counter out[COREPATH_DROP_COUNT]);

/* Short name and text of a drop reason. */
const char *corepath_drop_name(enum corepath_drop reason);
const char *corepath_drop_text(enum corepath_drop reason);

/* The reason of that name, or -EINVAL. */
int corepath_drop_parse(const char *name, enum corepath_drop *reason);

/* ---- events ---- */

/* Called for each event; anything but 0 ends corepath_watch_poll() with that value, if negative. */
typedef int (*corepath_watch_fn)(const struct corepath_event *e, void *arg);

/* Bytes of a ring that none are given for: about 7,000 packet events. */
#define COREPATH_WATCH_RING (512 * 1024)

struct corepath_watch_request {
	const char *pin_dir;
	const bool *reasons; /* COREPATH_DROP_COUNT: whose packets to tell of; NULL: none */
	const bool *kinds;   /* COREPATH_EVENT_KINDS: what else to tell of; NULL: nothing */
	size_t ring_bytes;   /* a power of two and whole pages, or 0 */
	corepath_watch_fn fn;
	void *arg;
};

struct corepath_watch;

/*
 * Begins to watch: from its return on, every packet of those reasons is told of or counted as lost.
 * COREPATH_WATCHERS can watch at once (-EBUSY). -ENOENT if nothing is up. Passed-on packets
 * (COREPATH_DROP_FORWARDED) are not told of by XDP programs. Kinds other than packets need nothing
 * to be up: what tells of them is attached with its first watcher, goes with its last one, and the
 * pin directory is made if it is not there.
 */
int corepath_watch_open(const struct corepath_watch_request *req, struct corepath_watch **watch);

/* Waits for events, timeout_ms at most (-1: for ever, 0: not at all). Returns how many there were,
 * or -EINTR, -ECANCELED without an error text. */
int corepath_watch_poll(struct corepath_watch *w, int timeout_ms);

/* Events that found the ring full, since it was opened. */
int corepath_watch_lost(struct corepath_watch *w, __u64 *lost);

/* Ends the flow of events; those in the ring can still be read. */
int corepath_watch_stop(struct corepath_watch *w);
void corepath_watch_close(struct corepath_watch *w);

/* "xdp", "tc-ingress", "tc-egress", "tracepoint" */
const char *corepath_hook_name(enum corepath_hook hook);

#ifdef __cplusplus
}
#endif

#include <corepath_security.h>
#include <corepath_endpoint.h>

#include <corepath_uplink.h>

#include <corepath_metrics.h>

#endif
