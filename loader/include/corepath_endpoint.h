/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of corepath.h, which includes it: endpoints, their policies and connections. */
#ifndef COREPATH_ENDPOINT_API_H
#define COREPATH_ENDPOINT_API_H

#include <corepath.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- endpoints ---- */

/* A workload behind a device of its own, such as the host's end of a veth pair. */
struct corepath_endpoint_spec {
	char dev[IF_NAMESIZE];
	struct corepath_addr addr[2]; /* its addresses: IPv4, IPv6; all 0: none. One at least */
	__u8 mac[6];		      /* its own; all 0: not checked */
	__u32 identity;		      /* not 0 */
	__u32 limit[2];		      /* TCP connections, by enum corepath_direction; 0: any */
	bool audit;		      /* what its policy denies is counted, and passes */
};

struct corepath_endpoint_info {
	struct corepath_endpoint_spec spec;
	unsigned int ifindex;
	enum corepath_state state;
	enum corepath_tc_mode mode; /* TCX or CLSACT */
	bool peer;		    /* packets can be handed to it past the host's stack */
	__u64 open[2];		    /* TCP connections, by enum corepath_direction */
};

/*
 * Attaches the datapath to the endpoint's device, both ways, or, on failure, not at all. Errors:
 * -ENOENT (nothing is up), -ENODEV, -EEXIST (the device or an address has an endpoint), -ENOSPC,
 * -EINVAL. `out` may be NULL.
 */
int corepath_endpoint_add(const char *pin_dir, const struct corepath_endpoint_spec *spec,
			  enum corepath_tc_mode mode, struct corepath_endpoint_info *out);

/* Detaches from the device, which may be gone. -ENOENT if it has no endpoint. */
int corepath_endpoint_del(const char *pin_dir, const char *dev);

/* All endpoints, by device index. The caller frees *list. */
int corepath_endpoint_list(const char *pin_dir, struct corepath_endpoint_info **list, size_t *n);

/* Starts a spec of the device; then one word, an address or "key=value", at a time. Each returns
 * -EINVAL and says what is wrong. */
int corepath_endpoint_init(const char *dev, struct corepath_endpoint_spec *spec);
int corepath_endpoint_word(const char *word, struct corepath_endpoint_spec *spec);

/* The device and those words, without what is as it is by itself, in a buffer of
 * COREPATH_ENDPOINT_SPEC_STRLEN bytes: "veth7 10.0.0.2 identity=100". */
#define COREPATH_ENDPOINT_SPEC_STRLEN 256
const char *corepath_endpoint_spec_format(const struct corepath_endpoint_spec *spec, char *buf);

/* ---- policy ---- */

/* In the place of a device: what the host itself sends and is sent by its uplinks. */
#define COREPATH_POLICY_HOST "host"

/* A rule: what an endpoint may send, or be sent. struct corepath_policy_key says which one decides.
 * An endpoint that has rules in a direction is denied the rest in it. */
struct corepath_policy_spec {
	char dev[IF_NAMESIZE]; /* of the endpoint; COREPATH_POLICY_HOST: the host itself */
	enum corepath_direction direction;
	enum corepath_verdict verdict;
	__u32 identity; /* of the other side; 0: any */
	__u8 proto;	/* 0: any */
	__u16 port;	/* where connections go to, host order; 0: any. Of TCP and UDP only */
	__u16 proxy; /* host order; not 0: what is allowed is handed to the socket of this host that
		      * listens there. Of TCP and UDP that an endpoint sends only */
};

struct corepath_policy_info {
	struct corepath_policy_spec spec;
	__u64 packets, bytes; /* denied; or allowed, of which the first of each connection counts */
};

/* Adds the rule, or changes verdict and proxy of the one that is there; open connections are judged
 * anew. With the first rule that has a proxy come the routes to it, which go with the last. -ENOENT
 * if the device has no endpoint, or, of del, there is no such rule. */
int corepath_policy_add(const char *pin_dir, const struct corepath_policy_spec *spec);
int corepath_policy_del(const char *pin_dir, const struct corepath_policy_spec *spec);
int corepath_policy_list(const char *pin_dir, struct corepath_policy_info **list, size_t *n);

/* "in" or "out", "allow" or "deny" (NULL: none, as del has it), then one "key=value" at a time.
 * Each returns -EINVAL and says what is wrong. */
int corepath_policy_init(const char *dev, const char *direction, const char *verdict,
			 struct corepath_policy_spec *spec);
int corepath_policy_word(const char *word, struct corepath_policy_spec *spec);

/* "veth7 in allow identity=200 proto=tcp port=443", in a buffer of COREPATH_POLICY_STRLEN bytes. */
#define COREPATH_POLICY_STRLEN 96
const char *corepath_policy_format(const struct corepath_policy_spec *spec, char *buf);

/* Who is behind a prefix, in policies. The longest one decides; an endpoint's own addresses are
 * there with it. */
struct corepath_identity_info {
	struct corepath_prefix prefix;
	__u32 identity;
};

int corepath_identity_add(const char *pin_dir, const struct corepath_prefix *p, __u32 identity);
int corepath_identity_del(const char *pin_dir, const struct corepath_prefix *p);
int corepath_identity_list(const char *pin_dir, struct corepath_identity_info **list, size_t *n);

/* ---- connections ---- */

struct corepath_ct_info {
	struct corepath_flow flow; /* src began it; ports in network order */
	struct corepath_ct ct;
	__s64 left_ms; /* until it is forgotten; 0 or less: it is, and waits to be swept */
};

/* All connections, also those that ended and were not swept yet. The caller frees *list. */
int corepath_ct_list(const char *pin_dir, struct corepath_ct_info **list, size_t *n);

/* Forgets all of them: TCP connections that are open are then of none, and dropped. */
int corepath_ct_flush(const char *pin_dir, size_t *removed);

struct corepath_ct_sweep {
	size_t removed, kept;
	size_t recounted; /* endpoints whose number of connections was wrong */
};

/* Removes connections that ended, and counts those of endpoints anew. */
int corepath_ct_gc(const char *pin_dir, struct corepath_ct_sweep *out);

struct corepath_ct_settings {
	__u32 timeout_s[COREPATH_CT_STATES];
	bool pickup; /* take up TCP connections in their middle */
	__u32 max;   /* answered ones; fixed once there are endpoints or an uplink. 0: what there is
		      */
};

/* What new tables have; max is 0. */
void corepath_ct_defaults(struct corepath_ct_settings *s);

int corepath_ct_get(const char *pin_dir, struct corepath_ct_settings *s);
int corepath_ct_set(const char *pin_dir, const struct corepath_ct_settings *s);

/* One "key=value" word. */
int corepath_ct_word(const char *word, struct corepath_ct_settings *s);

/* "syn", "established", "closed", "reset", "udp", "udp-answered", "icmp", "other" */
const char *corepath_ct_state_name(enum corepath_ct_state state);

/* "tcp", "udp", "icmp", "icmpv6", or the number, in a buffer of 8 bytes. */
const char *corepath_proto_format(__u8 proto, char *buf);

#ifdef __cplusplus
}
#endif

#endif
