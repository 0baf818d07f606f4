// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

/* What is left of the frame. */
struct rest {
	const unsigned char *at;
	size_t n;
};

static const unsigned char *take(struct rest *r, size_t n)
{
	const unsigned char *at = r->at;

	if (n > r->n)
		return NULL;
	r->at += n;
	r->n -= n;
	return at;
}

static __u16 be16(const unsigned char *p)
{
	return p[0] << 8 | p[1];
}

static void put4(struct corepath_addr *a, const unsigned char *p)
{
	*a = (struct corepath_addr){.w = {0, 0, htonl(0xffff)}};
	memcpy(&a->w[3], p, 4);
}

static void read_ports(struct rest r, struct corepath_flow *f)
{
	const unsigned char *p = take(&r, 4);

	if (p && (f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP)) {
		memcpy(&f->sport, p, 2);
		memcpy(&f->dport, p + 2, 2);
	}
}

static void read_ip4(struct rest r, struct corepath_flow *f)
{
	const unsigned char *h = take(&r, 20);

	if (!h || h[0] >> 4 != 4 || (h[0] & 15) < 5 || !take(&r, ((h[0] & 15) - 5) * 4))
		return;
	put4(&f->src, h + 12);
	put4(&f->dst, h + 16);
	f->proto = h[9];
	if (!(be16(h + 6) & 0x1fff))
		read_ports(r, f);
}

/* The bytes of an extension header behind its first eight (RFC 8200, 4.2; RFC 4302, 2.2). */
static size_t more_of(__u8 type, const unsigned char *h)
{
	return type == IPPROTO_FRAGMENT ? 0 : type == IPPROTO_AH ? (h[1] + 2) * 4 - 8 : h[1] * 8;
}

static void read_ip6(struct rest r, struct corepath_flow *f)
{
	const unsigned char *h = take(&r, 40), *ext;
	__u8 proto, next;

	if (!h || h[0] >> 4 != 6)
		return;
	memcpy(&f->src, h + 8, 16);
	memcpy(&f->dst, h + 24, 16);
	for (proto = h[6];; proto = next) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING &&
		    proto != IPPROTO_DSTOPTS && proto != IPPROTO_FRAGMENT && proto != IPPROTO_AH)
			break;
		ext = take(&r, 8);
		if (!ext || !take(&r, more_of(proto, ext)))
			return;
		next = ext[0];
		if (proto == IPPROTO_FRAGMENT && be16(ext + 2) & 0xfff8) {
			f->proto = next;
			return;
		}
	}
	f->proto = proto;
	read_ports(r, f);
}

void cp_frame_flow(const void *frame, size_t length, struct corepath_flow *f)
{
	struct rest r = {frame, length};
	const unsigned char *p = take(&r, 14);
	int tags;

	memset(f, 0, sizeof(*f));
	if (!p)
		return;
	p += 12;
	for (tags = 0; tags < 2 && (be16(p) == ETH_P_8021Q || be16(p) == ETH_P_8021AD); tags++) {
		p = take(&r, 4);
		if (!p)
			return;
		p += 2;
	}
	if (be16(p) == ETH_P_IP)
		read_ip4(r, f);
	else if (be16(p) == ETH_P_IPV6)
		read_ip6(r, f);
}
