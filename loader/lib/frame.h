/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COREPATH_FRAME_H
#define COREPATH_FRAME_H

#include <corepath/abi.h>
#include <stdbool.h>
#include <stddef.h>

/* What is in an Ethernet frame, behind up to two VLAN tags. */
struct cp_frame {
	/* zeros for what it has not, or what it ends before; ports of TCP and UDP, and none of a
	 * later fragment */
	struct corepath_flow flow;
	/* where IP begins, and what it carries; 0: nowhere, or it ends before */
	__u32 l3, l4;
	bool v6;
	bool frag; /* a fragment, the first or a later one */
	bool cut;  /* it ends within one of those headers */
};

void cp_frame_read(const void *frame, size_t length, struct cp_frame *f);

/* Its flow alone. */
void cp_frame_flow(const void *frame, size_t length, struct corepath_flow *flow);

/* Of numbers in network order, wherever they are. */
static inline __u16 cp_get16(const unsigned char *p)
{
	return p[0] << 8 | p[1];
}

static inline void cp_put16(unsigned char *p, __u16 v)
{
	p[0] = v >> 8;
	p[1] = v;
}

#endif
