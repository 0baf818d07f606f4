// SPDX-License-Identifier: GPL-2.0-only
/* A pair of devices for pktgen: it sends into one, and the other is measured. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../lib/net.h"
#include "../lib/result.h"
#include "perf.h"

/* A namespace with the pair and no other traffic: IPv6 would send its own. */
int perf_make_pair(void)
{
	static const char *const files[] = {
		"/proc/sys/net/ipv6/conf/all/disable_ipv6",
		"/proc/sys/net/ipv6/conf/default/disable_ipv6",
	};
	int here = net_unshare();

	if (here < 0)
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);

		/* No file: a kernel without IPv6, which sends none. Anything else shows in the
		 * gate: a packet too many. */
		if (fd >= 0) {
			if (write(fd, "1", 1) != 1)
				result_die("perf: %s: %s", files[i], strerror(errno));
			close(fd);
		}
	}
	if (net_veth(PERF_RECEIVER, PERF_RECEIVER_MAC, PERF_SENDER, PERF_SENDER_MAC, here) ||
	    net_up(PERF_RECEIVER) || net_up(PERF_SENDER) || net_running(PERF_RECEIVER) ||
	    net_running(PERF_SENDER))
		return -1;
	return close(here);
}
