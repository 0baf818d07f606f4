/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's receiver of tunnels in UDP (module fou), by generic netlink. */
#ifndef VMTESTS_FOU_H
#define VMTESTS_FOU_H

/*
 * In the present network namespace, what comes to the UDP port of that address family is GUE, and
 * what is inside goes on as if it had come without. Returns 0 or -1 and, then, says why in
 * fou_error().
 */
int fou_take_gue(int family, unsigned short port);

const char *fou_error(void);

#endif
