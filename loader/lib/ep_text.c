// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"

int corepath_endpoint_init(const char *dev, struct corepath_endpoint_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->identity = COREPATH_IDENTITY_WORLD;
	if (!*dev || strlen(dev) >= sizeof(spec->dev))
		return cp_fail(EINVAL, "'%.80s': no name of a device; 'ip link' lists them", dev);
	strcpy(spec->dev, dev);
	return 0;
}

static int add_address(const char *word, struct corepath_endpoint_spec *spec)
{
	static const struct corepath_addr none;
	struct corepath_prefix p;
	struct corepath_addr *to;

	if (strchr(word, '/') || corepath_prefix_parse(word, &p) < 0)
		return cp_word_fail(word, "neither an address nor an option; write 10.0.0.2, "
					  "2001:db8::2, mac= or identity=");
	to = &spec->addr[p.family == AF_INET6];
	if (memcmp(to, &none, sizeof(none)))
		return cp_word_fail(word, "a second address of this family; an endpoint has one");
	cp_addr_of_prefix(to, &p);
	return 0;
}

static int parse_limit(const char *word, const char *text, __u32 *out)
{
	unsigned long long number;

	if (!cp_parse_number(text, 0xffffffff, &number))
		return cp_word_fail(word, "not a number of TCP connections; 0 is any number");
	*out = number;
	return 0;
}

int corepath_endpoint_word(const char *word, struct corepath_endpoint_spec *spec)
{
	unsigned long long number;
	const char *v;

	if (!strchr(word, '='))
		return add_address(word, spec);
	if ((v = cp_word_value(word, "mac")))
		return cp_parse_mac(v, spec->mac)
			       ? 0
			       : cp_word_fail(word,
					      "not a MAC address; write mac=02:00:00:00:00:01");
	if ((v = cp_word_value(word, "identity"))) {
		if (!cp_parse_number(v, 0xffffffff, &number) || !number)
			return cp_word_fail(word, "not a number from 1 (the world) to 4294967295");
		spec->identity = number;
		return 0;
	}
	if ((v = cp_word_value(word, "limit-in")))
		return parse_limit(word, v, &spec->limit[COREPATH_IN]);
	if ((v = cp_word_value(word, "limit-out")))
		return parse_limit(word, v, &spec->limit[COREPATH_OUT]);
	if ((v = cp_word_value(word, "audit"))) {
		if (strcmp(v, "yes") && strcmp(v, "no"))
			return cp_word_fail(word, "neither yes nor no");
		spec->audit = *v == 'y';
		return 0;
	}
	return cp_word_fail(word, "no such option; use mac=, identity=, limit-in=, limit-out= or "
				  "audit=");
}

const char *corepath_endpoint_spec_format(const struct corepath_endpoint_spec *spec, char *buf)
{
	static const struct corepath_addr none;
	char text[COREPATH_SERVICE_STRLEN];
	size_t used = sprintf(buf, "%s", spec->dev);
	const __u8 *m = spec->mac;
	int f;

	for (f = 0; f < 2; f++)
		if (memcmp(&spec->addr[f], &none, sizeof(none)))
			used += sprintf(buf + used, " %s",
					corepath_endpoint_format(&spec->addr[f], 0, text));
	if (m[0] | m[1] | m[2] | m[3] | m[4] | m[5])
		used += sprintf(buf + used, " mac=%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2],
				m[3], m[4], m[5]);
	used += sprintf(buf + used, " identity=%u", spec->identity);
	if (spec->limit[COREPATH_IN])
		used += sprintf(buf + used, " limit-in=%u", spec->limit[COREPATH_IN]);
	if (spec->limit[COREPATH_OUT])
		used += sprintf(buf + used, " limit-out=%u", spec->limit[COREPATH_OUT]);
	if (spec->audit)
		strcpy(buf + used, " audit=yes");
	return buf;
}

/* ---- policy ---- */

static const struct {
	const char *name;
	__u8 proto;
} protos[] = {{"tcp", IPPROTO_TCP},
	      {"udp", IPPROTO_UDP},
	      {"icmp", IPPROTO_ICMP},
	      {"icmpv6", IPPROTO_ICMPV6},
	      {"sctp", IPPROTO_SCTP}};

#define N_PROTOS (sizeof(protos) / sizeof(protos[0]))

const char *corepath_proto_format(__u8 proto, char *buf)
{
	size_t i;

	for (i = 0; i < N_PROTOS; i++)
		if (protos[i].proto == proto)
			return strcpy(buf, protos[i].name);
	snprintf(buf, 8, "%u", proto);
	return buf;
}

int corepath_policy_init(const char *dev, const char *direction, const char *verdict,
			 struct corepath_policy_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	if (!*dev || strlen(dev) >= sizeof(spec->dev))
		return cp_fail(EINVAL,
			       "'%.80s': no name of a device; 'corepath endpoint list' lists "
			       "the endpoints",
			       dev);
	strcpy(spec->dev, dev);
	if (strcmp(direction, "in") && strcmp(direction, "out"))
		return cp_word_fail(direction,
				    "no direction; use in (what the endpoint is sent) or "
				    "out (what it sends)");
	spec->direction = *direction == 'i' ? COREPATH_IN : COREPATH_OUT;
	if (verdict && strcmp(verdict, "allow") && strcmp(verdict, "deny"))
		return cp_word_fail(verdict, "no verdict; use allow or deny");
	spec->verdict = verdict && *verdict == 'a' ? COREPATH_ALLOW : COREPATH_DENY;
	return 0;
}

static int parse_proto(const char *word, const char *text, __u8 *out)
{
	unsigned long long number;
	size_t i;

	for (i = 0; i < N_PROTOS; i++)
		if (!strcmp(text, protos[i].name))
			return *out = protos[i].proto, 0;
	if (!cp_parse_number(text, 255, &number) || !number)
		return cp_word_fail(word,
				    "no protocol; use tcp, udp, icmp, icmpv6, sctp or a number "
				    "from 1 to 255");
	*out = number;
	return 0;
}

int corepath_policy_word(const char *word, struct corepath_policy_spec *spec)
{
	unsigned long long number;
	const char *v;

	if ((v = cp_word_value(word, "identity"))) {
		if (!cp_parse_number(v, 0xffffffff, &number) || !number)
			return cp_word_fail(word, "not a number from 1 (the world) to 4294967295");
		spec->identity = number;
		return 0;
	}
	if ((v = cp_word_value(word, "proto")))
		return parse_proto(word, v, &spec->proto);
	if ((v = cp_word_value(word, "port"))) {
		if (!cp_parse_number(v, 65535, &number) || !number)
			return cp_word_fail(word, "not a port from 1 to 65535");
		spec->port = number;
		return 0;
	}
	if ((v = cp_word_value(word, "proxy"))) {
		if (!cp_parse_number(v, 65535, &number) || !number)
			return cp_word_fail(word, "not a port from 1 to 65535");
		spec->proxy = number;
		return 0;
	}
	return cp_word_fail(word, "no such part of a rule; use identity=, proto=, port= or proxy=");
}

const char *corepath_policy_format(const struct corepath_policy_spec *s, char *buf)
{
	char proto[8];
	size_t used = sprintf(buf, "%s %s %s", s->dev, s->direction == COREPATH_IN ? "in" : "out",
			      s->verdict == COREPATH_ALLOW ? "allow" : "deny");

	if (s->identity)
		used += sprintf(buf + used, " identity=%u", s->identity);
	if (s->proto)
		used += sprintf(buf + used, " proto=%s", corepath_proto_format(s->proto, proto));
	if (s->port)
		used += sprintf(buf + used, " port=%u", s->port);
	if (s->proxy)
		sprintf(buf + used, " proxy=%u", s->proxy);
	return buf;
}
