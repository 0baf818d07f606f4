// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include "cmd.h"
#include "json.h"

int print_json(json_t *value)
{
	int err = !value || json_dumpf(value, stdout, JSON_INDENT(2));

	json_decref(value);
	if (err) {
		fputs("corepath: JSON: could not be built or written; see that there is memory and "
		      "that standard output is open\n",
		      stderr);
		return EXIT_FAILED;
	}
	putchar('\n');
	return EXIT_DONE;
}

const char *mac_text(const unsigned char *mac, char buf[18])
{
	static const unsigned char none[6];

	if (!memcmp(mac, none, sizeof(none)))
		return NULL;
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return buf;
}
