/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of libcorepath share and its users do not see. */
#ifndef COREPATH_INTERNAL_H
#define COREPATH_INTERNAL_H

#include <arpa/inet.h>
#include <limits.h>
#include <linux/netlink.h>
#include "compat.h"
#include "corepath.h"
#include "rate.h"

/* caps.c */

/* Whether this process has the capability, a CAP_* of linux/capability.h. */
bool cp_cap_held(unsigned int cap);

/* Those of the datapath's that this process has not, such as "CAP_BPF, CAP_PERFMON"; NULL if it has
 * all. Valid until the next call. */
const char *cp_caps_lacking(void);

/* error.c */

/* Sets corepath_error()'s text and returns -err. */
int cp_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets corepath_note()'s text; an empty format clears it. */
void cp_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Starts an empty log and routes libbpf's messages to it. */
void cp_log_start(void);

/* Routes libbpf's messages to the log, and keeps what is in it. */
void cp_log_quiet(void);

/* The kernel's own -ENOTSUPP (include/linux/errno.h), which no header for programs has. */
#define CP_KERNEL_ENOTSUPP 524

/* percpu.c: counters each CPU has for itself, a per-CPU map's values being u64 and nothing else */

/* How many u64 there are in one CPU's value. */
#define CP_WORDS(value) (sizeof(value) / sizeof(__u64))

/* Adds all CPUs' values of @key to @sum, each of @words u64. -errno, without an error text. */
int cp_percpu_add(int map, __u32 key, void *sum, size_t words);

/* Sets all CPUs' values of @key to 0. -errno, without an error text. */
int cp_percpu_clear(int map, __u32 key, size_t words);

/* pins.c */

/* The pin directory, open and locked. */
struct cp_dir {
	char path[PATH_MAX];
	int fd;
	bool created; /* by this process */
};

enum cp_access {
	CP_READ,   /* shared lock; -ENOENT if the directory is not there */
	CP_CHANGE, /* exclusive lock; -ENOENT if the directory is not there */
	CP_CREATE, /* exclusive lock; made if it is not there */
	/* the others fail if what is there is of another layout; these do not */
	CP_READ_ANY,
	CP_DOWN,    /* as CP_CHANGE; but not if it is of a newer one */
	CP_UPGRADE, /* the same, and -EBUSY instead of waiting */
};

int cp_dir_open(struct cp_dir *dir, const char *path, enum cp_access access);
void cp_dir_close(struct cp_dir *dir);

/* Removes the directory if nothing is left in it but who made it; else -ENOTEMPTY. No error text.
 */
int cp_dir_remove(const struct cp_dir *dir);

/* Takes the lock of a folder (flock()'s) if nobody has it: -EWOULDBLOCK. */
int cp_try_lock(int fd, int how);

/* Each returns a file descriptor or a negative errno, without an error text. bpffs takes no '.' in
 * a name (bpf_lookup() in kernel/bpf/inode.c): it is written ':'. */
int cp_pin_get(const struct cp_dir *dir, const char *name);
int cp_pin_put(const struct cp_dir *dir, const char *name, int fd);

/* 0 or a negative errno without an error text. */
int cp_pin_unlink(const struct cp_dir *dir, const char *name);

/* As cp_pin_get for a map that must be there, with an error text. */
int cp_map_get(const struct cp_dir *dir, const char *name);

/* Calls fn for each pin whose name begins so, by name; the names are read first, so that what fn
 * pins or removes does not change the walk. Ends with the first answer that is not 0, and returns
 * it. A negative errno, with an error text, if the directory cannot be read. */
typedef int (*cp_pin_fn)(const char *name, void *arg);
int cp_pins_each(const struct cp_dir *dir, const char *begins, cp_pin_fn fn, void *arg);

/* Whether there is one. */
bool cp_pins_any(const struct cp_dir *dir, const char *begins);

bool cp_pin_there(const struct cp_dir *dir, const char *name);

/* Unpins what is there, with an error text if it cannot. */
int cp_pin_remove(const struct cp_dir *dir, const char *name);

/* Not so are the variables of one object. Those in a section of their own, .data.NAME, are. */
bool cp_map_is_shared(const struct bpf_map *map);

/* Gives an object that is not yet loaded the maps that are pinned under its maps' names, if they
 * are of the shape it wants: -EINVAL. */
int cp_maps_share(const struct cp_dir *dir, struct bpf_object *obj);

/* Pins the maps of a loaded object under their names, those that are not there. A negative errno
 * without an error text. */
int cp_maps_pin(const struct cp_dir *dir, struct bpf_object *obj);

/* All keys of a hash of device indexes. Read before anything is written: an entry that is written
 * changes its place, and a walk that writes may never end. The caller frees *keys. */
int cp_map_keys(int fd, __u32 **keys, size_t *n);

/* inner.c: the map that the first element of an outer map points to. All but the last return a
 * negative errno without an error text. */

/* Pins the inner map and makes the outer one point to it. */
int cp_inner_put(const struct cp_dir *dir, const char *outer, int outer_fd, int inner_fd);

/* Its descriptor. */
int cp_inner_get(const struct cp_dir *dir, const char *outer, int outer_fd);

/* Removes the pins of inner maps. */
int cp_inner_unpin(const struct cp_dir *dir, const char *outer);

/* links.c: the XDP links in the pin directory */

struct cp_link {
	char pin[NAME_MAX + 1];
	struct corepath_attachment at;
};

/* Every link, in no order. The caller frees *links. */
int cp_links_read(const struct cp_dir *dir, struct cp_link **links, size_t *n);

/* Detaches at once, without waiting for the last reference to go, and unpins. */
int cp_link_remove(const struct cp_dir *dir, const char *pin);

/*
 * Attaches the program to a->dev (a->ifindex) and pins the link; fills the rest of `a`. `pin` has
 * room for NAME_MAX + 1 bytes.
 */
int cp_link_create(const struct cp_dir *dir, int prog_fd, enum corepath_xdp_mode mode,
		   struct corepath_attachment *a, char *pin);

/* -EEXIST if we, -EBUSY if somebody else has an XDP program on a->dev; text names it. */
int cp_link_check_free(const struct cp_dir *dir, const struct corepath_attachment *a);

/* watch.c */

/* Takes away what watchers have left that did not end by themselves; with `all`, what those that
 * still watch have, too. */
void cp_watch_sweep(const struct cp_dir *dir, bool all);

/* processes.c */

/* Room for what each CPU puts together, in an object that is not loaded yet. */
int cp_scratch_resize(struct bpf_object *obj);

/* Attaches a program of a raw tracepoint, of fentry, of the LSM or of an iterator, where its
 * section says, and pins the link. A negative errno without an error text. */
int cp_trace_attach(const struct cp_dir *dir, int prog_fd, const char *pin);

/* Detaches at once, and unpins. None there is no error. */
int cp_trace_remove(const struct cp_dir *dir, const char *pin);

/* The programs that tell of processes: all attached, or none. */
int cp_processes_attach(const struct cp_dir *dir);
int cp_processes_detach(const struct cp_dir *dir);

/* The same with their maps. */
int cp_processes_unpin(const struct cp_dir *dir);

/* security.c: no rule is in force when it returns, and nothing of them is left. */
int cp_security_unpin(const struct cp_dir *dir);

/* tc.c: programs on tc hooks. Every function leaves foreign programs and filters alone. */

struct cp_tc {
	char kind[8];	       /* whose it is: lower case letters, part of the pin's name */
	char dev[IF_NAMESIZE]; /* today's name, or the one it was attached under */
	unsigned int ifindex;
	bool egress;
	enum corepath_tc_mode mode; /* TCX or CLSACT, once attached */
	enum corepath_state state;
	__u32 prog_id;
	char pin[NAME_MAX + 1];
};

/* Attaches the program where t->kind, dev, ifindex and egress say; fills the rest. One program per
 * hook of a device: -EEXIST. With AUTO a tcx link, or a clsact filter if the kernel has no tcx. */
int cp_tc_attach(const struct cp_dir *dir, struct cp_tc *t, int prog_fd,
		 enum corepath_tc_mode mode);

/* Every one of `kind`, or of all kinds if that is NULL, in no order. The caller frees *list. */
int cp_tc_read(const struct cp_dir *dir, const char *kind, struct cp_tc **list, size_t *n);

/* Replaces the program of a filter; one that is gone stays so. A negative errno without an error
 * text. */
int cp_tc_swap(const struct cp_tc *t, int prog_fd);

/* Detaches at once, and unpins. A device that is gone is no error. */
int cp_tc_detach(const struct cp_dir *dir, const struct cp_tc *t);

/* netlink.c. Each returns a negative errno without an error text. */

/* Sends the request to NETLINK_... and gives each message of the answer to `take`; NULL: nobody
 * wants them, and what counts is whether it was done. */
typedef void (*cp_netlink_take)(const struct nlmsghdr *m, void *arg);
int cp_netlink_ask(int protocol, const struct nlmsghdr *request, cp_netlink_take take, void *arg);

/* Adds an attribute at the message's end, where there must be room for it, with `len` bytes of
 * data. One that others are put into has them as its data when it is closed. */
struct nlattr *cp_netlink_put(struct nlmsghdr *m, __u16 type, const void *data, size_t len);
void cp_netlink_close(const struct nlmsghdr *m, struct nlattr *nest);

struct cp_device {
	char kind[16]; /* "veth", "dummy"; empty for hardware */
	__u8 mac[6];
	bool other_netns; /* the device it is paired with is in another network namespace */
};

int cp_device_read(unsigned int ifindex, struct cp_device *dev);

/* Filters in the clsact qdisc of the device, of both directions; 0 if it has no such qdisc. */
int cp_filters_count(unsigned int ifindex);

/* object.c: objects that are loaded when there is first work for them */

/*
 * Loads the object and pins it: maps that are pinned already are shared with it, if they are of the
 * shape it wants; the others are pinned, and each program under its own name, `last` after all
 * else: it says that all is there. What a killed call left is taken over. `init`, if any, fills
 * maps before anything is pinned, and returns a negative errno without an error text.
 */
int cp_object_load(const struct cp_dir *dir, struct bpf_object *obj, const char *last,
		   int (*init)(struct bpf_object *obj));

/* Removes the pins of the object's programs, `last` first, and of its maps, those that are there.
 */
int cp_object_unpin(const struct cp_dir *dir, struct bpf_object *obj, const char *last);

/* words.c */

/* A decimal number up to `max` and nothing else. */
bool cp_parse_number(const char *s, unsigned long long max, unsigned long long *out);

/* "02:00:00:00:00:01" */
bool cp_parse_mac(const char *text, __u8 *mac);

/* Whether both begin with the same bits. */
bool cp_same_bits(const void *a, const void *b, __u32 bits);

/* The prefix's address, IPv4 as IPv4-mapped. */
void cp_addr_of_prefix(struct corepath_addr *a, const struct corepath_prefix *p);

/* The value of a "key=value" word, NULL if it has another key. */
const char *cp_word_value(const char *word, const char *key);

/* -EINVAL with "'word': use". */
int cp_word_fail(const char *word, const char *use);

/* "N" or "N/SECONDS", N up to a hundred million, SECONDS up to a day. */
bool cp_word_rate(const char *s, __u32 *rate, __u32 *seconds);

/* uplink.c */

/* The uplink's object, its maps and its lock. */
struct cp_uplink {
	struct cp_dir dir;
	bool loaded; /* else no map is open */
	int config, sources, excludes, out, in, direct, counters, endpoints;
};

/* With `make` the object is loaded if it is not. */
int cp_uplink_open(struct cp_uplink *u, const char *pin_dir, enum cp_access access, bool make);
void cp_uplink_close(struct cp_uplink *u);

/* The settings a new uplink has. */
void cp_uplink_default_settings(struct corepath_uplink *u);

/* Detaches nothing; removes the pins of the uplink's programs and maps. */
int cp_uplink_unpin(const struct cp_dir *dir);

/* map_read.c. Each returns a negative errno without an error text. */

/* How many entries the map has room for. */
int cp_map_size(int fd, __u32 *max);

/* How many entries a hash has, of them; counted, as the kernel does not say. */
int cp_hash_usage(int fd, struct corepath_usage *u);

/* All entries of a hash or a trie: the caller frees both arrays. One system call where the kernel
 * has batches for it (5.6: cb4d03ab499d). */
int cp_map_read(int fd, void **keys, void **values, __u32 *n, __u32 *max);

/* host.c: the host's own policy. `endpoints` is that map. */

/* Makes the host's entry, if it is not there. A negative errno without an error text. */
int cp_host_enter(int endpoints);

bool cp_host_has_rules(int endpoints);

/* Tells the uplink, if it is loaded, whether the host has rules. */
int cp_host_commit(const struct cp_dir *dir, int endpoints);

bool cp_host_audits(int endpoints);

/* A negative errno without an error text. */
int cp_host_set_audit(int endpoints, bool audit);

/* SSH. */
void cp_failsafe_defaults(struct corepath_failsafe list[COREPATH_FAILSAFES]);

/* "tcp/22,udp/53" or "none"; `word` is named in errors. */
int cp_failsafe_parse(const char *word, const char *text,
		      struct corepath_failsafe list[COREPATH_FAILSAFES]);

/* policy.c: how many rules have a proxy; and the way to proxies goes, with all rules. */
size_t cp_policy_proxies(const struct cp_dir *dir);
void cp_policy_down(const struct cp_dir *dir);

/* proxy_routes.c: the way of packets to a proxy, in both families; it may be there, or gone,
 * already. A negative errno without an error text. */
int cp_proxy_routes_add(void);
void cp_proxy_routes_del(void);

/* ct.c: writes the settings new maps have, of any object that has the map. */
int cp_ct_init(struct bpf_object *obj);

/* prefixes.c */

/* As corepath_prefix_list(), and how many prefixes of each family there is room for. */
int cp_prefixes_read(const char *pin_dir, struct corepath_prefix **list, size_t *n, __u32 *max);

/* How many prefixes a trie holds. A negative errno without an error text. */
int cp_trie_usage(int map_fd, struct corepath_usage *u);

/* Map names, as in bpf-src/lib/maps.h. */
#define CP_MAP_SRC4	"prefilter_src4"
#define CP_MAP_SRC6	"prefilter_src6"
#define CP_MAP_COUNTERS "drop_counters"
#define CP_MAP_STAGES	"xdp_stages"

/* a variable's map has its section's name */
#define CP_MAP_EVENT_CONFIG ".data.events"
#define CP_MAP_EVENT_RINGS  "event_rings"
#define CP_MAP_EVENT_LOST   "event_lost"
#define CP_MAP_EVENT_MAKING "event_scratch"

#define CP_MAP_SEC_SCRATCH "sec_scratch"
#define CP_MAP_SEC_TAKEN   "sec_taken"
#define CP_MAP_SEC_ENDED   "sec_ended"

#define CP_MAP_ENDPOINTS  "endpoints"
#define CP_MAP_EP_ADDRS	  "ep_addrs"
#define CP_MAP_EP_CONNS	  "ep_conns"
#define CP_MAP_IDENTITIES "identities"
#define CP_MAP_RULES	  "policy_rules"

#define CP_MAP_CT_CONFIG "ct_config"
#define CP_MAP_CT_FLOWS	 "ct_flows"
#define CP_MAP_CT_NEW	 "ct_new"

/* The endpoints' programs, pinned beside their maps; the second one last. */
#define CP_PROG_EP_FROM "tc_from_endpoint"
#define CP_PROG_EP_TO	"tc_to_endpoint"

#define CP_MAP_NAT_CONFIG      "nat_config"
#define CP_MAP_NAT_SOURCES     "nat_sources"
#define CP_MAP_NAT_EXCLUDES    "nat_excludes"
#define CP_MAP_NAT_OUT	       "nat_out"
#define CP_MAP_NAT_IN	       "nat_in"
#define CP_MAP_NAT_DIRECT      "nat_direct"
#define CP_MAP_UPLINK_COUNTERS "uplink_counters"

/* The uplink's programs, likewise. */
#define CP_PROG_UPLINK_IN  "tc_uplink_in"
#define CP_PROG_UPLINK_OUT "tc_uplink_out"

#define CP_MAP_LB_CONFIG   "lb_config"
#define CP_MAP_LB_HOSTS	   "lb_hosts"
#define CP_MAP_LB_VIPS	   "lb_vips"
#define CP_MAP_LB_SERVICES "lb_services"
#define CP_MAP_LB_BACKENDS "lb_backends"
#define CP_MAP_LB_MAGLEV   "lb_maglev"
#define CP_MAP_LB_SOURCES  "lb_sources"
#define CP_MAP_LB_SERVED   "lb_served"

/* The balancer's program, pinned beside its maps. */
#define CP_PROG_LB "xdp_lb"

/* The guard's. */
#define CP_PROG_GUARD "xdp_guard"

/* stages.c */

/* -EOPNOTSUPP, and why, if the kernel's JIT is off: a stage behind the prefilter needs it. */
int cp_stage_needs_jit(const char *what);

/* Fills or empties the slot of the guard or of the balancer, whose program is pinned, and has the
 * prefilter hand on to whichever of the two comes first. */
int cp_stage_set(const struct cp_dir *dir, enum corepath_stage stage, bool on);

/* guard.c */

/* Removes its pins, those that are there. */
int cp_guard_unpin(const struct cp_dir *dir);

/* lb_load.c */

/* Makes and pins the balancer's maps, if they are not there. */
int cp_lb_make_maps(const struct cp_dir *dir);

/* Whether the prefilter hands packets on to the balancer, which is loaded if need be. Nothing to do
 * where there is no prefilter. */
int cp_lb_set_stage(const struct cp_dir *dir, bool on);

/* What `up` does for services that are there before it. */
int cp_lb_resume(const struct cp_dir *dir);

/* Removes the pins of maps and program, those that are there. */
int cp_lb_unpin(const struct cp_dir *dir);

/* An address that is IPv4's. */
static inline bool cp_is4(const struct corepath_addr *a)
{
	return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

/* All 0 is none. 0.0.0.0 is not: it is IPv4-mapped. */
static inline bool cp_is_set(const struct corepath_addr *a)
{
	return a->w[0] || a->w[1] || a->w[2] || a->w[3];
}

/* trie.c */

/* bpf_map_update_elem() of a trie, which waits for an element if none is at hand. */
int cp_trie_put(int fd, const void *key, const void *value);

/* services.c */

/* How many services there are, how many of them are for what endpoints send, and what all of them
 * served. A negative errno without an error text. */
int cp_services_count(const struct cp_dir *dir, struct corepath_status *st);

/* As corepath_service_list(), without what they served: that is a call for each. */
int cp_services_read(const char *pin_dir, struct corepath_service_info **list, size_t *n);

/* Whether sockets of this host are sent to the service's backends: as it says, or else by its mode.
 */
bool cp_serves_sockets(const struct corepath_service_spec *spec);

/* balancer.c */

/* The settings a new balancer has. */
void cp_lb_default_settings(struct corepath_balancer *b);

/* Writes them. A negative errno without an error text. */
int cp_lb_defaults(int config_fd);

#include "ep_state.h"

#endif
