// SPDX-License-Identifier: GPL-2.0-only
/*
 * functional.tc_svc_traffic.*: endpoints that connect to services: of another endpoint, of the
 * world, of themselves. Real command, real stacks, which check every checksum.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "command.h"
#include "functional.h"
#include "lb_path.h"
#include "uplink_path.h"

#define ANSWER_MS 60000
#define FILE_NAME "/tmp/tc_svc.yaml"

/* Addresses that nobody has. */
static const char *const vip[PATH_FAMILIES] = {"192.0.2.80", "2001:db8:80::80"};
static const char *const client[PATH_FAMILIES] = {"10.0.1.2", "fd00:10:0:1::2"};
static const char *const other[PATH_FAMILIES] = {"10.0.2.2", "fd00:10:0:2::2"};
static const char *const server[PATH_FAMILIES] = {"203.0.113.7", "2001:db8:f::7"};
/* Who a workload that reaches itself believes to be asked by (corepath/abi_endpoint.h). */
static const char *const hairpin[PATH_FAMILIES] = {"192.0.0.8", "100::c000:8"};

/* The port of a service says who its backend is; every other port is the other endpoint's. */
enum service { WORLD = 8001, SELF = 8002, ANY = 0 };

static const struct svc_case {
	const char *mode;
	bool mac;	     /* known: what is to another endpoint is handed to it */
	bool services_first; /* before the endpoints, or after */
} cases[] = {{"auto", true, true}, {"clsact", false, false}};

static const char *at(const char *address, int port)
{
	static char text[80];

	snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]:%d" : "%s:%d", address, port);
	return text;
}

static void write_service(FILE *file, const char *proto, enum path_family f, int port,
			  const char *backend)
{
	fprintf(file, "  - service: %s %s\n    mode: nat\n", proto, at(vip[f], port));
	fprintf(file, "    backends: [{address: '%s'}]\n",
		port == ANY ? backend : at(backend, UPLINK_PORT));
}

static void write_services(void)
{
	FILE *file = fopen(FILE_NAME, "we");

	if (!file)
		checkrun_error("%s: %s", FILE_NAME, strerror(errno));
	fputs("devices: [{name: lo}]\nservices:\n", file);
	for (int f = 0; f < PATH_FAMILIES; f++)
		for (int udp = 0; udp < 2; udp++) {
			write_service(file, udp ? "udp" : "tcp", f, ANY, other[f]);
			write_service(file, udp ? "udp" : "tcp", f, WORLD, server[f]);
			write_service(file, udp ? "udp" : "tcp", f, SELF, client[f]);
		}
	if (fclose(file))
		checkrun_error("%s: %s", FILE_NAME, strerror(errno));
}

static void add_endpoints(const struct svc_case *this)
{
	char v4[64], v6[64];

	snprintf(v4, sizeof(v4), "masquerade4=%s", uplink_address[PATH_V4]);
	snprintf(v6, sizeof(v6), "masquerade6=%s", uplink_address[PATH_V6]);
	command_good("uplink", "set", v4, v6);
	command_good("uplink", "source", "add", uplink_networks[PATH_V4], uplink_networks[PATH_V6]);
	command_good("uplink", "attach", PATH_DEVICE, "--tc-mode", this->mode);
	command_good("endpoint", "add", "w0", client[PATH_V4], client[PATH_V6], "identity=100",
		     this->mac ? "mac=02:00:00:00:02:00" : "audit=no", "--tc-mode", this->mode);
	command_good("endpoint", "add", "w1", other[PATH_V4], other[PATH_V6], "identity=101",
		     this->mac ? "mac=02:00:00:00:02:01" : "audit=no", "--tc-mode", this->mode);
	/* of the backend, whoever was asked */
	command_good("policy", "add", "w1", "in", "allow", "identity=100");
	command_good("policy", "add", "w0", "in", "allow", "identity=100");
}

/* A megabyte there and back, and datagrams; `as` is who the backend believes to talk to. */
static void exchange(const struct uplink_path *path, enum path_family f, int port, const char *as)
{
	int fd = uplink_path_to(path, 0, f, SOCK_STREAM, vip[f], port);

	uplink_path_seen(fd, SOCK_STREAM, as);
	lb_path_exchange(fd);
	close(fd);
	fd = uplink_path_to(path, 0, f, SOCK_DGRAM, vip[f], port);
	uplink_path_seen(fd, SOCK_DGRAM, as);
	/* one that fits, and one that is three fragments */
	uplink_path_datagrams(fd, 1400, 1 << 18);
	uplink_path_datagrams(fd, 4000, 1 << 16);
	close(fd);
}

static void wait_for_reset(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char byte = 0;

	/* an acknowledgement that was late may have had the answer already */
	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) {
		if (errno != ECONNRESET)
			checkrun_error("sending on: %s", strerror(errno));
		return;
	}
	if (poll(&wait, 1, ANSWER_MS) != 1)
		ck_abort_msg("a connection whose backend is down hangs");
	if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != ECONNRESET)
		ck_abort_msg("a connection whose backend is down: %s, no reset", strerror(errno));
}

/* Draining keeps connections, and sends new ones elsewhere; down resets them. */
static void changes(const struct uplink_path *path, enum path_family f)
{
	int fd = uplink_path_to(path, 0, f, SOCK_STREAM, vip[f], UPLINK_PORT), next;

	uplink_path_seen(fd, SOCK_STREAM, client[f]);
	command_good("backend", "add", "tcp", at(vip[f], ANY), server[f]);
	command_good("backend", "set-state", "tcp", at(vip[f], ANY), other[f], "draining");
	lb_path_exchange(fd);
	next = uplink_path_to(path, 0, f, SOCK_STREAM, vip[f], UPLINK_PORT);
	uplink_path_port(next, f, SOCK_STREAM);
	command_good("backend", "set-state", "tcp", at(vip[f], ANY), other[f], "down");
	wait_for_reset(fd);
	lb_path_exchange(next);
	close(next);
	close(fd);
}

static void told(void)
{
	command_good("status");
	if (!strstr(command_output, "endpoints: 2; what they send to 12 of 12 services"))
		ck_abort_msg("'corepath status' does not say what is translated\n%s",
			     command_output);
}

static void traffic(int index)
{
	const struct svc_case *this = &cases[index];
	struct uplink_path path;

	uplink_path_open(&path);
	uplink_path_serve(&path, 0);
	uplink_path_serve(&path, 1);
	write_services();
	if (this->services_first) {
		command_good("up", "-f", FILE_NAME);
		add_endpoints(this);
	} else {
		command_good("up", "--dev", "lo");
		add_endpoints(this);
		command_good("reload", "-f", FILE_NAME);
	}
	told();
	for (int f = 0; f < PATH_FAMILIES; f++) {
		int fd;

		exchange(&path, f, UPLINK_PORT, client[f]);
		exchange(&path, f, WORLD, uplink_address[f]);
		exchange(&path, f, SELF, hairpin[f]);
		fd = uplink_path_to(&path, 0, f, SOCK_DGRAM, vip[f], UPLINK_CLOSED);
		uplink_path_refused(fd);
		close(fd);
		changes(&path, f);
	}
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.tc_svc_traffic.auto", traffic, 0},
	{"functional.tc_svc_traffic.clsact_through_the_stack", traffic, 1},
};

void tc_svc_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}
