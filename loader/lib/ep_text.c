// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints as text. */
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
	return cp_word_fail(word, "no such option; use mac= or identity=");
}
