// SPDX-License-Identifier: GPL-2.0-only
#include "capture.h"

#include <byteswap.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_US	   0xa1b2c3d4u
#define PCAP_NS	   0xa1b23c4du
#define NG_SECTION 0x0a0d0d0au
#define NG_ORDER   0x1a2b3c4du

enum { NG_INTERFACE = 1, NG_OLD_PACKET = 2, NG_SIMPLE = 3, NG_PACKET = 6 };
enum { NG_OPT_END = 0, NG_OPT_TSRESOL = 9, NG_OPT_TSOFFSET = 14 };

#define LINK_ETHERNET  1
#define INTERFACES_MAX 1024

/* Of one packet: MAXIMUM_SNAPLEN of libpcap. A block of pcapng has its header and options, too. */
#define DATA_MAX  (256u * 1024)
#define BLOCK_MAX (2 * DATA_MAX)

struct interface {
	__u32 snaplen;
	__u64 per_second; /* units of a time stamp */
	__s64 offset_s;
};

struct capture {
	FILE *file;
	const char *path;
	bool ng, swapped;
	__u64 at; /* bytes read */
	struct interface *interfaces;
	size_t n_interfaces;
	unsigned char *room; /* BLOCK_MAX */
};

static char error_text[512];

static int fail(const struct capture *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(const struct capture *c, const char *fmt, ...)
{
	int n = snprintf(error_text, sizeof(error_text), "%s: ", c->path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error_text + n, sizeof(error_text) - n, fmt, ap);
	va_end(ap);
	return -1;
}

const char *capture_error(void)
{
	return error_text;
}

static __u32 get32(const struct capture *c, const unsigned char *p)
{
	__u32 v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? bswap_32(v) : v;
}

static __u16 get16(const struct capture *c, const unsigned char *p)
{
	__u16 v;

	memcpy(&v, p, sizeof(v));
	return c->swapped ? bswap_16(v) : v;
}

/* 1 if all is there, 0 at the file's end before the first byte, or -1. */
static int take(struct capture *c, unsigned char *to, size_t n)
{
	size_t got = fread(to, 1, n, c->file);

	if (got == n || (!got && !n)) {
		c->at += n;
		return 1;
	}
	if (ferror(c->file))
		return fail(c, "%s", strerror(errno));
	if (got)
		return fail(c, "ends within a record, %llu bytes from its start; it was cut short",
			    (unsigned long long)c->at + got);
	return 0;
}

static int take_all(struct capture *c, unsigned char *to, size_t n)
{
	int r = take(c, to, n);

	return r ? r
		 : fail(c, "ends within a record, %llu bytes from its start; it was cut short",
			(unsigned long long)c->at);
}

static int check_link(const struct capture *c, unsigned int type)
{
	if (type == LINK_ETHERNET)
		return 1;
	return fail(c,
		    "its frames are of link type %u, and not Ethernet's (1); capture on a network "
		    "device, not on 'any'",
		    type);
}

/* ---- pcap ---- */

static int open_pcap(struct capture *c, __u32 magic)
{
	struct interface *i = c->interfaces;
	unsigned char head[20];

	c->swapped = magic == bswap_32(PCAP_US) || magic == bswap_32(PCAP_NS);
	if (c->swapped)
		magic = bswap_32(magic);
	if (take_all(c, head, sizeof(head)) < 0)
		return -1;
	i->per_second = magic == PCAP_NS ? 1000000000 : 1000000;
	/* the upper bits say whether frames end with their checksum */
	return check_link(c, get32(c, head + 16) & 0xffff);
}

static int read_pcap(struct capture *c, struct capture_packet *p)
{
	unsigned char head[16];
	int r = take(c, head, sizeof(head));

	if (r <= 0)
		return r;
	p->time_ns = get32(c, head) * 1000000000ull +
		     get32(c, head + 4) * (1000000000 / c->interfaces->per_second);
	p->captured = get32(c, head + 8);
	p->length = get32(c, head + 12);
	if (p->captured > DATA_MAX)
		return fail(c, "a record of %u bytes, %llu bytes from its start; it is damaged",
			    p->captured, (unsigned long long)c->at);
	p->data = c->room;
	return take_all(c, c->room, p->captured);
}

/* ---- pcapng ---- */

static __u64 resolution(unsigned char v)
{
	__u64 n = 1;
	int i;

	/* beyond 10^19 and 2^63 nothing fits 64 bits */
	if (v & 0x80)
		return 1ull << ((v & 0x7f) > 63 ? 63 : v & 0x7f);
	for (i = 0; i < v && i < 19; i++)
		n *= 10;
	return n;
}

static int add_interface(struct capture *c, const unsigned char *body, size_t len)
{
	struct interface i = {.per_second = 1000000};
	struct interface *grown;
	size_t at = 8;
	__u16 code, n;

	if (len < 8)
		return fail(c, "an interface of %zu bytes; it is damaged", len);
	if (check_link(c, get16(c, body)) < 0)
		return -1;
	i.snaplen = get32(c, body + 4);
	for (; at + 4 <= len; at += 4 + (n + 3u) / 4 * 4) {
		code = get16(c, body + at);
		n = get16(c, body + at + 2);
		if (code == NG_OPT_END || at + 4 + n > len)
			break;
		if (code == NG_OPT_TSRESOL && n >= 1)
			i.per_second = resolution(body[at + 4]);
		if (code == NG_OPT_TSOFFSET && n >= 8)
			i.offset_s =
				(__s64)((__u64)get32(c, body + at + 4 + 4 * !c->swapped) << 32 |
					get32(c, body + at + 4 + 4 * c->swapped));
	}
	grown = c->n_interfaces < INTERFACES_MAX
			? reallocarray(c->interfaces, c->n_interfaces + 1, sizeof(i))
			: NULL;
	if (!grown)
		return fail(c, "more than %d interfaces", INTERFACES_MAX);
	c->interfaces = grown;
	grown[c->n_interfaces++] = i;
	return 1;
}

/* A block's body behind its type and length; the length comes again at its end. */
static int read_body(struct capture *c, __u32 total, size_t *len)
{
	if (total < 12 || total % 4 || total > BLOCK_MAX)
		return fail(c, "a block of %u bytes, %llu bytes from its start; it is damaged",
			    total, (unsigned long long)c->at);
	*len = total - 12;
	return take_all(c, c->room, *len + 4);
}

/* The type was read; what is of the byte order comes before the length can be. */
static int start_section(struct capture *c)
{
	unsigned char head[8];
	__u32 order;
	size_t len;

	if (take_all(c, head, sizeof(head)) < 0)
		return -1;
	memcpy(&order, head + 4, sizeof(order));
	if (order != NG_ORDER && order != bswap_32(NG_ORDER))
		return fail(c, "a section without its byte order; it is damaged");
	c->swapped = order != NG_ORDER;
	c->n_interfaces = 0;
	return read_body(c, get32(c, head) - 4, &len);
}

static __u64 time_of(const struct interface *i, __u64 units)
{
	return (units / i->per_second + i->offset_s) * 1000000000ull +
	       (__u64)((unsigned __int128)(units % i->per_second) * 1000000000 / i->per_second);
}

static int find_data(struct capture *c, size_t len, size_t head, struct capture_packet *p)
{
	if (p->captured > len - head || p->captured > DATA_MAX)
		return fail(c, "a packet of %u bytes in a block of %zu; it is damaged", p->captured,
			    len);
	p->data = c->room + head;
	return 1;
}

/* 1 and a packet, 0 if the block is of another type, or -1. */
static int read_block(struct capture *c, __u32 type, size_t len, struct capture_packet *p)
{
	size_t head = type == NG_SIMPLE ? 4 : 20;
	const unsigned char *b = c->room;
	__u32 number = 0;

	if (type == NG_INTERFACE)
		return add_interface(c, b, len) < 0 ? -1 : 0;
	if (type != NG_PACKET && type != NG_OLD_PACKET && type != NG_SIMPLE)
		return 0;
	if (len < head)
		return fail(c, "a packet's block of %zu bytes; it is damaged", len);
	if (type != NG_SIMPLE)
		number = type == NG_PACKET ? get32(c, b) : get16(c, b);
	if (number >= c->n_interfaces)
		return fail(c,
			    "a packet of interface %u, which it does not describe; it is damaged",
			    number);
	if (type == NG_SIMPLE) {
		__u32 snaplen = c->interfaces->snaplen;

		p->time_ns = 0;
		p->length = get32(c, b);
		p->captured = snaplen && snaplen < p->length ? snaplen : p->length;
	} else {
		p->time_ns = time_of(&c->interfaces[number],
				     (__u64)get32(c, b + 4) << 32 | get32(c, b + 8));
		p->captured = get32(c, b + 12);
		p->length = get32(c, b + 16);
	}
	return find_data(c, len, head, p);
}

static int read_ng(struct capture *c, struct capture_packet *p)
{
	unsigned char head[4];
	__u32 type;
	size_t len;
	int r;

	do {
		r = take(c, head, sizeof(head));
		if (r <= 0)
			return r;
		type = get32(c, head);
		if (type == NG_SECTION) { /* the same in both byte orders */
			if (start_section(c) < 0)
				return -1;
			r = 0;
			continue;
		}
		if (take_all(c, head, sizeof(head)) < 0 || read_body(c, get32(c, head), &len) < 0)
			return -1;
		r = read_block(c, type, len, p);
	} while (!r);
	return r;
}

/* ---- both ---- */

static int start(struct capture *c)
{
	unsigned char head[4];
	__u32 magic;

	if (take(c, head, sizeof(head)) <= 0)
		return fail(c, "is empty, and so no capture");
	memcpy(&magic, head, sizeof(magic));
	if (magic == NG_SECTION) {
		c->ng = true;
		return start_section(c);
	}
	if (magic == PCAP_US || magic == PCAP_NS || magic == bswap_32(PCAP_US) ||
	    magic == bswap_32(PCAP_NS))
		return open_pcap(c, magic);
	return fail(c, "is no capture: neither pcap nor pcapng");
}

static struct capture *make(const char *path, const char *mode, FILE *standard)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c) {
		c->path = path;
		c->interfaces = calloc(1, sizeof(*c->interfaces));
		c->room = malloc(BLOCK_MAX);
	}
	if (!c || !c->interfaces || !c->room) {
		snprintf(error_text, sizeof(error_text), "%s: out of memory; free some", path);
		if (c)
			capture_close(c);
		return NULL;
	}
	c->file = strcmp(path, "-") ? fopen(path, mode) : standard;
	if (!c->file) {
		fail(c, "%s", strerror(errno));
		capture_close(c);
		return NULL;
	}
	return c;
}

struct capture *capture_open(const char *path)
{
	struct capture *c = make(path, "re", stdin);

	if (c && start(c) < 0) {
		capture_close(c);
		return NULL;
	}
	return c;
}

int capture_read(struct capture *c, struct capture_packet *p)
{
	*p = (struct capture_packet){};
	return c->ng ? read_ng(c, p) : read_pcap(c, p);
}

void capture_close(struct capture *c)
{
	if (c->file && c->file != stdin && c->file != stdout)
		fclose(c->file);
	free(c->interfaces);
	free(c->room);
	free(c);
}

/* ---- writing ---- */

static int put(struct capture *c, const void *data, size_t n)
{
	return fwrite(data, 1, n, c->file) == n ? 0 : fail(c, "%s", strerror(errno));
}

struct capture *capture_create(const char *path)
{
	static const struct {
		__u32 magic;
		__u16 major, minor;
		__u32 zone, accuracy, snaplen, link;
	} head = {PCAP_NS, 2, 4, 0, 0, DATA_MAX, LINK_ETHERNET};
	struct capture *c = make(path, "we", stdout);

	if (c && put(c, &head, sizeof(head)) < 0) {
		capture_close(c);
		return NULL;
	}
	return c;
}

int capture_write(struct capture *c, const struct capture_packet *p)
{
	const __u32 head[4] = {p->time_ns / 1000000000, p->time_ns % 1000000000, p->captured,
			       p->length};

	return put(c, head, sizeof(head)) || put(c, p->data, p->captured) ? -1 : 0;
}

int capture_finish(struct capture *c)
{
	int err = fflush(c->file) ? fail(c, "%s", strerror(errno)) : 0;

	capture_close(c);
	return err;
}
