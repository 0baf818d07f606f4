/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A way for packets: this namespace with the device the datapath sits on, and another one that
 * sends, joined by a veth pair. Anything that cannot be set up ends the test with status ERROR.
 */
#ifndef FUNCTIONAL_PATH_H
#define FUNCTIONAL_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* The device the datapath is attached to. */
#define PATH_DEVICE "cp0"

/* RFC 5737 and RFC 3849: the networks the denied source lives in. */
#define PATH_DENIED4 "198.51.100.0/24"
#define PATH_DENIED6 "2001:db8:bad::/48"

enum path_tag {
	PATH_PLAIN,
	PATH_TAG_IN_FRAME,     /* VLAN tag among the bytes that XDP sees */
	PATH_TAG_BESIDE_FRAME, /* tag carried as metadata (veth's offload), which XDP does not see
				*/
};

enum path_family { PATH_V4, PATH_V6, PATH_FAMILIES };

struct path {
	int receiver[PATH_FAMILIES];
	int good[PATH_FAMILIES], bad[PATH_FAMILIES];
	unsigned int sent;
	/* Bytes of one denied frame as XDP sees it, L2 header included. */
	size_t frame[PATH_FAMILIES];
};

/* Two namespaces with addresses, neighbours and sockets. */
void path_open(struct path *path, enum path_tag tag);

/* The loopback device of a fresh namespace instead; IPv4 only. */
void path_open_loopback(struct path *path);

/*
 * Sends a datagram from the denied source and then one from the allowed source, both the same way,
 * and receives until the second is there. Returns whether the first came before it: had it passed,
 * it would have. The allowed one not arriving ends the test as FAIL.
 */
bool path_denied_arrives(struct path *path, enum path_family family);

#endif
