// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of packets to a proxy: what has the mark (COREPATH_PROXY_MARK) is the host's own,
 * whatever address it is for. By rtnetlink, as `ip rule` and `ip route` do it:
 *
 *	ip rule add priority 53 fwmark 0x1000000/0x1000000 lookup 2053
 *	ip route add local default dev lo table 2053
 *
 * and the same with -6.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"

struct request {
	struct nlmsghdr h;
	union {
		struct fib_rule_hdr rule;
		struct rtmsg route;
	};
	char attributes[64];
};

/* To add, or to delete. What it adds must be new. */
static void begin(struct request *r, __u16 type, bool add)
{
	memset(r, 0, sizeof(*r));
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
}

static void put(struct request *r, __u16 type, __u32 value)
{
	cp_netlink_put(&r->h, type, &value, sizeof(value));
}

static int ask_rule(int family, bool add)
{
	struct request r;

	begin(&r, add ? RTM_NEWRULE : RTM_DELRULE, add);
	r.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.rule));
	r.rule.family = family;
	r.rule.action = FR_ACT_TO_TBL;
	put(&r, FRA_PRIORITY, COREPATH_PROXY_PRIORITY);
	put(&r, FRA_FWMARK, COREPATH_PROXY_MARK);
	put(&r, FRA_FWMASK, COREPATH_PROXY_MARK);
	put(&r, FRA_TABLE, COREPATH_PROXY_TABLE);
	return cp_netlink_ask(NETLINK_ROUTE, &r.h, NULL, NULL);
}

static int ask_route(int family, bool add)
{
	struct request r;

	begin(&r, add ? RTM_NEWROUTE : RTM_DELROUTE, add);
	r.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.route));
	r.route.rtm_family = family;
	r.route.rtm_type = RTN_LOCAL;
	r.route.rtm_scope = RT_SCOPE_HOST;
	r.route.rtm_protocol = RTPROT_STATIC;
	put(&r, RTA_TABLE, COREPATH_PROXY_TABLE);
	put(&r, RTA_OIF, if_nametoindex("lo"));
	return cp_netlink_ask(NETLINK_ROUTE, &r.h, NULL, NULL);
}

/* A kernel without IPv6 (ipv6.disable=1), or a host (disable_ipv6=1), has no packets of it. */
static bool has_no_ip6(int err)
{
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP || err == -EACCES;
}

/* The route first: what has the mark and finds none there is looked for among the other routes. */
static int add(int family)
{
	int err = ask_route(family, true);

	if (!err || err == -EEXIST)
		err = ask_rule(family, true);
	if (err == -EEXIST || (family == AF_INET6 && has_no_ip6(err)))
		err = 0;
	return err;
}

int cp_proxy_routes_add(void)
{
	int err = add(AF_INET);

	return err ? err : add(AF_INET6);
}

void cp_proxy_routes_del(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	int i;

	for (i = 0; i < 2; i++) {
		ask_rule(families[i], false);
		ask_route(families[i], false);
	}
}
