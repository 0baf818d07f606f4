// SPDX-License-Identifier: GPL-2.0-only
/* functional.config.*_thousand_services: files of the size of a large cluster's. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <corepath.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/checkrun.h"
#include "../lib/net.h"
#include "command.h"
#include "functional.h"

#define FILE_NAME "/tmp/scale.yaml"

static const struct scale {
	__u32 services, backends; /* of each service, up to BACKENDS */
	int patience;		  /* command_patience() */
} scales[] = {{5000, 2, 60}, {10000, 10, 300}};

#define BACKENDS 10

/* Service number n is 198.18.0.0 + n, port 80; its backends are 10.1.0.0 + n, 10.2.0.0 + n, ... */
#define SERVICE	   0xc6120000u
#define BACKEND(b) (0x0a010000u + ((b) << 16))

static const char *address(__u32 a)
{
	static char text[4][INET_ADDRSTRLEN];
	static int next;
	char *to = text[next++ % 4];

	snprintf(to, INET_ADDRSTRLEN, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	return to;
}

static void write_file(const struct scale *scale)
{
	FILE *file = fopen(FILE_NAME, "we");

	if (!file)
		checkrun_error("%s: %s", FILE_NAME, strerror(errno));
	fputs("devices: [{name: lo, xdp: generic}]\nservices:\n", file);
	for (__u32 n = 0; n < scale->services; n++) {
		fprintf(file, "  - service: tcp %s:80\n    backends: [", address(SERVICE + n));
		for (__u32 b = 0; b < scale->backends; b++)
			fprintf(file, "%s{address: %s}", b ? ", " : "", address(BACKEND(b) + n));
		fputs("]\n", file);
	}
	if (fclose(file))
		checkrun_error("%s: %s", FILE_NAME, strerror(errno));
}

/* Where the tunnel goes that a client's packet to the address is put into; 0: into none. */
static __u32 tunnel_of(int prog, __u32 destination, __u16 client_port)
{
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		struct tcphdr tcp;
	} __attribute__((packed)) in = {
		.eth = {.h_dest = {2, 0, 0, 0, 0, 1},
			.h_source = {2, 0, 0, 0, 0, 2},
			.h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(sizeof(in) - sizeof(in.eth)),
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .saddr = htonl(0xc0000201),
		       .daddr = htonl(destination)},
		.tcp = {.source = htons(client_port), .dest = htons(80), .doff = 5, .syn = 1},
	};
	unsigned char out[256];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &in, .data_size_in = sizeof(in),
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);
	struct iphdr outer;
	int err = bpf_prog_test_run_opts(prog, &run);

	if (err)
		checkrun_error("BPF_PROG_RUN: %s", strerror(-err));
	if (run.retval != XDP_TX)
		return 0;
	memcpy(&outer, out + sizeof(in.eth), sizeof(outer));
	return ntohl(outer.daddr);
}

/* Clients of the service come to each of its backends, and to no other. */
static void expect_balanced(int prog, const struct scale *scale, __u32 n)
{
	int seen[BACKENDS] = {};

	for (__u16 client = 0; client < 64 * scale->backends; client++) {
		__u32 to = tunnel_of(prog, SERVICE + n, 1024 + client), b = 0;

		while (b < scale->backends && to != BACKEND(b) + n)
			b++;
		if (b == scale->backends)
			ck_abort_msg("service %u: a packet goes to %s", n, address(to));
		seen[b]++;
	}
	/* each is as likely as any other: one of two without any is one chance in 2^127, one of ten
	 * in 10^28 */
	for (__u32 b = 0; b < scale->backends; b++)
		if (!seen[b])
			ck_abort_msg("service %u: backend %u has no packet", n, b);
}

static void is_balanced(int index)
{
	const struct scale *scale = &scales[index];
	const __u32 numbers[] = {0, scale->services / 2, scale->services - 1};
	char service[32];
	int prog;

	if (net_unshare() < 0)
		checkrun_error("%s", net_error());
	command_patience(scale->patience);
	write_file(scale);
	command_good("up", "-f", FILE_NAME);
	prog = command_program();
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		expect_balanced(prog, scale, numbers[i]);
	ck_assert_uint_eq(tunnel_of(prog, SERVICE + scale->services, 1024), 0);
	/* and one more, by hand */
	snprintf(service, sizeof(service), "%s:80", address(SERVICE + scale->services));
	command_good("service", "add", "tcp", service);
	for (__u32 b = 0; b < scale->backends; b++)
		command_good("backend", "add", "tcp", service,
			     address(BACKEND(b) + scale->services));
	expect_balanced(prog, scale, scale->services);
	expect_balanced(prog, scale, scale->services - 1);
	command_good("service", "del", "tcp", service);
	ck_assert_uint_eq(tunnel_of(prog, SERVICE + scale->services, 1024), 0);
	command_good("diff", "-f", FILE_NAME);
	if (*command_output)
		ck_abort_msg("what runs is not what the file says\n%s", command_output);
	close(prog);
	command_good("down");
}

static const struct functional_test tests[] = {
	{"functional.config.five_thousand_services", is_balanced, 0},
};

static const struct functional_test largest[] = {
	{"functional.config.ten_thousand_services", is_balanced, 1},
};

void config_scale_add(Suite *suite, const struct selection *selection)
{
	functional_add(suite, selection, tests, sizeof(tests) / sizeof(*tests));
}

void config_largest_add(Suite *suite, const struct selection *selection)
{
	functional_add_long(suite, selection, largest, 1, 600);
}
