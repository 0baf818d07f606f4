// SPDX-License-Identifier: GPL-2.0-only
/* Packets by the hundred thousand: valid ones of every kind, and what becomes of them in bad hands.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "malformed.h"

/* RFC 5737 and RFC 3849 for clients and services, RFC 1918 and a part of 2001:db8:: for backends.
 */
#define V4(a, b, c, d) {a, b, c, d}
#define V6(net, host)  {0x20, 0x01, 0x0d, 0xb8, 0, net, [15] = host}

const uint8_t malformed_vip[2][MALFORMED_KINDS][16] = {
	{V4(203, 0, 113, 9), V4(203, 0, 113, 1), V4(203, 0, 113, 2), V4(203, 0, 113, 3)},
	{V6(2, 9), V6(2, 1), V6(2, 2), V6(2, 3)},
};
const uint8_t malformed_backend[2][MALFORMED_KINDS][16] = {
	{V4(10, 0, 0, 9), V4(10, 0, 0, 1), V4(10, 0, 0, 2), V4(10, 0, 0, 3)},
	{V6(11, 9), V6(11, 1), V6(11, 2), V6(11, 3)},
};
static const uint8_t client[2][16] = {V4(192, 0, 2, 1), V6(1, 1)};

enum seed {
	SYN,
	DATA,
	UDP,
	UDP_NO_SUM,
	ECHO,
	ERROR_TCP,
	ERROR_UDP,
	ANSWER_TCP,
	ANSWER_UDP,
	BACKEND_ERROR,
	FRAG_FIRST,
	FRAG_LATER,
	BIG,
	ARP,
	SEEDS,
};

/* A packet while it is made: where its parts are. */
struct frame {
	uint8_t *b;
	size_t len, l3, l4;
	uint8_t proto;
	bool v6;
};

/* SplitMix64 (Steele, Lea, Flood 2014): every seed is as good as another. */
static uint64_t rnd(struct malformed_gen *gen)
{
	uint64_t z = gen->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned int below(struct malformed_gen *gen, unsigned int n)
{
	return rnd(gen) % n;
}

static void set16(uint8_t *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void noise(struct malformed_gen *gen, uint8_t *at, size_t n)
{
	while (n--)
		*at++ = rnd(gen);
}

/* ---- checksums (RFC 1071) ---- */

static uint32_t sum16(const uint8_t *at, size_t n, uint32_t sum)
{
	for (; n > 1; at += 2, n -= 2)
		sum += get16(at);
	return n ? sum + (at[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void seal_l4(struct frame *f, size_t l3, size_t l4, uint8_t proto)
{
	size_t n = f->len - l4, at;
	uint32_t sum = proto + n;

	at = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;
	if (l4 + at + 2 > f->len)
		return;
	set16(f->b + l4 + at, 0);
	if (proto == IPPROTO_ICMP)
		sum = 0;
	else
		sum = sum16(f->b + l3 + (f->v6 ? 8 : 12), f->v6 ? 32 : 8, sum);
	set16(f->b + l4 + at, fold(sum16(f->b + l4, n, sum)));
	if (proto == IPPROTO_UDP && !get16(f->b + l4 + at))
		set16(f->b + l4 + at, 0xffff);
}

static void seal_ip4(struct frame *f)
{
	size_t n = (f->b[f->l3] & 15) * 4;

	if (f->v6 || n < 20 || f->l3 + n > f->len)
		return;
	set16(f->b + f->l3 + 10, 0);
	set16(f->b + f->l3 + 10, fold(sum16(f->b + f->l3, n, 0)));
}

/* ---- valid packets ---- */

static void put(struct frame *f, const void *bytes, size_t n)
{
	memcpy(f->b + f->len, bytes, n);
	f->len += n;
}

static void put_eth(struct malformed_gen *gen, struct frame *f, unsigned int tags,
		    unsigned int type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	f->len = 0;
	put(f, macs, sizeof(macs));
	while (tags--) {
		set16(f->b + f->len, below(gen, 2) ? 0x8100 : 0x88a8);
		set16(f->b + f->len + 2, below(gen, 4096));
		f->len += 4;
	}
	set16(f->b + f->len, type);
	f->len += 2;
	f->l3 = f->len;
}

/* An IP header without length and checksum. */
static void put_ip(struct frame *f, const uint8_t *src, const uint8_t *dst, uint8_t proto)
{
	static const uint8_t head4[12] = {0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64};
	static const uint8_t head6[8] = {0x60, [7] = 64};
	size_t at = f->len;

	put(f, f->v6 ? head6 : head4, f->v6 ? 8 : 12);
	f->b[at + (f->v6 ? 6 : 9)] = proto;
	put(f, src, f->v6 ? 16 : 4);
	put(f, dst, f->v6 ? 16 : 4);
	f->l4 = f->len;
	f->proto = proto;
}

static void put_l4(struct frame *f, uint8_t proto, unsigned int sport, unsigned int dport,
		   uint8_t flags, size_t payload)
{
	uint8_t head[20] = {};

	set16(head, sport);
	set16(head + 2, dport);
	if (proto == IPPROTO_TCP) {
		head[12] = 0x50;
		head[13] = flags;
	} else {
		set16(head + 4, 8 + payload);
	}
	put(f, head, proto == IPPROTO_TCP ? 20 : 8);
	memset(f->b + f->len, 'x', payload);
	f->len += payload;
}

/* The lengths and checksums of what was put. */
static void finish(struct frame *f)
{
	if (f->v6)
		set16(f->b + f->l3 + 4, f->len - f->l3 - 40);
	else
		set16(f->b + f->l3 + 2, f->len - f->l3);
	seal_ip4(f);
	seal_l4(f, f->l3, f->l4, f->proto);
}

/* An ICMP error from @from to @to, quoting a packet from @src to @dst. */
static void put_error(struct malformed_gen *gen, struct frame *f, const uint8_t *from,
		      const uint8_t *to, const uint8_t *src, const uint8_t *dst, uint8_t proto,
		      unsigned int sport, unsigned int dport)
{
	uint8_t head[8] = {f->v6 ? 2 : 3, f->v6 ? 0 : 4, [6] = 5, [7] = 0x78};
	struct frame quote = *f;

	put_ip(f, from, to, f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	put(f, head, sizeof(head));
	quote.l3 = quote.len = f->len;
	put_ip(&quote, src, dst, proto);
	put_l4(&quote, proto, sport, dport, 0x12, below(gen, 20));
	finish(&quote);
	f->len = quote.len;
	finish(f);
}

/* IPv6: a fragment header before what was put; IPv4 has the field. @field as in IPv6. */
static void make_fragment(struct frame *f, unsigned int field)
{
	uint8_t head[8] = {f->proto, [4] = 1, [7] = 7};
	uint8_t *l3 = f->b + f->l3;

	if (!f->v6) {
		set16(l3 + 6, field >> 3 | (field & 1) << 13);
		seal_ip4(f);
		return;
	}
	set16(head + 2, field);
	memmove(f->b + f->l4 + 8, f->b + f->l4, f->len - f->l4);
	memcpy(f->b + f->l4, head, 8);
	l3[6] = IPPROTO_FRAGMENT;
	f->l4 += 8;
	f->len += 8;
	set16(l3 + 4, f->len - f->l3 - 40);
}

static void build(struct malformed_gen *gen, enum seed seed, unsigned int tags, struct frame *f)
{
	const uint8_t *vip = malformed_vip[gen->v6][gen->kind], *from = client[gen->v6];
	const uint8_t *backend = malformed_backend[gen->v6][gen->kind];
	unsigned int sport = 1024 + below(gen, 4), payload = below(gen, 40);
	bool udp = seed == UDP || seed == UDP_NO_SUM || seed == ERROR_UDP || seed == ANSWER_UDP ||
		   (seed >= FRAG_FIRST && below(gen, 2));
	unsigned int dport = udp ? 53 : MALFORMED_TCP_PORT;
	uint8_t proto = udp ? IPPROTO_UDP : IPPROTO_TCP, echo[8] = {f->v6 ? 128 : 8};

	put_eth(gen, f, tags, seed == ARP ? 0x0806 : f->v6 ? 0x86dd : 0x0800);
	switch (seed) {
	case ERROR_TCP:
	case ERROR_UDP:
		put_error(gen, f, from, vip, vip, from, proto, dport, sport);
		return;
	case BACKEND_ERROR:
		put_error(gen, f, backend, from, from, backend, proto, sport,
			  MALFORMED_BACKEND_PORT);
		return;
	case ANSWER_TCP:
	case ANSWER_UDP:
		put_ip(f, backend, from, proto);
		put_l4(f, proto, udp ? dport : MALFORMED_BACKEND_PORT, sport, 0x12, payload);
		break;
	case ECHO:
		put_ip(f, from, vip, f->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		put(f, echo, sizeof(echo));
		break;
	default:
		put_ip(f, from, vip, proto);
		put_l4(f, proto, sport, dport, seed == SYN ? 0x02 : 0x10,
		       seed == BIG ? 1400 + below(gen, 120) : payload);
	}
	finish(f);
	if (seed == UDP_NO_SUM)
		set16(f->b + f->l4 + 6, 0);
	if (seed == FRAG_FIRST || seed == FRAG_LATER)
		make_fragment(f, seed == FRAG_FIRST ? 1 : 8 * (1 + below(gen, 4)) + below(gen, 2));
}

/* ---- what is done to them ---- */

static void lie(struct malformed_gen *gen, struct frame *f)
{
	static const uint8_t at4[] = {0, 2, 3}, at6[] = {4, 5}, atl4[] = {4, 5, 12};
	size_t at;

	if (below(gen, 2))
		at = f->l3 + (f->v6 ? at6[below(gen, 2)] : at4[below(gen, 3)]);
	else
		at = f->l4 + atl4[below(gen, 3)];
	if (at < f->len)
		f->b[at] = below(gen, 2) ? rnd(gen) : f->b[at] + below(gen, 5) - 2;
}

static void flip(struct malformed_gen *gen, struct frame *f)
{
	for (int n = 1 + below(gen, 8); n; n--)
		f->b[below(gen, f->len)] ^= 1 << below(gen, 8);
}

/* IPv4 options, or a chain of extension headers: of any kind, of lengths that mostly fit. */
static void extend(struct malformed_gen *gen, struct frame *f)
{
	static const uint8_t kinds[] = {0, 43, 44, 51, 60, 50, 59, 135};
	int n = 1 + below(gen, f->v6 ? 9 : 10);
	uint8_t *l3 = f->b + f->l3;

	memmove(f->b + f->l4 + n * 8, f->b + f->l4, f->len - f->l4);
	noise(gen, f->b + f->l4, n * 8);
	if (!f->v6) {
		memmove(f->b + f->l4 + n * 4, f->b + f->l4 + n * 8, f->len - f->l4);
		f->len += n * 4;
		f->l4 += n * 4;
		l3[0] += n;
		set16(l3 + 2, f->len - f->l3);
		return;
	}
	for (int i = 0; i < n; i++) {
		uint8_t *h = f->b + f->l4 + i * 8;

		h[0] = i + 1 < n ? kinds[below(gen, 5)] : f->proto;
		h[1] = below(gen, 8) ? 0 : below(gen, 4);
		if (below(gen, 4)) /* if it is a fragment header, of a whole packet */
			set16(h + 2, 0);
	}
	l3[6] = kinds[below(gen, below(gen, 4) ? 5 : sizeof(kinds))];
	f->len += n * 8;
	f->l4 += n * 8;
	set16(l3 + 4, f->len - f->l3 - 40);
}

static void quote_garbage(struct malformed_gen *gen, struct frame *f)
{
	size_t keep = f->l4 + 8 + below(gen, 40);

	if (f->proto != IPPROTO_ICMP && f->proto != IPPROTO_ICMPV6)
		return;
	f->b[f->l4] = rnd(gen);
	noise(gen, f->b + keep, 60);
	f->len = keep + below(gen, 60);
	finish(f);
}

static size_t mutate(struct malformed_gen *gen, struct frame *f, const char **what)
{
	switch (below(gen, 9)) {
	case 0:
		*what = "valid";
		return f->len;
	case 1:
		*what = "a length lies";
		lie(gen, f);
		break;
	case 2:
		*what = "bits flipped";
		flip(gen, f);
		return f->len;
	case 3:
		*what = "options or extension headers";
		extend(gen, f);
		break;
	case 4:
		*what = "a fragment that overlaps others";
		make_fragment(f, 8 * below(gen, 5) + below(gen, 2));
		return f->len;
	case 5:
		*what = "padding behind the packet";
		f->b[f->len] = rnd(gen);
		return f->len + 1 + below(gen, 64);
	case 6:
		*what = "an ICMP error quoting garbage";
		quote_garbage(gen, f);
		break;
	case 7:
		*what = "noise behind the IP header";
		noise(gen, f->b + f->l4, f->len - f->l4);
		break;
	default:
		*what = "an odd source, hop count or frame address";
		f->b[below(gen, 12)] ^= 1;
		noise(gen, f->b + f->l3 + (f->v6 ? 7 : 8), 1);
		if (below(gen, 2))
			memset(f->b + f->l3 + (f->v6 ? 8 : 12), below(gen, 2) ? 0xff : 0,
			       f->v6 ? 16 : 4);
	}
	if (below(gen, 2)) {
		seal_ip4(f);
		seal_l4(f, f->l3, f->l4, f->proto);
	}
	return f->len;
}

void malformed_start(struct malformed_gen *gen, uint64_t seed, bool v6, enum malformed_kind kind)
{
	*gen = (struct malformed_gen){.state = seed, .v6 = v6, .kind = kind, .cut = 14};
}

size_t malformed_next(struct malformed_gen *gen, uint8_t *out, const char **what)
{
	struct frame f = {.b = out, .v6 = gen->v6};
	size_t len;

	memset(out, 0, PACKET_MAX);
	if (gen->seed < SEEDS) { /* each kind of packet, cut at each of its bytes */
		build(gen, gen->seed, gen->seed % 3, &f);
		if (gen->cut < f.len && gen->cut < 200) {
			*what = "cut";
			f.len = gen->cut;
			if (below(gen, 2) && f.len > f.l4) {
				*what = "cut, and its lengths say so";
				finish(&f);
			}
			gen->cut++;
			return f.len;
		}
		gen->seed++;
		gen->cut = 14;
	}
	build(gen, below(gen, SEEDS), below(gen, 4) ? below(gen, 2) : below(gen, 6), &f);
	len = mutate(gen, &f, what);
	return len < 14 ? 14 : len;
}
