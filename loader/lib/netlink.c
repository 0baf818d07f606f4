// SPDX-License-Identifier: GPL-2.0-only
/* Questions to netlink, and the few to rtnetlink that libbpf does not ask. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "internal.h"

/* The kernel never answers a dump in larger pieces (NLMSG_GOODSIZE and 32 KiB since 4.6). */
#define ANSWER_MAX 32768

/* What the last message of an answer says: 0, or a negative errno. A dump's may be without. */
static int last_says(const struct nlmsghdr *m)
{
	if (m->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
	return m->nlmsg_len < NLMSG_LENGTH(sizeof(int)) ? 0 : *(const int *)NLMSG_DATA(m);
}

static int take_answer(int fd, bool dump, cp_netlink_take take, void *arg)
{
	static char answer[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *m;
	ssize_t n;

	do {
		n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (m = (void *)answer; n > 0 && NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			if (m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE)
				return last_says(m);
			if (take)
				take(m, arg);
		}
	} while ((dump && n) || n < 0);
	return 0;
}

int cp_netlink_ask(int protocol, const struct nlmsghdr *request, cp_netlink_take take, void *arg)
{
	bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), err;

	if (fd < 0)
		return -errno;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		err = -errno;
	else
		err = take_answer(fd, dump, take, arg);
	close(fd);
	return err;
}

struct nlattr *cp_netlink_put(struct nlmsghdr *m, __u16 type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((char *)m + NLMSG_ALIGN(m->nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + NLA_ALIGN(a->nla_len);
	return a;
}

void cp_netlink_close(const struct nlmsghdr *m, struct nlattr *nest)
{
	nest->nla_len = (const char *)m + m->nlmsg_len - (char *)nest;
}

static void take_kind(const struct rtattr *info, struct cp_device *dev)
{
	const struct rtattr *a = RTA_DATA(info);
	int len = RTA_PAYLOAD(info);

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == IFLA_INFO_KIND)
			snprintf(dev->kind, sizeof(dev->kind), "%.*s", (int)RTA_PAYLOAD(a),
				 (const char *)RTA_DATA(a));
}

static void take_device(const struct nlmsghdr *m, void *arg)
{
	const struct ifinfomsg *info = NLMSG_DATA(m);
	const struct rtattr *a = IFLA_RTA(info);
	int len = IFLA_PAYLOAD(m);
	struct cp_device *dev = arg;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == sizeof(dev->mac))
			memcpy(dev->mac, RTA_DATA(a), sizeof(dev->mac));
		else if (a->rta_type == IFLA_LINK_NETNSID)
			dev->other_netns = true;
		else if (a->rta_type == IFLA_LINKINFO)
			take_kind(a, dev);
	}
}

int cp_device_read(unsigned int ifindex, struct cp_device *dev)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
	} request = {
		.h = {.nlmsg_len = sizeof(request),
		      .nlmsg_type = RTM_GETLINK,
		      .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = ifindex},
	};

	memset(dev, 0, sizeof(*dev));
	return cp_netlink_ask(NETLINK_ROUTE, &request.h, take_device, dev);
}

static void count_filter(const struct nlmsghdr *m, void *arg)
{
	if (m->nlmsg_type == RTM_NEWTFILTER)
		++*(int *)arg;
}

int cp_filters_count(unsigned int ifindex)
{
	static const __u32 sides[] = {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS};
	int count = 0, i, err;

	for (i = 0; i < 2; i++) {
		struct {
			struct nlmsghdr h;
			struct tcmsg tc;
		} request = {
			.h = {.nlmsg_len = sizeof(request),
			      .nlmsg_type = RTM_GETTFILTER,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
			.tc = {.tcm_ifindex = ifindex,
			       .tcm_parent = TC_H_MAKE(TC_H_CLSACT, sides[i])},
		};

		err = cp_netlink_ask(NETLINK_ROUTE, &request.h, count_filter, &count);
		if (err)
			return err;
	}
	return count;
}
