// SPDX-License-Identifier: GPL-2.0-only
/* Two namespaces joined by a veth pair: see path.h. */
#include "path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "must.h"

#define PEER	   "cp1"
#define NEAR_MAC   "02:00:00:00:00:0a"
#define FAR_MAC	   "02:00:00:00:00:0b"
#define VLAN	   10
#define VLAN_NEAR  PATH_DEVICE ".10"
#define VLAN_FAR   PEER ".10"
#define PORT	   5000
#define DATAGRAM   32 /* bytes of payload, all datagrams alike */
#define RECEIVE_MS 20000

/* Addresses: allowed and denied source on the far side, one of each network on the near side. */
static const char *const near_addresses[] = {"192.0.2.9/24", "198.51.100.9/24", "2001:db8:1::9/64",
					     "2001:db8:bad::9/64"};
static const char *const far_addresses[] = {"192.0.2.1/24", "198.51.100.7/24", "2001:db8:1::1/64",
					    "2001:db8:bad::7/64"};
static const char *const good_source[] = {"192.0.2.1", "2001:db8:1::1"};
static const char *const bad_source[] = {"198.51.100.7", "2001:db8:bad::7"};
static const char *const target[] = {"192.0.2.9", "2001:db8:1::9"};

static socklen_t make_address(const char *text, int port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		checkrun_error("'%s' is not an address", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

/* A UDP socket bound to @local, in the present namespace, and connected to @remote if given. */
static int udp_socket(const char *local, int port, const char *remote)
{
	struct sockaddr_storage address;
	socklen_t len = make_address(local, port, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len))
		checkrun_error("UDP socket on %s: %s", local, strerror(errno));
	if (remote) {
		len = make_address(remote, PORT, &address);
		if (connect(fd, (struct sockaddr *)&address, len))
			checkrun_error("UDP from %s to %s: %s", local, remote, strerror(errno));
	}
	return fd;
}

/* Two datagrams keep their order only on one CPU: each has its own receive queue. */
static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		checkrun_error("staying on CPU 0: %s", strerror(errno));
}

/* Sets up the devices of one side, in the present namespace. They run when both sides are up. */
static void side_up(const char *device, const char *vlan, enum path_tag tag)
{
	must(net_up("lo"));
	if (tag != PATH_PLAIN) {
		must(net_vlan_offload(device, tag == PATH_TAG_BESIDE_FRAME));
		must(net_vlan(vlan, device, VLAN));
	}
	must(net_up(device));
	if (tag != PATH_PLAIN)
		must(net_up(vlan));
}

/* Gives the device of one side its addresses: after it runs, so that IPv6 has nothing to defer. */
static void side_address(const char *device, const char *const *addresses,
			 const char *const *neighbours, const char *neighbour_mac)
{
	must(net_running(device));
	for (int i = 0; i < 4; i++) {
		char bare[64];

		must(net_address(device, addresses[i]));
		snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(neighbours[i], "/"),
			 neighbours[i]);
		must(net_neighbour(device, bare, neighbour_mac));
	}
}

void path_open(struct path *path, enum path_tag tag)
{
	/* RFC 791, RFC 8200, RFC 768: bytes in front of the payload */
	static const size_t headers[] = {14 + 20 + 8, 14 + 40 + 8};
	int here, there;

	memset(path, 0, sizeof(*path));
	stay_on_one_cpu();
	must(here = net_unshare());
	must(there = net_new_namespace());
	must(net_veth(PATH_DEVICE, NEAR_MAC, PEER, FAR_MAC, there));
	must(net_enter(there));
	side_up(PEER, VLAN_FAR, tag);
	must(net_enter(here));
	side_up(PATH_DEVICE, VLAN_NEAR, tag);
	side_address(tag == PATH_PLAIN ? PATH_DEVICE : VLAN_NEAR, near_addresses, far_addresses,
		     FAR_MAC);
	must(net_enter(there));
	side_address(tag == PATH_PLAIN ? PEER : VLAN_FAR, far_addresses, near_addresses, NEAR_MAC);
	must(net_enter(here));
	for (int family = 0; family < PATH_FAMILIES; family++) {
		path->receiver[family] = udp_socket(target[family], PORT, NULL);
		must(net_enter(there));
		path->good[family] = udp_socket(good_source[family], 0, target[family]);
		path->bad[family] = udp_socket(bad_source[family], 0, target[family]);
		must(net_enter(here));
		path->frame[family] =
			headers[family] + DATAGRAM + (tag == PATH_TAG_IN_FRAME ? 4 : 0);
	}
	close(here);
	close(there);
}

void path_open_loopback(struct path *path)
{
	memset(path, 0, sizeof(*path));
	stay_on_one_cpu();
	must(net_unshare());
	must(net_up("lo"));
	path->receiver[PATH_V4] = udp_socket("127.0.0.1", PORT, NULL);
	path->good[PATH_V4] = udp_socket("127.0.0.1", 0, "127.0.0.1");
	path->bad[PATH_V4] = udp_socket("127.0.0.2", 0, "127.0.0.1");
}

static void send_datagram(int fd, const char *text)
{
	char datagram[DATAGRAM] = "";

	snprintf(datagram, sizeof(datagram), "%s", text);
	if (send(fd, datagram, sizeof(datagram), 0) != sizeof(datagram))
		checkrun_error("sending '%s': %s", text, strerror(errno));
}

bool path_denied_arrives(struct path *path, enum path_family family)
{
	char denied[DATAGRAM], allowed[DATAGRAM], got[DATAGRAM];
	struct pollfd wait = {.fd = path->receiver[family], .events = POLLIN};
	bool came = false;

	path->sent++;
	snprintf(denied, sizeof(denied), "denied %u", path->sent);
	snprintf(allowed, sizeof(allowed), "allowed %u", path->sent);
	send_datagram(path->bad[family], denied);
	send_datagram(path->good[family], allowed);
	for (;;) {
		ssize_t n;

		if (poll(&wait, 1, RECEIVE_MS) <= 0)
			ck_abort_msg("the datagram '%s' over IPv%d did not arrive within %d s; "
				     "the denied one before it %s",
				     allowed, family == PATH_V4 ? 4 : 6, RECEIVE_MS / 1000,
				     came ? "did" : "did not either");
		n = recv(path->receiver[family], got, sizeof(got), 0);
		if (n != DATAGRAM)
			checkrun_error("receiving: %zd bytes: %s", n, strerror(errno));
		if (!strcmp(got, denied))
			came = true;
		else if (!strcmp(got, allowed))
			return came;
		else
			checkrun_error("a datagram nobody sent now: '%.*s'", DATAGRAM, got);
	}
}
