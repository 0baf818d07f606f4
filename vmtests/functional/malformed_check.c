// SPDX-License-Identifier: GPL-2.0-only
/* What may be sent on because of a packet: its own parser, its own checksums. */
#include <netinet/in.h>
#include <string.h>

#include "malformed.h"

/* How a packet reads. Offsets from the start of the frame. */
struct reading {
	const uint8_t *b;
	size_t len, l3, l4, end; /* end: of the IP packet; what follows is padding */
	const uint8_t *src, *dst;
	uint8_t proto, hops;
	bool v6, fragment, later;
	bool head_right; /* IPv4 header checksum */
};

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

/* The ones' complement sum (RFC 1071) of bytes, to go on from `sum`. */
static unsigned int add(const uint8_t *at, size_t n, unsigned int sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? at[i] : at[i] << 8;
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return sum;
}

static const char *read4(struct reading *r)
{
	const uint8_t *ip = r->b + r->l3;
	size_t room = r->len - r->l3, head, total;

	if (room < 20 || ip[0] >> 4 != 4)
		return "no IPv4 header";
	head = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (head < 20 || total < head || total > room)
		return "IPv4 lengths that do not agree";
	r->l4 = r->l3 + head;
	r->end = r->l3 + total;
	r->proto = ip[9];
	r->hops = ip[8];
	r->src = ip + 12;
	r->dst = ip + 16;
	r->fragment = get16(ip + 6) & 0x3fff;
	r->later = get16(ip + 6) & 0x1fff;
	r->head_right = add(ip, head, 0) == 0xffff;
	return NULL;
}

static const char *read6(struct reading *r)
{
	const uint8_t *ip = r->b + r->l3, *h;
	size_t room = r->len - r->l3, size;

	if (room < 40 || ip[0] >> 4 != 6)
		return "no IPv6 header";
	if (get16(ip + 4) + 40u > room)
		return "an IPv6 length beyond the frame";
	r->l4 = r->l3 + 40;
	r->end = r->l4 + get16(ip + 4);
	r->proto = ip[6];
	r->hops = ip[7];
	r->src = ip + 8;
	r->dst = ip + 24;
	r->head_right = true;
	while (!r->later && (r->proto == 0 || r->proto == 43 || r->proto == 44 || r->proto == 51 ||
			     r->proto == 60)) {
		h = r->b + r->l4;
		if (r->l4 + 8 > r->end)
			return "an IPv6 extension header beyond the packet";
		size = r->proto == 44 ? 8 : r->proto == 51 ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		if (r->l4 + size > r->end)
			return "an IPv6 extension header longer than the packet";
		if (r->proto == 44) {
			r->fragment |= get16(h + 2) & 0xfff9;
			r->later = get16(h + 2) & 0xfff8;
		}
		r->proto = h[0];
		r->l4 += size;
	}
	return NULL;
}

/* The L4 header of a packet that is not a later fragment. */
static const char *read_l4(const struct reading *r)
{
	const uint8_t *l4 = r->b + r->l4;
	size_t room = r->end - r->l4;

	switch (r->proto) {
	case IPPROTO_TCP:
		if (room < 20 || (l4[12] >> 4) * 4 < 20)
			return "no TCP header";
		if (!r->fragment && (l4[12] >> 4) * 4u > room)
			return "a TCP header beyond the packet";
		return NULL;
	case IPPROTO_UDP:
		if (room < 8 || get16(l4 + 4) < 8)
			return "no UDP header";
		return !r->fragment && get16(l4 + 4) > room ? "a UDP length beyond the packet"
							    : NULL;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return room < 8 ? "no ICMP header" : NULL;
	default:
		return NULL;
	}
}

static const char *read_ip(struct reading *r)
{
	const char *wrong = r->v6 ? read6(r) : read4(r);

	return wrong || r->later ? wrong : read_l4(r);
}

static const char *read_frame(const uint8_t *frame, size_t len, struct reading *r)
{
	*r = (struct reading){.b = frame, .len = len, .l3 = 14};
	while (r->l3 <= len &&
	       (get16(frame + r->l3 - 2) == 0x8100 || get16(frame + r->l3 - 2) == 0x88a8))
		r->l3 += 4;
	if (r->l3 > len)
		return "a VLAN tag beyond the frame";
	r->v6 = get16(frame + r->l3 - 2) == 0x86dd;
	if (!r->v6 && get16(frame + r->l3 - 2) != 0x0800)
		return "not IP";
	return read_ip(r);
}

/* Whether the checksum over the L4 packet is right; a UDP one that is left out is. */
static bool sum_right(const struct reading *r)
{
	uint8_t pseudo[4] = {0, r->proto, (r->end - r->l4) >> 8, r->end - r->l4};
	size_t n = r->v6 ? 16 : 4;
	unsigned int sum = 0;

	if (r->proto == IPPROTO_UDP && !get16(r->b + r->l4 + 6))
		return true;
	if (r->proto != IPPROTO_ICMP)
		sum = add(r->dst, n, add(r->src, n, add(pseudo, 4, 0)));
	return add(r->b + r->l4, r->end - r->l4, sum) == 0xffff;
}

/* ---- addresses ---- */

static bool is_in(const uint8_t list[2][MALFORMED_KINDS][16], bool v6, enum malformed_kind kind,
		  const uint8_t *addr)
{
	return !memcmp(list[v6][kind], addr, v6 ? 16 : 4);
}

static enum malformed_kind kind_of(const struct reading *r)
{
	for (int kind = MALFORMED_TUNNEL; kind < MALFORMED_KINDS; kind++)
		if (is_in(malformed_vip, r->v6, kind, r->dst))
			return kind;
	return MALFORMED_NONE;
}

/* An address of one host, to which alone an ICMP message may go (RFC 1122 section 3.2.2). */
static bool one_host(const uint8_t *addr, bool v6)
{
	static const uint8_t none[16];

	if (v6)
		return addr[0] != 0xff && memcmp(addr, none, 16);
	return addr[0] && addr[0] != 127 && addr[0] < 224;
}

static bool same_addr(const struct reading *r, const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, r->v6 ? 16 : 4);
}

/* ---- what a packet may become ---- */

static const char *check_tunnel(const struct reading *in, const struct reading *out,
				enum malformed_kind kind)
{
	size_t at = out->l4 + (kind == MALFORMED_GUE ? 8 : 0);
	struct reading inner = {.b = out->b, .len = out->end, .l3 = at, .v6 = in->v6};
	const char *wrong;

	if (out->fragment || out->hops != 64)
		return "a tunnel that is a fragment, or has another hop count";
	if (out->v6 ? out->src[0] != 1 : out->src[0] != 172)
		return "a tunnel from an address that is not the balancer's";
	if (kind == MALFORMED_GUE &&
	    (out->proto != IPPROTO_UDP || get16(out->b + out->l4 + 2) != 6080 || !sum_right(out)))
		return "no GUE";
	if (kind == MALFORMED_TUNNEL && out->proto != (in->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP))
		return "no IP in IP";
	wrong = read_ip(&inner);
	if (wrong)
		return wrong;
	if (inner.end - at != in->end - in->l3 || inner.end != out->end)
		return "an inner packet of another length";
	if (!in->hops || inner.hops != in->hops - 1)
		return "an inner packet with a wrong hop count";
	if (in->head_right != inner.head_right)
		return "an inner IPv4 checksum as it was not";
	for (size_t i = 0; i < in->end - in->l3; i++)
		if (out->b[at + i] != in->b[in->l3 + i] &&
		    (in->v6 ? i != 7 : i != 8 && i != 10 && i != 11))
			return "an inner packet that was changed";
	return NULL;
}

static const char *check_echo(const struct reading *in, const struct reading *out)
{
	if (in->fragment || in->b[in->l4] != (in->v6 ? 128 : 8) || out->len != in->len)
		return "an echo reply that nobody asked for";
	if (!same_addr(in, in->src, out->dst) || !same_addr(in, in->dst, out->src))
		return "an echo reply with other addresses";
	if (!one_host(out->dst, out->v6))
		return "an echo reply to more than one host";
	if (memcmp(in->b + in->l4 + 4, out->b + out->l4 + 4, in->end - in->l4 - 4))
		return "an echo reply with another content";
	if (in->head_right != out->head_right || sum_right(in) != sum_right(out))
		return "an echo reply with a wrong checksum";
	return NULL;
}

static const char *check_too_big(const struct reading *in, const struct reading *out)
{
	size_t quote = out->end - out->l4 - 8;

	if (!same_addr(in, in->src, out->dst) || !same_addr(in, in->dst, out->src))
		return "a 'too big' with other addresses";
	if (!one_host(out->dst, out->v6))
		return "a 'too big' to more than one host";
	if (quote > in->end - in->l3 || memcmp(out->b + out->l4 + 8, in->b + in->l3, quote))
		return "a 'too big' that quotes another packet";
	return out->head_right && sum_right(out) ? NULL : "a 'too big' with a wrong checksum";
}

/* Bytes that differ although nothing there may: all but hops, addresses, ports and checksums. */
static const char *check_rest(const struct reading *in, const struct reading *out, bool icmp)
{
	size_t addr = in->l3 + (in->v6 ? 8 : 12), addrs = in->v6 ? 32 : 8, l4 = in->l4;
	size_t quote = icmp ? l4 + 8 : 0, qports;

	if (out->l4 != in->l4 || out->len != in->len || out->end != in->end)
		return "a translated packet of another shape";
	qports = quote ? quote + (in->v6 ? 40 : (in->b[quote] & 15) * 4) : 0;
	for (size_t i = in->l3; i < in->len; i++) {
		bool may = i == in->l3 + (in->v6 ? 7 : 8) || (i >= addr && i < addr + addrs) ||
			   (!in->v6 && (i == in->l3 + 10 || i == in->l3 + 11));

		if (icmp)
			may |= i == l4 + 2 || i == l4 + 3 ||
			       (i >= quote + (addr - in->l3) &&
				i < quote + (addr - in->l3) + addrs) ||
			       (!in->v6 && (i == quote + 10 || i == quote + 11)) ||
			       (i >= qports && i < qports + 4);
		else if (!in->later)
			may |= i < l4 + 4 && i >= l4;
		if (!icmp && !in->later && in->proto == IPPROTO_TCP)
			may |= i == l4 + 16 || i == l4 + 17;
		if (!icmp && !in->later && in->proto == IPPROTO_UDP)
			may |= i == l4 + 6 || i == l4 + 7;
		if (!may && in->b[i] != out->b[i])
			return "a translated packet changed where nothing may be";
	}
	return NULL;
}

static const char *check_ports(const struct reading *in, const struct reading *out, bool forward)
{
	size_t ours = in->l4 + (forward ? 2 : 0), theirs = in->l4 + (forward ? 0 : 2);
	unsigned int was, is;

	if (in->later)
		return NULL;
	was = get16(in->b + ours);
	is = get16(out->b + ours);
	if (get16(in->b + theirs) != get16(out->b + theirs))
		return "the client's port changed";
	if (in->proto == IPPROTO_UDP)
		return is == was ? NULL : "a UDP port changed";
	return is == (forward ? MALFORMED_BACKEND_PORT : MALFORMED_TCP_PORT) ? NULL
									     : "a wrong port";
}

static const char *check_translated(const struct reading *in, const struct reading *out)
{
	bool icmp = in->proto == IPPROTO_ICMP || in->proto == IPPROTO_ICMPV6;
	bool forward = kind_of(in) == MALFORMED_NAT;
	const char *wrong = check_rest(in, out, icmp);
	const uint8_t *from;

	if (wrong)
		return wrong;
	if (!out->hops || out->hops != in->hops - 1)
		return "a translated packet with a wrong hop count";
	if (forward && (!is_in(malformed_backend, in->v6, MALFORMED_NAT, out->dst) ||
			!same_addr(in, in->src, out->src)))
		return "translated to what is no backend";
	/* an error's sender may be any host, about what was sent to a backend */
	from = icmp ? in->b + in->l4 + 8 + (in->v6 ? 24 : 16) : in->src;
	if (!forward &&
	    (!is_in(malformed_backend, in->v6, MALFORMED_NAT, from) || !one_host(in->src, in->v6) ||
	     !is_in(malformed_vip, in->v6, MALFORMED_NAT, out->src) ||
	     !same_addr(in, in->dst, out->dst)))
		return "sent although it is neither to a service nor from its backend";
	if (in->head_right != out->head_right)
		return "a translated packet with another header checksum's fate";
	if (!in->fragment && sum_right(in) != sum_right(out))
		return "a translated packet whose checksum was right and is wrong, or the reverse";
	return icmp ? NULL : check_ports(in, out, forward);
}

const char *malformed_check(const uint8_t *in_frame, size_t in_len, const uint8_t *out_frame,
			    size_t out_len)
{
	enum malformed_kind kind;
	struct reading in, out;
	const char *wrong;
	bool icmp;

	if (read_frame(in_frame, in_len, &in))
		return "sent because of a packet that cannot be read";
	wrong = read_frame(out_frame, out_len, &out);
	if (wrong)
		return wrong;
	if (in.l3 != out.l3 || memcmp(in_frame + 12, out_frame + 12, in.l3 - 14))
		return "other VLAN tags";
	if (memcmp(out_frame + 6, in_frame, 6) || (out_frame[0] | out_frame[6]) & 1)
		return "a frame from another station, or from or to a group";
	kind = kind_of(&in);
	icmp = out.proto == IPPROTO_ICMP || out.proto == IPPROTO_ICMPV6;
	for (int v6 = 0; v6 < 2; v6++)
		if ((kind == MALFORMED_TUNNEL || kind == MALFORMED_GUE) && out.v6 == v6 &&
		    is_in(malformed_backend, v6, kind, out.dst))
			return out.head_right ? check_tunnel(&in, &out, kind)
					      : "a tunnel with a wrong checksum";
	if (in.v6 != out.v6)
		return "the other family";
	if (kind && icmp && out_frame[out.l4] == (out.v6 ? 129 : 0))
		return check_echo(&in, &out);
	if (icmp && kind && is_in(malformed_vip, in.v6, kind, out.src) && out.end - out.l4 == 512)
		return check_too_big(&in, &out);
	return check_translated(&in, &out);
}
