/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What would become of a packet: a configuration is brought up where no packet but ours comes by,
 * and frames are run through its programs, in order, with all the state that they leave behind.
 */
#ifndef COREPATH_SIMULATE_H
#define COREPATH_SIMULATE_H

#include <corepath.h>

#ifdef __cplusplus
extern "C" {
#endif

struct corepath_simulation;

/* The longest frame that is run: what fits a page of 4096 bytes behind the headroom of XDP (256)
 * and before the 320 of struct skb_shared_info, in bpf_prog_test_run_xdp() of every kernel. Newer
 * ones take longer ones in parts, of which a program like ours sees the first alone. */
#define COREPATH_SIMULATE_LONGEST 3520

/* The longest that it can be made. */
#define COREPATH_SIMULATE_FRAME 4096

enum corepath_connection {
	COREPATH_CONNECTION_NONE,  /* to no service, or, at tc, none that is remembered */
	COREPATH_CONNECTION_NEW,   /* nothing was known of the flow before */
	COREPATH_CONNECTION_KNOWN, /* it kept the backend it had, the port, the verdict */
	COREPATH_CONNECTION_REPLY, /* a backend's answer, or the other side's */
};

/* "none", "new", "known", "reply" */
const char *corepath_connection_name(enum corepath_connection c);

struct corepath_outcome {
	enum corepath_hook hook; /* whose program it was run through */
	__u32 action;		 /* enum xdp_action of linux/bpf.h, of tc too */
	enum corepath_drop reason;
	struct corepath_flow before; /* proto 0: no IP packet; of a later fragment no ports */
	struct corepath_flow
		after; /* of a tunnel, the tunnel's own; `before` if it was left alone */
	bool rewritten;
	enum corepath_connection connection;
	bool has_service;
	struct corepath_service_id service;
	bool has_backend;
	struct corepath_addr backend; /* with backend_port, host order, 0: the service's */
	__u16 backend_port;
	/* at tc hooks alone */
	__u32 identity[2]; /* who is behind the source, and the destination, that came */
	bool decided;	   /* a rule was asked, which this is */
	struct corepath_policy_spec rule;
	bool tracked; /* the connection is remembered, and in this state */
	enum corepath_ct_state state;
	__u32 length; /* of frame */
	unsigned char frame[COREPATH_SIMULATE_FRAME];
};

/*
 * Brings the configuration up, its devices aside, in a network namespace and a BPF file system that
 * the calling process gets for itself and that go with it, so that nothing of it is left whatever
 * ends the process. Takes CAP_SYS_ADMIN. The calling thread stays on the CPU that it is on, as the
 * programs keep some state by CPU.
 */
struct corepath_simulate_request {
	const struct corepath_config *config; /* must stay for as long as the simulation */
	enum corepath_hook hook;	      /* XDP, TC_INGRESS or TC_EGRESS */
	bool both_ways;	 /* at tc: each frame by the hook of the way it goes, whatever `hook` is. Of
			  * an endpoint: what has its MAC address or one of its IP addresses for
			  * source is what it sends */
	const char *dev; /* at tc, whose: of an endpoint or an uplink; NULL: there is one */
};

int corepath_simulate_open(const struct corepath_simulate_request *req,
			   struct corepath_simulation **sim);

/* Runs an Ethernet frame of 14 to COREPATH_SIMULATE_LONGEST bytes; -EMSGSIZE of another length, and
 * then the simulation can go on. */
int corepath_simulate_frame(struct corepath_simulation *sim, const void *frame, size_t length,
			    struct corepath_outcome *verdict);
void corepath_simulate_close(struct corepath_simulation *sim);

/*
 * A captured frame as it is on a wire. A sender leaves the checksums of TCP and UDP to the device,
 * and has it cut what it sends by TCP into segments; a receiver's device puts segments together. A
 * capture has what the device was given, and what it gives.
 */
struct corepath_wire {
	__u32 packets;	/* that it stands for: more than 1 are segments of TCP */
	bool completed; /* one packet, whose checksum was not there yet, and is now */
	/* for corepath_wire_packet() alone */
	const unsigned char *frame;
	__u32 captured, length, l3, l4, headers, payload, room;
	__u8 proto;
	bool v6;
};

/* Reads a frame of which `captured` bytes of `length` are there; it must stay for as long as *w.
 * Segments are cut from what is longer than `mtu`, of the IP packet. -EMSGSIZE: what was captured
 * ends within its headers. */
int corepath_wire_open(struct corepath_wire *w, const void *frame, size_t captured, size_t length,
		       unsigned int mtu);

/* Puts packet i, from 0, into `out`, of COREPATH_SIMULATE_LONGEST bytes, with zeros for what was
 * not captured, and returns its length. Of what is longer nothing is put. *captured: how many of
 * its bytes were. */
size_t corepath_wire_packet(const struct corepath_wire *w, unsigned int i, unsigned char *out,
			    size_t *captured);

#ifdef __cplusplus
}
#endif

#endif
