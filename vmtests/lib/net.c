// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces, links and addresses for tests: see net.h. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <linux/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/link/vlan.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errtext.h"

#define WAIT_MS 20000

const char *net_error(void)
{
	return error_text;
}

int net_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? fail("/proc/self/ns/net: %s", strerror(errno)) : fd;
}

int net_unshare(void)
{
	if (unshare(CLONE_NEWNET))
		return fail("a new network namespace: %s", strerror(errno));
	return net_namespace();
}

int net_enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		return fail("entering a network namespace: %s", strerror(errno));
	return 0;
}

int net_new_namespace(void)
{
	int here = net_namespace(), there;

	if (here < 0)
		return -1;
	there = net_unshare();
	if (net_enter(here))
		there = -1;
	close(here);
	return there;
}

/* A socket to the routing side of the kernel in the present namespace; NULL after fail(). */
static struct nl_sock *route_socket(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int err;

	if (!sock) {
		fail("out of memory for a netlink socket");
		return NULL;
	}
	err = nl_connect(sock, NETLINK_ROUTE);
	if (err) {
		nl_socket_free(sock);
		fail("netlink: %s", nl_geterror(err));
		return NULL;
	}
	return sock;
}

static int set_mac(struct rtnl_link *link, const char *mac)
{
	struct nl_addr *addr;
	int err = nl_addr_parse(mac, AF_LLC, &addr);

	if (err)
		return fail("hardware address %s: %s", mac, nl_geterror(err));
	rtnl_link_set_addr(link, addr);
	nl_addr_put(addr);
	return 0;
}

/* Sends @link as a new one and frees it. */
static int add_link(struct rtnl_link *link, const char *name)
{
	struct nl_sock *sock = route_socket();
	int err = -1;

	if (sock) {
		err = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
		if (err)
			fail("adding link %s: %s", name, nl_geterror(err));
		nl_socket_free(sock);
	}
	rtnl_link_put(link);
	return err ? -1 : 0;
}

int net_veth(const char *name, const char *mac, const char *peer, const char *peer_mac, int peer_ns)
{
	struct rtnl_link *link = rtnl_link_veth_alloc(), *other;

	if (!link)
		return fail("out of memory for link %s", name);
	other = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, name);
	rtnl_link_set_name(other, peer);
	rtnl_link_set_ns_fd(other, peer_ns);
	if (set_mac(link, mac) || set_mac(other, peer_mac)) {
		rtnl_link_put(other);
		rtnl_link_put(link);
		return -1;
	}
	rtnl_link_put(other);
	return add_link(link, name);
}

int net_vlan(const char *name, const char *parent, int id)
{
	struct rtnl_link *link = rtnl_link_vlan_alloc();

	if (!link)
		return fail("out of memory for link %s", name);
	rtnl_link_set_name(link, name);
	rtnl_link_set_link(link, if_nametoindex(parent));
	rtnl_link_vlan_set_id(link, id);
	return add_link(link, name);
}

int net_dummy(const char *name)
{
	struct rtnl_link *link = rtnl_link_alloc();

	if (!link)
		return fail("out of memory for link %s", name);
	rtnl_link_set_name(link, name);
	rtnl_link_set_type(link, "dummy");
	return add_link(link, name);
}

int net_up(const char *name)
{
	struct nl_sock *sock = route_socket();
	struct rtnl_link *link, *change;
	int err;

	if (!sock)
		return -1;
	err = rtnl_link_get_kernel(sock, 0, name, &link);
	if (!err) {
		change = rtnl_link_alloc();
		rtnl_link_set_flags(change, IFF_UP);
		err = rtnl_link_change(sock, link, change, 0);
		rtnl_link_put(change);
		rtnl_link_put(link);
	}
	nl_socket_free(sock);
	return err ? fail("setting link %s up: %s", name, nl_geterror(err)) : 0;
}

/*
 * Waits until holds() is true of @what (1; 0: not yet; -1 after fail()), looking again whenever the
 * kernel tells news of @group. It listens first and looks then: no change between the two is
 * missed.
 */
static int wait_until(int group, int (*holds)(struct nl_sock *sock, const char *what),
		      const char *what, const char *not_yet)
{
	struct nl_sock *query = route_socket(), *news = query ? route_socket() : NULL;
	struct pollfd wait = {.events = POLLIN};
	char ignored[8192];
	int now = -1;

	if (news && nl_socket_add_membership(news, group) == 0) {
		wait.fd = nl_socket_get_fd(news);
		while ((now = holds(query, what)) == 0) {
			if (poll(&wait, 1, WAIT_MS) <= 0) {
				now = fail("%s %s within %d s", what, not_yet, WAIT_MS / 1000);
				break;
			}
			if (recv(wait.fd, ignored, sizeof(ignored), 0) < 0 && errno != ENOBUFS) {
				now = fail("netlink: %s", strerror(errno));
				break;
			}
		}
	}
	nl_socket_free(news);
	nl_socket_free(query);
	return now == 1 ? 0 : -1;
}

static int is_running(struct nl_sock *sock, const char *name)
{
	struct rtnl_link *link;
	int err = rtnl_link_get_kernel(sock, 0, name, &link), state;

	if (err)
		return fail("reading the state of %s: %s", name, nl_geterror(err));
	state = rtnl_link_get_operstate(link);
	rtnl_link_put(link);
	return state == IF_OPER_UP;
}

int net_running(const char *name)
{
	return wait_until(RTNLGRP_LINK, is_running, name, "is set up and did not come to run");
}

static int is_gone(struct nl_sock *sock, const char *name)
{
	struct rtnl_link *link;
	int err = rtnl_link_get_kernel(sock, 0, name, &link);

	if (!err)
		rtnl_link_put(link);
	else if (err != -NLE_NODEV && err != -NLE_OBJ_NOTFOUND)
		return fail("looking for %s: %s", name, nl_geterror(err));
	return err != 0;
}

int net_gone(const char *name)
{
	return wait_until(RTNLGRP_LINK, is_gone, name, "was to go and is still there");
}

/* Whether packets to @address ("x::y/len") are taken in here: its route is a local one. */
static int is_received(struct nl_sock *sock, const char *address)
{
	struct rtnl_route *route;
	struct nl_addr *dst;
	int err = nl_addr_parse(address, AF_INET6, &dst), local;

	if (err)
		return fail("address %s: %s", address, nl_geterror(err));
	nl_addr_set_prefixlen(dst, 128);
	err = rtnl_route_lookup(sock, dst, &route);
	nl_addr_put(dst);
	if (err) /* no route at all, not yet */
		return 0;
	local = rtnl_route_get_type(route) == RTN_LOCAL;
	rtnl_route_put(route);
	return local;
}

int net_read_stats(const char *name, struct net_stats *stats)
{
	struct nl_sock *sock = route_socket();
	struct rtnl_link *link;
	int err;

	if (!sock)
		return -1;
	err = rtnl_link_get_kernel(sock, 0, name, &link);
	if (!err) {
		stats->rx_packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS);
		stats->rx_dropped = rtnl_link_get_stat(link, RTNL_LINK_RX_DROPPED);
		stats->tx_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS);
		rtnl_link_put(link);
	}
	nl_socket_free(sock);
	return err ? fail("reading the counters of %s: %s", name, nl_geterror(err)) : 0;
}

int net_address(const char *name, const char *address)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_sock *sock = route_socket();
	struct nl_addr *local = NULL;
	int err = -1, family = AF_UNSPEC;

	if (!sock || !addr)
		goto out;
	err = nl_addr_parse(address, AF_UNSPEC, &local);
	if (!err) {
		rtnl_addr_set_ifindex(addr, if_nametoindex(name));
		rtnl_addr_set_local(addr, local);
		family = nl_addr_get_family(local);
		if (family == AF_INET6)
			rtnl_addr_set_flags(addr, IFA_F_NODAD);
		err = rtnl_addr_add(sock, addr, 0);
		nl_addr_put(local);
	}
	if (err)
		fail("address %s on %s: %s", address, name, nl_geterror(err));
out:
	rtnl_addr_put(addr);
	nl_socket_free(sock);
	if (err)
		return -1;
	return family == AF_INET6 ? wait_until(RTNLGRP_IPV6_ROUTE, is_received, address,
					       "is set and packets to it were not taken in")
				  : 0;
}

int net_neighbour(const char *name, const char *address, const char *mac)
{
	struct rtnl_neigh *neigh = rtnl_neigh_alloc();
	struct nl_addr *dst = NULL, *lladdr = NULL;
	struct nl_sock *sock = route_socket();
	int err = -1;

	if (!sock || !neigh)
		goto out;
	err = nl_addr_parse(address, AF_UNSPEC, &dst);
	if (!err)
		err = nl_addr_parse(mac, AF_LLC, &lladdr);
	if (!err) {
		rtnl_neigh_set_ifindex(neigh, if_nametoindex(name));
		rtnl_neigh_set_dst(neigh, dst);
		rtnl_neigh_set_lladdr(neigh, lladdr);
		rtnl_neigh_set_state(neigh, NUD_PERMANENT);
		err = rtnl_neigh_add(sock, neigh, NLM_F_CREATE | NLM_F_REPLACE);
	}
	if (err)
		fail("neighbour %s on %s: %s", address, name, nl_geterror(err));
	nl_addr_put(dst);
	nl_addr_put(lladdr);
out:
	rtnl_neigh_put(neigh);
	nl_socket_free(sock);
	return err ? -1 : 0;
}

int net_vlan_offload(const char *name, bool on)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct ifreq request = {};

	if (fd < 0)
		return fail("socket: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (char *)&value;
	err = ioctl(fd, SIOCETHTOOL, &request);
	if (!err) {
		value.cmd = ETHTOOL_SFLAGS;
		value.data &= ~ETH_FLAG_TXVLAN;
		value.data |= on ? ETH_FLAG_TXVLAN : 0;
		err = ioctl(fd, SIOCETHTOOL, &request);
	}
	if (err)
		fail("VLAN offload of %s: %s", name, strerror(errno));
	close(fd);
	return err ? -1 : 0;
}

int net_no_offload(const char *name)
{
	/* without checksums the kernel takes segmentation away as well (netdev_fix_features) */
	struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct ifreq request = {.ifr_data = (char *)&value};

	if (fd < 0)
		return fail("socket: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	err = ioctl(fd, SIOCETHTOOL, &request);
	if (err)
		fail("checksum offload of %s: %s", name, strerror(errno));
	close(fd);
	return err ? -1 : 0;
}

int net_route(const char *dst, const char *gateway, const char *name, int table)
{
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *to = NULL, *via = NULL;
	struct nl_sock *sock = route_socket();
	int err = -1;

	if (!sock || !route || !hop)
		goto out;
	err = nl_addr_parse(gateway, AF_UNSPEC, &via);
	if (!err)
		err = nl_addr_parse(dst ? dst : "default", nl_addr_get_family(via), &to);
	if (!err) {
		rtnl_route_nh_set_ifindex(hop, if_nametoindex(name));
		rtnl_route_nh_set_gateway(hop, via);
		rtnl_route_set_family(route, nl_addr_get_family(via));
		rtnl_route_set_dst(route, to);
		if (table)
			rtnl_route_set_table(route, table);
		rtnl_route_add_nexthop(route, hop);
		hop = NULL; /* the route's now */
		err = rtnl_route_add(sock, route, NLM_F_CREATE);
	}
	if (err)
		fail("route %s by %s on %s: %s", dst ? dst : "default", gateway, name,
		     nl_geterror(err));
	nl_addr_put(to);
	nl_addr_put(via);
out:
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(route);
	nl_socket_free(sock);
	return err ? -1 : 0;
}

int net_rule(const char *src, int table)
{
	struct rtnl_rule *rule = rtnl_rule_alloc();
	struct nl_sock *sock = route_socket();
	struct nl_addr *from = NULL;
	int err = -1;

	if (!sock || !rule)
		goto out;
	err = nl_addr_parse(src, AF_UNSPEC, &from);
	if (!err) {
		rtnl_rule_set_family(rule, nl_addr_get_family(from));
		rtnl_rule_set_src(rule, from);
		rtnl_rule_set_table(rule, table);
		rtnl_rule_set_action(rule, FR_ACT_TO_TBL);
		err = rtnl_rule_add(sock, rule, NLM_F_CREATE);
	}
	if (err)
		fail("rule from %s: %s", src, nl_geterror(err));
	nl_addr_put(from);
out:
	rtnl_rule_put(rule);
	nl_socket_free(sock);
	return err ? -1 : 0;
}

int net_count_rules(int table)
{
	struct nl_sock *sock = route_socket();
	struct nl_cache *cache = NULL;
	struct nl_object *rule;
	int err, n = -1;

	if (!sock)
		return -1;
	err = rtnl_rule_alloc_cache(sock, AF_UNSPEC, &cache);
	if (err)
		fail("rules of routes: %s", nl_geterror(err));
	else
		for (n = 0, rule = nl_cache_get_first(cache); rule; rule = nl_cache_get_next(rule))
			n += (int)rtnl_rule_get_table((struct rtnl_rule *)rule) == table;
	nl_cache_free(cache);
	nl_socket_free(sock);
	return n;
}

int net_forward(void)
{
	static const char *const files[] = {"/proc/sys/net/ipv4/ip_forward",
					    "/proc/sys/net/ipv6/conf/all/forwarding"};

	for (int i = 0; i < 2; i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "1", 1) != 1)
			return fail("%s: %s", files[i], strerror(errno));
		close(fd);
	}
	return 0;
}
