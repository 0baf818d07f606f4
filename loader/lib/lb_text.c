// SPDX-License-Identifier: GPL-2.0-only
/* Services, backends and settings as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "internal.h"

static const char *const mode_names[] = {
	[COREPATH_LB_TUNNEL] = "tunnel",
	[COREPATH_LB_GUE] = "gue",
	[COREPATH_LB_NAT] = "nat",
};

static const char *const state_names[] = {
	[COREPATH_BACKEND_FREE] = "free",
	[COREPATH_BACKEND_ACTIVE] = "active",
	[COREPATH_BACKEND_DRAINING] = "draining",
	[COREPATH_BACKEND_DOWN] = "down",
};

const char *corepath_lb_mode_name(enum corepath_lb_mode mode)
{
	return mode_names[mode];
}

const char *corepath_backend_state_name(enum corepath_backend_state state)
{
	return state_names[state];
}

int corepath_backend_state_parse(const char *text, enum corepath_backend_state *state)
{
	enum corepath_backend_state s;

	for (s = COREPATH_BACKEND_ACTIVE; s <= COREPATH_BACKEND_DOWN; s++) {
		if (!strcmp(text, state_names[s])) {
			*state = s;
			return 0;
		}
	}
	return cp_fail(EINVAL, "'%.40s': no state of a backend; use active, draining or down",
		       text);
}

/* Splits "A:PORT", "[A]:PORT", and, if no port must be there, "A". */
static int split(const char *text, char *addr, size_t room, const char **port)
{
	const char *end = strrchr(text, ':'), *start = text;
	bool bracket = *text == '[';

	*port = NULL;
	if (bracket) {
		start++;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		if (end[1])
			*port = end + 2;
	} else if (end && strchr(text, ':') == end) {
		*port = end + 1;
	} else { /* no colon, or an IPv6 address alone */
		end = text + strlen(text);
	}
	if ((size_t)(end - start) >= room)
		return -EINVAL;
	memcpy(addr, start, end - start);
	addr[end - start] = '\0';
	return 0;
}

int corepath_service_parse(const char *proto, const char *text, struct corepath_service_id *id)
{
	char addr[COREPATH_PREFIX_STRLEN];
	struct corepath_prefix p;
	unsigned long long port;
	const char *port_text;
	int err;

	memset(id, 0, sizeof(*id));
	if (strcmp(proto, "tcp") && strcmp(proto, "udp"))
		return cp_fail(EINVAL, "'%.40s': no protocol of a service; use tcp or udp", proto);
	id->proto = *proto == 't' ? IPPROTO_TCP : IPPROTO_UDP;
	if (split(text, addr, sizeof(addr), &port_text) || !port_text ||
	    !cp_parse_number(port_text, 65535, &port))
		return cp_fail(EINVAL,
			       "'%.80s': not ADDRESS:PORT with a port from 0 (any) to 65535; write "
			       "203.0.113.9:80, 203.0.113.0/24:80 or [2001:db8::9]:80",
			       text);
	id->port = port;
	err = corepath_prefix_parse(addr, &p);
	if (err < 0)
		return err;
	if (err)
		return cp_fail(EINVAL,
			       "'%.80s': has host bits; write the network's address, or leave the "
			       "length out for one address",
			       text);
	cp_addr_of_prefix(&id->addr, &p);
	id->len = p.family == AF_INET ? 96 + p.len : p.len;
	return 0;
}

int corepath_backend_parse(const char *text, struct corepath_backend_spec *b)
{
	char addr[INET6_ADDRSTRLEN];
	unsigned long long port = 0;
	struct corepath_prefix p;
	const char *port_text;

	memset(b, 0, sizeof(*b));
	b->weight = 1;
	b->state = COREPATH_BACKEND_ACTIVE;
	if (split(text, addr, sizeof(addr), &port_text) || strchr(addr, '/') ||
	    (port_text && (!cp_parse_number(port_text, 65535, &port) || !port)))
		return cp_fail(EINVAL,
			       "'%.80s': not ADDRESS or ADDRESS:PORT; write 10.0.0.1, "
			       "10.0.0.1:8080 or [2001:db8::1]:8080",
			       text);
	if (corepath_prefix_parse(addr, &p) < 0)
		return -EINVAL;
	cp_addr_of_prefix(&b->addr, &p);
	b->port = port;
	return 0;
}

const char *corepath_endpoint_format(const struct corepath_addr *addr, __u16 port, char *buf)
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = cp_is4(addr);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &addr->w[3] : addr->w, text, sizeof(text));
	if (port)
		snprintf(buf, COREPATH_SERVICE_STRLEN, v4 ? "%s:%u" : "[%s]:%u", text, port);
	else
		snprintf(buf, COREPATH_SERVICE_STRLEN, "%s", text);
	return buf;
}

const char *corepath_service_format(const struct corepath_service_id *id, char *buf)
{
	bool v4 = id->len >= 96 && cp_is4(&id->addr);
	char text[INET6_ADDRSTRLEN], len[8] = "";
	__u32 bits = v4 ? id->len - 96 : id->len;

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &id->addr.w[3] : id->addr.w, text, sizeof(text));
	if (bits != (v4 ? 32 : 128))
		snprintf(len, sizeof(len), "/%u", bits);
	snprintf(buf, COREPATH_SERVICE_STRLEN, v4 ? "%s %s%s:%u" : "%s [%s%s]:%u",
		 id->proto == IPPROTO_TCP ? "tcp" : "udp", text, len, id->port);
	return buf;
}

/* ---- options: KEY=VALUE ---- */

static int parse_sources(const char *word, const char *text, struct corepath_service_spec *spec)
{
	char *copy = strdup(text), *next, *at = copy;
	struct corepath_prefix *grown;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (next = strsep(&at, ","))) {
		grown = reallocarray(spec->sources, spec->n_sources + 1, sizeof(*grown));
		if (!grown) {
			err = -ENOMEM;
			break;
		}
		spec->sources = grown;
		err = corepath_prefix_parse(next, &grown[spec->n_sources]);
		if (err >= 0) { /* host bits are cleared, as in the prefilter's lists */
			err = 0;
			spec->n_sources++;
		}
	}
	free(copy);
	return err == -ENOMEM ? cp_fail(ENOMEM, "'%.80s': out of memory; free some", word) : err;
}

static int parse_rate(const char *word, const char *text, struct corepath_service_spec *spec)
{
	if (!cp_word_rate(text, &spec->rate, &spec->rate_s) || !spec->rate)
		return cp_word_fail(
			word, "not PACKETS or PACKETS/SECONDS; write rate=1000 for a thousand "
			      "a second from one source, or rate=100/60");
	return 0;
}

int corepath_service_option(const char *word, struct corepath_service_spec *spec)
{
	enum corepath_lb_mode mode;
	unsigned long long number;
	const char *v;

	if ((v = cp_word_value(word, "mode"))) {
		for (mode = COREPATH_LB_TUNNEL; mode <= COREPATH_LB_NAT; mode++)
			if (!strcmp(v, mode_names[mode]))
				return spec->mode = mode, 0;
		return cp_word_fail(word, "no such mode; use tunnel, gue or nat");
	}
	if ((v = cp_word_value(word, "sockets"))) {
		if (strcmp(v, "yes") && strcmp(v, "no"))
			return cp_word_fail(word, "neither yes nor no");
		spec->sockets = *v == 'y' ? COREPATH_SOCKETS_YES : COREPATH_SOCKETS_NO;
		return 0;
	}
	if ((v = cp_word_value(word, "affinity"))) {
		if (!cp_parse_number(v, 86400 * 7, &number))
			return cp_word_fail(word, "not a number of seconds up to a week");
		spec->affinity_s = number;
		return 0;
	}
	if ((v = cp_word_value(word, "rate")))
		return parse_rate(word, v, spec);
	if ((v = cp_word_value(word, "sources")))
		return parse_sources(word, v, spec);
	return cp_word_fail(word,
			    "no such option; use mode=, sockets=, affinity=, sources= or rate=");
}

int corepath_backend_option(const char *word, struct corepath_backend_spec *b)
{
	unsigned long long number;
	const char *v;

	if ((v = cp_word_value(word, "weight"))) {
		if (!cp_parse_number(v, 65535, &number) || !number)
			return cp_word_fail(word, "not a number from 1 to 65535");
		b->weight = number;
		return 0;
	}
	if ((v = cp_word_value(word, "state")))
		return corepath_backend_state_parse(v, &b->state);
	if ((v = cp_word_value(word, "mac")))
		return cp_parse_mac(v, b->mac) ? 0
					       : cp_word_fail(word, "not a MAC address; write "
								    "mac=02:00:00:00:00:01");
	return cp_word_fail(word, "no such option; use weight=, state= or mac=");
}

static int parse_source(const char *word, const char *text, int family, struct corepath_prefix *out)
{
	struct corepath_prefix p;

	if (corepath_prefix_parse(text, &p) < 0)
		return -EINVAL;
	if (p.family != family)
		return cp_word_fail(word, "of the other address family");
	*out = p;
	return 0;
}

int corepath_balancer_option(const char *word, struct corepath_balancer *b)
{
	unsigned long long number;
	const char *v;

	if ((v = cp_word_value(word, "source4")))
		return parse_source(word, v, AF_INET, &b->source4);
	if ((v = cp_word_value(word, "source6")))
		return parse_source(word, v, AF_INET6, &b->source6);
	if ((v = cp_word_value(word, "mtu"))) {
		if (!cp_parse_number(v, 9216, &number) || number < 1280)
			return cp_word_fail(word, "not a number of bytes from 1280 to 9216");
		b->mtu = number;
		return 0;
	}
	if ((v = cp_word_value(word, "conn-rate"))) {
		if (!cp_parse_number(v, 10000000, &number))
			return cp_word_fail(word, "not a number from 0 (none) to 10000000");
		b->conn_rate = number;
		return 0;
	}
	return cp_word_fail(word, "no such setting; use source4=, source6=, mtu= or conn-rate=");
}
