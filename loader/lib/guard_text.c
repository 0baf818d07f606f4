// SPDX-License-Identifier: GPL-2.0-only
/* Signatures and rates as text. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

/* Not getprotobyname(): a static program would need the machine's files and libraries for it. */
static const struct {
	const char *name;
	__u8 number;
} protocols[] = {
	{"icmp", IPPROTO_ICMP}, {"igmp", IPPROTO_IGMP}, {"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},	{"gre", IPPROTO_GRE},	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},	{"sctp", IPPROTO_SCTP}, {"icmpv6", IPPROTO_ICMPV6},
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* In the order of their bits (RFC 9293 section 3.1). */
static const char flag_letters[] = "FSRPAUEC";

static const char *const from_names[] = {
	[COREPATH_SIG_FROM_IP] = "ip",
	[COREPATH_SIG_FROM_L4] = "l4",
	[COREPATH_SIG_FROM_PAYLOAD] = "payload",
};

static const struct {
	const char *name;
	__u32 bits, mask;
} fragments[] = {
	{"no", 0, COREPATH_SIG_FRAG},
	{"yes", COREPATH_SIG_FRAG, COREPATH_SIG_FRAG},
	{"first", COREPATH_SIG_FRAG, COREPATH_SIG_FRAG | COREPATH_SIG_FRAG_LATER},
	{"later", COREPATH_SIG_FRAG | COREPATH_SIG_FRAG_LATER,
	 COREPATH_SIG_FRAG | COREPATH_SIG_FRAG_LATER},
};
#define N_FRAGMENTS (sizeof(fragments) / sizeof(fragments[0]))

int corepath_signature_parse(const char *id, struct corepath_signature *s)
{
	const struct corepath_range any = {0, 65535};
	unsigned long long number;

	if (!cp_parse_number(id, 0xffffffff, &number) || !number)
		return cp_word_fail(id, "no number of a signature; use one from 1 to 4294967295");
	*s = (struct corepath_signature){.id = number,
					 .len = any,
					 .ttl = any,
					 .sport = any,
					 .dport = any,
					 .from = COREPATH_SIG_FROM_PAYLOAD,
					 .action = COREPATH_SIG_DROP};
	return 0;
}

static void set_bits(struct corepath_signature *s, __u32 bits, __u32 mask)
{
	s->bits = (s->bits & ~mask) | bits;
	s->bits_mask |= mask;
}

static bool parse_proto(const char *text, __u8 *out)
{
	unsigned long long number;
	size_t i;

	for (i = 0; i < N_PROTOCOLS; i++)
		if (!strcmp(text, protocols[i].name))
			return *out = protocols[i].number, true;
	if (!cp_parse_number(text, 255, &number))
		return false;
	*out = number;
	return true;
}

/* "N" or "MIN-MAX" */
static bool parse_range(const char *text, unsigned int max, struct corepath_range *out)
{
	const char *dash = strchr(text, '-');
	unsigned long long low, high;
	char number[8];

	snprintf(number, sizeof(number), "%.*s", (int)(dash ? dash - text : 7), text);
	if (!cp_parse_number(number, max, &low) ||
	    !cp_parse_number(dash ? dash + 1 : text, max, &high) || low > high)
		return false;
	*out = (struct corepath_range){low, high};
	return true;
}

/* "LETTERS" of all eight, or "LETTERS/LETTERS", the second those that are looked at. */
static bool parse_flags(const char *text, struct corepath_signature *s)
{
	__u32 words[2] = {0, 0xff}, n = 0;
	const char *letter;

	for (; *text; text++) {
		if (*text == '/' && !n) {
			words[++n] = 0;
			continue;
		}
		letter = strchr(flag_letters, *text);
		if (!letter)
			return false;
		words[n] |= 1u << (letter - flag_letters);
	}
	if (words[0] & ~words[1])
		return false;
	set_bits(s, words[0] << COREPATH_SIG_FLAGS_SHIFT, words[1] << COREPATH_SIG_FLAGS_SHIFT);
	set_bits(s, IPPROTO_TCP | COREPATH_SIG_PAYLOAD, COREPATH_SIG_PROTO | COREPATH_SIG_PAYLOAD);
	return true;
}

/* Hexadecimal, two digits a byte. Returns how many, or 0 if it is none or too much. */
static unsigned int parse_hex(const char *text, __u64 *words)
{
	size_t len = strlen(text), i;
	unsigned int byte;

	if (len % 2 || len > 2 * COREPATH_SIG_BYTES_MAX ||
	    strspn(text, "0123456789abcdefABCDEF") != len)
		return 0;
	memset(words, 0, COREPATH_SIG_BYTES_MAX);
	for (i = 0; i < len / 2; i++) {
		sscanf(text + 2 * i, "%2x", &byte);
		words[i / 8] |= (__u64)byte << 8 * (i % 8);
	}
	return len / 2;
}

/* "HEX" or "HEX/MASK" */
static bool parse_bytes(const char *text, struct corepath_signature *s)
{
	char copy[4 * COREPATH_SIG_BYTES_MAX + 2], *slash;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	s->n_bytes = parse_hex(copy, s->value);
	if (!s->n_bytes)
		return false;
	if (!slash) /* every bit of every byte */
		memset(slash = copy, 'f', strlen(copy));
	if (parse_hex(slash, s->mask) != s->n_bytes)
		return false;
	s->value[0] &= s->mask[0];
	s->value[1] &= s->mask[1];
	return true;
}

static int parse_word(const char *word, const char *v, struct corepath_signature *s)
{
	unsigned long long number;
	size_t i;
	__u8 proto;

	if (cp_word_value(word, "family")) {
		if (strcmp(v, "4") && strcmp(v, "6"))
			return cp_word_fail(word, "neither 4 nor 6");
		set_bits(s, *v == '6' ? COREPATH_SIG_V6 : 0, COREPATH_SIG_V6);
	} else if (cp_word_value(word, "proto")) {
		if (!parse_proto(v, &proto))
			return cp_word_fail(word, "no protocol; use tcp, udp, icmp, icmpv6 or a "
						  "number up to 255");
		set_bits(s, proto, COREPATH_SIG_PROTO);
	} else if (cp_word_value(word, "sport") || cp_word_value(word, "dport")) {
		if (!parse_range(v, 65535, *word == 's' ? &s->sport : &s->dport))
			return cp_word_fail(word,
					    "no port up to 65535, nor a range such as 1-1023");
		set_bits(s, COREPATH_SIG_PORTS, COREPATH_SIG_PORTS);
	} else if (cp_word_value(word, "flags")) {
		if (!parse_flags(v, s))
			return cp_word_fail(word,
					    "not letters of FSRPAUEC; write flags=SF for these "
					    "and no others, flags=S/SA for S without A");
	} else if (cp_word_value(word, "ttl")) {
		if (!parse_range(v, 255, &s->ttl))
			return cp_word_fail(word, "no number up to 255, nor a range such as 0-4");
	} else if (cp_word_value(word, "len")) {
		if (!parse_range(v, 65535, &s->len))
			return cp_word_fail(word, "no number of bytes up to 65535, nor a range");
	} else if (cp_word_value(word, "frag")) {
		for (i = 0; i < N_FRAGMENTS && strcmp(v, fragments[i].name); i++)
			;
		if (i == N_FRAGMENTS)
			return cp_word_fail(word, "use no, yes, first or later");
		set_bits(s, fragments[i].bits, fragments[i].mask);
	} else if (cp_word_value(word, "bytes")) {
		if (!parse_bytes(v, s))
			return cp_word_fail(
				word, "not 1 to 16 bytes in hexadecimal; write "
				      "bytes=dead00ef, or bytes=de000000/ff000000 with a mask");
	} else if (cp_word_value(word, "at")) {
		if (!cp_parse_number(v, COREPATH_SIG_OFFSET_MAX - 1, &number))
			return cp_word_fail(word, "no number of bytes up to 2047");
		s->offset = number;
	} else if (cp_word_value(word, "from")) {
		for (i = COREPATH_SIG_FROM_IP; i <= COREPATH_SIG_FROM_PAYLOAD; i++)
			if (!strcmp(v, from_names[i]))
				return s->from = i, 0;
		return cp_word_fail(word, "use ip, l4 or payload");
	} else if (cp_word_value(word, "action")) {
		if (strcmp(v, "drop") && strcmp(v, "count"))
			return cp_word_fail(word, "neither drop nor count");
		s->action = *v == 'd' ? COREPATH_SIG_DROP : COREPATH_SIG_COUNT;
	} else {
		return cp_word_fail(word,
				    "no such key; use family=, proto=, sport=, dport=, flags=, "
				    "ttl=, len=, frag=, bytes=, at=, from= or action=");
	}
	return 0;
}

int corepath_signature_option(const char *word, struct corepath_signature *s)
{
	const char *equal = strchr(word, '=');
	int err = parse_word(word, equal ? equal + 1 : "", s);

	/* bytes of a payload are in packets that have one */
	if (!err && s->n_bytes && s->from == COREPATH_SIG_FROM_PAYLOAD)
		set_bits(s, COREPATH_SIG_PAYLOAD, COREPATH_SIG_PAYLOAD);
	else if (!err && !(s->bits_mask & COREPATH_SIG_FLAGS))
		s->bits &= ~COREPATH_SIG_PAYLOAD, s->bits_mask &= ~COREPATH_SIG_PAYLOAD;
	return err;
}

int corepath_signature_check(const struct corepath_signature *s)
{
	const struct corepath_range any = {0, 65535};
	bool ranges = memcmp(&s->len, &any, sizeof(any)) || memcmp(&s->ttl, &any, sizeof(any));

	if (!s->bits_mask && !s->n_bytes && !ranges && s->action == COREPATH_SIG_DROP)
		return cp_fail(
			EINVAL,
			"signature %u: matches every packet; name what it is to match, such as "
			"proto=udp dport=1900",
			s->id);
	return 0;
}

/* ---- and back ---- */

struct text {
	char *at;
	size_t room;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->room, fmt, ap);
	va_end(ap);
	n = (size_t)n < t->room ? n : (int)t->room - 1;
	t->at += n;
	t->room -= n;
}

static void put_range(struct text *t, const char *key, const struct corepath_range *r)
{
	if (!r->min && r->max == 65535)
		return;
	put(t, r->min == r->max ? " %s=%u" : " %s=%u-%u", key, r->min, r->max);
}

static void put_flags(struct text *t, __u32 bits)
{
	for (int i = 0; flag_letters[i]; i++)
		if (bits & 1u << (i + COREPATH_SIG_FLAGS_SHIFT))
			put(t, "%c", flag_letters[i]);
}

static void put_bits(struct text *t, const struct corepath_signature *s)
{
	const __u32 frag = COREPATH_SIG_FRAG | COREPATH_SIG_FRAG_LATER;
	size_t i;

	if (s->bits_mask & COREPATH_SIG_V6)
		put(t, " family=%d", s->bits & COREPATH_SIG_V6 ? 6 : 4);
	if (s->bits_mask & COREPATH_SIG_PROTO) {
		for (i = 0; i < N_PROTOCOLS; i++)
			if (protocols[i].number == (s->bits & COREPATH_SIG_PROTO))
				break;
		if (i < N_PROTOCOLS)
			put(t, " proto=%s", protocols[i].name);
		else
			put(t, " proto=%u", s->bits & COREPATH_SIG_PROTO);
	}
	if (s->bits_mask & COREPATH_SIG_FLAGS) {
		put(t, " flags=");
		put_flags(t, s->bits);
		if ((s->bits_mask & COREPATH_SIG_FLAGS) != COREPATH_SIG_FLAGS) {
			put(t, "/");
			put_flags(t, s->bits_mask);
		}
	}
	for (i = 0; i < N_FRAGMENTS; i++)
		if ((s->bits_mask & frag) == fragments[i].mask &&
		    (s->bits & frag) == fragments[i].bits)
			put(t, " frag=%s", fragments[i].name);
}

static void put_hex(struct text *t, const __u64 *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		put(t, "%02x", (unsigned int)(words[i / 8] >> 8 * (i % 8) & 0xff));
}

const char *corepath_signature_format(const struct corepath_signature *s, char *buf)
{
	struct text t = {buf, COREPATH_SIGNATURE_STRLEN};

	put(&t, "%u", s->id);
	put_bits(&t, s);
	put_range(&t, "sport", &s->sport);
	put_range(&t, "dport", &s->dport);
	put_range(&t, "ttl", &s->ttl);
	put_range(&t, "len", &s->len);
	if (s->n_bytes) {
		put(&t, " from=%s at=%u bytes=", from_names[s->from], s->offset);
		put_hex(&t, s->value, s->n_bytes);
		put(&t, "/");
		put_hex(&t, s->mask, s->n_bytes);
	}
	put(&t, " action=%s", s->action == COREPATH_SIG_DROP ? "drop" : "count");
	return buf;
}

/* ---- rates ---- */

static int parse_lens(const char *word, const char *v, struct corepath_rate *r)
{
	const char *comma = strchr(v, ',');
	unsigned long long len4, len6;
	char number[4];

	snprintf(number, sizeof(number), "%.*s", (int)(comma ? comma - v : 3), v);
	if (!comma || !cp_parse_number(number, 32, &len4) ||
	    !cp_parse_number(comma + 1, 128, &len6))
		return cp_word_fail(word, "not LENGTH,LENGTH of an IPv4 and an IPv6 prefix; write "
					  "32,64");
	r->len4 = len4;
	r->len6 = len6;
	return 0;
}

int corepath_rates_option(const char *word, struct corepath_rates *rates)
{
	struct corepath_rate *r = *word == 'p' ? &rates->packets : &rates->conns;
	const char *v;

	if ((v = cp_word_value(word, "packets")) || (v = cp_word_value(word, "conns")))
		return cp_word_rate(v, &r->rate, &r->seconds)
			       ? 0
			       : cp_word_fail(word,
					      "not NUMBER or NUMBER/SECONDS; write 1000 for a "
					      "thousand a second, 100/60, or 0 for no limit");
	if ((v = cp_word_value(word, "packets-prefix")) ||
	    (v = cp_word_value(word, "conns-prefix")))
		return parse_lens(word, v, r);
	return cp_word_fail(word, "no such rate; use packets=, conns=, packets-prefix= or "
				  "conns-prefix=");
}
