// SPDX-License-Identifier: GPL-2.0-only
/* Packets and verdicts as text: see packets.h. */
#include "packets.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/checkrun.h"

static const char *const verdicts[] = {
	[XDP_ABORTED] = "aborted", [XDP_DROP] = "drop",		[XDP_PASS] = "pass",
	[XDP_TX] = "tx",	   [XDP_REDIRECT] = "redirect",
};

const char *packets_text(json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	if (!text)
		checkrun_error("the table's row has no '%s'; make it again by gen_cases.py", key);
	return text;
}

size_t packets_bytes(const char *hex, unsigned char *out)
{
	size_t len = strlen(hex) / 2;

	if (len > PACKET_MAX)
		checkrun_error("a packet of %zu bytes is more than %d", len, PACKET_MAX);
	for (size_t i = 0; i < len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &out[i]) != 1)
			checkrun_error("the table has a packet that is not hexadecimal");
	return len;
}

char *packets_hex(const unsigned char *bytes, size_t len)
{
	char *hex = calloc(1, 2 * len + 1);

	if (!hex)
		checkrun_error("out of memory");
	for (size_t i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	return hex;
}

const char *packets_verdict(unsigned int verdict)
{
	return verdict < sizeof(verdicts) / sizeof(*verdicts) ? verdicts[verdict] : "unknown";
}

const char *packets_tc_verdict(unsigned int verdict)
{
	switch ((int)verdict) {
	case -1: /* TC_ACT_UNSPEC: for the next program or filter */
		return "next";
	case TC_ACT_OK:
		return "ok";
	case TC_ACT_SHOT:
		return "shot";
	case TC_ACT_REDIRECT:
		return "redirect";
	default:
		return "unknown";
	}
}
