// SPDX-License-Identifier: GPL-2.0-only
/*
 * Captured frames as packets on a wire. Where a device computes checksums and cuts TCP into
 * segments (TSO), a capture has what the device was given; where it puts segments together (GRO,
 * LRO), what came of that. Both are what a capture on Linux has by default.
 */
#include "corepath_simulate.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "frame.h"
#include "internal.h"

/* Offsets (RFC 791, 8200, 9293, 768). */
enum { IP4_LENGTH = 2, IP4_ID = 4, IP4_CHECK = 10, IP4_SRC = 12, IP6_LENGTH = 4, IP6_SRC = 8 };
enum { TCP_SEQ = 4, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_CHECK = 16, UDP_CHECK = 6 };
enum { FIN = 1, PSH = 8, CWR = 128 };

/* ---- checksums: RFC 1071 ---- */

static __u64 sum(__u64 s, const unsigned char *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		s += cp_get16(p);
	return n ? s + (p[0] << 8) : s;
}

static __u16 fold(__u64 s)
{
	while (s >> 16)
		s = (s >> 16) + (s & 0xffff);
	return s;
}

/* Of the addresses, protocol and length, which the checksum of what IP carries has besides. */
static __u64 pseudo(const struct corepath_wire *w, const unsigned char *l3, __u32 length)
{
	return sum(w->proto + length, l3 + (w->v6 ? IP6_SRC : IP4_SRC), w->v6 ? 32 : 8);
}

/* ---- one packet ---- */

/* Where what IP carries ends; 0 if the header does not say, or says more than there is. */
static __u32 end_of(const struct corepath_wire *w)
{
	const unsigned char *l3 = w->frame + w->l3;
	__u32 n = w->v6 ? cp_get16(l3 + IP6_LENGTH) : cp_get16(l3 + IP4_LENGTH);

	if (n && w->v6)
		n += 40;
	/* BIG TCP (Linux 6.3): of IPv4, longer than the field can say. Of IPv6, it has a header
	 * that no packet on a wire has, and stays in one piece */
	if (!n && !w->v6)
		n = w->length - w->l3;
	return n && w->l3 + n <= w->length && w->l3 + n > w->l4 ? w->l3 + n : 0;
}

static __u32 check_of(const struct corepath_wire *w)
{
	return w->l4 + (w->proto == IPPROTO_TCP ? TCP_CHECK : UDP_CHECK);
}

/*
 * Whether the checksum was left to a device: the sum of the pseudo header is in the field, to which
 * that adds the rest (CHECKSUM_PARTIAL of include/linux/skbuff.h). What is wrong in any other way
 * stays wrong.
 */
static bool is_partial(const struct corepath_wire *w)
{
	__u32 end = end_of(w);
	__u64 before;

	if ((w->proto != IPPROTO_TCP && w->proto != IPPROTO_UDP) || w->captured < w->length || !end)
		return false;
	before = pseudo(w, w->frame + w->l3, end - w->l4);
	return cp_get16(w->frame + check_of(w)) == fold(before) &&
	       fold(sum(before, w->frame + w->l4, end - w->l4)) != 0xffff;
}

static void complete(const struct corepath_wire *w, unsigned char *out)
{
	__u16 check = ~fold(sum(0, out + w->l4, end_of(w) - w->l4));

	/* 0 says that a datagram has none (RFC 768) */
	cp_put16(out + check_of(w), w->proto == IPPROTO_UDP && !check ? 0xffff : check);
}

/* ---- several packets in one frame ---- */

/* How many segments of TCP the frame is to be, each in an IP packet of `mtu` bytes. */
static void split(struct corepath_wire *w, unsigned int mtu)
{
	__u32 end = end_of(w), headers = w->l4 + (w->frame[w->l4 + TCP_OFFSET] >> 4) * 4;
	__u32 room;

	if (!end || end - w->l3 <= mtu || headers < w->l4 + 20 || headers >= end ||
	    mtu <= headers - w->l3)
		return;
	room = mtu - (headers - w->l3);
	w->headers = headers;
	w->payload = end - headers;
	w->room = room;
	w->packets = (w->payload + room - 1) / room;
}

/* As tcp_gso_segment() of net/ipv4/tcp_offload.c and inet_gso_segment() of net/ipv4/af_inet.c. */
static void renumber(const struct corepath_wire *w, unsigned int i, unsigned char *out, __u32 n)
{
	unsigned char *l3 = out + w->l3, *tcp = out + w->l4;
	__u32 seq;

	if (w->v6) {
		cp_put16(l3 + IP6_LENGTH, n - w->l3 - 40);
	} else {
		cp_put16(l3 + IP4_LENGTH, n - w->l3);
		cp_put16(l3 + IP4_ID, cp_get16(l3 + IP4_ID) + i);
		cp_put16(l3 + IP4_CHECK, 0);
		cp_put16(l3 + IP4_CHECK, ~fold(sum(0, l3, (l3[0] & 15) * 4)));
	}
	memcpy(&seq, tcp + TCP_SEQ, sizeof(seq));
	seq = htonl(ntohl(seq) + i * w->room);
	memcpy(tcp + TCP_SEQ, &seq, sizeof(seq));
	if (i)
		tcp[TCP_FLAGS] &= ~CWR;
	if (i + 1 < w->packets)
		tcp[TCP_FLAGS] &= ~(FIN | PSH);
	cp_put16(tcp + TCP_CHECK, 0);
	cp_put16(tcp + TCP_CHECK, ~fold(sum(pseudo(w, l3, n - w->l4), tcp, n - w->l4)));
}

/* Bytes of the capture, and zeros for what it has not. Returns how many it had. */
static __u32 copy(const struct corepath_wire *w, unsigned char *out, __u32 from, __u32 n)
{
	__u32 there = from < w->captured ? w->captured - from : 0;

	if (there > n)
		there = n;
	memcpy(out, w->frame + from, there);
	memset(out + there, 0, n - there);
	return there;
}

/* ---- the interface ---- */

int corepath_wire_open(struct corepath_wire *w, const void *frame, size_t captured, size_t length,
		       unsigned int mtu)
{
	struct cp_frame f;

	cp_frame_read(frame, captured, &f);
	if (length < captured)
		length = captured;
	if (captured < length && f.cut)
		return cp_fail(
			EMSGSIZE,
			"its first %zu bytes of %zu alone were captured, and they end within "
			"its headers; capture with a longer snap length",
			captured, length);
	*w = (struct corepath_wire){.frame = frame,
				    .captured = captured,
				    .length = length,
				    .packets = 1,
				    .l3 = f.l3,
				    .l4 = f.l4,
				    .v6 = f.v6,
				    .proto = f.flow.proto};
	if (!f.l4 || f.frag || f.cut)
		return 0;
	if (w->proto == IPPROTO_TCP)
		split(w, mtu);
	w->completed = w->packets == 1 && is_partial(w);
	return 0;
}

size_t corepath_wire_packet(const struct corepath_wire *w, unsigned int i, unsigned char *out,
			    size_t *captured)
{
	__u32 n = w->length, from = w->headers + i * w->room, body = w->payload - i * w->room;

	if (w->packets > 1) {
		if (body > w->room)
			body = w->room;
		n = w->headers + body;
	}
	*captured = n;
	if (n > COREPATH_SIMULATE_LONGEST)
		return n;
	if (w->packets == 1) {
		*captured = copy(w, out, 0, n);
		if (w->completed)
			complete(w, out);
		return n;
	}
	*captured = copy(w, out, 0, w->headers);
	*captured += copy(w, out + w->headers, from, body);
	renumber(w, i, out, n);
	return n;
}
