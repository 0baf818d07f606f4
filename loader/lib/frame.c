// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

/* What is left of the frame. */
struct rest {
	const unsigned char *start, *at;
	size_t n;
	struct cp_frame *f;
};

static const unsigned char *take(struct rest *r, size_t n)
{
	const unsigned char *at = r->at;

	if (n > r->n) {
		r->f->cut = true;
		return NULL;
	}
	r->at += n;
	r->n -= n;
	return at;
}

static void put4(struct corepath_addr *a, const unsigned char *p)
{
	*a = (struct corepath_addr){.w = {0, 0, htonl(0xffff)}};
	memcpy(&a->w[3], p, 4);
}

/* The rest of TCP's, UDP's and ICMP's headers behind the ports, or what is in their place. */
static size_t more_of_l4(__u8 proto)
{
	return proto == IPPROTO_TCP ? 16 : 4;
}

static void read_l4(struct rest *r)
{
	struct cp_frame *f = r->f;
	const unsigned char *p;
	__u8 proto = f->flow.proto;

	f->l4 = r->at - r->start;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_ICMP &&
	    proto != IPPROTO_ICMPV6)
		return;
	p = take(r, 4);
	if (p && (proto == IPPROTO_TCP || proto == IPPROTO_UDP)) {
		memcpy(&f->flow.sport, p, 2);
		memcpy(&f->flow.dport, p + 2, 2);
	}
	if (p)
		take(r, more_of_l4(proto));
}

static void read_ip4(struct rest *r)
{
	struct cp_frame *f = r->f;
	const unsigned char *h = take(r, 20);

	if (!h || h[0] >> 4 != 4 || (h[0] & 15) < 5 || !take(r, ((h[0] & 15) - 5) * 4))
		return;
	put4(&f->flow.src, h + 12);
	put4(&f->flow.dst, h + 16);
	f->flow.proto = h[9];
	f->frag = cp_get16(h + 6) & 0x3fff;
	if (!(cp_get16(h + 6) & 0x1fff))
		read_l4(r);
}

/* The bytes of an extension header behind its first eight (RFC 8200, 4.2; RFC 4302, 2.2). */
static size_t more_of(__u8 type, const unsigned char *h)
{
	return type == IPPROTO_FRAGMENT ? 0 : type == IPPROTO_AH ? (h[1] + 2) * 4 - 8 : h[1] * 8;
}

static void read_ip6(struct rest *r)
{
	struct cp_frame *f = r->f;
	const unsigned char *h = take(r, 40), *ext;
	__u8 proto, next;

	if (!h || h[0] >> 4 != 6)
		return;
	f->v6 = true;
	memcpy(&f->flow.src, h + 8, 16);
	memcpy(&f->flow.dst, h + 24, 16);
	for (proto = h[6];; proto = next) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING &&
		    proto != IPPROTO_DSTOPTS && proto != IPPROTO_FRAGMENT && proto != IPPROTO_AH)
			break;
		ext = take(r, 8);
		if (!ext || !take(r, more_of(proto, ext)))
			return;
		next = ext[0];
		f->frag |= proto == IPPROTO_FRAGMENT;
		if (proto == IPPROTO_FRAGMENT && cp_get16(ext + 2) & 0xfff8) {
			f->flow.proto = next;
			return;
		}
	}
	f->flow.proto = proto;
	read_l4(r);
}

void cp_frame_read(const void *frame, size_t length, struct cp_frame *f)
{
	struct rest r = {frame, frame, length, f};
	const unsigned char *p;
	int tags;

	memset(f, 0, sizeof(*f));
	p = take(&r, 14);
	if (!p)
		return;
	p += 12;
	for (tags = 0; tags < 2 && (cp_get16(p) == ETH_P_8021Q || cp_get16(p) == ETH_P_8021AD);
	     tags++) {
		p = take(&r, 4);
		if (!p)
			return;
		p += 2;
	}
	if (cp_get16(p) != ETH_P_IP && cp_get16(p) != ETH_P_IPV6)
		return;
	f->l3 = r.at - r.start;
	if (cp_get16(p) == ETH_P_IP)
		read_ip4(&r);
	else
		read_ip6(&r);
}

void cp_frame_flow(const void *frame, size_t length, struct corepath_flow *flow)
{
	struct cp_frame f;

	cp_frame_read(frame, length, &f);
	*flow = f.flow;
}
