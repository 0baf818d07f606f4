/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef COREPATH_FRAME_H
#define COREPATH_FRAME_H

#include <corepath/abi.h>
#include <stddef.h>

/* The flow of an Ethernet frame, with up to two VLAN tags: zeros for what it has not, or what it
 * ends before; ports of TCP and UDP, and none of a later fragment. */
void cp_frame_flow(const void *frame, size_t length, struct corepath_flow *flow);

#endif
