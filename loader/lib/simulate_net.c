// SPDX-License-Identifier: GPL-2.0-only
/* The devices of a simulation, in the network namespace that ends with it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "simulate_tc.h"

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attributes[256];
};

static int make_device(const char *name, unsigned int number, int other_ns)
{
	struct request r = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(r.info)),
			 .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
		.info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP},
	};
	const struct ifinfomsg other = {}; /* cannot be up before it has this one (veth_open()) */
	struct nlattr *link, *data, *peer;
	char peer_name[IF_NAMESIZE];
	int err;

	snprintf(peer_name, sizeof(peer_name), "peer%u", number);
	cp_netlink_put(&r.head, IFLA_IFNAME, name, strlen(name) + 1);
	link = cp_netlink_put(&r.head, IFLA_LINKINFO, NULL, 0);
	cp_netlink_put(&r.head, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = cp_netlink_put(&r.head, IFLA_INFO_DATA, NULL, 0);
	peer = cp_netlink_put(&r.head, VETH_INFO_PEER, &other, sizeof(other));
	cp_netlink_put(&r.head, IFLA_IFNAME, peer_name, strlen(peer_name) + 1);
	cp_netlink_put(&r.head, IFLA_NET_NS_FD, &other_ns, sizeof(other_ns));
	cp_netlink_close(&r.head, peer);
	cp_netlink_close(&r.head, data);
	cp_netlink_close(&r.head, link);
	err = cp_netlink_ask(NETLINK_ROUTE, &r.head, NULL, NULL);
	return err ? cp_fail(-err,
			     "simulation: a device %s: %s; the kernel needs CONFIG_VETH (module "
			     "veth)",
			     name, strerror(-err))
		   : 0;
}

/* Another network namespace, which lives for as long as its descriptor. */
static int other_namespace(void)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = -1;

	if (here >= 0 && !unshare(CLONE_NEWNET)) {
		there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (setns(here, CLONE_NEWNET)) {
			close(there);
			there = -1;
		}
	}
	if (there < 0)
		there = cp_fail(errno,
				"simulation: a second network namespace: %s; is /proc "
				"mounted?",
				strerror(errno));
	if (here >= 0)
		close(here);
	return there;
}

/* The one ioctl() of a device; -errno with an error text. */
static int ask_device(unsigned long what, struct ifreq *request, const char *dev,
		      const char *called)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	strcpy(request->ifr_name, dev); /* it is that of a device */
	if (fd < 0 || ioctl(fd, what, request))
		err = cp_fail(errno, "simulation: %s of %s: %s", called, dev, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

int cp_sim_own(const char *dev, const unsigned char *mac)
{
	struct ifreq request = {.ifr_hwaddr = {.sa_family = ARPHRD_ETHER}};

	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	return ask_device(SIOCSIFHWADDR, &request, dev, "the address");
}

/* Down as it is in a new namespace, no route to a proxy could go by it. */
static int bring_loopback_up(void)
{
	struct ifreq request = {.ifr_flags = IFF_UP};

	return ask_device(SIOCSIFFLAGS, &request, "lo", "the state");
}

int cp_sim_devices(const struct corepath_config *config)
{
	int ns = other_namespace(), err;
	size_t i;

	if (ns < 0)
		return ns;
	err = bring_loopback_up();
	for (i = 0; i < config->n_endpoints && !err; i++)
		err = make_device(config->endpoints[i].spec.dev, i, ns);
	for (i = 0; i < config->n_uplink_devices && !err; i++)
		if (!if_nametoindex(config->uplink_devices[i].name))
			err = make_device(config->uplink_devices[i].name, config->n_endpoints + i,
					  ns);
	if (err)
		close(ns);
	return err ?: ns;
}
