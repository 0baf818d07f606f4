/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the socket programs; services and backends are in lb_maps.h. */
#ifndef COREPATH_SOCK_MAPS_H
#define COREPATH_SOCK_MAPS_H

#include "maps.h"

/* From where a socket really is to where it believes to be. One LRU list for all CPUs: a socket is
 * used from any. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LIMIT_SOCKS);
	__type(key, struct corepath_sock_key);
	__type(value, struct corepath_sock_peer);
} sock_peers SEC(".maps");

/* A service that a socket has a backend of. */
struct sock_flow {
	__u32 service; /* 0: none */
	__u32 backend;
	__u32 generation;
	__u16 port; /* the service was called by; network order, as the next */
	__u16 backend_port;
	struct corepath_addr addr; /* the backend's */
};

struct sock_flows {
	struct sock_flow flow[LIMIT_SOCK_FLOWS];
	__u32 next; /* to give up for another one */
};

/* With the socket and not beside it: it takes no other's room, and goes when the socket goes. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sock_flows);
} sock_flows SEC(".maps");

#endif
