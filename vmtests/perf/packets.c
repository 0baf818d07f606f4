// SPDX-License-Identifier: GPL-2.0-only
/* The packets and prefixes measured: fixed bytes, so that two runs measure the same thing. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "perf.h"

static const struct {
	const char *source;
	bool v6;
	int tags;
} packets[] = {
	[PERF_V4_MISS] = {"192.0.2.1", false, 0},
	[PERF_V4_HIT] = {PERF_HIT4, false, 0},
	[PERF_V6_MISS] = {"2001:db9::1", true, 0},
	[PERF_V6_HIT] = {"2001:db8:141e::1", true, 0}, /* 0x141e is PERF_PREFIX_HIT */
	[PERF_QINQ_V4_HIT] = {PERF_HIT4, false, 2},
};

static size_t put(unsigned char *out, size_t at, const void *bytes, size_t len)
{
	memcpy(out + at, bytes, len);
	return at + len;
}

size_t perf_packet(enum perf_packet packet, unsigned char *out)
{
	static const unsigned char addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	/* IEEE 802.1ad: service tag 7 over customer tag 10 */
	static const unsigned char tags[8] = {0x88, 0xa8, 0, 7, 0x81, 0, 0, 10};
	/* RFC 791: version 4, 5 words, total length 46, time to live 64, UDP; no checksum, which
	 * the datapath does not look at. Source and destination follow. */
	static const unsigned char head4[14] = {8, 0, 0x45, 0, 0,  20 + PERF_PAYLOAD,
						0, 0, 0,    0, 64, 17};
	/* RFC 8200: version 6, payload length, UDP, hop limit 64. */
	static const unsigned char head6[10] = {0x86, 0xdd, 0x60, 0, 0, 0, 0, PERF_PAYLOAD, 17, 64};
	size_t len = put(out, 0, addresses, sizeof(addresses));
	unsigned char address[16];

	if (packets[packet].tags)
		len = put(out, len, tags, sizeof(tags));
	inet_pton(packets[packet].v6 ? AF_INET6 : AF_INET, packets[packet].source, address);
	if (packets[packet].v6) {
		len = put(out, len, head6, sizeof(head6));
		len = put(out, len, address, 16);
		inet_pton(AF_INET6, "2001:db8:ffff::9", address);
		len = put(out, len, address, 16);
	} else {
		len = put(out, len, head4, sizeof(head4));
		len = put(out, len, address, 4);
		inet_pton(AF_INET, "203.0.113.9", address);
		len = put(out, len, address, 4);
	}
	memset(out + len, 'x', PERF_PAYLOAD); /* ports and checksum of UDP, and what it carries */
	out[len + 4] = 0;
	out[len + 5] = PERF_PAYLOAD; /* RFC 768: its length is of the header, too */
	return len + PERF_PAYLOAD;
}

int perf_add_prefix(struct datapath *datapath, unsigned int index)
{
	char text[64];
	int err;

	snprintf(text, sizeof(text), "10.%u.%u.0/24", index >> 8, index & 255);
	err = datapath_add(datapath, text, false);
	if (err)
		return err;
	snprintf(text, sizeof(text), "2001:db8:%x::/48", index);
	return datapath_add(datapath, text, false);
}
