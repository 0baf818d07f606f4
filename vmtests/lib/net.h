/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network namespaces, links and addresses for tests, by libnl. Everything acts in the namespace
 * the calling process is in, and vanishes with the last process and descriptor of a namespace.
 * Functions return 0 (or a descriptor) or -1 and, then, say why in net_error().
 */
#ifndef VMTESTS_NET_H
#define VMTESTS_NET_H

#include <stdbool.h>

/* Moves the process into a new namespace. Returns the namespace's descriptor. */
int net_unshare(void);

/* A descriptor of the namespace the process is in. */
int net_namespace(void);

/* Makes another namespace and stays in this one. Returns the new one's descriptor. */
int net_new_namespace(void);

/* Moves the process into @ns. */
int net_enter(int ns);

/* A veth pair: @name here, with @mac, and @peer in @peer_ns, with @peer_mac. Both are down. */
int net_veth(const char *name, const char *mac, const char *peer, const char *peer_mac,
	     int peer_ns);

/* A VLAN device @name (802.1Q, tag @id) on top of @parent. */
int net_vlan(const char *name, const char *parent, int id);

/* A device that takes every packet and has no other end (module dummy). */
int net_dummy(const char *name);

int net_up(const char *name);

/*
 * Waits, at most 20 s, until @name carries packets: its operational state is up (RFC 2863). A link
 * whose carrier comes after it was set up drops what it is given until the kernel's linkwatch has
 * seen the carrier, some time later; a VLAN device gets its carrier from the device below in the
 * same way.
 */
int net_running(const char *name);

/*
 * Gives @name the address "a.b.c.d/len" or "x::y/len". An IPv6 address has no duplicate to be
 * detected in a namespace of ours (IFA_F_NODAD, RFC 4862 section 5.4); the kernel still makes it
 * receive from a work queue (addrconf_dad_completed in net/ipv6/addrconf.c), which is waited for.
 */
int net_address(const char *name, const char *address);

/* Waits until there is no device of that name. */
int net_gone(const char *name);

/* A permanent neighbour, so that no ARP or neighbour solicitation is among the packets counted. */
int net_neighbour(const char *name, const char *address, const char *mac);

/* Whether the VLAN tag of a packet sent by @name travels beside it (on, veth's default) or in it.
 */
int net_vlan_offload(const char *name, bool on);

/* Checksums of what @name sends are made before it leaves, and nothing larger than its MTU leaves:
 * a program that sends frames back would send them unfinished. */
int net_no_offload(const char *name);

/* A route to @dst ("a.b.c.d/len"; NULL: everything) by @gateway on @name, in @table (0: main). */
int net_route(const char *dst, const char *gateway, const char *name, int table);

/* What comes from @src ("a.b.c.d/len") is routed by @table. */
int net_rule(const char *src, int table);

/* How many rules of routes, of both families, lead to @table; -1: net_error() says why. */
int net_count_rules(int table);

/* Makes the present namespace a router, of both families. */
int net_forward(void);

/* The kernel's counters of a device, since it was made. */
struct net_stats {
	unsigned long long rx_packets;
	unsigned long long rx_dropped;
	unsigned long long tx_packets;
};

int net_read_stats(const char *name, struct net_stats *stats);

/* What the last failed call says, one line. */
const char *net_error(void);

#endif
