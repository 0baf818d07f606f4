/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of corepath.h, which includes it: the uplink, and masquerading there. */
#ifndef COREPATH_UPLINK_API_H
#define COREPATH_UPLINK_API_H

#include <corepath.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the datapath does at every device it is attached to as uplink. */
struct corepath_uplink {
	struct corepath_addr masquerade4; /* the uplink's address; all 0: IPv4 is left alone */
	struct corepath_addr masquerade6;
	__u16 port_min, port_max; /* ports given to what is masqueraded, both included */
	bool direct; /* what comes in and goes on passes by the stack, netfilter included */
	bool audit;  /* what the host's own policy denies is counted, and passes */
	struct corepath_failsafe failsafe[COREPATH_FAILSAFES]; /* after the last: port 0 */
};

/* A list of failsafe ports as text, with the NUL. */
#define COREPATH_FAILSAFE_STRLEN (COREPATH_FAILSAFES * sizeof("tcp/65535,"))

struct corepath_uplink_device {
	char dev[IF_NAMESIZE];
	unsigned int ifindex;
	enum corepath_state state;
	enum corepath_tc_mode mode; /* TCX or CLSACT */
};

int corepath_uplink_get(const char *pin_dir, struct corepath_uplink *u);
int corepath_uplink_set(const char *pin_dir, const struct corepath_uplink *u);

/* One word of the settings: masquerade4=, masquerade6=, ports=, forward=, audit= or failsafe=.
 * -EINVAL says what is wrong. */
int corepath_uplink_option(const char *word, struct corepath_uplink *u);

/* "tcp/22,...", or "none", in a buffer of COREPATH_FAILSAFE_STRLEN bytes. */
const char *corepath_uplink_failsafe(const struct corepath_uplink *u, char *buf);

/* "ADDRESS", or "none" if it is all 0, in a buffer of COREPATH_SERVICE_STRLEN bytes. */
const char *corepath_uplink_address(const struct corepath_addr *addr, char *buf);

/*
 * Attaches to the device, both ways, or, on failure, not at all. Errors: -ENOENT (nothing is up),
 * -ENODEV, -EEXIST, -EINVAL (no Ethernet). `out` may be NULL.
 */
int corepath_uplink_attach(const char *pin_dir, const char *dev, enum corepath_tc_mode mode,
			   struct corepath_uplink_device *out);

/* Detaches from the device, which may be gone. -ENOENT if it is no uplink. */
int corepath_uplink_detach(const char *pin_dir, const char *dev);

/* All uplinks, in no order. The caller frees *list. */
int corepath_uplink_devices(const char *pin_dir, struct corepath_uplink_device **list, size_t *n);

/* Prefixes whose packets are masqueraded, and prefixes to which they are not. Adding one that is
 * there is no error; deleting one that is not is -ENOENT, after the others are deleted. */
enum corepath_uplink_list { COREPATH_UPLINK_SOURCES, COREPATH_UPLINK_EXCLUDES };

int corepath_uplink_add(const char *pin_dir, enum corepath_uplink_list which,
			const struct corepath_prefix *list, size_t n);
int corepath_uplink_del(const char *pin_dir, enum corepath_uplink_list which,
			const struct corepath_prefix *list, size_t n);

/* IPv4 first, by address. The caller frees *list. */
int corepath_uplink_prefixes(const char *pin_dir, enum corepath_uplink_list which,
			     struct corepath_prefix **list, size_t *n);

/* A masqueraded flow, or one of the host's own that holds its port. */
struct corepath_nat_flow {
	struct corepath_flow flow; /* as its endpoint sends it; ports in network order */
	struct corepath_addr addr; /* what its source becomes */
	__u16 port;		   /* network order */
	bool replied, closing;
	__u32 left_ms; /* until it is forgotten; 0: it is past its time */
};

/* All of them, in no order. The caller frees *list. */
int corepath_nat_list(const char *pin_dir, struct corepath_nat_flow **list, size_t *n);

/* Forgets flows past their time, and halves of flows; says how many entries. A port of such a flow
 * can be had without: sweeping keeps the tables from filling with the dead. */
int corepath_nat_sweep(const char *pin_dir, size_t *n);

/* By enum corepath_uplink_counter, summed over CPUs; names as in JSON. */
int corepath_uplink_counters(const char *pin_dir, __u64 out[COREPATH_UPLINK_COUNTERS]);
const char *corepath_uplink_counter_name(enum corepath_uplink_counter counter);

#ifdef __cplusplus
}
#endif

#endif
